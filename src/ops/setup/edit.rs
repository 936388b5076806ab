//! What is to be in one file of a host: how it gets there, how it is known again, how it goes.

use super::json::{self, Doc, Node, Refusal};
use super::owner::{self, Owned, owned};
use super::value::Json;
use super::{block, toml};
use std::ffi::OsStr;
use std::path::Path;

/// One thing of ours in a file.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// Handlers of events, in JSON.
    Hooks(Hooks),
    /// An entry for the MCP server, in JSON: the object that holds it, and the entry, which names the program.
    Server(&'static str, Json),
    /// The entry in Codex's configuration.
    TomlServer(toml::Server),
    /// The block of instructions.
    Block,
    /// A file that is all ours, told by a mark in it.
    Whole {
        /// The content.
        text: String,
        /// A text that only our files hold.
        mark: &'static str,
    },
}

/// The handlers of one host.
#[derive(Clone, Debug)]
pub(super) struct Hooks {
    /// The last words of the command.
    pub(super) host: &'static str,
    /// The events, each with its entry.
    pub(super) events: Vec<(&'static str, Json)>,
    /// Whether the file must begin with `"version": 1`.
    pub(super) version: bool,
}

/// The program that is to be run, and those that were installed before.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// The path of this program.
    pub(super) current: String,
    /// Paths that were installed.
    pub(super) known: Vec<String>,
}

impl Edit {
    /// The word for reports.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hooks(_) => "hooks",
            Self::Server(..) | Self::TomlServer(_) => "mcp",
            Self::Block => "instructions",
            Self::Whole { mark, .. } if *mark == PLUGIN_MARK => "plugin",
            Self::Whole { mark, .. } if *mark == SKILL_MARK => "skill",
            Self::Whole { .. } => "rule",
        }
    }

    /// Whether a file with this name can hold it.
    pub(super) fn fits(&self, path: &Path) -> bool {
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        match self {
            Self::Hooks(_) | Self::Server(..) => ["json", "jsonc"].contains(&extension),
            Self::TomlServer(_) => extension == "toml",
            Self::Block => extension == "md" && path.file_name() != Some(OsStr::new("SKILL.md")),
            Self::Whole { .. } => {
                path.file_name() == Some(OsStr::new("SKILL.md")) || ["js", "mdc"].contains(&extension)
            }
        }
    }

    /// The text with ours in it.
    pub(super) fn install(&self, text: &str, programs: &Programs) -> Result<String, Refusal> {
        match self {
            Self::Hooks(hooks) => hooks.install(text, programs),
            Self::Server(key, entry) => install_server(text, key, entry, programs),
            Self::TomlServer(server) => toml::insert(text, server, &programs.known),
            Self::Block => block::insert(text),
            Self::Whole { text: wanted, mark } if blank(text) || text.contains(mark) => Ok(wanted.clone()),
            Self::Whole { .. } => Err("is there already and was not written by `state setup`".to_owned()),
        }
    }

    /// The text without ours.
    pub(super) fn remove(&self, text: &str, programs: &Programs) -> Result<String, Refusal> {
        match self {
            Self::Hooks(hooks) => hooks.remove(text, programs),
            Self::Server(key, _) => remove_server(text, key, programs),
            Self::TomlServer(_) => toml::remove(text, &programs.known),
            Self::Block => block::remove(text),
            Self::Whole { mark, .. } => Ok(if text.contains(mark) { String::new() } else { text.to_owned() }),
        }
    }

    /// The text without the empty containers in which ours were, unless they were there before.
    pub(super) fn without_empty(&self, text: &str, before: &str) -> Result<String, Refusal> {
        let paths: Vec<Vec<&str>> = match self {
            Self::Hooks(hooks) => {
                let events = hooks.events.iter().map(|(event, _)| vec!["hooks", event]);
                events.chain([vec!["hooks"]]).collect()
            }
            Self::Server(key, _) => vec![vec![key]],
            _ => Vec::new(),
        };
        paths.iter().try_fold(text.to_owned(), |text, path| json::remove_empty(&text, path, before))
    }

    /// The programs that ours in the text name, one each; an empty name for what names none.
    pub(super) fn programs(&self, text: &str, programs: &Programs) -> Vec<String> {
        match self {
            Self::Hooks(hooks) => hooks.programs(text, programs),
            Self::Server(key, _) => {
                let doc = Doc::parse(text).ok();
                doc.and_then(|doc| Some(server(&doc, key, programs)?.program)).into_iter().collect()
            }
            Self::TomlServer(_) => toml::program(text, &programs.known).into_iter().collect(),
            Self::Block => {
                if block::is_in(text) {
                    vec![String::new()]
                } else {
                    Vec::new()
                }
            }
            Self::Whole { mark, .. } if text.contains(mark) => {
                vec![owner::plugin_program(text).unwrap_or_default()]
            }
            Self::Whole { .. } => Vec::new(),
        }
    }
}

/// Stands in the plugin.
pub(super) const PLUGIN_MARK: &str = "// state:file v1";
/// Stands in the skill.
pub(super) const SKILL_MARK: &str = "generator: state setup";

/// Whether nothing is in a text but white space and a byte order mark.
pub(super) fn blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim().is_empty()
}

/// Whether nothing is left of a file that was made for us: blank, or the mere frame of a configuration.
pub(super) fn is_bare(text: &str) -> bool {
    let frame: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    blank(text) || frame == "{}" || frame == r#"{"version":1}"#
}

impl Hooks {
    fn install(&self, text: &str, programs: &Programs) -> Result<String, Refusal> {
        let mut text = text.to_owned();
        if self.version && Doc::parse(&text)?.root.is_none() {
            text = json::insert(&text, &[], Some("version"), &Json::Number(1))?;
        }
        for (event, entry) in &self.events {
            text = match self.retargeted(&text, event, programs)? {
                Some(text) => text,
                None => json::insert(&text, &["hooks", event], None, entry)?,
            };
        }
        Ok(text)
    }

    /// The text in which our handlers of an event run the current program; `None` if there are none.
    fn retargeted(&self, text: &str, event: &str, programs: &Programs) -> Result<Option<String>, Refusal> {
        let doc = Doc::parse(text)?;
        doc.walk(&["hooks", event])?;
        let ours = self.ours(&doc, programs).into_iter().filter(|(name, ..)| name == event);
        let ours: Vec<(&Node, String)> = ours.map(|(_, _, owned)| (owned.node, replaced(&owned, programs))).collect();
        if ours.is_empty() {
            return Ok(None);
        }
        let new = ours.iter().rev().fold(text.to_owned(), |text, (node, new)| replace_if_other(&text, node, new));
        Ok(Some(new))
    }

    fn remove(&self, text: &str, programs: &Programs) -> Result<String, Refusal> {
        let mut text = text.to_owned();
        loop {
            let doc = Doc::parse(&text)?;
            let Some((_, path, _)) = self.ours(&doc, programs).pop() else { return Ok(text) };
            text = json::remove(&text, &path)?;
        }
    }

    fn programs(&self, text: &str, programs: &Programs) -> Vec<String> {
        let Ok(doc) = Doc::parse(text) else { return Vec::new() };
        self.ours(&doc, programs).into_iter().map(|(_, _, owned)| owned.program).collect()
    }

    /// Our handlers: event, the positions that lead to what is to be removed, and the handler.
    fn ours<'d>(&self, doc: &'d Doc, programs: &Programs) -> Vec<(String, Vec<usize>, Owned<'d>)> {
        let tail = ["hook", self.host];
        let root = doc.root.as_ref().map(Node::children).unwrap_or_default();
        let mut found = Vec::new();
        let Some((at, hooks)) = root.iter().enumerate().find(|(_, child)| child.key == "hooks") else { return found };
        for (event_at, event) in hooks.node.children().iter().enumerate() {
            for (entry_at, entry) in event.node.children().iter().enumerate() {
                let path = vec![at, event_at, entry_at];
                if let Some(owned) = owned(&entry.node, &tail, &programs.known) {
                    found.push((event.key.clone(), path, owned));
                    continue;
                }
                found.extend(
                    in_group(&entry.node, &tail, programs)
                        .into_iter()
                        .map(|(below, owned)| (event.key.clone(), [path.clone(), below].concat(), owned)),
                );
            }
        }
        found
    }
}

/// Our handlers in a group; the path to one that is alone is that of the group.
fn in_group<'d>(group: &'d Node, tail: &[&str], programs: &Programs) -> Vec<(Vec<usize>, Owned<'d>)> {
    let Some(at) = group.children().iter().position(|child| child.key == "hooks") else { return Vec::new() };
    let handlers = group.children()[at].node.children();
    let path = |number| if handlers.len() == 1 { Vec::new() } else { vec![at, number] };
    let ours = handlers
        .iter()
        .enumerate()
        .filter_map(|(number, handler)| Some((path(number), owned(&handler.node, tail, &programs.known)?)));
    ours.collect()
}

fn replaced(owned: &Owned, programs: &Programs) -> String {
    if owned.program == programs.current {
        owned.node.text().unwrap_or_default().to_owned()
    } else {
        owned.with(&programs.current)
    }
}

fn replace_if_other(text: &str, node: &Node, new: &str) -> String {
    if node.text() == Some(new) { text.to_owned() } else { json::replace(text, node, new) }
}

const NAME: &str = "state";

/// Our entry among the servers.
fn server<'d>(doc: &'d Doc, key: &str, programs: &Programs) -> Option<Owned<'d>> {
    owned(doc.root.as_ref()?.get(key)?.get(NAME)?, &["mcp"], &programs.known)
}

fn install_server(text: &str, key: &'static str, entry: &Json, programs: &Programs) -> Result<String, Refusal> {
    let doc = Doc::parse(text)?;
    doc.walk(&[key, NAME])?;
    if let Some(owned) = server(&doc, key, programs) {
        return Ok(replace_if_other(text, owned.node, &replaced(&owned, programs)));
    }
    let servers = doc.root.as_ref().and_then(|root| root.get(key));
    if servers.is_some_and(|servers| servers.get(NAME).is_some()) {
        return Err(format!("has another server with the name `{NAME}` at `{key}`"));
    }
    json::insert(text, &[key], Some(NAME), entry)
}

fn remove_server(text: &str, key: &str, programs: &Programs) -> Result<String, Refusal> {
    let doc = Doc::parse(text)?;
    if server(&doc, key, programs).is_none() {
        return Ok(text.to_owned());
    }
    let position = |node: &Node, key: &str| node.children().iter().position(|child| child.key == key);
    let root = doc.root.as_ref();
    let path = root.and_then(|root| Some((position(root, key)?, position(root.get(key)?, NAME)?)));
    path.map_or_else(|| Ok(text.to_owned()), |(servers, entry)| json::remove(text, &[servers, entry]))
}
