//! Changes of files, as the system tells them: of the ledger, and below the roots of projects.
//!
//! What git ignores is neither watched nor told, `.git` and the store neither. Changes are told in bursts: a save is several
//! changes, a checkout hundreds.
//!
//! Does not know: what the changes are for.

mod ignored;

use crate::error::{Error, Kind, Result};
use ignore::WalkBuilder;
use ignored::Ignored;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// A burst of changed files is over when nothing changes for so long.
const CALM: Duration = Duration::from_millis(300);
/// Or when it has lasted for so long.
const BURST_MAX: Duration = Duration::from_secs(3);
/// A burst that is only of the ledger is over sooner: somebody looks at it.
const LEDGER_CALM: Duration = Duration::from_millis(20);
/// Of so many paths each is told; more are a checkout.
const PATHS_MAX: usize = 10_000;

/// A watch over the ledger and some roots.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    events: Receiver<Heard>,
    store: PathBuf,
    ledger: PathBuf,
    roots: Vec<PathBuf>,
}

/// An event, and when it came: whoever listens may be busy for a while.
type Heard = (Instant, notify::Result<notify::Event>);

/// What has changed.
#[derive(Clone, Debug, Default)]
pub struct Burst {
    /// The ledger.
    pub ledger: bool,
    /// Files below the roots, absolute, without what is ignored.
    pub paths: BTreeSet<PathBuf>,
    /// There were more than could be told.
    pub is_cut: bool,
    /// How long ago the first of them changed.
    pub lasted: Duration,
}

impl Burst {
    /// Makes one of two bursts.
    pub fn join(&mut self, later: Self) {
        self.ledger |= later.ledger;
        self.is_cut |= later.is_cut;
        self.lasted = self.lasted.max(later.lasted);
        self.paths.extend(later.paths);
        self.cut();
    }

    fn cut(&mut self) {
        if self.paths.len() > PATHS_MAX {
            self.paths.clear();
            self.is_cut = true;
        }
    }
}

impl Watch {
    /// A watch over the file `ledger` in the directory `store`, and no roots yet.
    ///
    /// # Errors
    /// `Refused` if the system watches nothing more.
    pub fn over(store: &Path, ledger: &str) -> Result<Self> {
        // Events bear real paths.
        let store = store.canonicalize().map_err(|e| Error::io(format!("cannot watch {}", store.display()), e))?;
        let (sender, events) = mpsc::channel();
        let tell = move |event| drop(sender.send((Instant::now(), event)));
        let mut watcher = notify::recommended_watcher(tell).map_err(|error| refused(&store, error))?;
        watcher.watch(&store, RecursiveMode::NonRecursive).map_err(|error| refused(&store, error))?;
        Ok(Self { watcher, events, ledger: store.join(ledger), store, roots: Vec::new() })
    }

    /// Watches all that is below these roots, from now on.
    ///
    /// # Errors
    /// `Refused` if the system watches nothing more.
    pub fn set_roots(&mut self, roots: &[PathBuf]) -> Result<()> {
        let real = roots.iter().filter_map(|root| root.canonicalize().ok());
        let real: Vec<PathBuf> = real.collect::<BTreeSet<_>>().into_iter().collect();
        let new: Vec<&PathBuf> = real.iter().filter(|root| !self.roots.contains(root)).collect();
        new.into_iter().try_for_each(|root| self.add(root).map(drop))?;
        // What no root wants any more is told to nobody.
        self.roots = real;
        Ok(())
    }

    /// Watches a directory and what is below it, and returns the files that are there.
    fn add(&mut self, dir: &Path) -> Result<Vec<PathBuf>> {
        let store = self.store.clone();
        let mut walk = WalkBuilder::new(dir);
        walk.hidden(false).ignore(false).parents(false).require_git(false);
        walk.filter_entry(move |entry| entry.file_name() != ".git" && entry.path() != store);
        let mut files = Vec::new();
        for entry in walk.build().flatten() {
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                match self.watcher.watch(entry.path(), RecursiveMode::NonRecursive) {
                    // Gone again, or not ours to read.
                    Err(error) if is_gone(&error) => {}
                    watched => watched.map_err(|error| refused(entry.path(), error))?,
                }
            } else {
                files.push(entry.into_path());
            }
        }
        Ok(files)
    }

    /// The next burst of changes; an empty one if nothing happens for so long.
    ///
    /// # Errors
    /// `Refused` if the system watches nothing more.
    pub fn next(&mut self, patience: Duration) -> Result<Burst> {
        let (mut burst, mut latest, mut first) = (Burst::default(), None, None);
        let mut until = Instant::now() + patience;
        while let Some((came, event)) = self.event(until) {
            let (count, was_quiet) = (burst.paths.len(), !burst.ledger);
            let event = event.map_err(|error| refused(&self.store, error))?;
            self.take(&event, &mut burst)?;
            let now = Instant::now();
            if burst.paths.len() > count {
                first.get_or_insert(came);
                until = (now + CALM).min(*latest.get_or_insert(now + BURST_MAX));
            } else if burst.ledger && was_quiet && latest.is_none() {
                until = until.min(now + LEDGER_CALM);
            }
            if now >= until {
                break;
            }
        }
        self.drop_ignored(&mut burst);
        burst.lasted = first.map_or(Duration::ZERO, |first| first.elapsed());
        Ok(burst)
    }

    fn event(&self, until: Instant) -> Option<Heard> {
        self.events.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }

    fn take(&mut self, event: &notify::Event, burst: &mut Burst) -> Result<()> {
        burst.is_cut |= event.need_rescan();
        if !is_change(event.kind) {
            return Ok(());
        }
        for path in &event.paths {
            if path.starts_with(&self.store) {
                burst.ledger |= *path == self.ledger;
            } else if self.roots.iter().any(|root| path.starts_with(root)) {
                let is_new_dir = path.is_dir() && !matches!(event.kind, EventKind::Access(_));
                let found = if is_new_dir { self.add_new(path)? } else { vec![path.clone()] };
                burst.paths.extend(found);
            }
        }
        burst.cut();
        Ok(())
    }

    /// A directory that has come: what was put into it before it was watched has changed too.
    fn add_new(&mut self, dir: &Path) -> Result<Vec<PathBuf>> {
        let is_wanted = |root: &PathBuf| dir.starts_with(root) && !Ignored::below(root).is_ignored(dir, true);
        if self.roots.iter().any(is_wanted) { self.add(dir) } else { Ok(Vec::new()) }
    }

    fn drop_ignored(&self, burst: &mut Burst) {
        if burst.paths.is_empty() {
            return;
        }
        let mut roots: Vec<Ignored> = self.roots.iter().map(|root| Ignored::below(root)).collect();
        burst.paths.retain(|path| roots.iter_mut().any(|root| root.holds(path) && !root.is_ignored(path, false)));
    }
}

/// What writes to a file, makes, moves or removes it; not what only looks at it or changes its mode.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Other => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) => true,
    }
}

fn is_gone(error: &notify::Error) -> bool {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => matches!(error.kind(), NotFound | PermissionDenied),
        _ => false,
    }
}

fn refused(path: &Path, error: notify::Error) -> Error {
    let refused = Error::new(Kind::Refused, format!("cannot watch {}", path.display()));
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => refused
            .hint("the system watches no more directories: ignore what is made by builds, or raise fs.inotify.max_user_watches"),
        _ => refused.because(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(root: &Path, burst: &Burst) -> Vec<String> {
        burst.paths.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    fn changed(watch: &mut Watch) -> Burst {
        let until = Instant::now() + Duration::from_mins(1);
        while Instant::now() < until {
            let burst = watch.next(Duration::from_secs(1)).unwrap();
            if !burst.paths.is_empty() {
                return burst;
            }
        }
        panic!("nothing was told");
    }

    #[test]
    fn files_are_told_in_bursts_and_ignored_ones_never() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for dir in ["store", "src", "target", ".git"] {
            fs::create_dir(root.join(dir)).unwrap();
        }
        fs::write(root.join(".gitignore"), "target/\n*.log\n").unwrap();
        let mut watch = Watch::over(&root.join("store"), "ledger").unwrap();
        watch.set_roots(std::slice::from_ref(&root)).unwrap();
        for file in ["target/a", ".git/HEAD", "store/x", "src/b.log", "src/c.rs", "d.rs"] {
            fs::write(root.join(file), "x").unwrap();
        }
        assert_eq!(names(&root, &changed(&mut watch)), ["d.rs", "src/c.rs"]);
        fs::create_dir_all(root.join("src/new/deep")).unwrap();
        fs::write(root.join("src/new/deep/e.rs"), "x").unwrap();
        assert_eq!(names(&root, &changed(&mut watch)), ["src/new/deep/e.rs"]);
        fs::write(root.join("src/new/deep/f.rs"), "x").unwrap();
        assert_eq!(names(&root, &changed(&mut watch)), ["src/new/deep/f.rs"], "a new directory is watched");
        fs::write(root.join("store/ledger"), "x").unwrap();
        let burst = watch.next(Duration::from_mins(1)).unwrap();
        assert!(burst.ledger && burst.paths.is_empty());
    }
}
