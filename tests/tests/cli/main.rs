//! The program `localmap`: each command as its users run it, a process of its own with its
//! output, its errors and its exit code.

mod bad_input;
mod examples;
mod help;
mod inspect;
mod new;
mod run;
mod serve;
mod shell;
mod texts;
