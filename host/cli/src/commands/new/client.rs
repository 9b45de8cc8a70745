//! The source of the crate `localmap-client` for a new guest.

use anyhow::{Context, bail};
use std::fmt;
use std::path::{Path, PathBuf};

/// The version of the crate, which is that of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) enum ClientSource {
    Registry,
    /// The repository that this program was built from.
    Repository(PathBuf),
    /// The folder given by `--client`.
    Folder(PathBuf),
}

impl ClientSource {
    /// Returns the folder `given` if there is one; otherwise the crate in the repository that
    /// this program was built from, if that exists in the same version; otherwise the
    /// registry.
    pub(super) fn find(given: Option<&Path>) -> anyhow::Result<Self> {
        let Some(given) = given else {
            return Ok(in_repository().map_or(Self::Registry, Self::Repository));
        };
        if !is_client(given) {
            bail!(
                "--client `{}`: the crate localmap-client is not in this folder; give the folder \
                 guest/client in a clone of {}",
                given.display(),
                env!("CARGO_PKG_REPOSITORY")
            );
        }
        let folder =
            std::path::absolute(given).context("--client: cannot find its absolute path")?;
        Ok(Self::Folder(folder))
    }

    /// Returns the value of the dependency in a manifest.
    pub(super) fn dependency(&self) -> anyhow::Result<String> {
        match self {
            Self::Registry => Ok(format!("\"{VERSION}\"")),
            Self::Repository(folder) | Self::Folder(folder) => {
                let folder = folder.to_str().with_context(|| {
                    format!(
                        "`{}` is not UTF-8, so Cargo.toml cannot name it",
                        folder.display()
                    )
                })?;
                Ok(format!("{{ path = {} }}", quoted(folder)))
            }
        }
    }
}

impl fmt::Display for ClientSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry => write!(f, "the registry, version {VERSION}"),
            Self::Repository(folder) => write!(
                f,
                "`{}`, in the repository that this program was built from",
                folder.display()
            ),
            Self::Folder(folder) => write!(f, "`{}`", folder.display()),
        }
    }
}

fn in_repository() -> Option<PathBuf> {
    // This crate is host/cli.
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = repository.join("guest").join("client");
    // All crates have the version of the workspace.
    let same = has_line(&repository.join("Cargo.toml"), &version_line());
    (same && is_client(&folder)).then_some(folder)
}

fn version_line() -> String {
    format!("version = \"{VERSION}\"")
}

fn is_client(folder: &Path) -> bool {
    has_line(&folder.join("Cargo.toml"), "name = \"localmap-client\"")
}

fn has_line(file: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(file)
        .is_ok_and(|text| text.lines().any(|line| line.trim_end() == wanted))
}

/// Quotes a string for TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if letter.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(letter))),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_source() {
        let of = |client: ClientSource| client.dependency().unwrap();
        assert_eq!(of(ClientSource::Registry), format!("\"{VERSION}\""));
        let odd = PathBuf::from("/a \"b\"\\c\n\u{e9}");
        assert_eq!(
            of(ClientSource::Folder(odd)),
            "{ path = \"/a \\\"b\\\"\\\\c\\u000A\u{e9}\" }"
        );
    }
}
