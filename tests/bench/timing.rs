//! Running a process: its time, its answer, its memory.

use crate::Result;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Milliseconds of several runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Times {
    pub min: f64,
    pub median: f64,
    pub p99: f64,
    pub max: f64,
    pub samples: usize,
}

impl Times {
    /// Of at least one run.
    pub fn of(mut ms: Vec<f64>) -> Self {
        ms.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| ms[((ms.len() as f64 * share).ceil() as usize).clamp(1, ms.len()) - 1];
        Self { min: ms[0], median: at(0.5), p99: at(0.99), max: at(1.0), samples: ms.len() }
    }
}

/// Milliseconds since `start`.
pub fn since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// What a process said, and after how many milliseconds it was gone.
#[derive(Debug)]
pub struct Answer {
    pub ms: f64,
    pub text: String,
}

/// Runs a command, which must succeed.
pub fn run(command: &mut Command) -> Result<Answer> {
    command.stdin(Stdio::null());
    let start = Instant::now();
    let output = command.output()?;
    let ms = since(start);
    if !output.status.success() {
        return Err(failed(command, &output).into());
    }
    Ok(Answer { ms, text: String::from_utf8(output.stdout)? })
}

fn failed(command: &Command, output: &Output) -> String {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let said = String::from_utf8_lossy(&output.stderr);
    format!("{} {}: {}\n{said}", command.get_program().to_string_lossy(), words.join(" "), output.status)
}

/// Runs a command of few words and looks at its anonymous memory all the while, `pause` between two looks. Returns its
/// answer and the most megabytes seen; `None` where the system does not tell.
pub fn watch(command: &mut Command, pause: Duration) -> Result<(Answer, Option<f64>)> {
    // What a pipe holds: nobody reads it before the end.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let peak = peak(&mut child, pause)?;
    let output = child.wait_with_output()?;
    let ms = since(start);
    if !output.status.success() {
        return Err(failed(command, &output).into());
    }
    Ok((Answer { ms, text: String::from_utf8(output.stdout)? }, peak))
}

/// The most anonymous megabytes of a process until it ends, which is not yet waited for.
fn peak(child: &mut Child, pause: Duration) -> Result<Option<f64>> {
    let Ok(status) = std::fs::File::open(format!("/proc/{}/status", child.id())) else { return Ok(None) };
    let (mut buffer, mut peak): ([u8; 4096], Option<f64>) = ([0; 4096], None);
    loop {
        let length = status.read_at(&mut buffer, 0).unwrap_or(0);
        let text = String::from_utf8_lossy(&buffer[..length]);
        // A process that has ended has no memory, and a status without this line.
        let Some(kilobytes) = text.lines().find_map(|line| line.strip_prefix("RssAnon:")) else { return Ok(peak) };
        let kilobytes: f64 = kilobytes.trim().trim_end_matches(" kB").parse()?;
        peak = Some(peak.unwrap_or(0.0).max(kilobytes / 1024.0));
        std::thread::sleep(pause);
    }
}

/// Draws numbers that are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}
