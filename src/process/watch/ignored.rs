//! What git ignores below a root, path by path.

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The rules of one root, each file of them read once.
pub(super) struct Ignored {
    root: PathBuf,
    /// `.gitignore` by its directory.
    files: HashMap<PathBuf, Gitignore>,
    /// Those of the clone, then those of its owner.
    others: [Gitignore; 2],
}

impl Ignored {
    pub(super) fn below(root: &Path) -> Self {
        let mut exclude = GitignoreBuilder::new(root);
        // What cannot be read ignores nothing.
        let _ = exclude.add(root.join(".git/info/exclude"));
        let others = [exclude.build().unwrap_or_else(|_| Gitignore::empty()), Gitignore::global().0];
        Self { root: root.to_owned(), files: HashMap::new(), others }
    }

    /// Whether the path is below the root.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.root)
    }

    /// Whether the path, or a directory that it is in, is ignored. What is in an ignored directory is ignored whatever else is
    /// said of it.
    pub(super) fn is_ignored(&mut self, path: &Path, is_dir: bool) -> bool {
        let Ok(below) = path.strip_prefix(&self.root) else { return true };
        let mut part = self.root.clone();
        let count = below.components().count();
        below.components().enumerate().any(|(at, name)| {
            part.push(name);
            name.as_os_str() == ".git" || self.is_named(&part, is_dir || at + 1 < count)
        })
    }

    /// The nearest file that says something of it decides.
    fn is_named(&mut self, path: &Path, is_dir: bool) -> bool {
        let dirs: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
        for dir in dirs.into_iter().take_while(|dir| dir.starts_with(&self.root)) {
            let read = |dir: &Path| Gitignore::new(dir.join(".gitignore")).0;
            let rules = self.files.entry(dir).or_insert_with_key(|dir| read(dir));
            if let Some(said) = said(&rules.matched(path, is_dir)) {
                return said;
            }
        }
        let mut others = self.others.iter().filter_map(|rules| said(&rules.matched(path, is_dir)));
        others.next().unwrap_or(false)
    }
}

fn said<T>(found: &Match<T>) -> Option<bool> {
    match found {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_nearest_rule_decides_and_ignored_directories_stay_so() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(root.join(".git/info")).unwrap();
        fs::write(root.join(".gitignore"), "*.log\nout/\n").unwrap();
        fs::write(root.join("a/.gitignore"), "!keep.log\n/only\n").unwrap();
        fs::write(root.join(".git/info/exclude"), "mine\n").unwrap();
        let mut ignored = Ignored::below(root);
        for (path, is) in [
            ("x.rs", false),
            ("x.log", true),
            ("a/keep.log", false),
            ("a/b/keep.log", false),
            ("keep.log", true),
            ("a/only", true),
            ("a/b/only", false),
            ("out", false),
            ("out/keep.rs", true),
            ("a/out/b/x", true),
            ("a/mine", true),
            (".git/HEAD", true),
            (".github/x", false),
        ] {
            assert_eq!(ignored.is_ignored(&root.join(path), false), is, "{path}");
        }
        assert!(ignored.is_ignored(&root.join("out"), true) && ignored.is_ignored(Path::new("/elsewhere"), false));
    }
}
