//! The WIT that a guest in another language than Rust is built from: the contract of the map, and
//! the interface of a command.

use super::scaffold::Scaffold;

/// Adds the contract of the map.
pub(super) fn add_map(scaffold: &mut Scaffold) -> anyhow::Result<()> {
    // In the repository, another file of the folder names the package.
    let map = concat!(
        "package localmap:core@0.1.0;\n\n",
        include_str!("template/wit/local-map.wit")
    );
    scaffold.add("wit/deps/localmap/local-map.wit", map)
}

/// Adds the interface of a command of WASI 0.2.
pub(super) fn add_command(scaffold: &mut Scaffold) -> anyhow::Result<()> {
    let command = include_str!("template/wit/cli.wit");
    scaffold.add("wit/deps/cli/cli.wit", command)
}
