//! The text of `sql/` as statements, and which object of the schema each of them makes.

/// A statement of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// The file it stands in.
    pub(super) file: &'a str,
    /// Its text, with the comments before it.
    pub(super) text: &'a str,
}

impl<'a> Statement<'a> {
    /// Its text without the comments before it.
    pub(super) fn code(&self) -> &'a str {
        without_comments(self.text)
    }

    /// The function, view or trigger that it makes or comments on, as `trigger _900_notify on rooms`. None: it is run whenever
    /// the bundle is applied, and so must lock nothing where there is nothing to do.
    pub(super) fn object(&self) -> Option<String> {
        let words: Vec<&str> = self.code().split_whitespace().collect();
        match words.as_slice() {
            ["create", "or", "replace", "function" | "procedure", name, ..]
            | ["comment", "on", "function" | "procedure", name, ..] => {
                Some(format!("function {}", bare(name)))
            }
            ["create", "or", "replace", "view", name, ..] | ["comment", "on", "view", name, ..]
                if name.starts_with("pgcanvas.") =>
            {
                Some(format!("view {}", bare(name)))
            }
            words => {
                let (name, table) = trigger(words)?;
                Some(format!("trigger {name} on {table}"))
            }
        }
    }

    /// Name and table of the constraint trigger that it makes.
    pub(super) fn constraint_trigger(&self) -> Option<(&'a str, &'a str)> {
        let words: Vec<&str> = self.code().split_whitespace().collect();
        trigger(&words).filter(|_| words.starts_with(&["create", "constraint"]))
    }

    /// The table or view whose trigger it makes or comments on.
    pub(super) fn table(&self) -> Option<&'a str> {
        let words: Vec<&str> = self.code().split_whitespace().collect();
        Some(trigger(&words)?.1)
    }
}

/// Name and table of the trigger that these words are about.
fn trigger<'a>(words: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let (["create", "or", "replace", "trigger", name, rest @ ..]
    | ["create", "constraint", "trigger", name, rest @ ..]
    | ["comment", "on", "trigger", name, rest @ ..]) = words
    else {
        return None;
    };
    let table = rest.iter().skip_while(|word| **word != "on").nth(1)?;
    Some((name, bare(table)))
}

/// `room_at` for `pgcanvas.room_at(text,`.
fn bare(name: &str) -> &str {
    let name = name.split('(').next().unwrap_or_default();
    name.strip_prefix("pgcanvas.").unwrap_or(name).trim_end_matches(';')
}

fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    rest
}

/// The statements of a file, in order.
pub(super) fn split<'a>(file: &'a str, text: &'a str) -> Vec<Statement<'a>> {
    let (mut statements, mut rest) = (Vec::new(), text);
    while let Some((statement, after)) = rest.split_at_checked(end_of_statement(rest)) {
        if !without_comments(statement).is_empty() {
            statements.push(Statement { file, text: statement.trim() });
        }
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    statements
}

/// Where the first statement ends: behind the first semicolon that stands in no quotes and no comment.
fn end_of_statement(text: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(';') {
            return at + 1;
        }
        at += skipped(rest);
    }
    text.len()
}

/// How long what begins here is, which is looked into no further: a comment, something quoted, or one character.
fn skipped(rest: &str) -> usize {
    let quoted = |quote: &str| {
        let inner = rest.get(quote.len()..).unwrap_or_default();
        inner.find(quote).map_or(rest.len(), |end| end + 2 * quote.len())
    };
    match rest.chars().next() {
        Some('-') if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
        Some(quote @ ('\'' | '"')) => quoted(quote.encode_utf8(&mut [0; 4])),
        Some('$') => dollar_quote(rest).map_or(1, quoted),
        character => character.map_or(1, char::len_utf8),
    }
}

/// `$$` or `$name$`, where one begins here.
fn dollar_quote(rest: &str) -> Option<&str> {
    let end = rest.get(1..)?.find('$')? + 2;
    let quote = rest.get(..end)?;
    let is_name = |letter: char| letter == '$' || letter == '_' || letter.is_ascii_alphabetic();
    quote.chars().all(is_name).then_some(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes_and_comments() {
        let text = "-- one; two\nselect 'a;''b;' as \"x;y\", $1;\ndo $do$ begin perform $$;$$; end $do$;\n\n-- the end;\n";
        let texts: Vec<&str> = split("f", text).iter().map(|statement| statement.text).collect();
        assert_eq!(
            texts,
            ["-- one; two\nselect 'a;''b;' as \"x;y\", $1;", "do $do$ begin perform $$;$$; end $do$;"]
        );
    }

    #[test]
    fn a_statement_tells_what_it_makes() {
        for (text, object) in [
            ("-- why\ncreate or replace function pgcanvas.ring(p_x bigint)", Some("function ring")),
            ("comment on function pgcanvas.room_at(text, bigint) is 'x';", Some("function room_at")),
            ("comment on function pgcanvas.ring is 'x';", Some("function ring")),
            ("create or replace view pgcanvas.chat as", Some("view chat")),
            ("comment on view pgcanvas.chat is 'x';", Some("view chat")),
            (
                "create or replace trigger _1 after update of a, b on pgcanvas.rooms\n for",
                Some("trigger _1 on rooms"),
            ),
            ("create constraint trigger _1 after update of a on pgcanvas.rooms", Some("trigger _1 on rooms")),
            ("comment on trigger _1 on pgcanvas.rooms is 'on';", Some("trigger _1 on rooms")),
            ("comment on column pgcanvas.chat.id is 'x';", None),
            ("grant select on pgcanvas.chat to x;", None),
        ] {
            let statement = Statement { file: "f", text };
            assert_eq!(statement.object().as_deref(), object, "{text}");
        }
    }
}
