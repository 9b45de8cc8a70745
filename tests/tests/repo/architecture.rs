//! Dependencies point one way: between the crates of the workspace, between the folders of the
//! library and of the command line, and between the files of the crates
//! that have an order of files.

mod crates;
mod files;
mod folders;
mod paths;
