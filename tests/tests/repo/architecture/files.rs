//! The files of each crate use one another in one direction: there is no circle of files.

use super::paths::{named_children, paths};
use localmap_tests::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The crates whose files are looked at, and the file at the root of each. The engine is not
/// among them, as files below that of its map have methods of the map; nor are the client and
/// `localmap-abi`, whose files use what stands at their roots.
const CRATES: [(&str, &str); 11] = [
    ("guest/keyvalue", "lib"),
    ("guest/map", "lib"),
    ("host/localmap", "lib"),
    ("host/schema", "lib"),
    ("host/telemetry", "lib"),
    ("host/mirror", "lib"),
    ("host/lease", "lib"),
    ("host/serve", "lib"),
    ("host/sidecar", "lib"),
    ("host/sidecar-client", "lib"),
    ("host/cli", "main"),
];

/// The modules of a crate that are files, by their paths from the root, and their texts.
type Sources = BTreeMap<Vec<String>, String>;

/// Each module, and the modules that it uses.
type Uses = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// Reads the file at the root and all below it. Other files are there to be copied.
fn sources(name: &str, root_file: &str) -> Sources {
    let folder = root().join(name).join("src");
    let mut sources = Sources::new();
    let text = fs::read_to_string(folder.join(root_file).with_extension("rs")).expect("a root");
    sources.insert(Vec::new(), text);
    walk(&folder, &[], &mut sources);
    sources
}

fn walk(folder: &Path, module: &[String], sources: &mut Sources) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let module = [module, &[name.into_owned()]].concat();
        let parent = &module[..module.len() - 1];
        let file = path.extension().is_some_and(|kind| kind == "rs");
        if path.is_dir() {
            // A folder without a file of its name is not a module.
            if path.with_extension("rs").is_file() {
                walk(&path, &module, sources);
            }
        } else if file && !(parent.is_empty() && (module[0] == "lib" || module[0] == "main")) {
            let text = fs::read_to_string(&path).expect("a source");
            sources.insert(module, text);
        }
    }
}

/// Returns which file uses which: by a path that begins with `crate` or `super`, or with the
/// name of a module below it. The file at the root is what users see, and only begins paths.
fn uses(sources: &Sources) -> Uses {
    let mut all = Uses::new();
    for (module, text) in sources {
        let names: Vec<&str> = module.iter().map(String::as_str).collect();
        let paths = paths(text, &names);
        let used = paths.iter().map(|path| file_of(path, sources));
        let below = named_children(text).into_iter();
        let below = below
            .map(|child| [module.clone(), vec![child]].concat())
            .filter(|child| sources.contains_key(child));
        let used = used.chain(below).filter(|used| used != module);
        all.insert(module.clone(), used.collect());
    }
    all
}

/// Returns the file that a path leads to: the longest part of it that is one.
fn file_of(path: &[String], sources: &Sources) -> Vec<String> {
    let parts = (0..=path.len()).rev().map(|len| &path[..len]);
    let mut files = parts.filter(|part| sources.contains_key(*part));
    files.next().expect("the root is a file").to_vec()
}

/// Returns a circle, if there is one: its first file comes again at its end.
fn circle(uses: &Uses) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    for from in uses.keys() {
        let mut way = Vec::new();
        if let Some(circle) = search(from, uses, &mut way, &mut done) {
            return Some(circle.iter().map(|module| module.join("::")).collect());
        }
    }
    None
}

fn search<'a>(
    from: &'a Vec<String>,
    uses: &'a Uses,
    way: &mut Vec<&'a Vec<String>>,
    done: &mut BTreeSet<&'a Vec<String>>,
) -> Option<Vec<&'a Vec<String>>> {
    if let Some(at) = way.iter().position(|before| *before == from) {
        return Some([&way[at..], &[from]].concat());
    }
    if done.contains(from) {
        return None;
    }
    way.push(from);
    for used in &uses[from] {
        let found = search(used, uses, way, done);
        if found.is_some() {
            return found;
        }
    }
    way.pop();
    done.insert(from);
    None
}

#[test]
fn no_crate_has_a_circle_of_files() {
    for (name, root_file) in CRATES {
        let sources = sources(name, root_file);
        assert!(sources.len() > 1, "{name}");
        if let Some(circle) = circle(&uses(&sources)) {
            panic!("{name}: {}", circle.join(" -> "));
        }
    }
}

/// The circle that the command line had.
#[test]
fn a_circle_is_found() {
    let file = |module: &[&str], text: &str| {
        let module = module.iter().map(|name| (*name).to_owned()).collect();
        (module, text.to_owned())
    };
    let mut sources = Sources::from([
        file(&[], "mod run; fn main() { run::run() }"),
        file(
            &["run"],
            "mod app; mod watchdog; use app::{Ended, RunConfig};",
        ),
        file(&["run", "app"], "use super::watchdog::Watchdog;"),
        file(&["run", "watchdog"], "use super::report_stats;"),
    ]);
    let found = circle(&uses(&sources)).expect("a circle");
    assert_eq!(found, ["run", "run::app", "run::watchdog", "run"]);
    sources.extend([file(&["run", "watchdog"], "use std::sync::mpsc;")]);
    assert_eq!(circle(&uses(&sources)), None);
}
