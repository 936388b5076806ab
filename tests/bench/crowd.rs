//! Many processes at once: writers beside each other, a writer beside readers, a reader after a killed writer.

use crate::bulk::Bulk;
use crate::contender::Contender;
use crate::measure::{self, Measured, Want};
use crate::rows;
use crate::timing::{self, Dice, Times};
use crate::world::World;
use crate::{Failure, Result, corpus};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const WRITERS: usize = 8;
const ADDS_EACH: usize = 100;
const READERS: usize = 32;
const ADDS_BESIDE: usize = 40;

const NOTHING: Want = Want { ms: None, growth: None, floors: None };

/// Eight sessions add at once, as fast as they can; and what an add leaves on the disk.
pub fn writers(world: &World) -> Result<(Vec<Measured>, Vec<Bulk>)> {
    let name = "add, 8 writers at once";
    if !world.options.wants(name) {
        return Ok(Default::default());
    }
    let state = eight(world, &world.state)?;
    let sqlite = eight(world, &world.sqlite)?;
    let bulk = vec![
        Bulk::new("8 writers, adds/s", (Some(state.a_second), Some(sqlite.a_second))),
        Bulk::new("disk, bytes an add", (Some(state.bytes), Some(sqlite.bytes))),
        Bulk::new(
            "disk, times the text of the add",
            (Some(state.bytes / state.text), Some(sqlite.bytes / sqlite.text)),
        )
        .most(4.0, 0),
    ];
    let measured = Measured {
        name: name.to_owned(),
        want: NOTHING,
        state: state.times,
        sqlite: sqlite.times,
        floor: None,
        state_mb: None,
        sqlite_mb: None,
    };
    measure::tell(world, &measured);
    Ok((vec![measured], bulk))
}

/// What eight writers did.
struct Eight {
    times: Times,
    a_second: f64,
    /// On the disk and of text, an add.
    bytes: f64,
    text: f64,
}

fn eight(world: &World, contender: &Contender) -> Result<Eight> {
    contender.settle()?;
    let (before, start) = (contender.disk(), Instant::now());
    let done = std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || add_all(world, contender, writer))).collect();
        writers.into_iter().map(|writer| writer.join().expect("a writer does not panic")).collect::<Result<Vec<_>>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    contender.settle()?;
    let adds = (WRITERS * ADDS_EACH) as f64;
    Ok(Eight {
        a_second: adds / seconds,
        bytes: contender.disk().saturating_sub(before) as f64 / adds,
        text: done.iter().map(|(_, text)| *text as f64).sum::<f64>() / adds,
        times: Times::of(done.into_iter().flat_map(|(ms, _)| ms).collect()),
    })
}

/// One writer: the milliseconds of its adds, and the bytes of their text.
fn add_all(world: &World, contender: &Contender, writer: usize) -> Result<(Vec<f64>, usize)> {
    let (mut ms, mut text) = (Vec::new(), 0);
    let session = format!("writer-{writer}");
    let mut last = world.note();
    for _ in 0..ADDS_EACH {
        last = world.note();
        let words = ["add", "task", &last.title, "--body", &last.body];
        ms.push(timing::run(&mut contender.command(&session, &words))?.ms);
        text += last.title.len() + last.body.len();
    }
    measure::find(contender, &last.word, &last.title)?;
    Ok((ms, text))
}

/// An `add`, and the floor, beside 32 processes that read without end.
pub fn beside_readers(world: &World) -> Result<Option<Measured>> {
    let name = "add beside 32 looping readers";
    if !world.options.wants(name) {
        return Ok(None);
    }
    world.state.settle()?;
    let (state, floor) = beside(world, &world.state)?;
    let (sqlite, _) = beside(world, &world.sqlite)?;
    let want = Want { ms: Some(50.0), ..NOTHING };
    let measured =
        Measured { name: name.to_owned(), want, state, sqlite, floor: Some(floor), state_mb: None, sqlite_mb: None };
    measure::tell(world, &measured);
    Ok(Some(measured))
}

fn beside(world: &World, contender: &Contender) -> Result<(Times, Times)> {
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..READERS).map(|at| scope.spawn(move || read_on(world, contender, (at, stop)))).collect();
        let result = add_and_floor(world, contender);
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().expect("a reader does not panic")?;
        }
        result
    })
}

fn read_on(world: &World, contender: &Contender, (at, stop): (usize, &AtomicBool)) -> Result<()> {
    let id = corpus::id(at * 13 % world.size);
    let show = ["show", &id];
    let words: &[&str] = [&show[..], &["ready"], &["list"], &["log"]][at % 4];
    while !stop.load(Ordering::Relaxed) {
        timing::run(&mut contender.command("reader", words))?;
    }
    Ok(())
}

fn add_and_floor(world: &World, contender: &Contender) -> Result<(Times, Times)> {
    let (mut adds, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..ADDS_BESIDE {
        let note = world.note();
        adds.push(contender.run(&["add", "task", &note.title, "--body", &note.body])?.ms);
        floors.push(timing::run(&mut world.floor()?)?.ms);
    }
    Ok((Times::of(adds), Times::of(floors)))
}

/// Kills an `add` with signal 9 at some moment, then times `show`.
pub fn after_kill(world: &World) -> Result<Option<Measured>> {
    let name = "show after a kill -9 of add";
    if !world.options.wants(name) {
        return Ok(None);
    }
    world.state.settle()?;
    let (mut dice, mut state, mut sqlite) = (Dice(world.size as u64), Vec::new(), Vec::new());
    let show = rows::shown(world);
    for at in 0..world.options.samples {
        let calls = show(at);
        // The same fate for both: some die before they begin, some when all is done.
        let life = Duration::from_micros(dice.below(6_000));
        state.push(killed_then(world, &world.state, life, &calls)?);
        sqlite.push(killed_then(world, &world.sqlite, life, &calls)?);
    }
    let want = Want { ms: Some(5.0), ..NOTHING };
    let measured = Measured {
        name: name.to_owned(),
        want,
        state: Times::of(state),
        sqlite: Times::of(sqlite),
        floor: None,
        state_mb: None,
        sqlite_mb: None,
    };
    measure::tell(world, &measured);
    Ok(Some(measured))
}

fn killed_then(world: &World, contender: &Contender, life: Duration, calls: &[measure::Call]) -> Result<f64, Failure> {
    let note = world.note();
    let mut command = contender.command("bench", &["add", "task", &note.title, "--body", &note.body]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    std::thread::sleep(life);
    // It may be gone already.
    let _ = child.kill();
    child.wait()?;
    measure::perform(contender, calls, false)
}
