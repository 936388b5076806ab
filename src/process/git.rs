//! Facts about the git repository around a directory, read from git's own files.
//!
//! Discovery follows git: the nearest ancestor that holds a valid `.git`, or is itself a git directory. Unlike git it
//! ignores `GIT_DIR`, ceilings and file system boundaries. A `.git` file that leads nowhere ends the search, as it does
//! in git: an outer repository would be the wrong one.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes; git's pointer files and configurations are far smaller, anything larger is not one.
const FILE_LEN_MAX: u64 = 1 << 20;

/// Symbolic references that lead to each other; git gives up after as many.
const SYMBOLIC_DEPTH_MAX: usize = 5;

/// The repository that a directory belongs to. Paths are absolute and free of symbolic links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// What all worktrees share: objects, branches, configuration.
    pub common_dir: PathBuf,
    /// The top of the checked-out files; `None` in a bare repository.
    pub worktree_root: Option<PathBuf>,
    /// The linked worktree's name, else the folder name of the root, else that of the bare repository without `.git`.
    pub worktree_name: String,
    /// What belongs to this worktree alone: `HEAD`, the index. Equals `common_dir` in the main worktree.
    pub git_dir: PathBuf,
}

/// What `HEAD` or another reference holds.
enum Reference {
    /// The full name of another reference, `refs/heads/main`.
    Symbolic(Vec<u8>),
    Commit(String),
}

impl Repository {
    /// The repository around `dir`, or `None` where there is none or it cannot be read.
    #[must_use]
    pub fn around(dir: &Path) -> Option<Self> {
        let start = fs::canonicalize(dir).or_else(|_| std::path::absolute(dir)).ok()?;
        for ancestor in start.ancestors() {
            let dot_git = ancestor.join(".git");
            if dot_git.is_file() {
                let git_dir = read_pointer(&dot_git, b"gitdir:", ancestor)?;
                return is_git_dir(&git_dir).then(|| Self::new(git_dir, Some(ancestor)));
            }
            if is_git_dir(&dot_git) {
                return Some(Self::new(dot_git, Some(ancestor)));
            }
            if is_git_dir(ancestor) {
                return Some(Self::new(ancestor.to_owned(), worktree_of_git_dir(ancestor).as_deref()));
            }
        }
        None
    }

    /// `root` is the directory that the worktree would have; a bare repository's own is dropped.
    fn new(git_dir: PathBuf, root: Option<&Path>) -> Self {
        let git_dir = canonical(git_dir);
        let common_dir = common_dir_of(&git_dir);
        let linked = git_dir.parent() == Some(&common_dir.join("worktrees"));
        let root = root.filter(|_| linked || !is_bare(&common_dir)).map(|root| canonical(root.to_owned()));
        let name = match &root {
            _ if linked => folder_name(&git_dir),
            Some(root) => folder_name(root),
            None => bare_name(&git_dir),
        };
        Self { worktree_name: name.into_owned(), common_dir, worktree_root: root, git_dir }
    }

    /// The branch that is checked out, without `refs/heads/`; one without commits counts. `None` if `HEAD` is detached
    /// or kept in a reftable.
    #[must_use]
    pub fn branch(&self) -> Option<String> {
        let Reference::Symbolic(name) = read_reference(&self.git_dir.join("HEAD"))? else { return None };
        let branch = name.strip_prefix(b"refs/heads/").filter(|branch| *branch != b".invalid")?;
        Some(String::from_utf8_lossy(branch).into_owned())
    }

    /// Whether there is a branch of this name that has a commit, or is checked out here.
    #[must_use]
    pub fn has_branch(&self, name: &str) -> bool {
        let is_plain = !name.split('/').any(|part| part.is_empty() || part.starts_with('.'));
        is_plain && self.look_up(format!("refs/heads/{name}").as_bytes()).is_some()
            || self.branch().as_deref() == Some(name)
    }

    /// The commit that is checked out, as 40 or 64 hex digits. `None` on a branch without commits or in a reftable.
    #[must_use]
    pub fn head_commit(&self) -> Option<String> {
        let mut reference = read_reference(&self.git_dir.join("HEAD"))?;
        for _ in 0..SYMBOLIC_DEPTH_MAX {
            reference = match reference {
                Reference::Commit(commit) => return Some(commit),
                Reference::Symbolic(name) => self.look_up(&name)?,
            };
        }
        None
    }

    /// What the reference called `name` holds. A loose file beats the packed list, even one that cannot be understood.
    fn look_up(&self, name: &[u8]) -> Option<Reference> {
        let relative = Path::new(OsStr::from_bytes(name));
        let loose = [&self.git_dir, &self.common_dir].map(|dir| dir.join(relative));
        match loose.iter().find(|path| path.is_file()) {
            Some(path) => read_reference(path),
            None => packed_commit(&self.common_dir.join("packed-refs"), name).map(Reference::Commit),
        }
    }
}

/// The worktree of the git directory that the search began in.
fn worktree_of_git_dir(git_dir: &Path) -> Option<PathBuf> {
    if git_dir.file_name() == Some(OsStr::new(".git")) {
        return git_dir.parent().map(Path::to_owned);
    }
    let dot_git = read_pointer(&git_dir.join("gitdir"), b"", git_dir)?;
    dot_git.parent().map(Path::to_owned)
}

/// Whether `dir` is a git directory, by the three things that git asks for.
fn is_git_dir(dir: &Path) -> bool {
    if read_reference(&dir.join("HEAD")).is_none() {
        return false;
    }
    let common = common_dir_of(dir);
    common.join("objects").is_dir() && common.join("refs").is_dir()
}

fn common_dir_of(git_dir: &Path) -> PathBuf {
    read_pointer(&git_dir.join("commondir"), b"", git_dir).map_or_else(|| git_dir.to_owned(), canonical)
}

/// Whether the main worktree is missing. `git worktree` moves the setting to `config.worktree` in some repositories.
fn is_bare(common_dir: &Path) -> bool {
    let setting = |file| bare_setting(&read_small(&common_dir.join(file))?);
    setting("config.worktree").or_else(|| setting("config")).unwrap_or(false)
}

/// The last `core.bare` of a git configuration; included files are not read.
fn bare_setting(config: &[u8]) -> Option<bool> {
    let text = String::from_utf8_lossy(config).to_lowercase();
    let (mut in_core, mut bare) = (false, None);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_core = line.starts_with("[core]");
        }
        let setting = line.strip_prefix("[core]").unwrap_or(line);
        let (key, value) = setting.split_once('=').unwrap_or((setting, "true"));
        if in_core && key.trim() == "bare" {
            let value = value.split(['#', ';']).next().unwrap_or_default().trim();
            bare = Some(matches!(value, "true" | "yes" | "on" | "1"));
        }
    }
    bare
}

/// The path that `file` holds after `prefix`; a relative one is relative to `base`.
fn read_pointer(file: &Path, prefix: &[u8], base: &Path) -> Option<PathBuf> {
    let content = read_small(file)?;
    let rest = content.strip_prefix(prefix)?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let end = rest.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'))?;
    Some(base.join(OsStr::from_bytes(&rest[..=end])))
}

/// What the reference file at `path` holds. Old repositories keep `HEAD` as a symbolic link.
fn read_reference(path: &Path) -> Option<Reference> {
    if let Some(target) = fs::read_link(path).ok().filter(|target| target.starts_with("refs")) {
        return symbolic(target.as_os_str().as_bytes());
    }
    let content = read_small(path)?;
    let content = content.trim_ascii();
    match content.strip_prefix(b"ref:") {
        Some(name) => symbolic(name.trim_ascii()),
        None => commit(content).map(Reference::Commit),
    }
}

/// A name that could leave the git directory is none.
fn symbolic(name: &[u8]) -> Option<Reference> {
    let inside = name.starts_with(b"refs/") && !name.windows(2).any(|pair| pair == b"..") && !name.contains(&0);
    inside.then(|| Reference::Symbolic(name.to_owned()))
}

/// An object name: SHA-1 or SHA-256 in hex.
fn commit(text: &[u8]) -> Option<String> {
    let hex = matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit);
    hex.then(|| String::from_utf8_lossy(text).into_owned())
}

/// The commit of `name` in `packed-refs`, whose lines are `COMMIT NAME`. Read as a stream: the list can be long.
fn packed_commit(file: &Path, name: &[u8]) -> Option<String> {
    let mut lines = BufReader::new(open_file(file)?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).ok()? > 0 {
        let mut parts = line.trim_ascii_end().splitn(2, |byte| *byte == b' ');
        let (object, packed) = (parts.next()?, parts.next());
        if packed == Some(name) {
            return commit(object);
        }
        line.clear();
    }
    None
}

/// Opens a regular file only: a named pipe would block for ever.
fn open_file(path: &Path) -> Option<File> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    File::open(path).ok()
}

fn read_small(path: &Path) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    open_file(path)?.take(FILE_LEN_MAX).read_to_end(&mut content).ok()?;
    Some(content)
}

fn canonical(path: PathBuf) -> PathBuf {
    fs::canonicalize(&path).unwrap_or(path)
}

fn folder_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}

/// `project` for `project.git`, `project/.git` and `project/.bare`.
fn bare_name(git_dir: &Path) -> Cow<'_, str> {
    let hidden = git_dir.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."));
    if hidden {
        return git_dir.parent().map_or(Cow::Borrowed("/"), folder_name);
    }
    let is_git = git_dir.extension() == Some(OsStr::new("git"));
    if is_git { git_dir.file_stem().unwrap_or_default().to_string_lossy() } else { folder_name(git_dir) }
}

#[cfg(test)]
mod tests;
