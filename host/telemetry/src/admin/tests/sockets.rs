use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("localmap-admin-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    fn address(&self) -> AdminAddress {
        let path = self.0.join("admin.sock");
        let address = format!("unix:{}", path.display());
        address.parse().expect("an address")
    }

    fn len(&self) -> usize {
        fs::read_dir(&self.0).expect("a folder").count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_unix_socket_is_private_and_leaves_nothing() {
    let folder = Folder::new("private");
    let address = folder.address();
    let path = address.unix().expect("a path").to_owned();
    let telemetry = Telemetry::new(TelemetryOptions::new());
    let server = AdminServer::bind(&address, &telemetry).expect("a server");
    assert_eq!(server.local_addr(), &address);
    let found = fs::metadata(&path).expect("a socket");
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(folder.len(), 1);

    let mut stream = UnixStream::connect(&path).expect("a connection");
    let request = b"GET /stats HTTP/1.1\r\nhost: any.example\r\nconnection: close\r\n\r\n";
    stream.write_all(request).expect("written");
    assert!(read(&mut stream).is(200));

    let second = AdminServer::bind(&address, &telemetry).expect_err("it is in use");
    assert!(matches!(second, AdminError::InUse { .. }), "{second}");
    assert!(UnixStream::connect(&path).is_ok(), "the first one goes on");
    drop(server);
    assert_eq!(folder.len(), 0);
}

#[test]
fn only_a_socket_on_which_nobody_listens_is_replaced() {
    let folder = Folder::new("stale");
    let address = folder.address();
    let path = address.unix().expect("a path").to_owned();
    let telemetry = Telemetry::new(TelemetryOptions::new());
    fs::write(&path, "a file").expect("written");
    let file = AdminServer::bind(&address, &telemetry).expect_err("a file");
    assert!(matches!(file, AdminError::NotASocket { .. }), "{file}");
    assert_eq!(fs::read(&path).expect("a file"), b"a file");
    fs::remove_file(&path).expect("removed");

    drop(UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists());
    let server = AdminServer::bind(&address, &telemetry).expect("a server");
    assert!(UnixStream::connect(&path).is_ok());

    // A socket of the same name that is another one is not removed.
    fs::remove_file(&path).expect("removed");
    let _other = UnixListener::bind(&path).expect("a socket");
    drop(server);
    assert!(path.exists());

    let missing = folder.0.join("absent/admin.sock");
    let missing: AdminAddress = format!("unix:{}", missing.display())
        .parse()
        .expect("an address");
    let error = AdminServer::bind(&missing, &telemetry).expect_err("no folder");
    assert!(matches!(error, AdminError::Listen { .. }), "{error}");
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_called_so() {
    use std::error::Error;

    let folder = Folder::new("long");
    let telemetry = Telemetry::new(TelemetryOptions::new());
    for len in [96, 104, 106, 108, 200] {
        let path = folder.0.join("s");
        let fill = "s".repeat(len - (path.as_os_str().len() - 1));
        let address = format!("unix:{}", folder.0.join(fill).display());
        let address = address.parse().expect("an address");
        match AdminServer::bind(&address, &telemetry) {
            Ok(_) => assert!(len < 108),
            Err(error) => {
                let source = error.source().map(ToString::to_string);
                let is_so = source.is_some_and(|source| source.contains("too long for a socket"));
                assert!(len > 96 && is_so, "{len}: {error}");
            }
        }
        assert_eq!(folder.len(), 0);
    }
}

#[test]
fn what_others_have_put_next_to_a_socket_stays() {
    let (folder, other) = (Folder::new("planted"), Folder::new("other"));
    fs::write(other.0.join("s"), "of others").expect("a file");
    let planted = folder.0.join(format!(".{}", std::process::id()));
    std::os::unix::fs::symlink(&other.0, planted).expect("a link");
    let telemetry = Telemetry::new(TelemetryOptions::new());
    let server = AdminServer::bind(&folder.address(), &telemetry).expect("a server");
    drop(server);
    assert_eq!((folder.len(), other.len()), (1, 1));
}
