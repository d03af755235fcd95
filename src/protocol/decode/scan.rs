//! The one scanner of JSON text. It keeps no call per level, so that nesting costs no stack.

use super::json::{Kind, Node};

/// About so many bytes of a frame make a node.
const BYTES_PER_NODE: usize = 4;
/// Stands for the container around the whole.
const NOTHING: u32 = u32::MAX;

/// The values of a text, in its order; none when it is no JSON or too long to be numbered.
pub(super) fn nodes(text: &str) -> Option<Vec<Node>> {
    u32::try_from(text.len()).ok().filter(|length| *length < NOTHING)?;
    let nodes = Vec::with_capacity(text.len() / BYTES_PER_NODE + 1);
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, nodes, open: NOTHING };
    loop {
        scanner.value()?;
        if !scanner.has_more()? {
            break;
        }
    }
    scanner.skip_space();
    (scanner.at == text.len()).then_some(scanner.nodes)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The innermost container that is not at its end; its `held` is the one around it.
    open: u32,
}

impl Scanner<'_> {
    /// Scans up to the end of a value that holds nothing, through the beginnings of those that it stands in.
    fn value(&mut self) -> Option<()> {
        loop {
            match self.token()? {
                b'"' => return self.string(),
                b'-' | b'0'..=b'9' => return self.number(),
                b'{' => {
                    if !self.begin(Kind::Object, b'}')? {
                        return Some(());
                    }
                    self.name()?;
                }
                b'[' => {
                    if !self.begin(Kind::Array, b']')? {
                        return Some(());
                    }
                }
                b't' => return self.word(b"true", Kind::Flag),
                b'f' => return self.word(b"false", Kind::Flag),
                b'n' => return self.word(b"null", Kind::Null),
                _ => return None,
            }
        }
    }

    /// Whether another value follows, after the ends of containers, its comma and its name.
    fn has_more(&mut self) -> Option<bool> {
        while let Some(kind) = self.nodes.get(self.open as usize).map(|open| open.kind) {
            match (self.token()?, kind) {
                (b',', kind) => {
                    self.at += 1;
                    if kind == Kind::Object {
                        self.name()?;
                    }
                    return Some(true);
                }
                (b'}', Kind::Object) | (b']', Kind::Array) => self.end(),
                _ => return None,
            }
        }
        Some(false)
    }

    /// Begins a container; whether it holds anything.
    fn begin(&mut self, kind: Kind, end: u8) -> Option<bool> {
        let around = std::mem::replace(&mut self.open, number(self.nodes.len()));
        self.nodes.push(Node { kind, start: number(self.at), end: 0, held: around });
        self.at += 1;
        let is_empty = self.token()? == end;
        if is_empty {
            self.end();
        }
        Some(!is_empty)
    }

    /// Ends the innermost container.
    fn end(&mut self) {
        self.at += 1;
        let (place, end) = (self.open, number(self.at));
        let after = number(self.nodes.len());
        if let Some(open) = self.nodes.get_mut(place as usize) {
            open.end = end;
            self.open = std::mem::replace(&mut open.held, after - place - 1);
        }
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Option<()> {
        if self.token()? != b'"' {
            return None;
        }
        self.string()?;
        self.expect(b':')
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at;
        let mut kind = Kind::Plain;
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
            match self.peek()? {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return None, // a control character
            }
            kind = Kind::Escaped;
        }
        self.at += 1;
        self.push(kind, start);
        Some(())
    }

    /// An escape; whether halves of surrogate pairs fit is seen when the string is read.
    fn escape(&mut self) -> Option<()> {
        match self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = self.bytes.get(self.at + 2..self.at + 6)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.take_if(|byte| byte == b'-');
        if !self.take_if(|byte| byte == b'0') {
            self.digits()?;
        }
        if self.take_if(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.take_if(|byte| matches!(byte, b'e' | b'E')) {
            self.take_if(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        self.push(Kind::Number, start);
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.take_if(|byte| byte.is_ascii_digit()) {}
        (self.at > start).then_some(())
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Option<()> {
        let start = self.at;
        self.bytes.get(start..)?.starts_with(word).then_some(())?;
        self.at += word.len();
        self.push(kind, start);
        Some(())
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.nodes.push(Node { kind, start: number(start), end: number(self.at), held: 0 });
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.token()? == byte).then(|| self.at += 1)
    }

    /// The next byte that is no space.
    fn token(&mut self) -> Option<u8> {
        self.skip_space();
        self.peek()
    }

    fn skip_space(&mut self) {
        while self.take_if(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')) {}
    }

    fn take_if(&mut self, is_wanted: impl Fn(u8) -> bool) -> bool {
        let is_taken = self.peek().is_some_and(is_wanted);
        self.at += usize::from(is_taken);
        is_taken
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

/// A place in a text that is short enough.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NOTHING)
}
