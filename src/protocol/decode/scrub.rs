//! Copying JSON that the node does not understand, so that PostgreSQL will take it: compact, not too deep, without
//! U+0000 or lone surrogates, and without numbers that `jsonb` would print with thousands of digits. Numbers and strings
//! are kept as they were written.

use super::json::{Json, Kind};
use super::violation::Violation;
use crate::model::limits::{MAX_NESTING_DEPTH, MAX_NUMBER, MAX_NUMBER_CHARS};
use crate::protocol::object::push_number;

/// Copies a value that stands at this depth within its shape.
pub(crate) fn copy_checked(json: Json<'_>, mut depth: usize, out: &mut String) -> Result<(), Violation> {
    let document = json.document();
    let (mut at, end) = json.range();
    for leaf in json.all().filter(|value| is_copied_whole(value.kind())) {
        let (start, after) = leaf.range();
        depth = copy_structure(document.between(at, start), depth, out)?;
        match leaf.kind() {
            Kind::Number => copy_number(leaf.text(), out)?,
            Kind::Escaped => copy_escaped(leaf.text(), out)?,
            _ => out.push_str(leaf.text()),
        }
        at = after;
    }
    copy_structure(document.between(at, end), depth, out).map(drop)
}

const fn is_copied_whole(kind: Kind) -> bool {
    matches!(kind, Kind::Number | Kind::Plain | Kind::Escaped)
}

/// Copies what stands between strings and numbers, without space, and gives the depth after it.
fn copy_structure(text: &str, mut depth: usize, out: &mut String) -> Result<usize, Violation> {
    for character in text.chars().filter(|character| !character.is_ascii_whitespace()) {
        depth = depth_after(character, depth)?;
        out.push(character);
    }
    Ok(depth)
}

fn depth_after(character: char, depth: usize) -> Result<usize, Violation> {
    match character {
        '{' | '[' if depth >= MAX_NESTING_DEPTH => {
            Err(Violation::new(format!("must be nested at most {MAX_NESTING_DEPTH} deep")))
        }
        '{' | '[' => Ok(depth + 1),
        '}' | ']' => Ok(depth.saturating_sub(1)),
        _ => Ok(depth),
    }
}

/// Only an escape can hide U+0000 or half a surrogate pair in well-formed text.
fn copy_escaped(token: &str, out: &mut String) -> Result<(), Violation> {
    let text: String =
        serde_json::from_str(token).map_err(|_| Violation::new("must not hold a lone surrogate"))?;
    if text.contains('\0') {
        return Err(Violation::new("must not hold U+0000"));
    }
    out.push_str(token);
    Ok(())
}

fn copy_number(token: &str, out: &mut String) -> Result<(), Violation> {
    // So few digits are no number beyond the largest.
    if token.len() <= MAX_NUMBER_CHARS && !token.contains(['e', 'E']) {
        out.push_str(token);
        return Ok(());
    }
    let value: f64 = token.parse().unwrap_or(f64::INFINITY);
    if value.abs() > MAX_NUMBER {
        return Err(Violation::new(format!("must hold no number beyond {MAX_NUMBER:e}")));
    }
    push_number(out, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::decode::json::Document;

    fn copy(json: &str) -> Result<String, String> {
        let mut out = String::new();
        let document = Document::scan(json).unwrap();
        copy_checked(document.root(), 0, &mut out).map(|()| out).map_err(|violation| violation.message())
    }

    #[test]
    fn what_is_harmless_is_kept_as_written_but_for_space() {
        let json = "{ \"a\" : [ 1.50 , -0 , true , null , \"\\u00e9 \\\\\\\" é\" ] , \"\":{} }";
        assert_eq!(copy(json).unwrap(), "{\"a\":[1.50,-0,true,null,\"\\u00e9 \\\\\\\" é\"],\"\":{}}");
    }

    #[test]
    fn numbers_that_jsonb_would_blow_up_are_refused_or_rounded() {
        assert!(copy("[1e31]").is_err() && copy("1e131071").is_err() && copy("-1E400").is_err());
        assert!(copy(&"9".repeat(40)).is_err());
        assert_eq!(copy("[1e-31,-1e-400,1e5]").unwrap(), "[0,0,100000]");
        assert_eq!(copy(&format!("0.{}", "1".repeat(1000))).unwrap(), "0.1111111111111111");
        assert_eq!(copy("12345678901234567890").unwrap(), "12345678901234567890");
    }

    #[test]
    fn nul_and_half_surrogate_pairs_are_refused_in_values_and_names() {
        for json in [r#""\u0000""#, r#"{"\u0000":1}"#, r#""\ud800""#, r#"{"a\udc00":1}"#, r#""\ud800\ud800""#]
        {
            assert!(copy(json).is_err(), "{json}");
        }
        assert_eq!(copy(r#""\ud83d\ude00 \\u0000""#).unwrap(), r#""\ud83d\ude00 \\u0000""#);
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(copy(&nested(32)).is_ok() && copy(&nested(33)).is_err() && copy(&nested(100_000)).is_err());
        assert!(copy(&format!("[{}]", vec!["[]"; 100].join(","))).is_ok());
    }
}
