//! Writing a number that was read: in its shortest form, which is nearly always how it came.

use crate::protocol::object::push_number;

/// A text this short has no more digits than a double keeps.
const EXACT_CHARS: usize = 15;

/// Writes the number that was read from a text.
pub(super) fn push_read(text: &str, value: f64, out: &mut String) {
    if is_shortest(text) { out.push_str(text) } else { push_number(out, value) }
}

/// Whether JSON of a number is surely its shortest form without exponent.
fn is_shortest(text: &str) -> bool {
    let mut has_fraction = false;
    for byte in text.bytes() {
        match byte {
            b'e' | b'E' => return false,
            b'.' => has_fraction = true,
            _ => {}
        }
    }
    text.len() <= EXACT_CHARS && text != "-0" && !(has_fraction && text.ends_with('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(value: f64) -> String {
        let mut out = String::new();
        push_number(&mut out, value);
        out
    }

    #[test]
    fn a_number_is_copied_only_where_it_would_be_printed_so() {
        for text in ["0", "-1", "100", "1.5", "0.000000000001", "-123456.789", "999999999999999"] {
            assert!(is_shortest(text), "{text}");
        }
        for text in ["-0", "0.0", "1.50", "1e3", "1E3", "0.30000000000000004", "-0.0"] {
            assert!(!is_shortest(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_copied_is_what_would_be_printed(text in "-?(0|[1-9][0-9]{0,13})(\\.[0-9]{1,13})?") {
            let value: f64 = text.parse().unwrap();
            let mut out = String::new();
            push_read(&text, value, &mut out);
            prop_assert_eq!(out, printed(value));
        }
    }
}
