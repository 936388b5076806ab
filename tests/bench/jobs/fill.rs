//! Ten thousand finished jobs without running ten thousand commands.

use crate::Result;
use serde_json::Value;
use state::domain::job::{Attempt, Exit, Outcome, Spec, State, Status, VERSION};
use state::ops::Workspace;
use state::ops::job::{RunInput, list, run, settle};
use state::ops::workspace::Environment;
use state::process::identity::Identity;
use state::process::job::JobDir;
use std::path::Path;

/// So many are made before they end together.
const BATCH: usize = 200;
/// Jobs of so many names, so that each has many that were like it.
const LABELS: usize = 50;

/// The record and the directory of each are made by `run` of the library, which starts nobody there; what its supervisor
/// would leave is written here; `settle` ends the records, and a session is told of them.
pub fn state(store: &Path, count: usize) -> Result<()> {
    let workspace = workspace(store)?;
    let mut left = count;
    while left > 0 {
        let batch = left.min(BATCH);
        for number in 0..batch {
            let spec = Spec {
                label: Some(format!("check {}", number % LABELS)),
                command: ["cargo", "test", "--locked", &format!("module_{left}_{number}")].map(str::to_owned).into(),
                ..Spec::default()
            };
            let made = run(&workspace, RunInput { spec, ..RunInput::default() })?;
            end(&JobDir::new(store.join("jobs").join(&made.job.id)), &made.job.id)?;
        }
        settle(&workspace);
        let told = list(&workspace, true, batch)?;
        if told.total < batch {
            return Err(format!("{batch} jobs ended, but {} were told", told.total).into());
        }
        left -= batch;
    }
    Ok(())
}

fn workspace(store: &Path) -> Result<Workspace> {
    let environment = Environment {
        store: Some(store.to_owned()),
        state_dir: None,
        cwd: store.parent().ok_or("a store without a folder")?.to_owned(),
        identity: Identity { session: "bench".into(), actor: "bench".into(), process: None },
        // Nobody is started.
        program: None,
        clock: chrono::Utc::now,
        seed: super::work::nanos().to_be_bytes(),
        command: "bench".into(),
    };
    Ok(Workspace::open(environment)?)
}

fn end(dir: &JobDir, id: &str) -> Result<()> {
    let now = chrono::Utc::now();
    let attempt = Attempt { started_at: now, ended_at: now, outcome: Outcome::Ok, code: Some(0), ..Attempt::default() };
    let text = "test result: ok. 12 passed; 0 failed\n".repeat(20);
    let exit = Exit {
        version: VERSION,
        id: id.to_owned(),
        outcome: Outcome::Ok,
        code: Some(0),
        started_at: Some(now),
        ended_at: now,
        attempts: vec![attempt],
        bytes: text.len() as u64,
        ..Exit::default()
    };
    let status = Status { state: State::Ended, attempt: 1, bytes: exit.bytes, ..Status::new(id, now) };
    std::fs::write(dir.output_path().join(format!("{:020}", 0)), text)?;
    std::fs::write(dir.output_path().join("times"), format!("{} 0\n", now.timestamp_millis()))?;
    std::fs::write(dir.path().join("started"), "")?;
    std::fs::write(dir.status_path(), serde_json::to_vec(&status)?)?;
    Ok(std::fs::write(dir.path().join("exit.json"), serde_json::to_vec(&exit)?)?)
}

/// Repeats the one finished task in the state file of a daemon that does not run.
pub fn pueue(folder: &Path, count: usize) -> Result<()> {
    let path = folder.join("state.json");
    let mut state: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let tasks = state["tasks"].as_object_mut().ok_or("the state of pueue has no tasks")?;
    let done = tasks.values().next().ok_or("pueue has no finished task")?.clone();
    for id in 0..count {
        let mut task = done.clone();
        task["id"] = id.into();
        tasks.insert(id.to_string(), task);
    }
    Ok(std::fs::write(path, serde_json::to_vec(&state)?)?)
}
