//! The grants of a guest: arguments, variables, folders and streams, and nothing else.

use super::*;

#[test]
fn arguments_behind_the_guest_and_nothing_of_ours() {
    let given = ["args", "--clock", "-W", "--", "-h", "ü"];
    assert_eq!(
        probe(&["--clock", "unix"], &given).run().ok(),
        "[\"--clock\", \"-W\", \"--\", \"-h\", \"ü\"]\n"
    );
}

#[test]
fn environment_variables_by_name_only() {
    let with = probe(
        &["--env", "A=1=2", "--env", "B"],
        &["env", "A", "then", "env", "B"],
    );
    assert_eq!(with.env("B", "ours").run().ok(), "1=2\nours\n");
    let twice = probe(&["--env", "A=1", "--env", "A=2"], &["env", "A"]);
    assert_eq!(twice.run().ok(), "2\n");
    let without = probe(&[], &["env", "B"]).env("B", "ours").run();
    assert_eq!(without.code, Some(1));
}

#[test]
fn folders_by_name_only() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "inside\n").expect("a file");
    let host = folder.path().to_str().expect("UTF-8");
    let file = format!("{host}/file");
    assert_eq!(
        probe(&["--dir", host], &["cat", &file]).run().ok(),
        "inside\n"
    );
    let renamed = format!("{host}::/data");
    assert_eq!(
        probe(&["--dir", &renamed], &["cat", "/data/file"])
            .run()
            .ok(),
        "inside\n"
    );
    for path in [file.as_str(), "/data/../../etc/passwd"] {
        assert_eq!(
            probe(&["--dir", "wit::/data"], &["cat", path]).run().code,
            Some(1)
        );
    }
}

#[test]
fn standard_streams_as_they_come() {
    for options in [&[][..], &["--clock", "unix"]] {
        let mut child = piped(&mut probe(options, &["echo"]).into_command());
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        for line in ["1000000001 first\n", "1000000002 second\n"] {
            stdin.write_all(line.as_bytes()).expect("it reads");
            let mut back = String::new();
            stdout.read_line(&mut back).expect("a line");
            assert_eq!(back, line);
        }
        drop(stdin);
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }
}

#[test]
fn bytes_of_all_kinds_pass_unchanged() {
    let mut bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    bytes.extend([b'x'; 200_000]);
    for options in [&[][..], &["--clock", "clf"]] {
        for command in ["echo", "read-all-then-print"] {
            let finished = probe(options, &[command]).run_with(&bytes);
            finished.ok();
            assert!(finished.stdout == bytes, "{options:?} {command}");
        }
    }
}

/// No option grants them.
#[test]
fn no_sockets() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    for command in [["connect", &address], ["bind", "127.0.0.1:0"]] {
        let finished = probe(&[], &command).run();
        finished.refused(&["denied"]);
    }
    listener.set_nonblocking(true).expect("it can be asked");
    assert!(listener.accept().is_err(), "no connection was made");
}
