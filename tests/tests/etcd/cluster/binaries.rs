//! Finds etcd and etcdctl.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The programs of one version of etcd.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    pub(crate) etcd: PathBuf,
    pub(crate) etcdctl: PathBuf,
    /// The version, such as `3.4.23`.
    pub(crate) version: String,
    /// Whether etcd can leave out fsync, which makes tests faster and spares the disk.
    pub(crate) no_fsync: bool,
    /// Whether `setpriv` can end etcd when this program is killed.
    pub(crate) setpriv: bool,
}

impl Binaries {
    /// Returns the programs in the folder `ETCD_BIN_DIR`, or those on the PATH. Returns `None`, and says
    /// that the test is skipped, if there are none and `LOCALMAP_NEED_ETCD` is not set.
    pub(crate) fn find() -> Option<Self> {
        static FOUND: OnceLock<Option<Binaries>> = OnceLock::new();
        let found = FOUND.get_or_init(Self::look);
        if found.is_none() {
            assert!(
                env::var_os("LOCALMAP_NEED_ETCD").is_none(),
                "etcd and etcdctl are neither on the PATH nor in ETCD_BIN_DIR"
            );
            eprintln!("skipped: there is no etcd here");
        }
        found.clone()
    }

    fn look() -> Option<Self> {
        let folder = env::var_os("ETCD_BIN_DIR").map(PathBuf::from);
        let path = |name: &str| match &folder {
            Some(folder) => folder.join(name),
            None => PathBuf::from(name),
        };
        let (etcd, etcdctl) = (path("etcd"), path("etcdctl"));
        let version = output(&etcd, "--version")?;
        output(&etcdctl, "version")?;
        let version = version.strip_prefix("etcd Version: ")?.lines().next()?;
        Some(Self {
            version: version.trim().to_owned(),
            no_fsync: output(&etcd, "--help")
                .is_some_and(|help| help.contains("--unsafe-no-fsync")),
            setpriv: output("setpriv", "--help").is_some_and(|help| help.contains("--pdeathsig")),
            etcd,
            etcdctl,
        })
    }
}

/// Returns what a program prints, on both of its outputs, if it can be started.
fn output(program: impl Into<PathBuf>, argument: &str) -> Option<String> {
    let ran = Command::new(program.into())
        .arg(argument)
        .env("ETCDCTL_API", "3")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
}
