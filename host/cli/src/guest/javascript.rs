//! Builds the guest in a folder that holds a module in JavaScript or TypeScript, with jco.

use super::build::{Build, check_interrupted};
use super::built::{self, Inputs};
use super::tools::on_the_path;
use anyhow::{Context, bail};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file that makes a folder a guest in JavaScript.
pub(super) const MANIFEST: &str = "package.json";
/// The folder of its world.
const WIT: &str = "wit";
/// The folder of installed packages.
const PACKAGES: &str = "node_modules";
/// The package that builds guests, and the part of it that reads WIT.
const JCO: &str = "@bytecodealliance/jco";
const SHIM: &str = "@bytecodealliance/preview2-shim";
/// The manifest that `localmap new` writes, with the versions that are tested.
const TEMPLATE: &str = include_str!("../commands/new/template/javascript/package.json");

/// Builds the module in `folder`, unless it has been built since its last change. Returns the path
/// of the component.
pub(super) fn build(folder: &Path, build: Build<'_>) -> anyhow::Result<PathBuf> {
    build.check_unused("a guest in JavaScript")?;
    let folder = std::path::absolute(folder).context("cannot find its absolute path")?;
    let manifest = json(&folder.join(MANIFEST)).context("cannot read its package.json")?;
    let main = main_module(&folder, &manifest)?;
    if !folder.join(WIT).is_dir() {
        bail!(
            "it has {MANIFEST}, but no folder {WIT} with its world; `localmap new --javascript` \
             creates one"
        );
    }
    let jco = find_jco(&folder, &manifest)?;
    let mut inputs = Inputs::default();
    inputs.add(&folder.join(MANIFEST));
    // npm writes this file when it has changed what is installed.
    inputs.add(&folder.join(PACKAGES).join(".package-lock.json"));
    inputs.add(&jco);
    inputs.add_sources(&folder, &KINDS, &|path| path.ends_with(PACKAGES));
    built::component(&folder, "jco", &inputs, |output| {
        componentize(&folder, &main, &jco, output)
    })
}

/// The kinds of files that a component is built from.
const KINDS: [&str; 9] = ["js", "mjs", "cjs", "ts", "mts", "cts", "tsx", "json", "wit"];

/// Returns the module that the manifest names.
fn main_module(folder: &Path, manifest: &Value) -> anyhow::Result<String> {
    let Some(main) = manifest.get("main").and_then(Value::as_str) else {
        bail!("its {MANIFEST} does not name the module of the guest: add \"main\": \"app.js\"");
    };
    if !folder.join(main).is_file() {
        bail!("there is no `{main}`, which its {MANIFEST} names as \"main\"");
    }
    Ok(main.to_owned())
}

/// Finds jco where Node would find it: in the packages of the folder, or of one around it.
fn find_jco(folder: &Path, manifest: &Value) -> anyhow::Result<PathBuf> {
    let script = if cfg!(windows) { "jco.cmd" } else { "jco" };
    let found = folder
        .ancestors()
        .map(|folder| folder.join(PACKAGES).join(".bin").join(script))
        .find(|path| path.is_file());
    let node = if on_the_path("node").is_none() {
        " (that needs Node 20 or newer, from https://nodejs.org; on Debian and Ubuntu, the packages \
         nodejs and npm)"
    } else {
        ""
    };
    match found {
        Some(_) if !node.is_empty() => {
            bail!("Node is not installed, and jco, which builds the guest, is for Node{node}")
        }
        Some(jco) => Ok(jco),
        None => {
            let listed = ["devDependencies", "dependencies"]
                .iter()
                .any(|kind| manifest.get(kind).and_then(|kind| kind.get(JCO)).is_some());
            let fix = if listed {
                "in that folder, run `npm install`".to_owned()
            } else {
                let [jco, shim] = tested();
                format!(
                    "add `\"devDependencies\": {{ \"{JCO}\": \"{jco}\" }}` and `\"overrides\": {{ \
                     \"{SHIM}\": \"{shim}\" }}` to its {MANIFEST}, and in that folder, run `npm \
                     install`"
                )
            };
            bail!("jco, which builds the guest, is not installed; {fix}{node}");
        }
    }
}

/// Builds the module `main` into the file `output`.
fn componentize(folder: &Path, main: &str, jco: &Path, output: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(jco);
    command
        .args(["componentize", main, "--bundle", "--wit", WIT, "--out"])
        .arg(output)
        .current_dir(folder)
        .stdin(Stdio::null());
    if !uses_http(&folder.join(WIT)) {
        // Without these, the engine does not import wasi:http.
        command.args(["--disable", "http", "fetch-event"]);
    }
    let printed = command
        .output()
        .with_context(|| format!("cannot start `{}`", jco.display()))?;
    check_interrupted(printed.status)?;
    if printed.status.success() {
        // It warns of each module of WASI and of the map, because they are not files.
        return Ok(());
    }
    let text = [printed.stdout, printed.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    bail!(
        "`jco` failed ({}){}:\n{}",
        printed.status,
        hint(jco),
        text.trim()
    );
}

/// Returns `true` if a world of the folder mentions `wasi:http`.
fn uses_http(wit: &Path) -> bool {
    let files = fs::read_dir(wit).into_iter().flatten().flatten();
    files
        .filter_map(|file| fs::read_to_string(file.path()).ok())
        .any(|text| text.contains("wasi:http/"))
}

/// Names the fix, if the installed versions are known not to work.
fn hint(jco: &Path) -> String {
    let packages = jco.parent().and_then(Path::parent);
    let version = |package: &str| -> Option<String> {
        let manifest = json(&packages?.join(package).join(MANIFEST)).ok()?;
        Some(manifest.get("version")?.as_str()?.to_owned())
    };
    let [tested_jco, tested_shim] = tested();
    match (version(JCO), version(SHIM)) {
        (Some(jco), _) if jco != tested_jco => format!(
            "; it is version {jco}, and {tested_jco} is the one that is tested: `npm install \
             --save-dev --save-exact {JCO}@{tested_jco}`"
        ),
        (_, Some(shim)) if shim != tested_shim => format!(
            "; it finds no WIT with {SHIM} {shim}: add `\"overrides\": {{ \"{SHIM}\": \
             \"{tested_shim}\" }}` to {MANIFEST} and run `npm install`"
        ),
        _ => String::new(),
    }
}

/// Returns the versions of jco and of its shim that the template names.
fn tested() -> [String; 2] {
    let template: Value = serde_json::from_str(TEMPLATE).unwrap_or_default();
    [("devDependencies", JCO), ("overrides", SHIM)].map(|(kind, package)| {
        let version = template.get(kind).and_then(|kind| kind.get(package));
        version
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    })
}

fn json(path: &Path) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_names_the_versions_that_hints_name() {
        for version in tested() {
            let numbers: Vec<&str> = version.split('.').collect();
            assert!(
                numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok()),
                "{version}"
            );
        }
    }
}
