//! The loops of the benchmarks.
