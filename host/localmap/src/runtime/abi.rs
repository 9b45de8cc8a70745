//! The canonical ABI of the contract, by which the host calls a map's core module: how parameters
//! and results lie in its memory.
//!
//! Wasmtime's component layer does the same for any component, and takes several times as long as
//! the map. This module knows one contract. `docs/security.md` lists the checks of the component
//! layer and those that replace them here.
//!
//! | module | purpose |
//! |---|---|
//! | `layout` | computes sizes and alignments |
//! | `lift`, `lower` | read results, and write parameters |
//! | `types` | lays out the contract's types |
//! | `page` | reads a page of a scan in place |
//! | `functions` | finds and types the functions of the core module |
//! | `pins` | holds the handles of the contract's resource |

pub(crate) mod functions;
mod layout;
pub(crate) mod lift;
pub(crate) mod lower;
pub(crate) mod page;
pub(crate) mod pins;
mod types;
