//! JSON text, scanned once: whether it is well-formed, and where each value stands in it. No value is converted before its own rule
//! reads it, so a number out of range, a lone surrogate or deep nesting spoils only the field that it stands in.

use std::borrow::Cow;

use super::scan;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag,
    /// A number.
    Number,
    /// A string without escapes.
    Plain,
    /// A string with escapes.
    Escaped,
    /// An array: its items follow.
    Array,
    /// An object: names and values follow, in turn.
    Object,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Its first byte.
    pub(super) start: u32,
    /// The byte after its last.
    pub(super) end: u32,
    /// How many of the nodes after it stand within it.
    pub(super) held: u32,
}

/// What stands where nothing is: no value leads there.
const NOWHERE: Node = Node { kind: Kind::Null, start: 0, end: 0, held: 0 };

/// Well-formed JSON text.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    text: &'a str,
    /// In the order of the text: the first is the whole.
    nodes: Vec<Node>,
}

/// A value of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<'a> {
    document: &'a Document<'a>,
    place: usize,
}

impl<'a> Document<'a> {
    /// Scans a text; none when it is no JSON, or longer than any frame can be.
    pub(crate) fn scan(text: &'a str) -> Option<Self> {
        scan::nodes(text).map(|nodes| Self { text, nodes })
    }

    /// The whole.
    pub(crate) const fn root(&self) -> Json<'_> {
        Json { document: self, place: 0 }
    }

    /// The text between two bytes.
    pub(crate) fn between(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }
}

impl<'a> Json<'a> {
    /// What it is.
    pub(crate) fn kind(self) -> Kind {
        self.node().kind
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// As it stands in the text.
    pub(crate) fn text(self) -> &'a str {
        let (start, end) = self.range();
        self.document.between(start, end)
    }

    /// Its first byte in the text, and the byte after its last.
    pub(crate) fn range(self) -> (usize, usize) {
        let node = self.node();
        (node.start as usize, node.end as usize)
    }

    /// The document that it is of.
    pub(crate) const fn document(self) -> &'a Document<'a> {
        self.document
    }

    /// The text of a string; none when it holds a lone surrogate, or is no string.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Plain => {
                let (start, end) = self.range();
                Some(Cow::Borrowed(self.document.between(start + 1, end - 1)))
            }
            Kind::Escaped => serde_json::from_str(self.text()).ok().map(Cow::Owned),
            _ => None,
        }
    }

    /// The items of an array; none when it is no array.
    pub(crate) fn items(self) -> Option<Children<'a>> {
        (self.kind() == Kind::Array).then(|| self.children())
    }

    /// Names and values of an object; none when it is no object.
    pub(crate) fn members(self) -> Option<impl Iterator<Item = (Json<'a>, Json<'a>)>> {
        let mut children = (self.kind() == Kind::Object).then(|| self.children())?;
        Some(std::iter::from_fn(move || Some((children.next()?, children.next()?))))
    }

    /// Itself and all that stands within it, names too, in the order of the text.
    pub(crate) fn all(self) -> impl Iterator<Item = Json<'a>> {
        let document = self.document;
        (self.place..self.after()).map(move |place| Json { document, place })
    }

    fn children(self) -> Children<'a> {
        Children { document: self.document, place: self.place + 1, after: self.after() }
    }

    /// The place after all that stands within it.
    fn after(self) -> usize {
        self.place + 1 + self.node().held as usize
    }

    fn node(self) -> Node {
        self.document.nodes.get(self.place).copied().unwrap_or(NOWHERE)
    }
}

/// Values one after another.
#[derive(Debug, Clone)]
pub(crate) struct Children<'a> {
    document: &'a Document<'a>,
    place: usize,
    after: usize,
}

impl<'a> Iterator for Children<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        let child = Json { document: self.document, place: self.place };
        let is_there = self.place < self.after;
        self.place = child.after();
        is_there.then_some(child)
    }
}
