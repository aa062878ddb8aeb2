//! The program `zeni` as its users run it: processes, files, pipes and real TLS sockets on loopback.
//!
//! A sandbox with joined wallets is made once per test process and copied per test, with ports of its own.
#![allow(
    clippy::disallowed_methods,
    reason = "processes are watched from outside: their progress is polled with a bound on real time"
)]

mod card;
mod care;
mod commands;
mod hostile;
mod joining;
mod limits;
mod listed;
mod logs;
mod offline;
mod online;
mod postgres;
mod recovery;
mod sealed;
mod services;
mod stage;
mod story;
mod told;
mod trouble;
