//! The hosts, and where they keep what on this machine.

use crate::error::{Error, Result};
use crate::process::surroundings::Surroundings;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A program that agents live in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Claude Code.
    Claude,
    /// Codex CLI.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// `OpenCode`.
    OpenCode,
    /// Cursor.
    Cursor,
    /// GitHub Copilot CLI and VS Code.
    Copilot,
}

impl Host {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Claude, Self::Codex, Self::Gemini, Self::OpenCode, Self::Cursor, Self::Copilot];

    /// The word for it on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::OpenCode => "opencode",
            Self::Cursor => "cursor",
            Self::Copilot => "copilot",
        }
    }

    /// What its makers call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code",
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
            Self::OpenCode => "OpenCode",
            Self::Cursor => "Cursor",
            Self::Copilot => "GitHub Copilot",
        }
    }

    /// Whether events and files of the running program were seen; of the others only the documents.
    #[must_use]
    pub fn is_verified(self) -> bool {
        !matches!(self, Self::Cursor | Self::Copilot)
    }

    /// The host with this name.
    ///
    /// # Errors
    /// `Usage` with the names that there are.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|host| host.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|host| host.name()).collect();
            Error::usage(format!("no host is called {name}")).hint(format!("one of {}", names.join(", ")))
        })
    }
}

/// Whose files are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those in the user's home.
    #[default]
    User,
    /// Those in the repository.
    Project,
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        if self == Self::User { "user" } else { "project" }
    }
}

/// The folders that matter, each absolute.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The user's home.
    pub(super) home: PathBuf,
    /// The root of the worktree, or the current directory.
    pub(super) root: PathBuf,
    /// Where manifest and backups are kept, outside of every repository.
    pub(super) kept: PathBuf,
    /// `CLAUDE_CONFIG_DIR`, if it is set.
    claude: Option<PathBuf>,
    codex: PathBuf,
    copilot: PathBuf,
    config: PathBuf,
    path: Vec<PathBuf>,
}

impl Places {
    /// Reads the places from the environment.
    pub(super) fn of(surroundings: &Surroundings, root: PathBuf) -> Result<Self> {
        let value = |name: &str| (surroundings.env)(name).filter(|value| !value.is_empty());
        let folder = |name: &str| value(name).map(|value| surroundings.cwd.join(value));
        let home = folder("HOME").ok_or_else(|| {
            Error::usage("the home directory is not known")
                .hint("set HOME to the directory of the user whose agents are meant")
        })?;
        // The specification of these two says that a relative path does not count.
        let absolute = |name: &str| folder(name).filter(|_| value(name).is_some_and(|value| value.starts_with('/')));
        Ok(Self {
            kept: absolute("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state")).join("state/setup"),
            claude: folder("CLAUDE_CONFIG_DIR"),
            codex: folder("CODEX_HOME").unwrap_or_else(|| home.join(".codex")),
            copilot: folder("COPILOT_HOME").unwrap_or_else(|| home.join(".copilot")),
            config: absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
            path: value("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
            home,
            root,
        })
    }

    /// The folder of a host's own files: the user's, or the one in the repository.
    pub(super) fn folder(&self, host: Host, scope: Scope) -> PathBuf {
        match (host, scope) {
            (Host::Claude, Scope::User) => self.claude.clone().unwrap_or_else(|| self.home.join(".claude")),
            (Host::Codex, Scope::User) => self.codex.clone(),
            (Host::Gemini, Scope::User) => self.home.join(".gemini"),
            (Host::OpenCode, Scope::User) => self.config.join("opencode"),
            (Host::Cursor, Scope::User) => self.home.join(".cursor"),
            (Host::Copilot, Scope::User) => self.copilot.clone(),
            (Host::Claude, Scope::Project) => self.root.join(".claude"),
            (Host::Codex, Scope::Project) => self.root.join(".codex"),
            (Host::Gemini, Scope::Project) => self.root.join(".gemini"),
            (Host::OpenCode, Scope::Project) => self.root.join(".opencode"),
            (Host::Cursor, Scope::Project) => self.root.join(".cursor"),
            (Host::Copilot, Scope::Project) => self.root.join(".github"),
        }
    }

    /// The file in which Claude Code keeps the servers of the user.
    pub(super) fn claude_json(&self) -> PathBuf {
        self.claude.as_ref().unwrap_or(&self.home).join(".claude.json")
    }

    /// The configuration of `OpenCode`: the one that is there, with comments or without.
    pub(super) fn opencode_json(&self, scope: Scope) -> PathBuf {
        let folder = if scope == Scope::User { self.folder(Host::OpenCode, scope) } else { self.root.clone() };
        let with_comments = folder.join("opencode.jsonc");
        let plain = folder.join("opencode.json");
        if with_comments.exists() && !plain.exists() { with_comments } else { plain }
    }

    /// Where the host was found on this machine: its folder, or its program.
    pub(super) fn found(&self, host: Host) -> Option<PathBuf> {
        let programs: &[&str] = match host {
            Host::Cursor => &["cursor", "cursor-agent"],
            Host::Copilot => &["copilot", "code"],
            other => &[other.name()],
        };
        let folder = Some(self.folder(host, Scope::User)).filter(|folder| folder.is_dir());
        folder.or_else(|| programs.iter().find_map(|program| self.program(program)))
    }

    /// The first program of this name in PATH.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|path| is_program(path))
    }

    /// The path under which this program lives longest: the one in PATH that leads to it, which outlives an upgrade.
    pub(super) fn stable(&self, program: &Path) -> PathBuf {
        let same = |path: &PathBuf| path.is_absolute() && path.canonicalize().ok() == program.canonicalize().ok();
        self.program("state").filter(same).unwrap_or_else(|| program.to_owned())
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
