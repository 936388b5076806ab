//! Who works where: the store, the place in the repository, and the identity that acts. Opened once a process, holds nothing.

pub use super::rule::Rules;
use super::{rule, session};
use crate::domain::secret;
use crate::error::Result;
use crate::index::Index;
pub use crate::process::caller::{Caller, Callers};
use crate::process::git::Repository;
pub use crate::process::identity::{Explicit, Hooked, Identity, Known};
pub use crate::process::surroundings::Surroundings;
use crate::store::location::{self, Location, Request};
pub use crate::store::{Masking, Patience};
use crate::store::{Store, View, Writer};
use chrono::{DateTime, Utc};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Where the command runs, as far as records care.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The current directory.
    pub cwd: PathBuf,
    /// The root of the worktree, against which references are relative; the current directory outside git.
    pub root: PathBuf,
    /// The name of the project: the folder name of the main worktree.
    pub project: String,
    /// The name of the worktree.
    pub worktree: String,
    /// The checked-out branch.
    pub branch: Option<String>,
    /// The checked-out commit.
    pub commit: Option<String>,
    /// The git directory that all worktrees share.
    pub git_common: Option<PathBuf>,
}

impl Place {
    /// Reads the facts around a directory; outside git the directory's own name serves.
    #[must_use]
    pub fn around(cwd: &Path) -> Self {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match Repository::around(cwd) {
            Some(repository) => Self {
                cwd: cwd.to_owned(),
                root: repository.worktree_root.clone().unwrap_or_else(|| cwd.to_owned()),
                project: project_of(&repository.common_dir),
                worktree: repository.worktree_name.clone(),
                branch: repository.branch(),
                commit: repository.head_commit(),
                git_common: Some(repository.common_dir),
            },
            None => Self {
                cwd: cwd.to_owned(),
                root: cwd.to_owned(),
                project: name(cwd),
                worktree: name(cwd),
                ..Self::default()
            },
        }
    }
}

impl Place {
    fn masked(mut self) -> Self {
        for name in [&mut self.project, &mut self.worktree].into_iter().chain(&mut self.branch) {
            if let Cow::Owned(masked) = secret::mask(name) {
                *name = masked;
            }
        }
        self
    }
}

/// `/src/pay/.git` is project `pay`, and so is the bare `/src/pay.git`.
fn project_of(common: &Path) -> String {
    let name = common.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match common.parent().and_then(Path::file_name) {
        Some(parent) if name == ".git" => parent.to_string_lossy().into_owned(),
        _ => name.trim_end_matches(".git").to_owned(),
    }
}

/// What every operation needs.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The store, opened anew by each operation.
    pub store: Store,
    /// Where the store is, and why there.
    pub location: Location,
    /// Where the command runs.
    pub place: Place,
    /// Who acts.
    pub identity: Identity,
    /// The path of this program, by which it starts itself again in the background; a library has none.
    pub program: Option<PathBuf>,
    /// Whether changes start what rules wait for, and what they have started.
    pub rules: Rules,
}

/// What a door knows of its process when it opens a workspace.
#[derive(Clone)]
pub struct Environment {
    /// `--store`.
    pub store: Option<PathBuf>,
    /// `STATE_DIR`.
    pub state_dir: Option<PathBuf>,
    /// The current directory.
    pub cwd: PathBuf,
    /// Who acts.
    pub identity: Identity,
    /// The wall clock.
    pub clock: fn() -> DateTime<Utc>,
    /// Random bits of this process.
    pub seed: [u8; 16],
    /// What the lock says to those who wait.
    pub command: String,
    /// The path of this program, by which it starts itself again in the background; a library has none.
    pub program: Option<PathBuf>,
}

impl Workspace {
    /// Finds the store that belongs to the environment.
    ///
    /// # Errors
    /// `NoStore` with the command that makes one.
    pub fn open(environment: Environment) -> Result<Self> {
        let place = Place::around(&environment.cwd);
        let location = location::find(&request(&environment, &place))?;
        Ok(Self::assemble(environment, place, location))
    }

    /// The workspace in which `init` creates its store.
    #[must_use]
    pub fn place(environment: Environment) -> Self {
        let place = Place::around(&environment.cwd);
        let location = location::place(&request(&environment, &place));
        Self::assemble(environment, place, location)
    }

    fn assemble(environment: Environment, place: Place, location: Location) -> Self {
        let mut store = Store::at(&location.dir, environment.clock, environment.seed);
        store.command = environment.command;
        Self {
            store,
            location,
            place: place.masked(),
            identity: masked(environment.identity),
            program: environment.program,
            rules: Rules::default(),
        }
    }

    /// The same, for one whose session the hooks of this store may know better.
    #[must_use]
    pub fn acting_as(mut self, known: &Known) -> Self {
        self.identity = masked(known.among(|| self.store.activities().all((self.store.clock)())));
        self
    }

    /// Other stores that the order of discovery passes over.
    #[must_use]
    pub fn shadowed(&self) -> Vec<PathBuf> {
        let request = Request {
            explicit: None,
            environment: None,
            cwd: self.place.cwd.clone(),
            git_common: self.place.git_common.clone(),
        };
        location::shadowed(&request).into_iter().filter(|dir| *dir != self.location.dir).collect()
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.store.clock)()
    }

    /// The search index beside the store.
    #[must_use]
    pub fn index(&self) -> Index {
        Index::at(&self.store.dir().join("index"))
    }

    /// Reads in one consistent view.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read<T>(&self, look: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        self.store.read(look)
    }

    /// Changes the store as whoever `change` says, and starts what rules wait for. Every change that is made here goes through
    /// this; what comes from elsewhere, and what is no event, goes to the store itself.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn change<T>(&self, change: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
        let (value, noted) = self.store.write(|writer| {
            let value = change(writer)?;
            Ok((value, rule::note(writer, self)?))
        })?;
        rule::follow(self, noted);
        Ok(value)
    }

    /// The same, in another directory.
    #[must_use]
    pub fn at(&self, cwd: &Path) -> Self {
        Self { place: Place::around(cwd).masked(), ..self.clone() }
    }

    /// The same, whose changes start nothing: what comes from elsewhere is no event of this machine.
    #[must_use]
    pub fn without_rules(&self) -> Self {
        let mut quiet = self.clone();
        quiet.rules.off = true;
        quiet
    }

    /// Changes the store as this session, which begins with its first change.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write<T>(&self, change: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
        self.change(|writer| {
            let session = session::begin(writer, self)?;
            let value = change(writer)?;
            if !writer.is_untouched() {
                session::renew(writer, session)?;
            }
            Ok(value)
        })
    }
}

/// Names by which records are found again are masked before they are compared, as they are when they are kept.
fn masked(identity: Identity) -> Identity {
    let Identity { session, actor, process } = identity;
    Identity { session: secret::mask(&session).into_owned(), actor: secret::mask(&actor).into_owned(), process }
}

fn request(environment: &Environment, place: &Place) -> Request {
    Request {
        explicit: environment.store.clone(),
        environment: environment.state_dir.clone(),
        cwd: environment.cwd.clone(),
        git_common: place.git_common.clone(),
    }
}
