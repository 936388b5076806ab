//! A directory of files as git sees it: its tree, what differs between two trees, a second copy of it to try things in.
//!
//! Facts are read from git's files (see [`super::git`]); what is done here needs git itself. Everything is plumbing with an
//! index of its own: neither the user's index nor a branch is touched, and no hook of the repository runs.

use super::git::Repository;
use crate::error::{Error, Kind, Result};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variables of whoever called us that would lead git elsewhere.
const VARIABLES: [&str; 11] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_LITERAL_PATHSPECS",
];
/// Settings of the repository that would run something, or would change what is made here.
const SETTINGS: [&str; 4] =
    ["core.hooksPath=/dev/null", "core.fsmonitor=false", "advice.addEmbeddedRepo=false", "apply.whitespace=nowarn"];
/// The mode of another repository in an index.
const GITLINK: &[u8] = b"160000 ";

/// A checked-out tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worktree {
    /// The top of the files.
    root: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    /// What is not part of it, though it lies within: the store.
    without: Option<PathBuf>,
    /// Where its index is while a tree is made of it; a file that does not exist.
    index: PathBuf,
}

impl Worktree {
    /// The worktree around `dir`. `store` is left out of it; files of ours are named `temporary` with something behind.
    ///
    /// # Errors
    /// `Usage` where there is none: no repository, or one without files.
    pub fn around(dir: &Path, store: &Path, temporary: &Path) -> Result<Self> {
        let repository = Repository::around(dir)
            .ok_or_else(|| Error::usage(format!("{} is in no git repository", dir.display())))?;
        let bare = || Error::usage(format!("{} is a bare repository, without files", repository.git_dir.display()));
        let root = repository.worktree_root.clone().ok_or_else(bare)?;
        let store = fs::canonicalize(store).unwrap_or_else(|_| store.to_owned());
        Ok(Self {
            without: store.strip_prefix(&root).ok().map(Path::to_owned),
            root,
            git_dir: repository.git_dir,
            common_dir: repository.common_dir,
            index: with_suffix(temporary, "-index"),
        })
    }

    /// The top of the files, absolute and without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether only a part of the commit is checked out.
    ///
    /// # Errors
    /// `Refused` if git does not work. The same for all that follows.
    pub fn is_sparse(&self) -> Result<bool> {
        let mut config = self.git();
        config.args(["config", "--default=false", "--type=bool", "core.sparseCheckout"]);
        Ok(run(&mut config)?.trim_ascii() == b"true")
    }

    /// Whether it stands on a commit.
    ///
    /// # Errors
    /// As said.
    pub fn has_commit(&self) -> Result<bool> {
        let mut parse = self.git();
        parse.args(["rev-parse", "--quiet", "--verify", "HEAD^{commit}"]).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(start(&mut parse)?.status.success())
    }

    /// The hash of the tree of its files as they are: changed and new ones too, ignored ones only if they are named in
    /// `also` (relative to the top, and there). Its objects are in the repository, its index stays as it was.
    ///
    /// # Errors
    /// As said.
    pub fn tree(&self, also: &[PathBuf]) -> Result<String> {
        let made = self.seed(None).and_then(|()| self.tree_of_index(also));
        self.forget_index();
        made
    }

    fn tree_of_index(&self, also: &[PathBuf]) -> Result<String> {
        let mut add = self.with_index();
        add.args(["add", "--all", "--", "."]);
        if let Some(without) = &self.without {
            add.arg([OsStr::new(":(exclude,top,literal)"), without.as_os_str()].join(OsStr::new("")));
        }
        run(&mut add)?;
        let there: Vec<&PathBuf> = also.iter().filter(|path| self.root.join(path).symlink_metadata().is_ok()).collect();
        if !there.is_empty() {
            run(self.with_index().arg("--literal-pathspecs").args(["add", "--force", "--"]).args(there))?;
        }
        let written = run(self.with_index().arg("write-tree"))?;
        Ok(String::from_utf8_lossy(written.trim_ascii()).into_owned())
    }

    /// An index to begin with: the one that is there, so that unchanged files are not read again. Its time is kept too, by
    /// which git knows which files may have changed in the same moment.
    fn seed(&self, tree: Option<&str>) -> Result<()> {
        let real = self.git_dir.join("index");
        match (tree, fs::copy(&real, &self.index)) {
            (None, Ok(_)) => {
                let keep_time = || {
                    let modified = fs::metadata(&real)?.modified()?;
                    File::options().write(true).open(&self.index)?.set_times(FileTimes::new().set_modified(modified))
                };
                keep_time().map_err(|error| Error::io("cannot copy git's index", error))
            }
            (None, Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            (None, Err(error)) => Err(Error::io("cannot copy git's index", error)),
            (Some(tree), _) => run(self.with_index().args(["read-tree", tree])).map(drop),
        }
    }

    fn forget_index(&self) {
        for path in [self.index.clone(), with_suffix(&self.index, ".lock")] {
            // What stays is known by its name as left by a killed process.
            let _ = fs::remove_file(path);
        }
    }

    /// Whether other repositories are part of it, whose content is not part of its tree.
    ///
    /// # Errors
    /// As said.
    pub fn has_submodules(&self) -> Result<bool> {
        let listed = run(self.git().args(["ls-files", "--stage", "-z"]))?;
        Ok(listed.split(|byte| *byte == 0).any(|entry| entry.starts_with(GITLINK)))
    }

    /// The paths in which two trees differ, relative to the top.
    ///
    /// # Errors
    /// As said.
    pub fn differing(&self, one: &str, other: &str) -> Result<Vec<PathBuf>> {
        let names = run(self.git().args(["diff-tree", "-r", "-z", "--name-only", "--no-renames", one, other]))?;
        let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| PathBuf::from(OsString::from_vec(name.to_owned()))).collect())
    }

    /// Changes the files as `before` was changed into `after`, in the given paths or all: all of it or nothing.
    ///
    /// # Errors
    /// `Conflict` if the files are not as they were there; else as said.
    pub fn apply(&self, before: &str, after: &str, only: Option<&[PathBuf]>) -> Result<()> {
        let patch = with_suffix(&self.index, "-patch");
        let applied = self.write_patch(&patch, (before, after), only).and_then(|()| {
            let mut apply = self.git();
            apply.args(["apply", "--binary", "--whitespace=nowarn", "-p1", "--"]).arg(&patch);
            let output = start(&mut apply)?;
            if output.status.success() { Ok(()) } else { Err(Error::conflict(last_line(&output.stderr))) }
        });
        let _ = fs::remove_file(&patch);
        applied
    }

    fn write_patch(&self, patch: &Path, (before, after): (&str, &str), only: Option<&[PathBuf]>) -> Result<()> {
        let file = File::create(patch).map_err(|error| Error::io("cannot write a patch", error))?;
        let mut diff = self.git();
        diff.args(["--literal-pathspecs", "diff-tree", "-r", "-p", "--binary", "--full-index", "--no-renames"]);
        diff.args([
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            before,
            after,
        ]);
        diff.arg("--").args(only.unwrap_or_default()).stdout(file);
        run(&mut diff).map(drop)
    }

    /// A second copy of a tree at `path`, an empty directory: a linked worktree without a branch. It stands on the same
    /// commit, or on one with the changes since, so that git keeps the tree as long as the copy is there.
    ///
    /// # Errors
    /// As said; then nothing is left of it.
    pub fn copy_to(&self, path: &Path, tree: &str) -> Result<()> {
        let commit = self.commit_of(tree)?;
        let mut add = self.git();
        add.args(["worktree", "add", "--quiet", "--detach", "--no-checkout"]).arg(path).arg(commit);
        let made = run(&mut add).and_then(|_| {
            let mut fill = git(&path.join(".git"), path);
            run(fill.args(["read-tree", "--reset", "-u", tree])).map(drop)
        });
        if made.is_err() {
            // The first error is the one to tell.
            let _ = remove_copy(path, Some(&self.common_dir));
        }
        made
    }

    fn commit_of(&self, tree: &str) -> Result<String> {
        let head = run(self.git().args(["rev-parse", "HEAD", "HEAD^{tree}"]))?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut hashes = head.lines();
        let commit = hashes.next().unwrap_or("HEAD").to_owned();
        if hashes.next() == Some(tree) {
            return Ok(commit);
        }
        let mut make = self.git();
        make.args(["commit-tree", "-p", &commit, "-m", "with what was not committed", tree]);
        for role in ["AUTHOR", "COMMITTER"] {
            make.env(format!("GIT_{role}_NAME"), "state").env(format!("GIT_{role}_EMAIL"), "state@localhost");
        }
        let made = run(&mut make)?;
        Ok(String::from_utf8_lossy(made.trim_ascii()).into_owned())
    }

    /// The tree of a copy at `path` that was made of `tree`, as it is now. A command in it may have done anything to what
    /// git keeps of it, so only its files count.
    ///
    /// # Errors
    /// As said.
    pub fn tree_of_copy(&self, path: &Path, tree: &str, also: &[PathBuf]) -> Result<String> {
        let copy = Self { root: path.to_owned(), without: None, ..self.clone() };
        let made = copy.seed(Some(tree)).and_then(|()| copy.tree_of_index(also));
        copy.forget_index();
        made
    }

    /// What all worktrees share.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    fn git(&self) -> Command {
        git(&self.git_dir, &self.root)
    }

    fn with_index(&self) -> Command {
        let mut command = self.git();
        command.env("GIT_INDEX_FILE", &self.index);
        command
    }
}

/// Removes a copy and what git keeps of it, however much of both is there.
///
/// # Errors
/// `Refused` if it cannot be removed.
pub fn remove_copy(path: &Path, common_dir: Option<&Path>) -> Result<()> {
    let fail = |error| Error::io(format!("cannot remove {}", path.display()), error);
    let entries = common_dir.map(|common_dir| entries_of(common_dir, path)).unwrap_or_default();
    if path.symlink_metadata().is_ok() {
        make_removable(path);
        fs::remove_dir_all(path).map_err(fail)?;
    }
    for entry in entries {
        fs::remove_dir_all(&entry).map_err(fail)?;
        // As git does it: the folder goes with the last of them, and stays otherwise.
        let _ = entry.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// The worktrees below `folder` that git knows of, whether they are there or not.
#[must_use]
pub fn copies_below(common_dir: &Path, folder: &Path) -> Vec<PathBuf> {
    let copies = known(common_dir).into_iter().map(|(_, copy)| copy);
    copies.filter(|copy| copy.parent() == Some(folder)).collect()
}

/// What git keeps of the worktree at `path`.
fn entries_of(common_dir: &Path, path: &Path) -> Vec<PathBuf> {
    let path = real(path);
    known(common_dir).into_iter().filter(|(_, copy)| *copy == path).map(|(entry, _)| entry).collect()
}

/// What git keeps of each linked worktree, and where that is.
fn known(common_dir: &Path) -> Vec<(PathBuf, PathBuf)> {
    let entries = fs::read_dir(common_dir.join("worktrees")).into_iter().flatten().flatten().map(|entry| entry.path());
    let place = |entry: PathBuf| {
        let said = fs::read(entry.join("gitdir")).ok()?;
        let dot_git = entry.join(OsStr::from_bytes(said.trim_ascii_end()));
        let copy = real(dot_git.parent()?);
        Some((entry, copy))
    };
    entries.filter_map(place).collect()
}

/// A path without symbolic links, though its last part may be gone.
fn real(path: &Path) -> PathBuf {
    let parent = path.parent().and_then(|parent| fs::canonicalize(parent).ok());
    parent.zip(path.file_name()).map_or_else(|| path.to_owned(), |(parent, name)| parent.join(name))
}

/// Directories that a command made unwritable, as package managers do with their caches.
fn make_removable(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // What cannot be changed fails when it is removed.
            let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700));
            make_removable(&entry.path());
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn git(git_dir: &Path, root: &Path) -> Command {
    let mut command = Command::new("git");
    for name in VARIABLES {
        command.env_remove(name);
    }
    for setting in SETTINGS {
        command.arg("-c").arg(setting);
    }
    command.arg("--git-dir").arg(git_dir).arg("--work-tree").arg(root);
    command.current_dir(root).stdin(Stdio::null()).env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
    command
}

fn start(command: &mut Command) -> Result<std::process::Output> {
    command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::new(Kind::Refused, "git is not installed, or not on the PATH").because(error),
        _ => Error::io("cannot start git", error),
    })
}

fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = start(command)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Error::new(Kind::Refused, format!("git could not do it: {}", last_line(&output.stderr))))
}

/// The line of git's complaint that says what is wrong.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let is_reason = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
    let line = text.lines().find(is_reason).or_else(|| text.lines().last()).unwrap_or("it does not say why");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
    crate::domain::text::clean_line(line)
}
