//! The commands that are measured, each with what is wanted of it and how its answer is known to be right.

use crate::corpus;
use crate::measure::{Call, Expect, Row, Want};
use crate::world::World;

const READ: Want = Want { ms: Some(5.0), growth: Some(1.5), floors: None };
const WRITE: Want = Want { ms: Some(5.0), growth: Some(2.0), floors: Some(4.0) };

/// The commands that change nothing.
pub fn reads<'a>(world: &'a World<'a>) -> Vec<Row<'a>> {
    let fast = Want { ms: Some(2.0), ..READ };
    let nothing = Want { growth: None, ms: None, floors: None };
    let queries = &world.queries;
    vec![
        Row::read("process start (--version)", nothing, |_| Call::new(&["--version"], Expect::Lines(1))),
        Row::read("show", fast, shown(world)),
        Row::read("ready", fast, |_| Call::new(&["ready"], Expect::Lines(10))),
        Row::read("list", READ, |_| Call::new(&["list"], Expect::Lines(20))),
        Row::read("log", READ, |_| Call::new(&["log"], Expect::Lines(10))),
        Row::read("log ID", READ, |at| Call::new(&["log", &some_id(world, at)], Expect::Lines(1))),
        Row::read("resume", READ, |_| Call::new(&["resume", "--full"], Expect::Lines(10))),
        Row::read("resume again, nothing new", READ, |_| Call::new(&["resume"], Expect::Lines(1))),
        Row::read("search, a rare word", READ, searched(&queries.rare)),
        Row::read("search, a common word", READ, searched(&queries.common)),
        Row::read("search, three words", READ, searched(&queries.three)),
        Row::read("search, a sentence", Want { ms: Some(30.0), ..READ }, searched(&queries.sentence)),
    ]
}

/// The commands that change something.
pub fn writes<'a>(world: &'a World<'a>) -> Vec<Row<'a>> {
    let ready = corpus::ready_numbers(world.size);
    let both = Want { ms: Some(10.0), floors: Some(8.0), ..WRITE };
    let start_done = move |at: usize| {
        let id = corpus::id(ready[1 + at % (ready.len() - 1)]);
        let start = Call::new(&["start", &id], Expect::Lines(1));
        [start, Call::new(&["done", &id], Expect::Lines(1))].concat()
    };
    vec![
        Row::write("add", WRITE, added(world)),
        Row { calls: Box::new(start_done), ..Row::write("start + done (two processes)", both, added(world)) },
    ]
}

/// Search while the index is as far behind as it may be.
pub fn behind<'a>(world: &'a World<'a>) -> Row<'a> {
    Row::read("search, three words, 240 not indexed", READ, searched(&world.queries.three))
}

/// What a morning's first commands meet: nothing of the stores is in memory.
pub fn cold<'a>(world: &'a World<'a>) -> Vec<Row<'a>> {
    let nothing = Want { growth: None, ms: None, floors: None };
    let row = |name, calls| Row { is_cold: true, calls, ..Row::read(name, nothing, |_| Vec::new()) };
    vec![
        row("show, cold", Box::new(shown(world))),
        row("resume, cold", Box::new(|_| Call::new(&["resume", "--full"], Expect::Lines(10)))),
        row("search, three words, cold", Box::new(searched(&world.queries.three))),
        Row { is_cold: true, ..Row::write("add, cold", nothing, added(world)) },
    ]
}

fn some_id(world: &World, at: usize) -> String {
    corpus::id((at + 1) * 7_919 % world.size)
}

/// Shows a different record every time.
pub fn shown<'a>(world: &'a World<'a>) -> impl Fn(usize) -> Vec<Call> + 'a {
    |at| {
        let id = some_id(world, at);
        Call::new(&["show", &id], Expect::Text(format!("key {id}\n")))
    }
}

fn searched(queries: &[String]) -> impl Fn(usize) -> Vec<Call> {
    |at| Call::new(&["search", &queries[at % queries.len()]], Expect::Hits)
}

fn added<'a>(world: &'a World<'a>) -> impl Fn(usize) -> Vec<Call> + 'a {
    |_| {
        let note = world.note();
        let expect = Expect::Text(format!(" added: {}", note.title));
        Call::new(&["add", "task", &note.title, "--body", &note.body], expect)
    }
}
