use super::*;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::{UnixListener as StdListener, UnixStream};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("localmap-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| {
            let name = entry.expect("an entry").file_name();
            name.to_string_lossy().into_owned()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").mode() & 0o777
}

#[tokio::test]
async fn a_socket_has_its_mode_and_leaves_only_its_lock() {
    let folder = Folder::new("mode");
    let path = folder.0.join("map.sock");
    for wanted in [0o600, 0o660, 0o666, 0o777, 0o000] {
        let socket = Socket::bind(&path, wanted).expect("a socket");
        assert_eq!(mode(&path), wanted, "{wanted:o}");
        assert_eq!(folder.names(), ["map.sock", "map.sock.lock"]);
        drop(socket);
        assert_eq!(folder.names(), ["map.sock.lock"]);
    }
}

#[tokio::test]
async fn a_second_server_is_told_of_the_first_one() {
    let folder = Folder::new("second");
    let path = folder.0.join("map.sock");
    let first = Socket::bind(&path, 0o600).expect("a socket");
    let second = Socket::bind(&path, 0o600).expect_err("it is served");
    assert!(matches!(second, SocketError::Served { .. }), "{second:?}");
    UnixStream::connect(&path).expect("the first one is still there");
    drop(first);
    Socket::bind(&path, 0o600).expect("it is free");
}

#[tokio::test]
async fn stale_sockets_are_replaced_and_those_in_use_are_not() {
    let folder = Folder::new("stale");
    let path = folder.0.join("map.sock");
    let other = StdListener::bind(&path).expect("a socket");
    let refused = Socket::bind(&path, 0o600).expect_err("it is in use");
    assert!(matches!(refused, SocketError::InUse { .. }), "{refused:?}");
    UnixStream::connect(&path).expect("it is as it was");
    drop(other);
    // One that was not renamed is left, too.
    drop(StdListener::bind(folder.0.join("map.sock.new")).expect("a socket"));
    let socket = Socket::bind(&path, 0o600).expect("it is stale");
    UnixStream::connect(&path).expect("it is served");
    drop(socket);
    assert_eq!(folder.names(), ["map.sock.lock"]);
}

#[tokio::test]
async fn what_is_no_socket_stays() {
    let folder = Folder::new("foreign");
    let path = folder.0.join("map.sock");
    for place in [path.clone(), folder.0.join("map.sock.new")] {
        let refused = || {
            let error = Socket::bind(&path, 0o600).expect_err("it is no socket");
            assert!(matches!(error, SocketError::NotASocket { .. }), "{error:?}");
        };
        fs::write(&place, "precious").expect("a file");
        refused();
        assert_eq!(fs::read(&place).expect("the file"), b"precious");
        fs::remove_file(&place).expect("a file");
        fs::create_dir(&place).expect("a folder");
        refused();
        fs::remove_dir(&place).expect("a folder");
        // A link is not followed.
        symlink(folder.0.join("absent"), &place).expect("a link");
        refused();
        fs::remove_file(&place).expect("a link");
    }
}

#[tokio::test]
async fn another_file_of_the_same_name_is_not_removed() {
    let folder = Folder::new("other");
    let path = folder.0.join("map.sock");
    let socket = Socket::bind(&path, 0o600).expect("a socket");
    fs::remove_file(&path).expect("a file");
    let other = StdListener::bind(&path).expect("a socket");
    drop(socket);
    UnixStream::connect(&path).expect("it is the other's");
    drop(other);
}

#[tokio::test]
async fn paths_have_up_to_107_bytes() {
    let folder = Folder::new("long");
    for len in [102, 103, 104, 107] {
        let missing = len - folder.0.as_os_str().len() - 1;
        let path = folder.0.join("s".repeat(missing));
        let socket = Socket::bind(&path, 0o600).unwrap_or_else(|error| panic!("{len}: {error}"));
        UnixStream::connect(&path).expect("it is served");
        assert_eq!(mode(&path), 0o600);
        drop(socket);
    }
    let path = folder
        .0
        .join("s".repeat(108 - folder.0.as_os_str().len() - 1));
    let error = Socket::bind(&path, 0o600).expect_err("it is too long");
    assert!(matches!(error, SocketError::PathTooLong { len: 108 }));
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_refused() {
    let folder = Folder::new("nowhere");
    for path in ["/", "..", ""] {
        let error = Socket::bind(Path::new(path), 0o600).expect_err("no name");
        assert!(matches!(error, SocketError::NoName { .. }), "{error:?}");
    }
    let trailing = folder.0.join("map.sock/");
    let error = Socket::bind(&trailing, 0o600).expect_err("no name");
    assert!(matches!(error, SocketError::NoName { .. }), "{error:?}");
    let absent = folder.0.join("absent/map.sock");
    let error = Socket::bind(&absent, 0o600).expect_err("no folder");
    assert!(matches!(error, SocketError::NoFolder { .. }), "{error:?}");
}
