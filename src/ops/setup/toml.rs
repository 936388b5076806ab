//! The entry of our server in Codex's configuration: a table at the end of the file.
//!
//! The text is parsed to know what is there and where; it is changed by splices, because printing a parsed document again
//! would change line ends.

use super::block::{append, cut};
use super::json::Refusal;
use super::value::quoted;
use std::ops::Range;
use toml_edit::{Document, DocumentMut, Item, TableLike};

const SERVERS: &str = "mcp_servers";
const NAME: &str = "state";

/// What is wanted of the entry.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The path of the program.
    pub(super) program: String,
    /// Variables that the host would not pass on.
    pub(super) variables: Vec<&'static str>,
}

/// The entry, where there is one: its program, where that stands, and the range of the table.
struct Found {
    program: String,
    at: Range<usize>,
    extent: Option<Extent>,
}

/// What is to be cut for the entry to go.
enum Extent {
    /// A table with a header, a paragraph of its own.
    Table(Range<usize>),
    /// A line in the table of all servers.
    Line(Range<usize>),
}

/// Adds the entry, or updates the program of the one that is there.
pub(super) fn insert(text: &str, wanted: &Server, known: &[String]) -> Result<String, Refusal> {
    if let Some(found) = find(text, known)? {
        let quoted = quoted(&wanted.program);
        let kept = found.program == wanted.program;
        let new = || format!("{}{quoted}{}", &text[..found.at.start], &text[found.at.end..]);
        return Ok(if kept { text.to_owned() } else { new() });
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines = vec![
        format!("[{SERVERS}.{NAME}]"),
        format!("command = {}", quoted(&wanted.program)),
        "args = [\"mcp\"]".to_owned(),
    ];
    if !wanted.variables.is_empty() {
        let names: Vec<String> = wanted.variables.iter().map(|name| quoted(name)).collect();
        lines.push(format!("env_vars = [{}]", names.join(", ")));
    }
    let with = append(text, &lines.join(newline), newline);
    match Document::parse(with.as_str()) {
        Ok(_) => Ok(with),
        Err(_) => Err(format!("has `{SERVERS}` in a form to which no table [{SERVERS}.{NAME}] can be added")),
    }
}

/// Takes the entry away.
pub(super) fn remove(text: &str, known: &[String]) -> Result<String, Refusal> {
    let Ok(Some(found)) = find(text, known) else { return parse(text).map(|_| text.to_owned()) };
    let left = match found.extent {
        Some(Extent::Table(table)) => {
            let newline = if text[table.clone()].contains("\r\n") { "\r\n" } else { "\n" };
            Some(cut(text, (table.start, table.end), newline))
        }
        Some(Extent::Line(line)) => Some(format!("{}{}", &text[..line.start], &text[line.end..])),
        None => None,
    };
    left.filter(|left| is_rest(text, left))
        .ok_or_else(|| format!("has `{SERVERS}.{NAME}` in a form that only its writer can take away"))
}

/// Whether what is left says all that the text said, but for the entry.
fn is_rest(text: &str, left: &str) -> bool {
    let (Ok(mut whole), Ok(mut left)) = (text.parse::<DocumentMut>(), left.parse::<DocumentMut>()) else {
        return false;
    };
    for doc in [&mut whole, &mut left] {
        let servers = doc.get_mut(SERVERS).and_then(Item::as_table_like_mut);
        let is_empty = servers.is_some_and(|servers| {
            servers.remove(NAME);
            servers.is_empty()
        });
        if is_empty {
            doc.remove(SERVERS);
        }
    }
    says(whole.as_item()) == says(left.as_item())
}

/// What an item says, however it is written: the paths of its values in order, and the values.
fn says(item: &Item) -> Vec<String> {
    if let Some(table) = item.as_table_like() {
        let mut said: Vec<String> = table
            .iter()
            .flat_map(|(key, item)| says(item).into_iter().map(move |said| format!("{key:?}.{said}")))
            .collect();
        said.sort_unstable();
        said.insert(0, "{}".to_owned());
        return said;
    }
    match item {
        Item::ArrayOfTables(tables) => tables.iter().flat_map(|table| says(&Item::Table(table.clone()))).collect(),
        item => vec![item.to_string().trim().to_owned()],
    }
}

/// The program of the entry, if it is ours.
pub(super) fn program(text: &str, known: &[String]) -> Option<String> {
    find(text, known).ok().flatten().map(|found| found.program)
}

fn parse(text: &str) -> Result<Document<&str>, Refusal> {
    Document::parse(text).map_err(|error| {
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        format!("is not valid TOML: line {line}: {}", error.message().lines().next().unwrap_or_default())
    })
}

fn find(text: &str, known: &[String]) -> Result<Option<Found>, Refusal> {
    let doc = parse(text)?;
    let Some(servers) = doc.as_table().get(SERVERS) else { return Ok(None) };
    let Some(servers) = servers.as_table_like() else { return Err(format!("has a `{SERVERS}` that is no table")) };
    let Some(item) = servers.get(NAME) else { return Ok(None) };
    let foreign = || format!("has another server with the name `{NAME}`");
    let entry = item.as_table_like().ok_or_else(foreign)?;
    let (program, at) =
        command(entry).filter(|(program, _)| super::owner::is_program(program, known)).ok_or_else(foreign)?;
    let extent = match item.as_table() {
        Some(table) => extent(text, table).map(Extent::Table),
        None => line(text, servers, item).map(Extent::Line),
    };
    Ok(Some(Found { program, at, extent }))
}

fn command(entry: &dyn TableLike) -> Option<(String, Range<usize>)> {
    let is_mcp = entry.get("args")?.as_array()?.iter().map(|arg| arg.as_str()).eq([Some("mcp")]);
    let command = entry.get("command")?;
    Some((command.as_str()?.to_owned(), command.span()?)).filter(|_| is_mcp)
}

/// The line that holds the entry and nothing else.
fn line(text: &str, servers: &dyn TableLike, item: &Item) -> Option<Range<usize>> {
    let (key, _) = servers.get_key_value(NAME)?;
    let (key, value) = (key.span()?, item.span()?);
    let start = text[..key.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[value.end..].find('\n').map_or(text.len(), |at| value.end + at + 1);
    let after = text[value.end..end].trim();
    let is_alone = text[start..key.start].trim().is_empty() && (after.is_empty() || after.starts_with('#'));
    is_alone.then_some(start..end)
}

/// From the header of the table to the end of the last line of it and of the tables in it that follow.
fn extent(text: &str, table: &toml_edit::Table) -> Option<Range<usize>> {
    let span = table.span().filter(|span| text[span.start..].starts_with('['))?;
    let mut end = span.end;
    for (_, item) in table {
        end = end.max(item.span().map_or(0, |span| span.end));
        if let Item::Table(inner) = item {
            end = end.max(extent(text, inner).map_or(0, |range| range.end));
        }
    }
    let line = text[end..].find('\n').map_or(text.len(), |at| end + at);
    Some(span.start..text[..line].trim_end_matches('\r').len().max(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(program: &str) -> Server {
        Server { program: program.into(), variables: Vec::new() }
    }

    #[test]
    fn the_entry_is_what_codex_writes() {
        let text = insert("", &server("/usr/local/bin/state"), &[]).unwrap();
        assert_eq!(text, "[mcp_servers.state]\ncommand = \"/usr/local/bin/state\"\nargs = [\"mcp\"]\n");
        let wanted = Server { program: "/state".into(), variables: vec!["STATE_DIR"] };
        assert!(insert("", &wanted, &[]).unwrap().ends_with("env_vars = [\"STATE_DIR\"]\n"));
    }

    #[test]
    fn it_comes_and_goes_without_a_trace() {
        for text in [
            "",
            "\n",
            "# only a comment",
            "model = \"x\"\r\n\r\n[hooks.state.\"/a/hooks.json:stop:0:0\"]\r\ntrusted_hash = \"sha256:1\"\r\n",
            "model = \"x\" # no end",
            "[mcp_servers.other]\ncommand = \"other\"\n\n\n[profiles.a]\nx = 1",
            "mcp_servers.other.command = \"x\"\n",
            "\u{feff}a = 1\n",
        ] {
            let with = insert(text, &server("/a b/state"), &[]).unwrap();
            assert_eq!(insert(&with, &server("/a b/state"), &[]).unwrap(), with, "{text:?}");
            assert_eq!(program(&with, &[]).as_deref(), Some("/a b/state"));
            let moved = insert(&with, &server("/c/state"), &[]).unwrap();
            assert_eq!(program(&moved, &[]).as_deref(), Some("/c/state"));
            assert_eq!(remove(&moved, &[]).unwrap(), text, "{with:?}");
        }
    }

    #[test]
    fn what_was_added_around_it_stays() {
        let with = insert("a = 1\n", &server("/state"), &[]).unwrap();
        let more = format!("{with}enabled = true # mine\n\n[mcp_servers.state.env]\nX = \"1\"\n\n# next\n[b]\nc = 2\n");
        assert_eq!(remove(&more, &[]).unwrap(), "a = 1\n\n# next\n[b]\nc = 2\n");
        let kept = insert(&more, &server("/new/state"), &[]).unwrap();
        assert_eq!(kept, more.replace("\"/state\"", "\"/new/state\""));
    }

    #[test]
    fn tables_of_others_are_never_joined_or_cut() {
        for (text, newline) in [("a = 1\n", "\n"), ("a = 1", "\n"), ("a = 1\r\n", "\r\n")] {
            let with = insert(text, &server("/state"), &[]).unwrap();
            let glued = with.replacen(&format!("{newline}{newline}["), &format!("{newline}["), 1);
            for with in [with, glued] {
                let more = format!("{}{newline}[other]{newline}x = 1{newline}", with.trim_end());
                let left = remove(&more, &[]).unwrap();
                let doc = left.parse::<DocumentMut>().unwrap();
                assert!(doc["a"].is_integer() && doc["other"]["x"].is_integer() && doc.len() == 2, "{left:?}");
            }
        }
        let with = insert("", &server("/state"), &[]).unwrap();
        let between = format!("{with}[other]\nx = 1\n[mcp_servers.state.env]\nX = \"1\"\n");
        assert!(remove(&between, &[]).unwrap_err().contains("only its writer"));
    }

    #[test]
    fn an_entry_in_another_form_is_found() {
        let entry = "state = { command = \"/old/state\", args = [\"mcp\"] } # mine\n";
        let text = format!("[mcp_servers]\n{entry}other = {{ command = \"x\" }}\n");
        assert_eq!(insert(&text, &server("/new/state"), &[]).unwrap(), text.replace("/old/state", "/new/state"));
        assert_eq!(remove(&text, &[]).unwrap(), text.replace(entry, ""));
        let dotted = "mcp_servers.state.command = \"/a/state\"\nmcp_servers.state.args = [\"mcp\"]\n";
        assert!(remove(dotted, &[]).unwrap_err().contains("only its writer"));
    }

    #[test]
    fn what_is_not_ours_is_refused_or_left() {
        for text in
            ["[mcp_servers.state]\ncommand = \"/other/tool\"\nargs = [\"mcp\"]\n", "mcp_servers = 1\n", "= broken"]
        {
            assert!(insert(text, &server("/state"), &[]).is_err(), "{text}");
        }
        let inline = insert("mcp_servers = { a = { command = \"x\" } }\n", &server("/state"), &[]).unwrap_err();
        assert!(inline.contains("no table"), "{inline}");
        let foreign = "[mcp_servers.state]\ncommand = \"/other/tool\"\nargs = [\"mcp\"]\n";
        assert_eq!(remove(foreign, &[]).unwrap(), foreign);
        assert!(remove("= broken", &[]).is_err());
    }
}
