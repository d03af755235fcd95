//! The blocks of the documents.

use std::fmt::{Display, Formatter};
use std::fs;
use std::path::Path;

/// Whose recipes are run.
const DOCUMENTS: [&str; 5] =
    ["README.md", "docs/operations.md", "docs/protocol.md", "sql/README.md", "web/README.md"];

/// Languages that are run, and those that are read: frames, drawings.
const RUN: [&str; 3] = ["sh", "sql", "nginx"];
const READ: [&str; 2] = ["", "json"];

/// A block of a document.
pub(super) struct Recipe {
    document: &'static str,
    line: usize,
    language: String,
    pub(super) text: String,
}

impl Display for Recipe {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{} ({})", self.document, self.line, self.language)
    }
}

impl Recipe {
    /// The commands: a block that shows a dialogue marks them by `$ `, and they go on where a line is indented.
    pub(super) fn commands(&self) -> String {
        if !self.text.lines().any(|line| line.starts_with("$ ")) {
            return self.text.clone();
        }
        let mut commands = Vec::new();
        let mut is_command = false;
        for line in self.text.lines() {
            is_command = line.starts_with("$ ") || (is_command && line.starts_with("    "));
            if is_command {
                commands.push(line.trim_start_matches("$ "));
            }
        }
        commands.join("\n")
    }

    /// What the block says it prints: comments that are JSON.
    pub(super) fn expected(&self) -> Vec<String> {
        self.text
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.starts_with('{'))
            .map(str::to_owned)
            .collect()
    }
}

/// All blocks of a language, in the order of the documents.
pub(super) fn recipes(language: &str) -> Vec<Recipe> {
    let all: Vec<Recipe> = DOCUMENTS.iter().flat_map(|document| of(document)).collect();
    for recipe in &all {
        let is_known = RUN.contains(&recipe.language.as_str()) || READ.contains(&recipe.language.as_str());
        assert!(is_known, "{recipe}: nobody runs blocks in this language");
    }
    all.into_iter().filter(|recipe| recipe.language == language).collect()
}

fn of(document: &'static str) -> Vec<Recipe> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let mut found: Vec<Recipe> = Vec::new();
    let mut is_open = false;
    for (at, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            if !is_open {
                let language = language.trim().to_owned();
                found.push(Recipe { document, line: at + 1, language, text: String::new() });
            }
            is_open = !is_open;
        } else if is_open && let Some(recipe) = found.last_mut() {
            recipe.text += line;
            recipe.text += "\n";
        }
    }
    assert!(!is_open, "{document}: a block does not end");
    found
}
