//! Does nothing: a command whose time is that of starting it.

fn main() {}
