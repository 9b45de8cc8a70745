//! The allocator: that of Rust's own std on wasm.

use localmap_abi::{GlobalHeap, export_cabi_realloc};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

export_cabi_realloc!(GlobalHeap);
