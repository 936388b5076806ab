//! Edits of JSON text, comments allowed, that touch no byte but their own.
//!
//! Nothing is parsed and printed again: an edit is a few splices into the text. What [`insert`] adds, [`remove`] takes away to
//! the byte, with nothing to go by but the text. A container that was made for us has white space after its bracket and goes
//! when it is empty again; one that was there, empty, is filled without white space, and stays.

use super::value::{Json, Style, quoted};
use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::tokens::Token;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

/// What an editor of text says when it refuses; the caller knows the file.
pub(super) type Refusal = String;

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];
const BOM: char = '\u{feff}';

/// A value and where it stands in the text, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where the value begins.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// What it is.
    pub(super) body: Body,
}

/// What a value is, as far as an editor cares.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// An object.
    Object(Vec<Child>),
    /// An array.
    Array(Vec<Child>),
    /// A string.
    Text(String),
    /// Something else.
    Other,
}

/// A member or an element.
#[derive(Clone, Debug)]
pub(super) struct Child {
    /// The name of a member; empty for an element.
    pub(super) key: String,
    /// Where the name begins, or the element.
    pub(super) start: usize,
    /// The value.
    pub(super) node: Node,
}

/// A parsed text.
#[derive(Clone, Debug)]
pub(super) struct Doc<'a> {
    text: &'a str,
    /// The value, unless the text is blank.
    pub(super) root: Option<Node>,
    commas: Vec<usize>,
    /// Where comments begin and end, and whether the end of the line ends them.
    comments: Vec<(usize, usize, bool)>,
}

impl Node {
    /// Members or elements.
    pub(super) fn children(&self) -> &[Child] {
        match &self.body {
            Body::Object(children) | Body::Array(children) => children,
            Body::Text(_) | Body::Other => &[],
        }
    }

    /// The value of a member.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Body::Object(members) = &self.body else { return None };
        members.iter().find(|member| member.key == key).map(|member| &member.node)
    }

    /// The string that it is.
    pub(super) fn text(&self) -> Option<&str> {
        if let Body::Text(text) = &self.body { Some(text) } else { None }
    }

    /// The strings that it is an array of.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        let Body::Array(elements) = &self.body else { return None };
        elements.iter().map(|element| element.node.text()).collect()
    }
}

impl<'a> Doc<'a> {
    /// Reads a text; a byte order mark is passed over.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refusal> {
        let skipped = text.len() - text.strip_prefix(BOM).unwrap_or(text).len();
        let collect = CollectOptions { comments: CommentCollectionStrategy::AsTokens, tokens: true };
        let parsed = parse_to_ast(&text[skipped..], &collect, &options())
            .map_err(|error| format!("is not valid JSON: line {}: {}", error.line_display(), error.kind()))?;
        let mut doc = Self { text, root: None, commas: Vec::new(), comments: Vec::new() };
        for token in parsed.tokens.unwrap_or_default() {
            let (start, end) = (token.range.start + skipped, token.range.end + skipped);
            match token.token {
                Token::Comma => doc.commas.push(start),
                Token::CommentLine(_) => doc.comments.push((start, start + text[start..end].trim_end().len(), true)),
                Token::CommentBlock(_) => doc.comments.push((start, end, false)),
                _ => {}
            }
        }
        doc.root = parsed.value.as_ref().map(|value| node(value, skipped));
        Ok(doc)
    }

    /// The value at a path of keys, as far as it is there: the last object found, and how many keys led to it.
    pub(super) fn walk(&self, path: &[&str]) -> Result<Option<(&Node, usize)>, Refusal> {
        let Some(mut node) = self.root.as_ref() else { return Ok(None) };
        for (depth, key) in path.iter().enumerate() {
            let Body::Object(members) = &node.body else {
                return Err(format!("holds something else than an object {}", place(&path[..depth])));
            };
            let mut found = members.iter().filter(|member| member.key == *key);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => return Err(format!("has `{key}` twice {}", place(&path[..depth]))),
                (Some(member), None) => node = &member.node,
                (None, _) => return Ok(Some((node, depth))),
            }
        }
        Ok(Some((node, path.len())))
    }

    fn style(&self) -> Style<'a> {
        let newline = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let Some(root) = &self.root else { return Style { newline, unit: "  " } };
        if !self.text[root.start..root.end].contains('\n') {
            let newline = if root.children().is_empty() { newline } else { "" };
            return Style { newline, unit: "  " };
        }
        let first = root.children().first().map(|child| self.indent_before(child.start));
        Style { newline, unit: first.flatten().filter(|unit| !unit.is_empty()).unwrap_or("  ") }
    }

    /// The white space before `at`, if nothing else is before it on its line.
    fn indent_before(&self, at: usize) -> Option<&'a str> {
        let line = self.text[..at].rfind('\n')? + 1;
        let indent = &self.text[line..at];
        indent.chars().all(|c| SPACES.contains(&c)).then_some(indent)
    }

    /// The white space with which the line of `at` begins.
    fn indent_of_line(&self, at: usize) -> &'a str {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = self.text[line..at].trim_start_matches(BOM);
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Where the last token or comment before `at` ends.
    fn end_before(&self, at: usize) -> usize {
        let kept = self.text[..at].trim_end_matches(SPACES);
        kept.len()
    }

    fn has_comment(&self, from: usize, to: usize) -> bool {
        self.comments.iter().any(|(start, end, _)| *start >= from && *end <= to)
    }

    fn ends_in_line_comment(&self, at: usize) -> bool {
        self.comments.iter().any(|(_, end, is_line)| *end == at && *is_line)
    }

    fn comma(&self, from: usize, to: usize) -> Option<usize> {
        self.commas.iter().copied().find(|at| (from..to).contains(at))
    }

    /// Adds an element (or a member, where `name` says) at the end of a container.
    fn append(&self, container: &Node, name: Option<&str>, value: &Json) -> String {
        let (style, close) = (self.style(), container.end - 1);
        let (inside, at) = (container.start + 1, self.end_before(close));
        let name = name.map(|name| format!("{}: ", quoted(name))).unwrap_or_default();
        let base = self.indent_of_line(container.start);
        let deeper = format!("{base}{}", style.unit);
        let Some(last) = container.children().last() else {
            if !self.has_comment(inside, close) {
                return self.spliced(&[(inside, inside, &format!("{name}{}", value.render(style, base)))]);
            }
            let lead = if style.newline.is_empty() { "\n" } else { style.newline };
            return self.spliced(&[(at, at, &format!("{lead}{deeper}{name}{}", value.render(style, &deeper)))]);
        };
        let indent = container.children().first().and_then(|first| self.indent_before(first.start));
        let lead = match indent {
            Some(indent) => format!("{}{indent}", style.newline),
            None if self.ends_in_line_comment(at) => format!("\n{deeper}"),
            None => " ".to_owned(),
        };
        let has_comma = self.comma(last.node.end, close).is_some();
        let added = format!("{lead}{name}{}", value.render(style, indent.unwrap_or(base)));
        if has_comma {
            self.spliced(&[(at, at, &format!("{added},"))])
        } else {
            self.spliced(&[(last.node.end, last.node.end, ","), (at, at, &added)])
        }
    }

    /// The first value of a blank text.
    fn begin(&self, value: &Json) -> String {
        let rendered = value.render(self.style(), "");
        if self.comments.is_empty() {
            let at = self.text.len() - self.text.trim_start_matches(BOM).len();
            return self.spliced(&[(at, at, &rendered)]);
        }
        let at = self.end_before(self.text.len());
        self.spliced(&[(at, at, &format!("{}{rendered}", self.style().newline))])
    }

    /// Takes the child away to which these positions lead, and what was made for it alone.
    fn without(&self, path: &[usize]) -> String {
        let Some((container, at)) = self.parent(path) else { return self.without_root() };
        let (children, inside) = (container.children(), container.start + 1);
        let start = children[at].start;
        let is_first = self.end_before(start) == inside && start > inside;
        if children.len() == 1 && is_first && !self.has_comment(inside, container.end) {
            return self.without(&path[..path.len() - 1]);
        }
        self.without_child(container, at)
    }

    /// Takes one child away.
    fn without_child(&self, container: &Node, at: usize) -> String {
        let children = container.children();
        let child = &children[at];
        let (lead, end) = (self.end_before(child.start), child.node.end);
        let next = children.get(at + 1).map_or(container.end - 1, |next| next.start);
        if let Some(comma) = self.comma(end, next) {
            // What is first gives its place to the next one.
            if at == 0 && at + 1 < children.len() && !self.has_comment(end, next) {
                return self.spliced(&[(child.start, next, "")]);
            }
            return self.spliced(&[(lead, end, ""), (comma, comma + 1, "")]);
        }
        let before = at.checked_sub(1).and_then(|at| self.comma(children[at].node.end, child.start));
        match before {
            // A comma right before is a part of what lies between.
            Some(comma) if comma + 1 == lead => self.spliced(&[(comma, end, "")]),
            Some(comma) => self.spliced(&[(comma, comma + 1, ""), (lead, end, "")]),
            None => self.spliced(&[(lead, end, "")]),
        }
    }

    fn without_root(&self) -> String {
        let Some(root) = &self.root else { return self.text.to_owned() };
        let lead = if self.has_comment(0, root.start) { self.end_before(root.start) } else { root.start };
        self.spliced(&[(lead, root.end, "")])
    }

    fn parent(&self, path: &[usize]) -> Option<(&Node, usize)> {
        let (last, way) = path.split_last()?;
        let mut node = self.root.as_ref()?;
        for at in way {
            node = &node.children().get(*at)?.node;
        }
        (*last < node.children().len()).then_some((node, *last))
    }

    /// The text with ranges replaced, which are in order and do not overlap.
    fn spliced(&self, splices: &[(usize, usize, &str)]) -> String {
        let (mut spliced, mut at) = (String::with_capacity(self.text.len()), 0);
        for (start, end, new) in splices {
            spliced.push_str(&self.text[at..*start]);
            spliced.push_str(new);
            at = *end;
        }
        spliced.push_str(&self.text[at..]);
        spliced
    }
}

fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn node(value: &Value, skipped: usize) -> Node {
    let body = match value {
        Value::Object(object) => Body::Object(
            object
                .properties
                .iter()
                .map(|member| Child {
                    key: member.name.as_str().to_owned(),
                    start: member.range.start + skipped,
                    node: node(&member.value, skipped),
                })
                .collect(),
        ),
        Value::Array(array) => Body::Array(
            array
                .elements
                .iter()
                .map(|element| {
                    let node = node(element, skipped);
                    Child { key: String::new(), start: node.start, node }
                })
                .collect(),
        ),
        Value::StringLit(text) => Body::Text(text.value.to_string()),
        _ => Body::Other,
    };
    Node { start: value.start() + skipped, end: value.end() + skipped, body }
}

fn place(path: &[&str]) -> String {
    if path.is_empty() { "at the top".to_owned() } else { format!("at `{}`", path.join(".")) }
}

/// Adds an element to the array at `path`, or the member `name` to the object there; what is missing on the way is made.
pub(super) fn insert(
    text: &str,
    path: &[&'static str],
    name: Option<&'static str>,
    value: &Json,
) -> Result<String, Refusal> {
    let doc = Doc::parse(text)?;
    let wrapped = |keys: &[&'static str]| {
        let inner = name.map_or_else(|| Json::List(vec![value.clone()]), |name| Json::Map(vec![(name, value.clone())]));
        keys.iter().rev().fold(inner, |inner, key| Json::Map(vec![(key, inner)]))
    };
    let Some((found, depth)) = doc.walk(path)? else { return Ok(doc.begin(&wrapped(path))) };
    let (body, missing) = (&found.body, &path[depth..]);
    match (body, missing, name) {
        (Body::Object(_), [first, rest @ ..], _) => Ok(doc.append(found, Some(first), &wrapped(rest))),
        (Body::Array(_), [], None) | (Body::Object(_), [], Some(_)) => Ok(doc.append(found, name, value)),
        (_, _, None) => Err(format!("holds something else than an array {}", place(path))),
        (_, _, Some(_)) => Err(format!("holds something else than an object {}", place(path))),
    }
}

/// Takes away the child to which these positions lead, level by level, and the containers that were made for it alone.
pub(super) fn remove(text: &str, path: &[usize]) -> Result<String, Refusal> {
    Ok(Doc::parse(text)?.without(path))
}

/// Takes away the container at a path of keys if it is empty and `before` has none there.
pub(super) fn remove_empty(text: &str, path: &[&str], before: &str) -> Result<String, Refusal> {
    let is_there = |doc: &Doc| doc.walk(path).is_ok_and(|found| found.is_some_and(|(_, depth)| depth == path.len()));
    let (doc, Some((key, way))) = (Doc::parse(text)?, path.split_last()) else { return Ok(text.to_owned()) };
    if !is_there(&doc) || is_there(&Doc::parse(before)?) {
        return Ok(text.to_owned());
    }
    let Some((parent, _)) = doc.walk(way)? else { return Ok(text.to_owned()) };
    let Some(at) = parent.children().iter().position(|child| child.key == *key) else { return Ok(text.to_owned()) };
    let node = &parent.children()[at].node;
    let is_container = matches!(node.body, Body::Object(_) | Body::Array(_));
    if !is_container || !node.children().is_empty() || doc.has_comment(node.start, node.end) {
        return Ok(text.to_owned());
    }
    Ok(doc.without_child(parent, at))
}

/// Replaces a string.
pub(super) fn replace(text: &str, node: &Node, new: &str) -> String {
    format!("{}{}{}", &text[..node.start], quoted(new), &text[node.end..])
}
