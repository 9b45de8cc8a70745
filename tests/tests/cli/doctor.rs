//! `localmap doctor`: what it reads of machines that are given as trees of files, what it says of
//! them, and what it finds out on this one.

mod cgroups;
mod findings;
mod this_machine;
mod tree;
