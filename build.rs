//! Builds the board's page and lists its files, so that the program carries them (feature `board`).
//!
//! npm does the work; nothing of it is needed at run time. The page is built into cargo's own folder, compressed there by the build of the
//! page itself, and included from there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// What the page is made of.
const SOURCES: [&str; 9] = [
    "package.json",
    "package-lock.json",
    ".npmrc",
    "tsconfig.base.json",
    "client/package.json",
    "client/src",
    "board/package.json",
    "board/src",
    "board/index.html",
];
/// Further ones, that only say how it is built.
const RECIPES: [&str; 3] = ["client/tsconfig.build.json", "board/vite.config.ts", "board/build"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_BOARD").is_none() {
        return;
    }
    if let Err(trouble) = build() {
        println!("cargo::error={trouble}");
    }
}

fn build() -> Result<(), String> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("web");
    let out = PathBuf::from(variable("OUT_DIR")?);
    for source in SOURCES.iter().chain(&RECIPES) {
        println!("cargo:rerun-if-changed={}", root.join(source).display());
    }
    let page = out.join("board");
    install(&root)?;
    npm(&root, &["run", "build"], &[("PGCANVAS_PAGE_FOLDER", &page)])?;
    let table = table(&page).map_err(|error| format!("the board's page cannot be read: {error}"))?;
    fs::write(out.join("board.rs"), table)
        .map_err(|error| format!("the board's files cannot be listed: {error}"))
}

/// Installs what the lock file says, unless that was done already.
fn install(root: &Path) -> Result<(), String> {
    let lock = fs::read(root.join("package-lock.json"))
        .map_err(|error| format!("web/package-lock.json: {error}"))?;
    let note = root.join("node_modules/.pgcanvas-lock");
    if fs::read(&note).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    npm(root, &["ci", "--no-audit", "--no-fund"], &[])?;
    fs::write(&note, lock).map_err(|error| format!("{}: {error}", note.display()))
}

fn npm(root: &Path, arguments: &[&str], variables: &[(&str, &Path)]) -> Result<(), String> {
    let mut command = Command::new("npm");
    command.current_dir(root).args(arguments).envs(variables.iter().copied());
    let done = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "npm is missing, which builds the board's page: install Node.js 20.19 or newer (https://nodejs.org), \
             or build without the page: cargo build --no-default-features"
                .to_owned()
        }
        _ => format!("npm cannot be started: {error}"),
    })?;
    if done.status.success() {
        return Ok(());
    }
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).replace('\n', "; ");
    Err(format!("npm {} failed in web/: {said}", arguments.join(" ")))
}

/// The files of the page as Rust: path and content, plain and compressed, by path.
fn table(page: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(page, &mut files)?;
    files.retain(|file| !file.extension().is_some_and(|extension| extension == "br" || extension == "gz"));
    let below = |file: &PathBuf| file.strip_prefix(page).unwrap_or(file).to_string_lossy().replace('\\', "/");
    // By text, as they are looked up; paths are ordered otherwise.
    files.sort_by_key(below);
    let mut code = String::from("const FILES: &[File] = &[\n");
    let included = |file: &Path| format!("include_bytes!(r\"{}\")", file.display());
    for file in &files {
        let compressed = |extension: &str| {
            let beside = PathBuf::from(format!("{}.{extension}", file.display()));
            if beside.exists() { format!("Some({})", included(&beside)) } else { "None".to_owned() }
        };
        let (path, plain) = (below(file), included(file));
        let (gzip, brotli) = (compressed("gz"), compressed("br"));
        // Writing to a String does not fail.
        _ = writeln!(
            code,
            "    File {{ path: \"{path}\", plain: {plain}, gzip: {gzip}, brotli: {brotli} }},"
        );
    }
    code.push_str("];\n");
    Ok(code)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set: this is run by cargo"))
}
