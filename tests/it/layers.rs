//! What the sources may name, read from the sources (LY).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a file.
const MAX_LINES: usize = 400;

/// What each module of the crate may name of the others. `node` owns its parts, and those that serve its sockets use it back.
const MAY_NAME: [(&str, &[&str]); 15] = [
    ("model", &[]),
    ("protocol", &["model"]),
    ("backoff", &[]),
    ("budget", &[]),
    ("client", &["model", "protocol", "backoff"]),
    ("log", &[]),
    ("metrics", &[]),
    ("config", &[]),
    ("secrets", &["model", "log"]),
    ("db", &["model", "backoff", "log"]),
    ("room", &["model", "protocol", "db", "backoff", "budget", "log", "metrics"]),
    (
        "node",
        &[
            "model", "protocol", "config", "secrets", "db", "room", "metrics", "backoff", "budget", "log",
            "http",
        ],
    ),
    ("session", &["model", "protocol", "secrets", "db", "room", "budget", "log", "metrics", "node"]),
    ("http", &["model", "protocol", "secrets", "db", "room", "budget", "log", "metrics", "node", "session"]),
    ("app", &["model", "config", "secrets", "db", "node", "http"]),
];

/// Where SQL text may stand.
const SQL_PLACES: [&str; 5] = ["db/calls", "db/schema", "db/listen", "db/pool", "db/embedded"];

/// How a statement of ours begins.
const SQL_BEGINNINGS: [&str; 16] = [
    "select ",
    "insert into ",
    "update ",
    "delete from ",
    "with ",
    "listen ",
    "unlisten ",
    "notify ",
    "create ",
    "alter ",
    "drop ",
    "set ",
    "begin",
    "commit",
    "copy ",
    "do $$",
];

struct Source {
    /// Below `src/` or `tests/`, without `.rs`.
    name: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources(folder: &str) -> Vec<Source> {
    let base = root().join(folder);
    let named =
        |path: &PathBuf| path.strip_prefix(&base).unwrap().with_extension("").to_string_lossy().into_owned();
    files(&base)
        .iter()
        .map(|path| Source { name: named(path), text: fs::read_to_string(path).unwrap() })
        .collect()
}

impl Source {
    /// The code without comments and without what only its own tests see.
    fn code(&self) -> String {
        let shipped = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        shipped.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    fn is_test(&self) -> bool {
        ["tests", "fuzz"].iter().any(|last| self.name.ends_with(&format!("/{last}")))
    }

    /// The module right below the crate that this file belongs to.
    fn module(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Whether a path that begins with this name is written here.
    fn names(&self, library: &str) -> bool {
        words_before(&self.code(), library, "::")
    }
}

/// Whether `word` stands there as a word of its own, followed by `after`.
fn words_before(text: &str, word: &str, after: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(&format!("{word}{after}"))
        .any(|(at, _)| text.get(..at).is_some_and(|before| !before.ends_with(is_part)))
}

/// The modules named by `crate::name`, also within `use crate::{…}`.
fn named_modules(code: &str) -> BTreeSet<String> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = code.get(at + "crate::".len()..).unwrap_or_default();
        let firsts: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![rest],
        };
        found.extend(
            firsts.iter().map(|first| first.trim_start().chars().take_while(|c| is_part(*c)).collect()),
        );
    }
    found.remove("");
    found
}

/// The string literals of a file, raw ones too.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code.replace("'\"'", "' '").replace("b'\"'", "' '").replace("\\\"", "'");
    while let Some((_, after)) = rest.clone().split_once('"') {
        let Some((literal, next)) = after.split_once('"') else { break };
        found.push(literal.to_owned());
        next.clone_into(&mut rest);
    }
    found
}

/// LY1
#[test]
fn imports_go_down_only() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_NAME.into();
    for source in sources("src").iter().filter(|source| !["main", "lib", "psql"].contains(&source.module())) {
        let may = allowed.get(source.module()).unwrap_or_else(|| panic!("{} has no place", source.name));
        for name in named_modules(&source.code()) {
            let goes_down = name == source.module() || may.contains(&name.as_str());
            assert!(goes_down, "src/{}.rs names crate::{name}", source.name);
        }
    }
}

/// LY2
#[test]
fn the_pure_parts_know_neither_runtime_nor_network_nor_clock() {
    let has_network =
        |name: &str| ["attend", "connection", "socket"].iter().any(|part| name == format!("client/{part}"));
    let is_pure = |source: &&Source| match source.module() {
        "model" | "protocol" => true,
        "client" => !has_network(&source.name),
        _ => false,
    };
    for source in sources("src").iter().filter(is_pure) {
        for library in [
            "tokio",
            "tokio_tungstenite",
            "hyper",
            "hyper_tungstenite",
            "tokio_postgres",
            "deadpool_postgres",
            "futures_util",
            "rand",
        ] {
            assert!(!source.names(library) || source.is_test(), "src/{}.rs names {library}", source.name);
        }
        for clock in ["Instant", "SystemTime", "std::fs", "std::net", "std::env", "Uuid::new_v4"] {
            assert!(
                !source.code().contains(clock) || source.is_test(),
                "src/{}.rs names {clock}",
                source.name
            );
        }
    }
}

/// LY3
#[test]
fn each_library_is_named_in_its_own_place() {
    for source in sources("src") {
        let name = source.name.as_str();
        for library in ["tokio_postgres", "deadpool_postgres", "refinery", "rustls"] {
            assert!(!source.names(library) || source.module() == "db", "src/{name}.rs names {library}");
        }
        assert!(
            !source.names("tokio_tungstenite") || name == "client/socket",
            "src/{name}.rs names tokio_tungstenite"
        );
        assert!(!source.names("argon2") || name == "secrets", "src/{name}.rs names argon2");
        assert!(!source.names("sha2") || name == "model/secret", "src/{name}.rs names sha2");
        let serves = ["http", "session"].contains(&source.module());
        for library in ["hyper", "hyper_util", "hyper_tungstenite", "http_body_util"] {
            let is_frame_text = name == "room/outbox" && library == "hyper_tungstenite";
            assert!(!source.names(library) || serves || is_frame_text, "src/{name}.rs names {library}");
        }
    }
    let outbox = fs::read_to_string(root().join("src/room/outbox.rs")).unwrap();
    assert_eq!(outbox.matches("hyper_tungstenite::").count(), 1, "one alias");
}

/// LY4
#[test]
fn sql_stands_in_the_database_layer_alone() {
    let mut statements = 0;
    for source in sources("src").iter().filter(|source| !source.is_test()) {
        for literal in literals(&source.code()) {
            let begins = |beginning: &&str| literal.trim_start().to_lowercase().starts_with(*beginning);
            let is_sql = SQL_BEGINNINGS.iter().any(begins) && literal.contains("pgcanvas.")
                || literal.trim_start().starts_with("select ");
            let placed = SQL_PLACES.iter().any(|place| source.name.starts_with(place));
            assert!(!is_sql || placed, "src/{}.rs holds SQL: {literal}", source.name);
            statements += usize::from(is_sql);
        }
    }
    assert!(statements > 10, "the search for statements finds some: {statements}");
}

/// LY5
#[test]
fn no_file_is_longer_than_four_hundred_lines() {
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            let lines = source.text.lines().count();
            assert!(lines <= MAX_LINES, "{folder}/{}.rs has {lines} lines", source.name);
        }
    }
}

/// LY6
#[test]
fn every_rule_is_quoted_by_a_test_and_every_quoted_rule_is_there() {
    let is_rule = |word: &str| {
        word.split_at_checked(2).is_some_and(|(letters, number)| {
            letters.chars().all(|letter| letter.is_ascii_uppercase())
                && !number.is_empty()
                && number.chars().all(|digit| digit.is_ascii_digit())
        })
    };
    let mut rules = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("SPEC")) {
            let text = fs::read_to_string(path).unwrap();
            let items = text.lines().filter_map(|line| line.strip_prefix("- ")?.split(' ').next());
            for rule in items.filter(|word| is_rule(word)) {
                assert!(rules.insert(rule.to_owned()), "{rule} is there twice");
            }
        }
    }
    let mut quoted = BTreeSet::new();
    for line in sources("tests").iter().flat_map(|source| source.text.lines()) {
        // "/// AO1, AO2", and nothing else on the line.
        let words: Vec<&str> = line.trim().strip_prefix("/// ").unwrap_or_default().split(", ").collect();
        if words.iter().all(|word| is_rule(word)) {
            quoted.extend(words.into_iter().map(str::to_owned));
        }
    }
    let (unquoted, unknown): (Vec<_>, Vec<_>) =
        (rules.difference(&quoted).collect(), quoted.difference(&rules).collect());
    assert!(unquoted.is_empty() && unknown.is_empty(), "no test quotes {unquoted:?}; no rule is {unknown:?}");
    assert!(rules.len() > 5);
}
