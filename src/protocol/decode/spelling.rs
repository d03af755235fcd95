//! Names of properties that look like misspelt ones. A property without a column is kept as it is, so nothing would tell who wrote it.

use crate::model::shape::PROPERTIES;

/// The most that one batch is told.
const MAX_WARNINGS: usize = 16;
/// The shortest name that is looked at: of shorter ones each is like another.
const MIN_CHARS: usize = 4;
/// From how many characters on two may differ.
const LONG_CHARS: usize = 10;

/// What a batch is told that is kept all the same, a sentence each.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<String>);

impl Warnings {
    /// A property without a column, in an object of the op at a position.
    pub(super) fn note(&mut self, position: usize, object: &str, name: &str) {
        if self.0.len() < MAX_WARNINGS
            && let Some(known) = likely(name)
        {
            self.0.push(format!("ops[{position}].{object}.{name}: is kept as it is; was {known} meant?"));
        }
    }

    pub(super) fn finish(self) -> Vec<String> {
        self.0
    }
}

/// The property that a name without a column is like: but for case, `_` and `-`, or for a letter or two.
fn likely(name: &str) -> Option<&'static str> {
    let plain = letters(name);
    if plain.len() < MIN_CHARS {
        return None;
    }
    let most = 1 + usize::from(plain.len() >= LONG_CHARS);
    let candidates =
        PROPERTIES.iter().map(|property| (distance(&plain, &letters(property.name)), property.name));
    candidates
        .filter(|(distance, known)| *distance <= most && known.len() >= MIN_CHARS)
        .min()
        .map(|best| best.1)
}

fn letters(name: &str) -> Vec<char> {
    name.chars().filter(|letter| !matches!(letter, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// How many letters have to be put in, left out, changed or changed over with the next; lengths that differ by more than two are far apart.
fn distance(from: &[char], to: &[char]) -> usize {
    if from.len().abs_diff(to.len()) > 2 {
        return usize::MAX;
    }
    let cell = |row: &[usize], n: usize| row.get(n).copied().unwrap_or(usize::MAX / 2);
    let (mut before, mut row) = (Vec::new(), (0..=to.len()).collect::<Vec<usize>>());
    for (i, letter) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, other) in to.iter().enumerate() {
            let changed = cell(&row, j) + usize::from(letter != other);
            let mut least = changed.min(cell(&row, j + 1) + 1).min(cell(&next, j) + 1);
            let crossed =
                |at: usize, of: &[char], with: &char| at.checked_sub(1).and_then(|n| of.get(n)) == Some(with);
            if crossed(i, from, other) && crossed(j, to, letter) {
                least = least.min(cell(&before, j - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    cell(&row, to.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_a_property_is_told_and_nothing_else() {
        for (name, known) in [
            ("strokeColor", "stroke_color"),
            ("stroke_colour", "stroke_color"),
            ("backgroundColor", "background_color"),
            ("groupIds", "group_ids"),
            ("hight", "height"),
            ("widht", "width"),
            ("Text", "text"),
            ("fontsize", "font_size"),
            ("stroke-width", "stroke_width"),
        ] {
            assert_eq!(likely(name), Some(known), "{name}");
        }
        for name in
            ["seed", "customData", "roundness", "versionNonce", "z", "w", "isDeleted", "title", "ключ"]
        {
            assert_eq!(likely(name), None, "{name}");
        }
    }

    #[test]
    fn a_batch_is_told_of_some_of_its_names_only() {
        let mut warnings = Warnings::default();
        (0..100).for_each(|_| warnings.note(3, "set", "strokeColor"));
        let told = warnings.finish();
        assert_eq!(told.len(), MAX_WARNINGS);
        assert_eq!(told[0], "ops[3].set.strokeColor: is kept as it is; was stroke_color meant?");
    }
}
