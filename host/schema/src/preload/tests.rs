//! Preloads into real folders: links, pipes, devices, sizes, modes and faults.

use super::*;
use crate::{LoadError, load};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use tempfile::TempDir;

const SCHEMA: &str =
    "format = 1\nversion = { min = 5, max = 7 }\n[[entry]]\nkey = \"k\"\nvalue = \"v\"\n";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn options() -> PreloadOptions {
    PreloadOptions::new()
}

fn from_text(
    text: &str,
    dest: &Path,
    options: &PreloadOptions,
) -> Result<PreloadOutcome, PreloadError> {
    preload(Source::Reader(&mut text.as_bytes()), dest, options)
}

fn from_file(path: &Path, dest: &Path) -> Result<PreloadOutcome, PreloadError> {
    preload(Source::File(path), dest, &options())
}

/// Returns an error with its causes, without the name of a folder.
fn text(error: impl std::error::Error, folder: &TempDir) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text.replace(&folder.path().display().to_string(), "DIR")
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = names
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_preloaded_is_loaded() {
    let dest = folder();
    let done = from_text(SCHEMA, dest.path(), &options()).expect("it fits");
    assert!(done.written);
    let loaded = load(dest.path(), None).expect("it is there");
    assert_eq!(loaded, done.preloaded);
    assert_eq!(loaded.source(), SCHEMA.as_bytes());
    assert_eq!(loaded.digest(), Digest::of(SCHEMA.as_bytes()));
    assert_eq!(names(dest.path()), [FILE_NAME]);
}

#[test]
fn a_second_run_with_the_same_digest_does_nothing() {
    let dest = folder();
    let file = dest.path().join(FILE_NAME);
    from_text(SCHEMA, dest.path(), &options()).expect("it fits");
    let before = fs::metadata(&file).expect("a file");
    let again = from_text(SCHEMA, dest.path(), &options()).expect("it fits");
    assert!(!again.written);
    let after = fs::metadata(&file).expect("a file");
    assert_eq!(
        (before.ino(), before.ctime_nsec()),
        (after.ino(), after.ctime_nsec())
    );
    let other = SCHEMA.replace("\"v\"", "\"w\"");
    assert!(
        from_text(&other, dest.path(), &options())
            .expect("it fits")
            .written
    );
    assert_ne!(fs::metadata(&file).expect("a file").ino(), before.ino());
}

#[test]
fn the_mode_is_what_was_asked_for_whatever_the_umask() {
    let dest = folder();
    let mode = || {
        fs::metadata(dest.path().join(FILE_NAME))
            .expect("a file")
            .mode()
            & 0o7777
    };
    from_text(SCHEMA, dest.path(), &options()).expect("it fits");
    assert_eq!(mode(), 0o640);
    for other in [0o444, 0o666, 0o600] {
        let done = from_text(SCHEMA, dest.path(), &options().mode(other)).expect("it fits");
        assert!(done.written);
        assert_eq!(mode(), other);
    }
}

#[test]
fn an_entries_file_is_read_next_to_the_schema_or_where_it_is_said_to_be() {
    let (source, dest) = (folder(), folder());
    let entries = "[[entry]]\nkey = \"a\"\nvalue = \"1\"\n";
    let digest = Digest::of(entries.as_bytes());
    let schema = format!(
        "format = 1\nversion = 1\nentries = {{ file = \"entries.toml\", sha256 = \"{digest}\" }}\n"
    );
    let path = source.path().join("schema.toml");
    fs::write(&path, &schema).expect("a file");
    let missing = from_file(&path, dest.path()).expect_err("there are no entries");
    assert_eq!(
        text(missing, &source),
        "the file of entries `DIR/entries.toml` does not exist"
    );
    let beside = source.path().join("entries.toml");
    fs::write(&beside, entries).expect("a file");
    let done = from_file(&path, dest.path()).expect("it fits");
    assert_eq!(done.preloaded.entries_source(), Some(entries.as_bytes()));
    assert_eq!(
        load(dest.path(), None)
            .expect("it is there")
            .schema()
            .entries()
            .len(),
        1
    );
    let named = options().entries(&beside);
    assert!(
        !from_text(&schema, dest.path(), &named)
            .expect("it fits")
            .written
    );
    let missing = from_text(&schema, dest.path(), &options()).expect_err("there are no entries");
    assert_eq!(
        text(missing, &source),
        "cannot use the schema from the standard input: the schema names the file of entries \
         `entries.toml`, which is missing: give its path with `--entries`"
    );
    fs::write(&beside, "entry = []").expect("a file");
    let changed = from_file(&path, dest.path()).expect_err("another digest");
    assert!(text(changed, &source).contains("the file of entries `entries.toml` has the sha256 "));
    let unknown = from_text(SCHEMA, dest.path(), &named).expect_err("the schema names none");
    assert!(text(unknown, &source).contains("the schema names no file of entries"));
}

/// As Kubernetes shows a ConfigMap.
#[test]
fn a_source_may_be_a_link_within_its_folder_and_none_that_leads_out() {
    let (source, dest) = (folder(), folder());
    let data = source.path().join("..2026_11_29");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("schema.toml"), SCHEMA).expect("a file");
    symlink("..2026_11_29", source.path().join("..data")).expect("a link");
    let link = source.path().join("schema.toml");
    symlink("..data/schema.toml", &link).expect("a link");
    from_file(&link, dest.path()).expect("it leads to a file");

    let outside = source.path().join("inner");
    fs::create_dir(&outside).expect("a folder");
    let link = outside.join("schema.toml");
    symlink("../..data/schema.toml", &link).expect("a link");
    let error = from_file(&link, dest.path()).expect_err("it leads out");
    assert_eq!(
        text(error, &source),
        "the schema `DIR/inner/schema.toml` is a symbolic link that does not lead to a file in its \
         folder: name the file itself, or use `-` and the standard input for a pipe"
    );

    // As the shell names a pipe.
    let error = from_file(Path::new("/dev/fd/0"), dest.path()).expect_err("it may be anything");
    assert!(text(error, &source).contains("use `-` and the standard input"));
}

#[test]
fn a_source_that_is_no_file_is_refused_at_once() {
    let (source, dest) = (folder(), folder());
    let pipe = source.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("mkfifo")
            .success()
    );
    for (path, what) in [
        (pipe.as_path(), "a device, a pipe or a socket"),
        (Path::new("/dev/zero"), "a device, a pipe or a socket"),
        (source.path(), "a folder"),
        (Path::new("/"), "a folder"),
    ] {
        let error = from_file(path, dest.path()).expect_err("it is no file");
        assert!(text(error, &source).contains(&format!("` is {what}, not a regular file")));
    }
    let missing = from_file(&source.path().join("none"), dest.path()).expect_err("it is not there");
    assert_eq!(
        text(missing, &source),
        "the schema `DIR/none` does not exist"
    );
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let (source, dest) = (folder(), folder());
    let path = source.path().join("schema.toml");
    let file = File::create(&path).expect("a file");
    // It takes no room on the disk.
    file.set_len(1 << 40).expect("a large file");
    let error = from_file(&path, dest.path()).expect_err("it is too large");
    assert_eq!(
        text(error, &source),
        "the schema `DIR/schema.toml` is larger than 1MiB: raise `--max-size`, or move entries out of \
         it"
    );
    // A stream is read up to the limit, and no further.
    let mut endless = io::repeat(b'#');
    let error = preload(
        Source::Reader(&mut endless),
        dest.path(),
        &options().max_size(100),
    );
    assert!(matches!(
        error,
        Err(PreloadError::TooLarge { max: 100, .. })
    ));
    for (max, fits) in [
        (SCHEMA.len() as u64, true),
        (SCHEMA.len() as u64 - 1, false),
    ] {
        let done = from_text(SCHEMA, dest.path(), &options().max_size(max));
        assert_eq!(done.is_ok(), fits);
    }
}

#[test]
fn a_digest_is_compared_before_anything_is_parsed() {
    let dest = folder();
    let digest = Digest::of(SCHEMA.as_bytes());
    from_text(SCHEMA, dest.path(), &options().sha256(digest)).expect("its own digest");
    let error = from_text("no schema", dest.path(), &options().sha256(digest));
    assert!(matches!(error, Err(PreloadError::Digest { .. })));
}

#[test]
fn versions_are_compared_before_anything_is_written() {
    let dest = folder();
    for (accepted, age) in [("8", "older"), ("..4", "newer")] {
        let accepted = accepted.parse().expect("a range");
        let error = from_text(SCHEMA, dest.path(), &options().version(accepted));
        let error = text(error.expect_err("another version"), &dest);
        assert_eq!(
            error,
            format!(
                "the schema from the standard input serves version 5..7, which is {age} than {accepted}"
            )
        );
        assert!(names(dest.path()).is_empty());
    }
    let accepted = "7..9".parse().expect("a range");
    from_text(SCHEMA, dest.path(), &options().version(accepted)).expect("it serves 7");
}

#[test]
fn the_folder_must_be_a_real_one() {
    let base = folder();
    let real = base.path().join("real");
    fs::create_dir(&real).expect("a folder");
    let link = base.path().join("link");
    symlink(&real, &link).expect("a link");
    fs::write(base.path().join("file"), "").expect("a file");
    for (path, why) in [
        (
            link.clone(),
            "it is a symbolic link: name the folder to which it leads",
        ),
        (
            link.join(""),
            "it is a symbolic link: name the folder to which it leads",
        ),
        (
            link.join("."),
            "it is a symbolic link: name the folder to which it leads",
        ),
        (
            real.join("..").join("real"),
            "its path has a `..`: write the path without it",
        ),
        (
            base.path().join("none"),
            "it does not exist: create it, or mount a volume there",
        ),
        (base.path().join("file"), "it is not a folder"),
        (
            PathBuf::new(),
            "it does not exist: create it, or mount a volume there",
        ),
    ] {
        let error = from_text(SCHEMA, &path, &options()).expect_err("no folder");
        let error = text(error, &base);
        assert!(error.ends_with(why), "{}: {error}", path.display());
        assert!(load(&path, None).is_err());
    }
    assert!(names(&real).is_empty());
    // What leads to the folder may be a link, such as /var/run.
    fs::create_dir(real.join("inner")).expect("a folder");
    from_text(SCHEMA, &link.join("inner"), &options()).expect("a real folder");
}

#[test]
fn what_is_in_the_way_of_the_file_is_refused_and_left_alone() {
    let base = folder();
    let secret = base.path().join("secret");
    fs::write(&secret, "untouched").expect("a file");
    type Make = fn(&Path, &Path);
    let cases: [(&str, Make); 3] = [
        ("a symbolic link", |secret, name| {
            symlink(secret, name).expect("a link");
        }),
        ("a folder", |_, name| {
            fs::create_dir(name).expect("a folder");
        }),
        ("a device, a pipe or a socket", |_, name| {
            assert!(
                Command::new("mkfifo")
                    .arg(name)
                    .status()
                    .expect("mkfifo")
                    .success()
            );
        }),
    ];
    for (kind, make) in cases {
        let dest = folder();
        make(&secret, &dest.path().join(FILE_NAME));
        let error = from_text(SCHEMA, dest.path(), &options()).expect_err("in the way");
        assert_eq!(
            text(error, &dest),
            format!("cannot write into DIR: its `{FILE_NAME}` is {kind}: remove it")
        );
        let error = load(dest.path(), None).expect_err("no file");
        assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
        assert_eq!(names(dest.path()), [FILE_NAME]);
    }
    // A link in the place of the temporary file is removed, not followed.
    let dest = folder();
    symlink(&secret, dest.path().join(".localmap-schema.new")).expect("a link");
    from_text(SCHEMA, dest.path(), &options()).expect("it is stale");
    assert_eq!(names(dest.path()), [FILE_NAME]);
    assert_eq!(fs::read_to_string(&secret).expect("a file"), "untouched");
}

#[test]
fn what_an_earlier_run_left_is_removed() {
    let dest = folder();
    fs::write(dest.path().join(".localmap-schema.new"), "half a sch").expect("a file");
    fs::write(dest.path().join("another"), "").expect("a file");
    from_text(SCHEMA, dest.path(), &options()).expect("it fits");
    assert_eq!(names(dest.path()), ["another", FILE_NAME]);
}

/// Readers see one of the files that were written, and never anything else.
#[test]
fn several_preloads_and_readers_at_a_time_see_whole_files() {
    let dest = folder();
    let schemas: Vec<String> = (0..4)
        .map(|at| format!("format = 1\nversion = {at}\n# {}\n", "x".repeat(at << 12)))
        .collect();
    from_text(&schemas[0], dest.path(), &options()).expect("it fits");
    std::thread::scope(|scope| {
        for schema in &schemas {
            scope.spawn(|| {
                for _ in 0..20 {
                    from_text(schema, dest.path(), &options()).expect("it fits");
                }
            });
        }
        for _ in 0..200 {
            let loaded = load(dest.path(), None).expect("a whole file");
            assert!(
                schemas
                    .iter()
                    .any(|schema| schema.as_bytes() == loaded.source())
            );
        }
    });
    assert_eq!(names(dest.path()), [FILE_NAME]);
}

#[test]
fn a_schema_that_cannot_be_used_says_why_and_what_to_do() {
    let dest = folder();
    let kind = |error: LoadError| match error {
        LoadError::Missing { .. } => "missing",
        LoadError::Newer { .. } => "newer",
        LoadError::Older { .. } => "older",
        LoadError::Damaged { .. } => "damaged",
        LoadError::Unreadable { .. } => "unreadable",
    };
    let found = |accepted: Option<&str>| {
        let accepted = accepted.map(|range| range.parse().expect("a range"));
        load(dest.path(), accepted.as_ref())
            .map(|_| "fits")
            .unwrap_or_else(kind)
    };
    assert_eq!(found(None), "missing");
    from_text(SCHEMA, dest.path(), &options()).expect("it fits");
    let file = dest.path().join(FILE_NAME);
    assert_eq!(found(None), "fits");
    assert_eq!(found(Some("6")), "fits");
    assert_eq!(found(Some("8")), "older");
    assert_eq!(found(Some("4")), "newer");
    let whole = fs::read(&file).expect("a file");
    for (bytes, expected) in [
        (&whole[..whole.len() - 1], "damaged"),
        (b"", "damaged"),
        (SCHEMA.as_bytes(), "damaged"),
        (
            b"# localmap schema, written by preload, layout 2: whatever\n",
            "newer",
        ),
    ] {
        fs::write(&file, bytes).expect("a file");
        assert_eq!(found(None), expected);
    }
    let contents = |schema: &str| Contents {
        schema: schema.as_bytes().to_vec(),
        entries: None,
    };
    for (schema, expected) in [
        ("format = 2\nwhatever = 1", "newer"),
        ("format = 1\nversion = 1\nunknown = 1", "damaged"),
    ] {
        fs::write(&file, layout::encode(&contents(schema))).expect("a file");
        assert_eq!(found(None), expected);
    }
    fs::set_permissions(&file, Permissions::from_mode(0o000)).expect("a mode");
    // To root, everything is readable.
    if File::open(&file).is_err() {
        assert_eq!(found(None), "unreadable");
    }
    let file = File::create(dest.path().join("large")).expect("a file");
    file.set_len(1 << 40).expect("a large file");
    fs::rename(dest.path().join("large"), dest.path().join(FILE_NAME)).expect("a file");
    assert_eq!(found(None), "damaged");
}
