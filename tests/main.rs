//! System tests and checks over the whole repository.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests say what went wrong by panicking")]
#![allow(clippy::disallowed_macros, reason = "tests print what they find")]

mod cli;
mod fuzz;
mod interop;
mod repository;
mod views;
mod world;
