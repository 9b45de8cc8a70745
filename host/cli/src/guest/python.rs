//! Builds the guest in a folder that holds an app in Python, with componentize-py.

use super::build::{Build, check_interrupted};
use super::built::{self, Inputs};
use super::tools::{on_the_path, program};
use anyhow::{Context, bail};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// The file that makes a folder a guest in Python.
pub(super) const APP: &str = "app.py";
/// The folder of its world.
const WIT: &str = "wit";
/// The packages that the guest needs.
const REQUIREMENTS: &str = "requirements.txt";
/// The version that is tested, as `localmap new` lists it.
const PACKAGE: &str = include_str!("../commands/new/template/python/requirements.txt").trim_ascii();

/// Builds the app in `folder`, unless it has been built since its last change. Returns the path of
/// the component.
pub(super) fn build(folder: &Path, build: Build<'_>) -> anyhow::Result<PathBuf> {
    build.check_unused("a guest in Python")?;
    if !folder.join(WIT).is_dir() {
        bail!(
            "it has {APP}, but no folder {WIT} with its world; `localmap new --python` creates one"
        );
    }
    let tool = Tool::find(folder)?;
    built::component(
        folder,
        "componentize-py",
        &inputs(folder, &tool),
        |output| tool.run(folder, output),
    )
}

/// The program componentize-py.
struct Tool {
    program: PathBuf,
    /// The virtual environment that it is in, if that is in the folder of the guest.
    environment: Option<PathBuf>,
}

impl Tool {
    /// Finds it in the guest's virtual environment, or else on the path.
    fn find(folder: &Path) -> anyhow::Result<Self> {
        let folder = std::path::absolute(folder).context("cannot find its absolute path")?;
        let environment = folder.join(".venv");
        let program = environment.join(SCRIPTS).join(program("componentize-py"));
        if program.is_file() {
            return Ok(Self {
                program,
                environment: Some(environment),
            });
        }
        match on_the_path("componentize-py") {
            Some(program) => Ok(Self {
                program,
                environment: None,
            }),
            None => bail!(
                "componentize-py is not installed; {}",
                installation(&folder)
            ),
        }
    }

    /// Builds the app in `folder` into the file `output`.
    fn run(&self, folder: &Path, output: &Path) -> anyhow::Result<()> {
        let output = std::path::absolute(output).context("cannot find the path of its output")?;
        let mut command = Command::new(&self.program);
        command
            .args(["--quiet", "--wit-path", WIT, "componentize", "app"])
            .arg("--output")
            .arg(output)
            .current_dir(folder)
            // Its backtraces hide the error of the app.
            .env_remove("RUST_BACKTRACE")
            .env_remove("RUST_LIB_BACKTRACE")
            .stdin(Stdio::null())
            // The app may print while it is imported.
            .stdout(io::stderr());
        if let Some(environment) = &self.environment {
            // Its packages can be imported, whatever environment is active.
            command.env("VIRTUAL_ENV", environment);
        }
        let status = command.status().map_err(|error| self.no_start(error))?;
        check_interrupted(status)?;
        if !status.success() {
            bail!("`componentize-py` failed ({status})");
        }
        Ok(())
    }

    fn no_start(&self, error: io::Error) -> anyhow::Error {
        // The first line of the program names an interpreter that is not there.
        let hint = if error.kind() == ErrorKind::NotFound && self.environment.is_some() {
            ": the folder was moved, or its Python was removed; delete its folder .venv and create \
             it again"
        } else {
            ""
        };
        anyhow::Error::new(error)
            .context(format!("cannot start `{}`{hint}", self.program.display()))
    }
}

/// The folder of the programs of a virtual environment.
const SCRIPTS: &str = if cfg!(windows) { "Scripts" } else { "bin" };

/// Returns the commands that install componentize-py in a virtual environment of the guest.
fn installation(folder: &Path) -> String {
    let listed = fs::read_to_string(folder.join(REQUIREMENTS))
        .is_ok_and(|text| text.contains("componentize-py"));
    let wanted = if listed {
        format!("-r {REQUIREMENTS}")
    } else {
        PACKAGE.to_owned()
    };
    let pip = Path::new(".venv").join(SCRIPTS).join("pip");
    let install = format!("{} install {wanted}", pip.display());
    if folder
        .join(&pip)
        .with_extension(env::consts::EXE_EXTENSION)
        .is_file()
    {
        return format!("in that folder, run `{install}`");
    }
    let python = if cfg!(windows) { "py" } else { "python3" };
    let hint = if on_the_path(python).is_none() {
        "; that needs Python 3.10 or newer, from https://www.python.org"
    } else if cfg!(target_os = "linux") {
        " (on Debian and Ubuntu, that needs the package python3-venv)"
    } else {
        ""
    };
    format!("in that folder, run `{python} -m venv .venv` and `{install}`{hint}")
}

/// Describes everything that the component is built from: the tool, the packages in its virtual
/// environment, and each `.py` and `.wit` file of the folder, by size and time of modification.
fn inputs(folder: &Path, tool: &Tool) -> Inputs {
    let mut inputs = Inputs::default();
    inputs.add(&tool.program);
    if let Some(environment) = &tool.environment {
        // The folders that change when a package is installed or removed.
        for python in built::entries(&environment.join("lib")) {
            inputs.add(&python.join("site-packages"));
        }
        inputs.add(&environment.join("Lib").join("site-packages"));
    }
    inputs.add(&folder.join(REQUIREMENTS));
    inputs.add_sources(folder, &["py", "wit"], &|path| {
        // A virtual environment may have another name.
        path.ends_with("__pycache__") || path.join("pyvenv.cfg").is_file()
    });
    inputs
}
