//! A folder in memory that knows what is on the disk: each step can fail, or be the last before a
//! crash, after which any part of what was not synced may be lost.

use crate::files::{FileFault, Opened};
use crate::folder::Folder;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It fails and does nothing.
    Fails(io::ErrorKind),
    /// It fails halfway: of a write, half of the bytes are written.
    FailsHalfway(io::ErrorKind),
    /// The process is killed before it.
    Killed,
    /// The process is killed halfway.
    KilledHalfway,
}

/// A file: its bytes, and those of them that are on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Inode {
    bytes: Vec<u8>,
    synced: Option<Vec<u8>>,
    mode: u32,
}

/// The names of a folder, with the files that they lead to.
type Names = BTreeMap<String, usize>;

#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: Names,
    /// The names on the disk, and the changes of names since.
    synced: Names,
    changes: Vec<Change>,
    step: usize,
    fault: Option<(usize, Fault)>,
    dead: bool,
    steps: Vec<&'static str>,
}

/// A change of the names. The disk knows files by their inodes, and has no renames: the new name may
/// be there without the old one being gone, and the other way round.
#[derive(Clone, Debug)]
enum Change {
    Set(String, usize),
    Remove(String),
}

impl Change {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Set(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

/// A folder in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(RefCell<State>);

impl Disk {
    /// Creates a folder with files that are on the disk.
    pub(super) fn with(files: &[(&str, &[u8])]) -> Self {
        let disk = Self::default();
        for (name, bytes) in files {
            let mut state = disk.0.borrow_mut();
            let inode = state.inodes.len();
            state.inodes.push(Inode {
                bytes: bytes.to_vec(),
                synced: Some(bytes.to_vec()),
                mode: 0o640,
            });
            state.names.insert((*name).to_owned(), inode);
            state.synced = state.names.clone();
        }
        disk
    }

    /// Lets a step, counted from 0, fail.
    pub(super) fn fail_at(self, step: usize, fault: Fault) -> Self {
        self.0.borrow_mut().fault = Some((step, fault));
        self
    }

    /// Returns the names of the steps that were made.
    pub(super) fn steps(&self) -> Vec<&'static str> {
        self.0.borrow().steps.clone()
    }

    /// Returns the same folder for another process.
    pub(super) fn reopen(&self) -> Self {
        let mut state = self.0.borrow().clone();
        (state.step, state.fault, state.dead) = (0, None, false);
        state.steps.clear();
        Self(RefCell::new(state))
    }

    /// Returns every folder that may be found after the power has failed: with any number of the
    /// changes of names since the last sync, and with none, half or all of the bytes that were not
    /// synced.
    pub(super) fn after_power_failure(&self) -> Vec<Self> {
        let state = self.0.borrow();
        let mut found = Vec::new();
        for kept in 0..1_u32 << state.changes.len() {
            for share in 0..3 {
                let mut names = state.synced.clone();
                for (at, change) in state.changes.iter().enumerate() {
                    if kept & 1 << at != 0 {
                        change.apply(&mut names);
                    }
                }
                let inodes = state.inodes.iter().map(|inode| {
                    let half = inode.bytes.len() * share / 2;
                    let lost = inode.bytes[..half].to_vec();
                    let bytes = inode.synced.clone().unwrap_or(lost);
                    Inode {
                        synced: Some(bytes.clone()),
                        bytes,
                        mode: inode.mode,
                    }
                });
                found.push(Self(RefCell::new(State {
                    inodes: inodes.collect(),
                    synced: names.clone(),
                    names,
                    ..State::default()
                })));
            }
        }
        found
    }

    /// Returns the names and the bytes of all files.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.0.borrow();
        let bytes = |inode: &usize| state.inodes[*inode].bytes.clone();
        let files = state.names.iter();
        files
            .map(|(name, inode)| (name.clone(), bytes(inode)))
            .collect()
    }

    /// Makes a step. `halfway` is `true` if the step is to fail after half of its work.
    fn step<T>(
        &self,
        name: &'static str,
        make: impl FnOnce(&mut State, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.0.borrow_mut();
        if state.dead {
            return Err(io::Error::other("killed"));
        }
        state.steps.push(name);
        let step = state.step;
        state.step += 1;
        let fault = state.fault.filter(|(at, _)| *at == step);
        match fault.map(|(_, fault)| fault) {
            None => make(&mut state, false),
            Some(Fault::Fails(kind)) => Err(kind.into()),
            Some(Fault::FailsHalfway(kind)) => {
                make(&mut state, true)?;
                Err(kind.into())
            }
            Some(Fault::Killed) => {
                state.dead = true;
                Err(io::Error::other("killed"))
            }
            Some(Fault::KilledHalfway) => {
                let _ = make(&mut state, true);
                state.dead = true;
                Err(io::Error::other("killed"))
            }
        }
    }
}

impl State {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }
}

impl Folder for Disk {
    type Temporary = usize;
    type Lock = ();

    fn lock(&self) -> io::Result<()> {
        self.step("lock", |_, _| Ok(()))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        self.step("names", |state, _| {
            Ok(state.names.keys().cloned().collect())
        })
    }

    fn read(&self, name: &str) -> Result<Opened, FileFault> {
        let inode = self.step("read", |state, _| {
            let inode = state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
            Ok(state.inodes[*inode].clone())
        })?;
        Ok(Opened {
            bytes: inode.bytes,
            mode: inode.mode,
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.step("remove", |state, _| {
            if !state.names.contains_key(name) {
                return Err(io::ErrorKind::NotFound.into());
            }
            state.change(Change::Remove(name.to_owned()));
            Ok(())
        })
    }

    fn create(&self, name: &str) -> io::Result<usize> {
        self.step("create", |state, _| {
            if state.names.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let inode = state.inodes.len();
            state.inodes.push(Inode {
                mode: 0o600,
                ..Inode::default()
            });
            state.change(Change::Set(name.to_owned(), inode));
            Ok(inode)
        })
    }

    fn write(&self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        let file = *file;
        self.step("write", |state, halfway| {
            let end = if halfway {
                bytes.len() / 2
            } else {
                bytes.len()
            };
            state.inodes[file].bytes.extend_from_slice(&bytes[..end]);
            Ok(())
        })
    }

    fn set_mode(&self, file: &usize, mode: u32) -> io::Result<()> {
        self.step("set_mode", |state, _| {
            state.inodes[*file].mode = mode;
            Ok(())
        })
    }

    fn sync_file(&self, file: &usize) -> io::Result<()> {
        self.step("sync_file", |state, halfway| {
            let inode = &mut state.inodes[*file];
            let end = if halfway {
                inode.bytes.len() / 2
            } else {
                inode.bytes.len()
            };
            inode.synced = Some(inode.bytes[..end].to_vec());
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step("rename", |state, _| {
            let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
            state.change(Change::Set(to.to_owned(), inode));
            state.change(Change::Remove(from.to_owned()));
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.step("sync", |state, halfway| {
            if !halfway {
                state.synced = state.names.clone();
                state.changes.clear();
            }
            Ok(())
        })
    }
}
