//! Timing a command on both ledgers, and on the floor where something is to be made durable.

use crate::Result;
use crate::contender::Contender;
use crate::timing::{self, Times};
use crate::world::World;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Runs before those that count.
const WARM_UP: usize = 3;

/// Runs with cold caches, which are slow.
const COLD_MAX: usize = 20;

/// Runs that are watched for their memory.
const WATCHED: usize = 10;

/// A command that takes longer than this in all is run no further, once there are [`SLOW_SAMPLES`].
const PATIENCE: Duration = Duration::from_secs(20);
const SLOW_SAMPLES: usize = 20;

/// So many changes after an indexing, none will start in the midst of a run.
const CHANGES_MAX: usize = 40;

/// What is wanted of a command.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Want {
    /// The most milliseconds, by the median, at any size.
    pub ms: Option<f64>,
    /// The most at the largest size, in times of the smallest.
    pub growth: Option<f64>,
    /// The most in times of the floor.
    pub floors: Option<f64>,
}

/// How an answer is known to be right.
#[derive(Clone, Debug)]
pub enum Expect {
    /// It holds this.
    Text(String),
    /// It has at least so many lines.
    Lines(usize),
    /// It found something.
    Hits,
}

/// One process.
#[derive(Clone, Debug)]
pub struct Call {
    words: Vec<String>,
    expect: Expect,
}

/// A command to be measured.
pub struct Row<'a> {
    pub name: &'static str,
    pub want: Want,
    /// Whether it changes something.
    pub is_write: bool,
    /// Whether its files are taken out of memory before.
    pub is_cold: bool,
    /// The processes of one run, by its number. Both ledgers get the same.
    pub calls: Box<dyn Fn(usize) -> Vec<Call> + 'a>,
}

/// What was measured of a command.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    pub name: String,
    pub want: Want,
    pub state: Times,
    pub sqlite: Times,
    /// In the same run, where it was run.
    pub floor: Option<Times>,
    /// The most anonymous memory of a process in MB.
    pub state_mb: Option<f64>,
    pub sqlite_mb: Option<f64>,
}

impl Call {
    /// One call, as the list that a run is made of.
    pub fn new(words: &[&str], expect: Expect) -> Vec<Self> {
        vec![Self { words: words.iter().map(|word| (*word).to_owned()).collect(), expect }]
    }

    fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }
}

impl<'a> Row<'a> {
    pub fn read(name: &'static str, want: Want, calls: impl Fn(usize) -> Vec<Call> + 'a) -> Self {
        Self { name, want, is_write: false, is_cold: false, calls: Box::new(calls) }
    }

    pub fn write(name: &'static str, want: Want, calls: impl Fn(usize) -> Vec<Call> + 'a) -> Self {
        Self { is_write: true, ..Self::read(name, want, calls) }
    }
}

/// Measures a command; `None` if it is not wanted, or the system cannot do it.
pub fn measure(world: &World, row: &Row) -> Result<Option<Measured>> {
    if !world.options.wants(row.name) || row.is_cold && !world.state.chill()? {
        return Ok(None);
    }
    let samples = if row.is_cold { world.options.samples.min(COLD_MAX) } else { world.options.samples };
    let (mut state, mut sqlite, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    let start = Instant::now();
    for at in 0..WARM_UP + samples {
        if start.elapsed() > PATIENCE && at >= WARM_UP + SLOW_SAMPLES {
            break;
        }
        if row.is_write && at % CHANGES_MAX == 0 {
            world.state.settle()?;
        }
        let calls = (row.calls)(at);
        for turn in 0..3 {
            match (at + turn) % 3 {
                0 => state.push(perform(&world.state, &calls, row.is_cold)?),
                1 => sqlite.push(perform(&world.sqlite, &calls, row.is_cold)?),
                _ if row.is_write => floor.push(timing::run(&mut world.floor()?)?.ms),
                _ => {}
            }
        }
    }
    let counted = |ms: Vec<f64>| Times::of(ms[WARM_UP..].to_vec());
    let measured = Measured {
        name: row.name.to_owned(),
        want: row.want,
        state: counted(state),
        sqlite: counted(sqlite),
        floor: row.is_write.then(|| counted(floor)),
        state_mb: memory(&world.state, row)?,
        sqlite_mb: memory(&world.sqlite, row)?,
    };
    tell(world, &measured);
    Ok(Some(measured))
}

/// Says what was measured.
pub fn tell(world: &World, measured: &Measured) {
    let Measured { name, state, sqlite, .. } = measured;
    let floor = measured.floor.as_ref().map(|floor| format!(", floor {:.2}", floor.median)).unwrap_or_default();
    world.say(&format!("{name:<38} {:>7.2} ({:.2}) SQLite {:.2}{floor}", state.median, state.p99, sqlite.median));
}

/// Runs the processes and checks their answers. Returns the sum of their milliseconds.
pub fn perform(contender: &Contender, calls: &[Call], is_cold: bool) -> Result<f64> {
    let mut ms = 0.0;
    for call in calls {
        if is_cold {
            contender.chill()?;
        }
        let answer = contender.run(&call.words())?;
        check(contender, call, &answer.text)?;
        ms += answer.ms;
    }
    Ok(ms)
}

fn check(contender: &Contender, call: &Call, answer: &str) -> Result<()> {
    let right = match &call.expect {
        Expect::Text(text) => answer.contains(text),
        Expect::Lines(least) => answer.lines().count() >= *least,
        Expect::Hits => !answer.is_empty() && !answer.starts_with("Nothing found"),
    };
    if right {
        return Ok(());
    }
    let asked = call.words.join(" ");
    Err(format!("{} {asked}: wrong answer, {:?} expected:\n{answer}", contender.name, call.expect).into())
}

/// The most memory of any process of a few runs.
fn memory(contender: &Contender, row: &Row) -> Result<Option<f64>> {
    let mut most: Option<f64> = None;
    let start = Instant::now();
    for at in (0..WATCHED).take_while(|_| start.elapsed() < PATIENCE / 4) {
        for call in (row.calls)(at) {
            let (_, peak) = timing::watch(&mut contender.command("bench", &call.words()), Duration::ZERO)?;
            most = peak.map(|peak| peak.max(most.unwrap_or(0.0))).or(most);
        }
    }
    Ok(most)
}

/// Makes sure that what was just added is found.
pub fn find(contender: &Contender, word: &str, title: &str) -> Result<()> {
    let answer = contender.run(&["search", word])?.text;
    if answer.contains(title) {
        return Ok(());
    }
    Err(format!("{} search {word}: '{title}' was added, but is not found:\n{answer}", contender.name).into())
}
