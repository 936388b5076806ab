//! The fold of entries into a story. It takes them in order, knows what was begun, and forgets what is over.

use super::story::{Command, Story, relative};
use super::{Act, Answer, Entry, Meta, Todo, TodoState, What, asked, command};
use crate::domain::activity::Background;
use crate::domain::text::clean_line;

/// Of each list only so many are kept, the last ones.
const KEPT_MAX: usize = 300;

/// Something begun and not yet ended.
struct Begun {
    id: String,
    act: Act,
}

/// Makes a story of entries.
#[derive(Default)]
pub struct Teller {
    story: Story,
    begun: Vec<Begun>,
    todos: Vec<Todo>,
    /// What was named to `git add` since the last commit.
    staged: Vec<String>,
    /// Whether anything was said in the session itself, and by a subagent.
    has_own: bool,
    has_aside: bool,
}

impl Teller {
    /// Takes the next entry.
    pub fn take(&mut self, entry: Entry) {
        let Entry { at, aside, what } = entry;
        if let Some(at) = at {
            self.story.started = Some(self.story.started.map_or(at, |started| started.min(at)));
            self.story.ended = Some(self.story.ended.map_or(at, |ended| ended.max(at)));
        }
        if aside {
            return self.take_aside(what);
        }
        match what {
            What::Meta(meta) => self.know(meta),
            What::Request(text) => {
                self.has_own = true;
                self.begun.clear();
                self.story.asked_at = at.or(self.story.asked_at);
                match &self.story.request {
                    Some(first) if *first == text => self.story.last_request = None,
                    // `go on` means what was asked before it.
                    Some(_) if asked::is_nod(&text) => {}
                    Some(_) => self.story.last_request = Some(text),
                    None => self.story.request = Some(text),
                }
            }
            What::Message(text) => {
                self.has_own = true;
                self.story.said_at = at.or(self.story.said_at);
                self.story.message = Some(text);
                self.story.trouble = None;
            }
            What::Trouble(text) => self.story.trouble = Some(text),
            What::Summary(text) => self.story.summary = Some(text),
            What::Call { id, act } => self.begin(id, act),
            What::Answer { id, answer } => self.end_of(&id, &answer),
            What::Ran { line, answer } => {
                self.story.background.retain(|work| work.what != line);
                self.ran(&line, &answer);
            }
            What::Changed(paths) => self.edited(&paths),
            What::Over { id } => self.story.background.retain(|work| work.id != id),
        }
    }

    /// Of a subagent only the files count: they are changed whoever did it.
    fn take_aside(&mut self, what: What) {
        self.has_aside = true;
        match what {
            What::Meta(meta) => self.know(Meta { subagent: false, branch: None, ..meta }),
            What::Call { act: Act::Edit(paths), .. } | What::Changed(paths) => self.edited(&paths),
            _ => {}
        }
    }

    /// Says that entries are missing here: what was open before may be over now.
    pub fn skip(&mut self) {
        self.begun.clear();
        self.todos.clear();
        self.story.message = None;
        self.staged.clear();
        self.story.uncommitted.clear();
        self.story.commands.clear();
        self.story.background.clear();
    }

    /// The story so far.
    #[must_use]
    pub fn end(mut self) -> Story {
        self.story.meta.subagent |= self.has_aside && !self.has_own;
        self.story.under_way = self.begun.iter().filter_map(|begun| way(&begun.act)).collect();
        self.story.todos = self.todos;
        self.story.todos.retain(|todo| todo.state != Some(TodoState::Over) && !todo.text.trim().is_empty());
        self.story
    }

    fn know(&mut self, meta: Meta) {
        let known = &mut self.story.meta;
        if known.host.is_empty() {
            known.host = meta.host;
        }
        // A fork repeats the lines of the session that it came from.
        known.session = known.session.take().or(meta.session);
        known.cwd = known.cwd.take().or(meta.cwd);
        known.branch = meta.branch.or(known.branch.take());
        known.subagent |= meta.subagent;
    }

    fn begin(&mut self, id: String, act: Act) {
        self.begun.retain(|begun| begun.id != id);
        match &act {
            Act::Todos(list) => self.todos.clone_from(list),
            Act::SetTodo(todo) => self.set_todo(todo),
            _ => {}
        }
        self.begun.push(Begun { id, act });
        if self.begun.len() > KEPT_MAX {
            self.begun.remove(0);
        }
    }

    fn set_todo(&mut self, change: &Todo) {
        let Some(held) = self.todos.iter_mut().find(|held| held.id.is_some() && held.id == change.id) else {
            if !change.text.is_empty() {
                self.todos.push(change.clone());
            }
            return;
        };
        held.state = change.state.or(held.state);
        if !change.text.is_empty() {
            held.text.clone_from(&change.text);
        }
    }

    /// A script's calls end together; their ids begin with that of the script.
    fn end_of(&mut self, id: &str, answer: &Answer) {
        let is_it = |begun: &Begun| begun.id.split('#').next() == Some(id);
        let (ended, open): (Vec<Begun>, Vec<Begun>) = std::mem::take(&mut self.begun).into_iter().partition(is_it);
        self.begun = open;
        let unknown = Answer { passed: None, ..answer.clone() };
        let answer = if ended.len() > 1 { &unknown } else { answer };
        for begun in ended {
            match begun.act {
                Act::Command { line, background } if background || answer.background.is_some() => {
                    self.runs("shell", &line, answer, background);
                }
                Act::Command { line, .. } => self.ran(&line, answer),
                Act::Edit(paths) if answer.passed != Some(false) => self.edited(&paths),
                Act::NewTodo(text) => {
                    self.todos.push(Todo { id: answer.todo.clone(), text, state: Some(TodoState::Open) });
                }
                Act::Agent(what) if answer.background.is_some() => self.runs("subagent", &what, answer, false),
                _ => {}
            }
        }
    }

    fn runs(&mut self, kind: &str, what: &str, answer: &Answer, asked: bool) {
        if asked && answer.passed == Some(false) {
            return;
        }
        self.story.background.push(Background {
            id: answer.background.clone().unwrap_or_default(),
            kind: kind.to_owned(),
            what: what.to_owned(),
            status: "running".to_owned(),
        });
        shorten(&mut self.story.background);
    }

    fn ran(&mut self, line: &str, answer: &Answer) {
        if answer.passed != Some(false) {
            self.staged.extend(command::staged(line));
            shorten(&mut self.staged);
        }
        if let Some(commit) = command::commit(line, answer) {
            let is_same = |held: &super::story::Commit| held.subject == commit.subject && held.hash == commit.hash;
            self.story.commits.retain(|held| !is_same(held));
            self.story.commits.push(commit);
            shorten(&mut self.story.commits);
            self.story.uncommitted = command::left_behind(line, &self.staged, &self.story.uncommitted);
            self.staged.clear();
        }
        if !command::is_telling(line) || answer.output.contains("nothing to commit") {
            return;
        }
        let plain = command::plain(line);
        let passed = command::judge(line, answer);
        let is_known = self.story.commands.iter().any(|held| held.line == plain && held.passed.is_some());
        if passed.is_none() && is_known {
            return;
        }
        self.story.commands.retain(|held| {
            let is_mended = passed == Some(true) && held.passed != Some(true) && command::covers(&plain, &held.line);
            held.line != plain && !is_mended
        });
        self.story.commands.push(Command { told: command::told(&answer.output, passed), line: plain, passed });
        shorten(&mut self.story.commands);
    }

    fn edited(&mut self, paths: &[String]) {
        let base = self.story.meta.cwd.clone().unwrap_or_default();
        for path in
            paths.iter().map(|path| relative(path.trim_start_matches("./"), &base)).filter(|path| !path.is_empty())
        {
            for list in [&mut self.story.files, &mut self.story.uncommitted] {
                list.retain(|held| *held != path);
                list.push(path.clone());
                shorten(list);
            }
        }
    }
}

fn shorten<T>(list: &mut Vec<T>) {
    let more = list.len().saturating_sub(KEPT_MAX);
    list.drain(..more);
}

/// What was under way, in words; lists of to-dos are not work.
fn way(act: &Act) -> Option<String> {
    let (verb, what) = match act {
        Act::Command { line, .. } => ("running", line.clone()),
        Act::Edit(paths) => ("editing", paths.join(", ")),
        Act::Agent(what) => ("waiting for a subagent:", what.clone()),
        Act::Question(what) => ("waiting for an answer:", what.clone()),
        Act::Other(what) => ("calling", what.clone()),
        Act::Todos(_) | Act::NewTodo(_) | Act::SetTodo(_) => return None,
    };
    let what = clean_line(&what);
    (!what.is_empty()).then(|| format!("{verb} {what}"))
}
