//! The allocator, which is the same as that of Rust's std on wasm.

use localmap_abi::{GlobalHeap, export_cabi_realloc};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

export_cabi_realloc!(GlobalHeap);
