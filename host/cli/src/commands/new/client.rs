//! Where a new guest has the crate `localmap-client` from.

use anyhow::{Context, bail};
use std::fmt;
use std::path::{Path, PathBuf};

/// Its version, which is that of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) enum Client {
    /// The registry.
    Published,
    /// The repository that this program was built from.
    BesideUs(PathBuf),
    /// The folder that was asked for.
    Given(PathBuf),
}

impl Client {
    /// The folder that was asked for; else the one in the repository that this program was
    /// built from, while it is there in the same version; else the registry.
    pub(super) fn find(given: Option<&Path>) -> anyhow::Result<Self> {
        let Some(given) = given else {
            return Ok(beside_us().map_or(Self::Published, Self::BesideUs));
        };
        if !is_client(given) {
            bail!(
                "--client `{}`: the crate localmap-client is not there; expected the folder \
                 guest/client of a clone of {}",
                given.display(),
                env!("CARGO_PKG_REPOSITORY")
            );
        }
        let folder = std::path::absolute(given).context("cannot tell where --client is")?;
        Ok(Self::Given(folder))
    }

    /// What a manifest says of it.
    pub(super) fn dependency(&self) -> anyhow::Result<String> {
        match self {
            Self::Published => Ok(format!("\"{VERSION}\"")),
            Self::BesideUs(folder) | Self::Given(folder) => {
                let folder = folder.to_str().with_context(|| {
                    format!("`{}` is not UTF-8, as Cargo.toml is", folder.display())
                })?;
                Ok(format!("{{ path = {} }}", quoted(folder)))
            }
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published => write!(f, "version {VERSION} of the registry"),
            Self::BesideUs(folder) => write!(
                f,
                "`{}`, of the repository that this program was built from",
                folder.display()
            ),
            Self::Given(folder) => write!(f, "`{}`", folder.display()),
        }
    }
}

fn beside_us() -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let folder = repository.join("guest").join("client");
    // The version of all crates is that of the workspace.
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

/// As a string of TOML.
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
    fn the_manifest_tells_where_it_is() {
        let of = |client: Client| client.dependency().unwrap();
        assert_eq!(of(Client::Published), format!("\"{VERSION}\""));
        let odd = PathBuf::from("/a \"b\"\\c\n\u{e9}");
        assert_eq!(
            of(Client::Given(odd)),
            "{ path = \"/a \\\"b\\\"\\\\c\\u000A\u{e9}\" }"
        );
    }
}
