//! Puts `state` into the hosts of agents, and takes it out again.
//!
//! A host gets hooks that run this program, an entry for the MCP server, a short block of instructions where it reads some, and
//! the skill. All files are planned first (`plan`), then written, all or none (`write`). What was there is kept outside of
//! every repository (`manifest`): a file that nobody touched since is restored from there; in one that was edited, our parts are
//! found by what they are (`owner`) and cut out, and every other byte stays (`json`, `toml`, `block`).

mod block;
mod edit;
mod host;
mod json;
mod leftover;
mod lock;
mod manifest;
mod next;
mod owner;
mod plan;
mod recipe;
mod toml;
mod value;
mod write;

#[cfg(test)]
mod tests;

pub use host::{Host, Scope};

use super::workspace::{Place, Surroundings};
use crate::error::{Error, Kind, Result};
use edit::Programs;
use host::Places;
use lock::Lock;
use manifest::Manifest;
use plan::{Context, Plan};
use serde::Serialize;
use std::path::PathBuf;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put ours in, or bring it up to date.
    Install,
    /// Take ours out.
    Remove,
    /// Only say whether all is as it should be.
    Check,
}

/// For whom, and what.
#[derive(Clone, Copy, Debug)]
pub struct SetupInput {
    /// The host.
    pub host: Host,
    /// Whose files.
    pub scope: Scope,
    /// What to do.
    pub action: Action,
    /// Only say what would be written.
    pub dry_run: bool,
}

/// How a file stands to what should be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is there.
    Installed,
    /// Nothing of ours is there.
    Missing,
    /// Something of ours is not as it should be.
    Changed,
    /// Ours runs a program at another path.
    Moved,
}

/// What is written into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The file is new.
    Create,
    /// The file changes.
    Edit,
    /// The file goes.
    Delete,
    /// Nothing.
    None,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// Where it is.
    pub path: PathBuf,
    /// What of ours belongs there: `hooks`, `mcp`, `instructions`, `skill`, `plugin`, `rule`.
    pub parts: Vec<&'static str>,
    /// How it stood before.
    pub state: State,
    /// Another path of the program that was found there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// What is written.
    pub change: Change,
    /// The change as a unified diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Where its content from before is kept, if it was edited by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<PathBuf>,
    /// The host and scope for which it stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
}

/// What was done, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct SetupReport {
    /// The host.
    pub host: &'static str,
    /// What its makers call it.
    pub title: &'static str,
    /// `user` or `project`.
    pub scope: &'static str,
    /// `install`, `remove` or `check`.
    pub action: &'static str,
    /// Whether the files were written.
    pub applied: bool,
    /// The path of the program that the host runs.
    pub program: String,
    /// The files.
    pub files: Vec<FileReport>,
    /// What is left for the user to do or to know.
    pub next: Vec<String>,
}

impl SetupReport {
    /// Whether the check found all as it should be.
    ///
    /// # Errors
    /// `CheckFailed` says what is not.
    pub fn verdict(&self) -> Result<()> {
        let wrong: Vec<&FileReport> = self.files.iter().filter(|file| file.state != State::Installed).collect();
        let (Some(first), true) = (wrong.first(), self.action == "check") else { return Ok(()) };
        let is_missing = wrong.len() == self.files.len() && wrong.iter().all(|file| file.state == State::Missing);
        let message = match (is_missing, &first.program) {
            (true, _) => format!("{}: not installed", self.host),
            (false, Some(program)) => format!("{}: installed for {program}, this is {}", self.host, self.program),
            (false, None) => {
                format!("{}: {} of {} files are not as they should be", self.host, wrong.len(), self.files.len())
            }
        };
        let scope = if self.scope == "project" { " --project" } else { "" };
        Err(Error::new(Kind::CheckFailed, message).hint(format!("state setup {}{scope}", self.host)))
    }
}

/// Installs, removes or checks.
///
/// # Errors
/// `Conflict` for a file that cannot be parsed or holds something else in our place, `Refused` for one that cannot be written;
/// then nothing was changed anywhere.
pub fn setup(surroundings: &Surroundings, input: SetupInput) -> Result<SetupReport> {
    let mut work = Work::plan(surroundings, input)?;
    if input.action == Action::Check {
        return Ok(work.report);
    }
    work.check_writable()?;
    if input.dry_run {
        return Ok(work.report);
    }
    if work.is_needed() {
        let mut lock = Lock::take(&work.kept)?;
        // Another run may have ended while this one waited.
        work = Work::plan(surroundings, input)?;
        work.check_writable()?;
        work.apply(input.scope, &mut lock)?;
    }
    work.report.applied = true;
    Ok(work.report)
}

/// All that is to be done.
struct Work {
    kept: PathBuf,
    manifest: Manifest,
    /// What is known when all is written.
    new: Manifest,
    plans: Vec<Plan>,
    /// Copies that a killed run left.
    leftovers: Vec<PathBuf>,
    report: SetupReport,
}

impl Work {
    fn plan(surroundings: &Surroundings, input: SetupInput) -> Result<Self> {
        let places = places(surroundings)?;
        let manifest = Manifest::load(&places.kept)?;
        let programs = programs(surroundings, &places, &manifest)?;
        let user = match input.scope {
            Scope::User => input.host.name().to_owned(),
            Scope::Project => format!("{} in {}", input.host.name(), places.root.display()),
        };
        let context = Context { programs: &programs, manifest: &manifest, kept: &places.kept, user: &user };
        let plans = plans(surroundings, input, &places, &context)?;
        let mut report = report(input, &plans, &programs.current);
        report.next = next::steps(surroundings, input, &places, &report);
        let new = after(&manifest, &plans, input.action, &programs.current);
        let plans: Vec<Plan> = plans.into_iter().map(|(plan, _)| plan).collect();
        let leftovers = leftover::find(&plans, &places.kept);
        Ok(Self { kept: places.kept, manifest, new, plans, leftovers, report })
    }

    fn check_writable(&self) -> Result<()> {
        write::check_writable(&self.plans.iter().filter(|plan| plan.is_change()).collect::<Vec<_>>())
    }

    fn is_needed(&self) -> bool {
        self.plans.iter().any(Plan::is_change) || self.new != self.manifest || !self.leftovers.is_empty()
    }

    fn apply(&mut self, scope: Scope, lock: &mut Lock) -> Result<()> {
        lock.adopt(&self.manifest.dirs);
        self.new.dirs.clone_from(&lock.dirs);
        for path in &self.leftovers {
            // One that stays is found again.
            let _ = std::fs::remove_file(path);
        }
        let backups = write::apply(&self.plans, &self.new, (&self.kept, scope))?;
        for (file, digest) in self.report.files.iter_mut().zip(backups) {
            file.backup = digest.map(|digest| manifest::backup_path(&self.kept, &digest));
        }
        Ok(())
    }
}

type Planned = (Plan, Vec<&'static str>);

fn plans(surroundings: &Surroundings, input: SetupInput, places: &Places, context: &Context) -> Result<Vec<Planned>> {
    let passed: Vec<&'static str> = surroundings.state_dir.iter().map(|_| "STATE_DIR").collect();
    let mut targets = recipe::targets(input.host, input.scope, places, (&context.programs.current, &passed));
    if input.action == Action::Remove {
        targets.extend(abandoned(&targets, context));
    }
    let plan = |target: &recipe::Target| {
        let parts = target.edits.iter().map(edit::Edit::name).collect();
        Plan::of(target, input.action, context).map(|plan| (plan, parts))
    };
    targets.iter().map(plan).collect()
}

/// Files that an earlier run wrote and this one would not, as when the host's folder is another one now.
fn abandoned(targets: &[recipe::Target], context: &Context) -> Vec<recipe::Target> {
    let is_abandoned = |entry: &&manifest::Entry| {
        let is_target = targets.iter().any(|target| plan::resolved(&target.path) == entry.path);
        !is_target && entry.users.iter().any(|user| user == context.user)
    };
    let edits_for = |path: &std::path::Path| {
        let all = targets.iter().flat_map(|target| &target.edits);
        all.filter(|edit| edit.fits(path)).cloned().collect()
    };
    let entries = context.manifest.files.iter().filter(is_abandoned);
    entries.map(|entry| recipe::Target { path: entry.path.clone(), edits: edits_for(&entry.path) }).collect()
}

fn places(surroundings: &Surroundings) -> Result<Places> {
    Places::of(surroundings, Place::around(&surroundings.cwd).root)
}

fn programs(surroundings: &Surroundings, places: &Places, manifest: &Manifest) -> Result<Programs> {
    let current = places.stable(&surroundings.program);
    let current = current.to_str().ok_or_else(|| {
        Error::usage(format!("the path of this program is not UTF-8: {}", current.display()))
            .hint("install it elsewhere")
    })?;
    let mut known = manifest.programs.clone();
    known.push(current.to_owned());
    Ok(Programs { current: current.to_owned(), known })
}

/// What is known when all is written.
fn after(manifest: &Manifest, plans: &[Planned], action: Action, program: &str) -> Manifest {
    let mut new = manifest.clone();
    for (plan, _) in plans {
        match &plan.entry {
            Some(entry) => new.put(entry.clone()),
            None => new.forget(&plan.file),
        }
    }
    if action == Action::Install && !new.programs.iter().any(|known| known == program) {
        new.programs.push(program.to_owned());
    }
    new
}

fn report(input: SetupInput, plans: &[Planned], program: &str) -> SetupReport {
    let action = match input.action {
        Action::Install => "install",
        Action::Remove => "remove",
        Action::Check => "check",
    };
    SetupReport {
        host: input.host.name(),
        title: input.host.title(),
        scope: input.scope.name(),
        action,
        applied: false,
        program: program.to_owned(),
        files: plans.iter().map(|(plan, parts)| file_report(plan, parts, program)).collect(),
        next: Vec::new(),
    }
}

fn file_report(plan: &Plan, parts: &[&'static str], program: &str) -> FileReport {
    let other = plan.programs.iter().find(|found| !found.is_empty() && *found != program);
    let change = match (&plan.now, &plan.then) {
        (now, then) if now == then => Change::None,
        (None, _) => Change::Create,
        (_, None) => Change::Delete,
        _ => Change::Edit,
    };
    let state = match (plan.programs.is_empty(), other, change) {
        (true, ..) => State::Missing,
        (_, Some(_), _) => State::Moved,
        (_, None, Change::None) => State::Installed,
        _ => State::Changed,
    };
    let diff = (change != Change::None).then(|| diff(plan));
    let (parts, program, shared) = (parts.to_vec(), other.cloned(), plan.shared.clone());
    FileReport { path: plan.path.clone(), parts, state, program, change, diff, backup: None, shared }
}

fn diff(plan: &Plan) -> String {
    let [now, then] = [&plan.now, &plan.then].map(|text| text.as_deref().unwrap_or_default());
    let path = plan.path.display().to_string();
    let name = |text: &Option<String>| if text.is_some() { path.clone() } else { "/dev/null".to_owned() };
    let diff = similar::TextDiff::from_lines(now, then);
    diff.unified_diff().context_radius(2).header(&name(&plan.now), &name(&plan.then)).to_string()
}

/// A host on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct HostReport {
    /// The word for it.
    pub name: &'static str,
    /// What its makers call it.
    pub title: &'static str,
    /// Its folder or program, if it is on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<PathBuf>,
    /// For the user: `installed`, `missing`, `changed`, `moved`, or why that cannot be told.
    pub user: String,
    /// The same for this repository.
    pub project: String,
    /// `verified by running` or `from documents`.
    pub basis: &'static str,
}

/// All hosts.
#[derive(Clone, Debug, Serialize)]
pub struct HostsReport {
    /// One by one.
    pub hosts: Vec<HostReport>,
}

/// Says of each host whether it is here, and whether ours is in it.
///
/// # Errors
/// `Usage` if the home directory is not known.
pub fn list(surroundings: &Surroundings) -> Result<HostsReport> {
    let places = places(surroundings)?;
    let status = |host: Host, scope: Scope| {
        let input = SetupInput { host, scope, action: Action::Check, dry_run: true };
        setup(surroundings, input).map_or_else(|error| error.to_string(), |report| sum(&report.files).to_owned())
    };
    let host = |host: Host| HostReport {
        name: host.name(),
        title: host.title(),
        found: places.found(host),
        user: status(host, Scope::User),
        project: status(host, Scope::Project),
        basis: if host.is_verified() { "verified by running" } else { "from documents" },
    };
    Ok(HostsReport { hosts: Host::ALL.into_iter().map(host).collect() })
}

/// One word for all files.
fn sum(files: &[FileReport]) -> &'static str {
    let is = |state| move |file: &FileReport| file.state == state;
    if files.iter().all(is(State::Installed)) {
        "installed"
    } else if files.iter().all(is(State::Missing)) {
        "missing"
    } else if files.iter().any(is(State::Moved)) {
        "moved"
    } else {
        "changed"
    }
}
