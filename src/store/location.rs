//! Where the store is, and why there.
//!
//! The order: `--store`, `STATE_DIR`, the git common directory's `state/` (all worktrees share it, nothing dirties the
//! tree, `git clean` cannot delete it), the nearest `.state/` upwards. The first two are orders and end the search.

use crate::error::{Error, Kind, Result};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file that makes a directory a store.
pub const DATABASE: &str = "state.redb";

/// What is known before the store is found. Relative directories are relative to `cwd`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `--store`.
    pub explicit: Option<PathBuf>,
    /// `STATE_DIR`; empty counts as absent.
    pub environment: Option<PathBuf>,
    /// The working directory, absolute.
    pub cwd: PathBuf,
    /// The git common directory around `cwd`.
    pub git_common: Option<PathBuf>,
}

/// The directory of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Absolute if the request's `cwd` is.
    pub dir: PathBuf,
    /// What led there.
    pub why: Why,
}

/// What led to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// `--store`.
    Flag,
    /// `STATE_DIR`.
    Environment,
    /// The git common directory.
    Git,
    /// A `.state` directory at or above the working directory.
    Ancestor,
}

impl Why {
    /// The reason as a sentence without full stop.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Flag => "--store names it",
            Self::Environment => "the environment variable STATE_DIR names it",
            Self::Git => "it is in the git directory that all worktrees share",
            Self::Ancestor => "it is the nearest .state directory at or above the working directory",
        }
    }

    fn is_order(self) -> bool {
        matches!(self, Self::Flag | Self::Environment)
    }
}

/// The store to use.
///
/// # Errors
/// [`Kind::NoStore`] if there is none, with the command that creates it; [`Kind::Refused`] if it cannot be seen whether
/// there is one, because a second store beside a hidden one would split the memory.
pub fn find(request: &Request) -> Result<Location> {
    for candidate in candidates(request) {
        match holds_store(&candidate.dir) {
            Ok(true) => return Ok(candidate),
            // Anybody may own a directory far above.
            Err(error) if candidate.why != Why::Ancestor => {
                return Err(Error::io(format!("cannot look for a store in {}", candidate.dir.display()), error));
            }
            _ if candidate.why.is_order() => return Err(nothing_in(&candidate.dir)),
            _ => {}
        }
    }
    Err(Error::new(Kind::NoStore, format!("no store for {}", request.cwd.display())).hint("state init"))
}

/// Where `init` creates a store, whether or not one is there.
#[must_use]
pub fn place(request: &Request) -> Location {
    let here = Location { dir: request.cwd.join(".state"), why: Why::Ancestor };
    candidates(request).next().unwrap_or(here)
}

/// The stores that exist but lose against one at [`place`], nearest first. As long as there is none at `place`, and
/// nothing was ordered, [`find`] takes the first of these.
#[must_use]
pub fn shadowed(request: &Request) -> Vec<PathBuf> {
    let mut seen = vec![identity_of(&place(request).dir)];
    let mut losers = Vec::new();
    for Location { dir, .. } in candidates(request) {
        let identity = identity_of(&dir);
        if holds_store(&dir).unwrap_or(false) && !seen.contains(&identity) {
            seen.push(identity);
            losers.push(dir);
        }
    }
    losers
}

/// All places, in the order in which they win.
fn candidates(request: &Request) -> impl Iterator<Item = Location> {
    let named = |dir: &Option<PathBuf>, why| {
        let dir = dir.as_ref().filter(|dir| why == Why::Flag || !dir.as_os_str().is_empty())?;
        Some(Location { dir: request.cwd.join(dir), why })
    };
    let flag = named(&request.explicit, Why::Flag);
    let environment = named(&request.environment, Why::Environment);
    let git = request.git_common.as_ref().map(|common| Location { dir: common.join("state"), why: Why::Git });
    let upwards = request.cwd.ancestors().map(|dir| Location { dir: dir.join(".state"), why: Why::Ancestor });
    flag.into_iter().chain(environment).chain(git).chain(upwards)
}

fn holds_store(dir: &Path) -> io::Result<bool> {
    match fs::metadata(dir.join(DATABASE)) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(error),
    }
}

/// One directory has many names, but one identity.
fn identity_of(dir: &Path) -> PathBuf {
    fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}

fn nothing_in(dir: &Path) -> Error {
    let message = format!("no store in {}", dir.display());
    Error::new(Kind::NoStore, message).hint(format!("state init --store {}", quoted(dir)))
}

/// `dir` as one word of a POSIX shell.
fn quoted(dir: &Path) -> String {
    let text = dir.to_string_lossy();
    let plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "/._-+@%,:=".contains(c));
    if plain { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// `p/repo/.git/state`, `p/.state`, `flag` and `env` under a temporary directory, of which those in `stores` exist.
    fn world(stores: &[&str]) -> (TempDir, Request) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("p/repo/src")).unwrap();
        for store in stores {
            fs::create_dir_all(root.path().join(store)).unwrap();
            fs::write(root.path().join(store).join(DATABASE), "").unwrap();
        }
        let cwd = root.path().join("p/repo/src");
        (root, Request { cwd, ..Request::default() })
    }

    const ALL: [&str; 5] = ["flag", "env", "p/repo/.git/state", "p/repo/.state", "p/.state"];

    fn with_git(root: &TempDir, request: &Request) -> Request {
        Request { git_common: Some(root.path().join("p/repo/.git")), ..request.clone() }
    }

    #[test]
    fn the_order_decides() {
        let (root, request) = world(&ALL);
        let check = |request: &Request, dir: &str, why: Why| {
            assert_eq!(find(request).unwrap(), Location { dir: root.path().join(dir), why });
        };
        let git = with_git(&root, &request);
        let environment = Request { environment: Some(root.path().join("env")), ..git.clone() };
        let flag = Request { explicit: Some(root.path().join("flag")), ..environment.clone() };
        check(&flag, "flag", Why::Flag);
        check(&environment, "env", Why::Environment);
        check(&git, "p/repo/.git/state", Why::Git);
        check(&request, "p/repo/.state", Why::Ancestor);
        check(&Request { environment: Some(PathBuf::new()), ..git }, "p/repo/.git/state", Why::Git);
    }

    #[test]
    fn relative_directories_start_at_the_working_directory() {
        let (root, request) = world(&["p/repo/src/here"]);
        let found = find(&Request { explicit: Some("here".into()), ..request }).unwrap();
        assert_eq!(found.dir, root.path().join("p/repo/src/here"));
    }

    #[test]
    fn git_without_a_store_yields_to_an_ancestor() {
        let (root, request) = world(&["p/.state"]);
        let git = with_git(&root, &request);
        assert_eq!(find(&git).unwrap(), Location { dir: root.path().join("p/.state"), why: Why::Ancestor });
        assert_eq!(place(&git), Location { dir: root.path().join("p/repo/.git/state"), why: Why::Git });
        assert_eq!(shadowed(&git), [root.path().join("p/.state")]);
    }

    #[test]
    fn an_order_is_never_replaced_by_another_store() {
        let (root, request) = world(&["p/.state"]);
        let dir = root.path().join("it's new");
        let hint = format!(r"state init --store '{}/it'\''s new'", root.path().display());
        for request in [
            Request { explicit: Some(dir.clone()), ..request.clone() },
            Request { environment: Some(dir.clone()), ..request.clone() },
        ] {
            let error = find(&request).unwrap_err();
            assert_eq!((error.kind, error.kind.exit_code(), error.hint.as_ref()), (Kind::NoStore, 2, Some(&hint)));
            assert_eq!(error.to_string(), format!("no store in {}", dir.display()));
            assert_eq!(place(&request).dir, dir);
        }
    }

    #[test]
    fn without_a_store_one_line_says_how_to_get_one() {
        let (root, request) = world(&[]);
        fs::create_dir_all(root.path().join("p/repo/.state")).unwrap();
        fs::create_dir_all(root.path().join("p/.state").join(DATABASE)).unwrap();
        let error = find(&request).unwrap_err();
        assert_eq!((error.kind, error.hint.as_deref()), (Kind::NoStore, Some("state init")));
        assert_eq!(error.to_string(), format!("no store for {}", request.cwd.display()));
        assert_eq!(place(&request), Location { dir: request.cwd.join(".state"), why: Why::Ancestor });
    }

    #[test]
    fn a_store_that_cannot_be_seen_is_not_a_missing_one() {
        let (root, request) = world(&[]);
        let circle = root.path().join("circle");
        std::os::unix::fs::symlink(&circle, &circle).unwrap();
        let error = find(&Request { explicit: Some(circle), ..request }).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        assert!(error.to_string().starts_with("cannot look for a store in "), "{error}");
    }

    #[test]
    fn every_loser_is_told_once() {
        let (root, request) = world(&ALL);
        let git = with_git(&root, &request);
        let expected = ["p/repo/.state", "p/.state"].map(|dir| root.path().join(dir));
        assert_eq!(shadowed(&git), expected);
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path().join("p/.state"), &link).unwrap();
        let ordered = Request { explicit: Some(link), ..git };
        assert_eq!(shadowed(&ordered), ["p/repo/.git/state", "p/repo/.state"].map(|dir| root.path().join(dir)));
    }
}
