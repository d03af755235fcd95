//! Finding PostgreSQL's server programs.
use std::{
    cmp::Reverse,
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::{
    EmbeddedError,
    account::{Account, command},
};

/// The oldest major version that the board's SQL runs on.
const OLDEST: u32 = 14;

/// Where packages put versions side by side: a folder, the start of a version's folder, and the way to its programs.
const PACKAGE_PLACES: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
];

/// The server's programs, of one version, in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

impl Programs {
    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    async fn in_folder(folder: &Path, account: Option<&Account>, cwd: &Path) -> Result<Self, EmbeddedError> {
        let program = folder.join("postgres");
        let failed = |detail: String| EmbeddedError::Program { program: program.clone(), detail };
        let ran = command(&program, account, cwd).arg("--version").output().await;
        let output = ran.map_err(|error| failed(error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let no_version =
            || failed(format!("it does not tell its version {}", String::from_utf8_lossy(&output.stderr)));
        Ok(Self { folder: folder.to_path_buf(), major: major_version(&said).ok_or_else(no_version)? })
    }
}

/// What the search needs to know.
pub(super) struct Search<'a> {
    /// The folder that the setting names: then no other is looked at.
    pub(super) setting: Option<&'a Path>,
    /// The version that made the data, if there is data.
    pub(super) made_by: Option<u32>,
    /// Who has to be able to run the programs, and from where.
    pub(super) account: Option<&'a Account>,
    pub(super) data: &'a Path,
}

impl Search<'_> {
    /// The programs to use: those that fit the data, else the first that are found.
    pub(super) async fn find(&self) -> Result<Programs, EmbeddedError> {
        match self.setting {
            Some(folder) => self.named(folder).await,
            None => self.among(usual_folders().await).await,
        }
    }

    async fn named(&self, folder: &Path) -> Result<Programs, EmbeddedError> {
        if !holds_programs(folder) {
            return Err(EmbeddedError::NotPrograms { folder: folder.to_path_buf() });
        }
        let folder = folder.canonicalize().map_err(EmbeddedError::at(folder))?;
        self.account.map_or(Ok(()), |account| account.check_reach(&folder))?;
        let programs = Programs::in_folder(&folder, self.account, self.data).await?;
        if programs.major < OLDEST {
            return Err(EmbeddedError::TooOld { folder, found: programs.major, oldest: OLDEST });
        }
        self.fitting(&[programs])
    }

    async fn among(&self, folders: Vec<PathBuf>) -> Result<Programs, EmbeddedError> {
        let mut found = Vec::new();
        for folder in folders.iter().filter(|folder| holds_programs(folder)) {
            // A broken installation, or one in a private home, must not hide a sound one.
            let programs = Programs::in_folder(folder, self.account, self.data).await;
            found.extend(programs.ok().filter(|programs| programs.major >= OLDEST));
        }
        self.fitting(&found)
    }

    fn fitting(&self, found: &[Programs]) -> Result<Programs, EmbeddedError> {
        let best = found.iter().find(|programs| self.made_by.is_none_or(|major| programs.major == major));
        match (best, found.first(), self.made_by) {
            (Some(best), ..) => Ok(best.clone()),
            (None, Some(first), Some(made_by)) => Err(EmbeddedError::OtherVersion {
                data: self.data.to_path_buf(),
                made_by,
                folder: first.folder.clone(),
                found: first.major,
            }),
            _ => Err(EmbeddedError::NoPrograms { oldest: OLDEST }),
        }
    }
}

/// The folders to look at, the best first: `PATH`, what `pg_config` says, then the packages' places.
async fn usual_folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    folders.extend(pg_config_folder().await);
    for (parent, start, rest) in PACKAGE_PLACES {
        folders.extend(version_folders(Path::new(parent), start).into_iter().map(|folder| folder.join(rest)));
    }
    folders
}

async fn pg_config_folder() -> Option<PathBuf> {
    let mut pg_config = Command::new("pg_config");
    let output = pg_config.arg("--bindir").stdin(Stdio::null()).output().await.ok()?;
    Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// The folders `<start><number>` in `parent`, the newest version first.
fn version_folders(parent: &Path, start: &str) -> Vec<PathBuf> {
    let entries = parent.read_dir().into_iter().flatten().flatten();
    let version = |name: &str| name.strip_prefix(start).and_then(|number| number.parse::<u32>().ok());
    let mut versions: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((version(entry.file_name().to_str()?)?, entry.path()))).collect();
    versions.sort_by_key(|(number, _)| Reverse(*number));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn holds_programs(folder: &Path) -> bool {
    let runs = |name: &str| {
        folder
            .join(name)
            .metadata()
            .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    runs("initdb") && runs("postgres")
}

/// The major version in what `postgres --version` says, such as `postgres (PostgreSQL) 15.13 (Debian …)`.
fn major_version(said: &str) -> Option<u32> {
    let (_, version) = said.split_once("(PostgreSQL) ")?;
    version.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(made_by: Option<u32>) -> Search<'static> {
        Search { setting: None, made_by, account: None, data: Path::new("/data") }
    }

    fn programs(major: u32) -> Programs {
        Programs { folder: format!("/pg/{major}").into(), major }
    }

    #[test]
    fn a_version_is_read_from_every_form_of_the_answer() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 19devel\n"), Some(19));
        assert_eq!(major_version("postgres 15"), None);
    }

    #[test]
    fn the_newest_version_comes_first_by_number_not_by_letter() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["postgresql@9", "postgresql@17", "postgresql@14", "postgresql@x", "other"] {
            std::fs::create_dir(temp.path().join(name)).unwrap();
        }
        let names = version_folders(temp.path(), "postgresql@");
        let expected = ["postgresql@17", "postgresql@14", "postgresql@9"].map(|name| temp.path().join(name));
        assert_eq!(names, expected);
    }

    #[test]
    fn data_is_given_to_programs_of_its_own_version() {
        assert_eq!(search(Some(15)).fitting(&[programs(18), programs(15)]).unwrap(), programs(15));
        assert_eq!(search(None).fitting(&[programs(18), programs(15)]).unwrap(), programs(18));
    }

    #[test]
    fn data_of_another_version_is_refused_with_both_versions() {
        let sentence = search(Some(13)).fitting(&[programs(18)]).unwrap_err().to_string();
        assert!(sentence.contains("made by PostgreSQL 13") && sentence.contains("version 18"), "{sentence}");
    }

    #[test]
    fn nothing_found_names_the_packages() {
        let sentence = search(None).fitting(&[]).unwrap_err().to_string();
        assert!(sentence.contains("apt-get install postgresql"), "{sentence}");
        assert!(sentence.contains("brew install postgresql@17"), "{sentence}");
    }

    #[tokio::test]
    async fn a_named_folder_without_programs_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let error = Search { setting: Some(temp.path()), ..search(None) }.find().await.unwrap_err();
        assert!(matches!(error, EmbeddedError::NotPrograms { .. }), "{error}");
    }
}
