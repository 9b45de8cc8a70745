//! Compares the published JSON Schema with what this crate reads.

mod validator;

use crate::document::{
    Document, EntriesDocument, EntriesFields, EntryFields, LimitFields, PrefixFields,
};
use crate::{JSON_SCHEMA, Schema, SchemaError, bytes, syntax, version};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use validator::is_valid;

/// Files that both accept.
const VALID: &[&str] = &[
    "format = 1\nversion = 0",
    "format = 1\nversion = 4294967295",
    "format = 1\nversion = { min = 5, max = 7 }",
    r#"{"$schema": "https://example.com/localmap-schema.json", "format": 1, "version": 1}"#,
    r#"
        format = 1
        version = 7
        [limits]
        max-entries = 4_294_967_295
        max-bytes = "128KiB"
        max-key = 512
        max-value = 1_073_741_824
        default-ttl = "1h 30m"
        utf8-keys = true
        policy = "s3-fifo"
        max-pins = 65_536
    "#,
    r#"
        format = 1
        version = 7
        [limits]
        max-entries = 1
        max-key = 1
        max-value = 0
        policy = "lru"
        max-pins = 0
    "#,
    r#"
        format = 1
        version = 7
        [[prefix]]
        prefix = ""
        type = "bytes"
        [[prefix]]
        prefix = "session:"
        type = "utf-8"
        max-key = 64
        max-value = "4KiB"
        default-ttl = "30m"
        max-ttl = "24h"
        [[prefix]]
        prefix = { hex = "00fF" }
        type = "counter"
        default-ttl = "never"
        [[prefix]]
        prefix = { base64 = "AP8A" }
        max-value = 16
        [[entry]]
        key = "session:demo"
        value = "alice"
        ttl = "1h30m"
        [[entry]]
        key = { hex = "00ff00" }
        value = { base64 = "" }
        ttl = "never"
        [[entry]]
        key = { hex = "00ff01" }
        value = { hex = "0102030405060708" }
        [[entry]]
        key = { hex = "00ff02" }
        value = -9_223_372_036_854_775_808
    "#,
    r#"{"format": 1, "version": 1, "entry": [{"key": "k", "value": 9223372036854775807}]}"#,
];

/// Files that both refuse.
const INVALID: &[&str] = &[
    "{}",
    "[1]",
    "version = 1",
    "format = 1",
    "format = 0\nversion = 1",
    "format = 2\nversion = 1",
    "format = \"1\"\nversion = 1",
    "format = -1\nversion = 1",
    "format = 1.5\nversion = 1",
    "format = 1\nversion = -1",
    "format = 1\nversion = 4294967296",
    "format = 1\nversion = 1.5",
    "format = 1\nversion = \"1\"",
    "format = 1\nversion = []",
    "format = 1\nversion = {}",
    "format = 1\nversion = { min = 1 }",
    "format = 1\nversion = { min = 1, max = 2, step = 1 }",
    "format = 1\nversion = { min = -1, max = 2 }",
    "format = 1\nversion = 1\nother = 1",
    "format = 1\nversion = 1\n\"$schema\" = 1",
    "format = 1\nversion = 1\nlimits = []",
    "format = 1\nversion = 1\nlimits = { max-entries = 0 }",
    "format = 1\nversion = 1\nlimits = { max-entries = 4294967296 }",
    "format = 1\nversion = 1\nlimits = { max-entries = \"1\" }",
    "format = 1\nversion = 1\nlimits = { max-key = 0 }",
    "format = 1\nversion = 1\nlimits = { max-key = 513 }",
    "format = 1\nversion = 1\nlimits = { max-pins = 65537 }",
    "format = 1\nversion = 1\nlimits = { max-pins = -1 }",
    "format = 1\nversion = 1\nlimits = { max-bytes = -1 }",
    "format = 1\nversion = 1\nlimits = { max-bytes = \"1\" }",
    "format = 1\nversion = 1\nlimits = { max-bytes = \"1.5MiB\" }",
    "format = 1\nversion = 1\nlimits = { max-bytes = \"1MiB1KiB\" }",
    "format = 1\nversion = 1\nlimits = { max-value = true }",
    "format = 1\nversion = 1\nlimits = { default-ttl = \"never\" }",
    "format = 1\nversion = 1\nlimits = { default-ttl = 30 }",
    "format = 1\nversion = 1\nlimits = { default-ttl = \"30\" }",
    "format = 1\nversion = 1\nlimits = { default-ttl = \"1.5s\" }",
    "format = 1\nversion = 1\nlimits = { default-ttl = \" 1s\" }",
    "format = 1\nversion = 1\nlimits = { default-ttl = \"1s  2m\" }",
    "format = 1\nversion = 1\nlimits = { utf8-keys = 1 }",
    "format = 1\nversion = 1\nlimits = { policy = \"fifo\" }",
    "format = 1\nversion = 1\nlimits = { max_key = 1 }",
    "format = 1\nversion = 1\nprefix = {}",
    "format = 1\nversion = 1\nprefix = [{}]",
    "format = 1\nversion = 1\nprefix = [{ prefix = 1 }]",
    "format = 1\nversion = 1\nprefix = [{ prefix = [97] }]",
    "format = 1\nversion = 1\nprefix = [{ prefix = \"a\", type = \"text\" }]",
    "format = 1\nversion = 1\nprefix = [{ prefix = \"a\", max-key = 0 }]",
    "format = 1\nversion = 1\nprefix = [{ prefix = \"a\", max-key = 513 }]",
    "format = 1\nversion = 1\nprefix = [{ prefix = \"a\", max-ttl = \"never\" }]",
    "format = 1\nversion = 1\nprefix = [{ prefix = \"a\", default-ttl = \"soon\" }]",
    "format = 1\nversion = 1\nprefix = [{ prefix = \"a\", ttl = \"1s\" }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\" }]",
    "format = 1\nversion = 1\nentry = [{ value = \"a\" }]",
    "format = 1\nversion = 1\nentry = [{ key = 1, value = \"a\" }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = 1.5 }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = {} }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = { hex = \"0\" } }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = { hex = \"0x00\" } }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = { base64 = \"AP8\" } }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = { base64 = \"A-8=\" } }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = { hex = \"\", base64 = \"\" } }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = { text = \"\" } }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = \"a\", ttl = 1 }]",
    "format = 1\nversion = 1\nentry = [{ key = \"a\", value = \"a\", ttl = \"default\" }]",
    "format = 1\nversion = 1\nentries = { file = \"a\" }",
    "format = 1\nversion = 1\nentries = { file = \"a\", sha256 = \"00\" }",
    r#"{"format": 1, "version": 1, "entry": [{"key": "k", "value": 9223372036854775808}]}"#,
    r#"{"format": 1, "version": null}"#,
];

/// Files whose fields have the right form, but do not fit each other, and what this crate says.
const MEANINGLESS: &[(&str, &str)] = &[
    (
        "version = { min = 7, max = 5 }",
        "line 2, column 11: `min` is greater than `max`",
    ),
    (
        "version = 1\nlimits = { max-bytes = \"127KiB\" }",
        "limits: `max-bytes` is 130048: use 131072 to 18446744073709551615",
    ),
    (
        "version = 1\nlimits = { max-value = \"2GiB\" }",
        "limits: `max-value` is 2147483648: use 0 to 1073741824",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a\" }, { prefix = { hex = \"61\" } }]",
        "prefixes: \"a\" occurs twice",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"abc\", max-key = 2 }]",
        "prefix 1 (\"abc\"): it has 3 bytes, but `max-key` is 2, so that no key could begin with it",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a\", max-key = 129 }]",
        "prefix 1 (\"a\"): `max-key` is 129, but the maps accept keys of up to 128 bytes: lower it, \
         or raise `max-key` in `limits`",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a\", max-value = \"2MiB\" }]",
        "prefix 1 (\"a\"): `max-value` is 2MiB, but the maps accept values of up to 1MiB: lower it, \
         or raise `max-value` in `limits`",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a\", type = \"counter\", max-value = 7 }]",
        "prefix 1 (\"a\"): `max-value` is 7, but a counter has 8 bytes",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a\", default-ttl = \"2s\", max-ttl = \"1s\" }]",
        "prefix 1 (\"a\"): `default-ttl` is 2s, but `max-ttl` is 1s",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a\", default-ttl = \"never\", max-ttl = \"1s\" }]",
        "prefix 1 (\"a\"): `default-ttl` is never, but `max-ttl` is 1s",
    ),
    (
        "version = 1\nlimits.utf8-keys = true\nprefix = [{ prefix = { hex = \"ff\" } }]",
        "prefix 1 (\"\\xff\"): it is not UTF-8, which `utf8-keys` in `limits` requires of keys",
    ),
    (
        "version = 1\nentry = [{ key = \"a\", value = \"1\" }, { key = \"a\", value = \"1\" }]",
        "entry 2 (\"a\"): its key occurs twice",
    ),
    (
        "version = 1\nentry = [{ key = \"\", value = \"1\" }]",
        "entry 1 (\"\"): the key has 0 bytes: use 1 to 128",
    ),
    (
        "version = 1\nlimits.utf8-keys = true\nentry = [{ key = { hex = \"ff\" }, value = \"\" }]",
        "entry 1 (\"\\xff\"): the key is not UTF-8, which `utf8-keys` in `limits` requires",
    ),
    (
        "version = 1\nlimits.max-value = 1\nentry = [{ key = \"a\", value = \"12\" }]",
        "entry 1 (\"a\"): the value has 2 bytes, but the maps accept at most 1",
    ),
    (
        "version = 1\nlimits.max-entries = 1\nentry = [{ key = \"a\", value = \"\" }, { key = \"b\", value = \"\" }]",
        "entries: 2 do not fit into a map, whose `max-entries` is 1",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a:\" }]\nentry = [{ key = \"b\", value = \"\" }]",
        "entry 1 (\"b\"): the key begins with none of the prefixes",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a\", type = \"counter\" }]\nentry = [{ key = \"a\", value = \"1\" }]",
        "entry 1 (\"a\"): a counter has 8 bytes and the type `counter` (or an increment, the type \
         `bytes`)",
    ),
    (
        "version = 1\nprefix = [{ prefix = \"a\", max-ttl = \"1m\" }]\nentry = [{ key = \"a\", value = \"1\", ttl = \"1h\" }]",
        "entry 1 (\"a\"): the TTL is 1h, and `max-ttl` is 1m",
    ),
    (
        "version = 1\nlimits = { default-ttl = \"0s\" }",
        "line 3, column 26: `0s` is no time: use a text such as \"500ms\", \"30s\" or \"1h 30m\", \
         more than zero and at most 584 years",
    ),
    (
        "version = 1\nentries = { file = \"..\", sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\" }",
        "entries: `file` must be the name of a file next to the schema, without `/`",
    ),
    (
        "version = 1\nentries = { file = \"a\", sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\" }",
        "the schema names the file of entries `a`, which is missing: give its path with `--entries`",
    ),
];

/// Returns a file as JSON, without reading its fields.
fn to_json(file: &str) -> Option<Value> {
    match file.trim_start().starts_with('{') {
        true => serde_json::from_str(file).ok(),
        false => serde_json::to_value(toml::from_str::<toml::Table>(file).ok()?).ok(),
    }
}

fn published() -> Value {
    serde_json::from_str(JSON_SCHEMA).expect("JSON")
}

fn meaningless() -> impl Iterator<Item = (String, &'static str)> {
    let files = MEANINGLESS.iter();
    files.map(|(file, why)| (format!("format = 1\n{file}"), *why))
}

#[test]
fn what_one_accepts_the_other_accepts() {
    let published = published();
    for file in VALID {
        let schema = Schema::parse(file.as_bytes());
        assert!(schema.is_ok(), "{schema:?}: {file}");
        let json = to_json(file).expect("a file");
        assert!(is_valid(&published, &json), "{file}");
    }
    for file in INVALID {
        assert!(Schema::parse(file.as_bytes()).is_err(), "{file}");
        let json = to_json(file).expect("a file");
        assert!(!is_valid(&published, &json), "{file}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let published = published();
    for (file, why) in meaningless() {
        let error = Schema::parse(file.as_bytes()).expect_err(&file);
        assert_eq!(error.to_string().lines().collect::<String>(), why, "{file}");
        let json = to_json(&file).expect("a file");
        assert!(is_valid(&published, &json), "{file}");
    }
}

/// With Python's `jsonschema`, which nobody here has written, if it is installed.
#[test]
fn another_validator_agrees() {
    let invalid = INVALID.iter().map(|file| to_json(file).expect("a file"));
    let valid = VALID.iter().map(|file| to_json(file).expect("a file"));
    let meaningless = meaningless().map(|(file, _)| to_json(&file).expect("a file"));
    let cases = json!({
        "schema": published(),
        "valid": valid.chain(meaningless).collect::<Vec<_>>(),
        "invalid": invalid.collect::<Vec<_>>(),
    });
    let script = "
import json, sys
try:
    from jsonschema import Draft202012Validator as Validator
except ImportError:
    print('none'); sys.exit()
cases = json.load(sys.stdin)
Validator.check_schema(cases['schema'])
validator = Validator(cases['schema'])
for case in cases['valid']: validator.validate(case)
for case in cases['invalid']: assert not validator.is_valid(case), case
print('agrees')
";
    let python = Command::new("python3")
        .args(["-W", "ignore", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        println!("skipped: there is no python3");
        return;
    };
    let mut input = python.stdin.take().expect("a pipe");
    // Without `jsonschema` it reads nothing.
    let _ = input.write_all(cases.to_string().as_bytes());
    drop(input);
    let output = python.wait_with_output().expect("it ends");
    match output.stdout.trim_ascii() {
        b"none" => println!("skipped: python3 has no module jsonschema"),
        other => assert_eq!(other, b"agrees", "{output:?}"),
    }
}

/// Returns the names of the fields of a type, from the error for another name.
fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>(r#"{"no-field": 1}"#).err();
    let error = error.expect("it denies unknown fields").to_string();
    let names = error.split('`').skip(1).step_by(2);
    names
        .filter(|name| *name != "no-field")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_fields_are_those_of_the_types() {
    let published = published();
    let definition = |name: &str| &published["$defs"][name];
    for (object, fields) in [
        (&published, fields::<Document>()),
        (definition("entries-file"), fields::<EntriesDocument>()),
        (definition("limits"), fields::<LimitFields>()),
        (definition("prefix"), fields::<PrefixFields>()),
        (definition("entry"), fields::<EntryFields>()),
        (definition("entries"), fields::<EntriesFields>()),
        (definition("encoded"), fields::<bytes::Encoded>()),
        (definition("range"), fields::<version::Ends>()),
    ] {
        let properties = object["properties"].as_object().expect("an object");
        let properties: BTreeSet<String> = properties.keys().cloned().collect();
        assert_eq!(properties, fields);
        assert_eq!(object["additionalProperties"], false);
    }
}

#[test]
fn fields_that_occur_twice_are_errors_in_both_notations() {
    for file in [
        "format = 1\nversion = 1\nversion = 2",
        "format = 1\nformat = 1\nversion = 1",
        "format = 1\nversion = 1\n[limits]\n[limits]",
        "format = 1\nversion = 1\nlimits = { max-key = 1, max-key = 2 }",
        r#"{"format": 1, "version": 1, "version": 2}"#,
        r#"{"format": 1, "format": 1, "version": 1}"#,
        r#"{"format": 1, "version": 1, "limits": {"max-key": 1, "max-key": 2}}"#,
        r#"{"format": 1, "version": 1, "entry": [{"key": "a", "key": "b", "value": "c"}]}"#,
    ] {
        let error = Schema::parse(file.as_bytes()).expect_err(file);
        assert!(matches!(error, SchemaError::Syntax { .. }), "{error}");
    }
}

#[test]
fn a_file_of_entries_has_entries_alone() {
    let read = |file: &str| syntax::read::<EntriesDocument>(file.as_bytes()).is_ok();
    for (file, valid) in [
        ("entry = []", true),
        ("[[entry]]\nkey = \"a\"\nvalue = \"b\"", true),
        ("format = 1\nentry = []", false),
        ("prefix = []", false),
        ("{}", false),
    ] {
        assert_eq!(read(file), valid, "{file}");
        let mut schema = published();
        let definition = schema["$defs"]["entries-file"].take();
        definition
            .as_object()
            .expect("an object")
            .iter()
            .for_each(|(name, value)| {
                schema[name] = value.clone();
            });
        let json = to_json(file).expect("a file");
        assert_eq!(is_valid(&schema, &json), valid, "{file}");
    }
}

#[test]
fn the_examples_of_the_documentation_are_valid() {
    let Ok(document) = std::fs::read_to_string("../../docs/schema.md") else {
        // A package does not have the documentation.
        return;
    };
    let published = published();
    let mut examples = 0;
    for notation in ["```toml\n", "```json\n"] {
        for rest in document.split(notation).skip(1) {
            let file = rest.split("```").next().expect("an example");
            let schema = Schema::parse(file.as_bytes());
            assert!(schema.is_ok(), "{schema:?}: {file}");
            assert!(
                is_valid(&published, &to_json(file).expect("a file")),
                "{file}"
            );
            examples += 1;
        }
    }
    assert!(examples > 1);
}
