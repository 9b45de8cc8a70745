//! The WIT that a guest in another language than Rust is built from: the contract of the map, and
//! the interface of a command.

use super::scaffold::Scaffold;

/// Adds the packages below the folder `wit/deps`.
pub(super) fn add(scaffold: &mut Scaffold) -> anyhow::Result<()> {
    // In the repository, another file of the folder names the package.
    let map = concat!(
        "package localmap:core@0.1.0;\n\n",
        include_str!("template/wit/local-map.wit")
    );
    scaffold.add("wit/deps/localmap/local-map.wit", map)?;
    let command = include_str!("template/wit/cli.wit");
    scaffold.add("wit/deps/cli/cli.wit", command)
}
