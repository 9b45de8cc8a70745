//! Reads small files of /proc and /sys below a folder.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The maximum size of a file in bytes. A machine with ten thousand containers has a `mountinfo` of
/// some megabytes.
const MAX_LEN: u64 = 32 << 20;

/// The folder below which there are `proc` and `sys`.
pub(crate) struct Tree {
    root: PathBuf,
    garbled: RefCell<Vec<String>>,
}

impl Tree {
    /// The files of this machine.
    pub(crate) fn this_machine() -> Self {
        Self::below(PathBuf::from("/"))
    }

    /// The files below another folder, such as copies from another machine.
    pub(crate) fn below(root: PathBuf) -> Self {
        Self {
            root,
            garbled: RefCell::default(),
        }
    }

    /// Returns the text of a file without spaces at its ends, or `None` if it cannot be read.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let file = File::open(self.resolve(path)).ok()?;
        let mut bytes = Vec::new();
        file.take(MAX_LEN).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// Reads a file with `read`, which returns `None` if it does not understand the text.
    pub(crate) fn parse<T>(&self, path: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(path)?;
        let read = read(&text);
        if read.is_none() {
            self.garbled.borrow_mut().push(path.to_owned());
        }
        read
    }

    /// Reads a file that contains a number.
    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        self.parse(path, |text| text.parse().ok())
    }

    /// Returns the target of a symbolic link, such as `pid:[4026531836]`.
    pub(crate) fn link(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.resolve(path)).ok()?;
        Some(target.to_string_lossy().into_owned())
    }

    /// Returns the files that could not be understood.
    pub(crate) fn garbled(&self) -> Vec<String> {
        self.garbled.borrow().clone()
    }

    /// Resolves an absolute path below the root. No `..` leads out of it.
    fn resolve(&self, path: &str) -> PathBuf {
        let mut resolved = self.root.clone();
        let parts = Path::new(path).components();
        resolved.extend(parts.filter(|part| matches!(part, Component::Normal(_))));
        resolved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_tree() {
        let tree = Tree::below(PathBuf::from("/tree"));
        for path in ["/a/b", "a/b", "/../a/../../b", "/./a//b/"] {
            assert_eq!(tree.resolve(path), Path::new("/tree/a/b"), "{path}");
        }
    }
}
