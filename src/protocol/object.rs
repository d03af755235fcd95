//! Writing JSON objects as text, so that what is JSON already is copied and never read again.

use std::fmt::{Display, Write};

use serde::Serialize;

use crate::model::limits::MIN_NUMBER;

/// How long most frames and objects are, bytes: an `ack`, a patch.
const USUAL_BYTES: usize = 128;

/// A JSON object under construction.
#[derive(Debug)]
pub(crate) struct ObjectWriter {
    text: String,
}

impl ObjectWriter {
    /// Starts an empty object.
    pub(crate) fn new() -> Self {
        Self::for_about(USUAL_BYTES)
    }

    /// Starts an empty object that will be about so many bytes long: it is not moved while it grows to that.
    pub(crate) fn for_about(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self { text }
    }

    /// Starts a frame of this type.
    pub(crate) fn frame(kind: &str) -> Self {
        Self::new().string("type", kind)
    }

    /// Adds text, escaped.
    pub(crate) fn string(self, name: &str, value: &str) -> Self {
        self.with(name, |out| push_quoted(out, value))
    }

    /// Adds a whole number, `true` or `false`: what prints itself as JSON.
    pub(crate) fn plain(self, name: &str, value: impl Display) -> Self {
        self.with(name, |out| push_display(out, value))
    }

    /// Adds JSON text as it is.
    pub(crate) fn raw(self, name: &str, json: &str) -> Self {
        self.with(name, |out| out.push_str(json))
    }

    /// Adds whatever serde can write.
    pub(crate) fn value(self, name: &str, value: &impl Serialize) -> Self {
        let json = serde_json::to_string(value).unwrap_or_else(|_| String::from("null"));
        self.raw(name, &json)
    }

    /// Adds an array of JSON texts as they are.
    pub(crate) fn raw_array<S: AsRef<str>>(self, name: &str, items: &[S]) -> Self {
        self.with(name, |out| push_array(out, items, |out, item| out.push_str(item.as_ref())))
    }

    /// Adds an array of texts, escaped.
    pub(crate) fn string_array<S: AsRef<str>>(self, name: &str, items: &[S]) -> Self {
        self.with(name, |out| push_array(out, items, |out, item| push_quoted(out, item.as_ref())))
    }

    /// Adds a member whose value the function writes.
    pub(crate) fn with(mut self, name: &str, write: impl FnOnce(&mut String)) -> Self {
        self.begin(name);
        write(&mut self.text);
        self
    }

    /// Writes a member's name and hands out the text to write its value to.
    pub(crate) fn begin(&mut self, name: &str) -> &mut String {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        push_quoted(&mut self.text, name);
        self.text.push(':');
        &mut self.text
    }

    /// The finished text.
    pub(crate) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// Appends an array, each item written by the function.
pub(crate) fn push_array<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    out.push('[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// Appends text as a JSON string.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    // Most texts are names and ids without anything to escape: those are copied without a second buffer.
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    // Writing text cannot fail: there is no map key, number or writer that could.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| String::from("\"\"")));
}

/// The number as it is kept: what is next to nought is nought.
pub(crate) fn kept(value: f64) -> f64 {
    if value.abs() < MIN_NUMBER { 0.0 } else { value }
}

/// Appends a finite number as it is kept, in its shortest form.
pub(crate) fn push_number(out: &mut String, value: f64) {
    push_display(out, kept(value));
}

fn push_display(out: &mut String, value: impl Display) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_parted_by_commas_and_text_is_escaped() {
        let text =
            ObjectWriter::frame("a").string("b\"", "\n").plain("c", 1).raw_array("d", &["1", "{}"]).finish();
        assert_eq!(text, r#"{"type":"a","b\"":"\n","c":1,"d":[1,{}]}"#);
        assert_eq!(ObjectWriter::new().finish(), "{}");
    }

    #[test]
    fn numbers_print_as_json_in_their_shortest_form() {
        let print = |value| {
            let mut out = String::new();
            push_number(&mut out, value);
            out
        };
        assert_eq!(print(1.0), "1");
        assert_eq!(print(-0.5), "-0.5");
        assert_eq!(print(1e-31), "0");
        assert_eq!(print(-0.0), "0");
        assert_eq!(print(0.1 + 0.2), "0.30000000000000004");
    }
}
