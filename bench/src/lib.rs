//! Scenarios that measure what an operation costs: for `zeni bench` and for the benches of this crate.
//!
//! Times are processor time of the whole process (user and system, all threads), not time on the wall, so that they hold
//! on a machine that others use too. The roles are the real ones over SQLite files with durable commits; messages go
//! through their tables of routes as encoded bytes. HTTP and TLS are not part of any figure. What an operation needs (chains,
//! requests, blinded values) is made before its time is taken, and every reply is checked after it.

mod blind;
mod card;
mod chains;
mod drive;
mod measure;
mod payee;
mod redeem;
mod register;
mod report;
mod returns;
mod scenario;
mod sealed;
mod sizes;
mod store;
mod town;

pub use blind::{Signing, Withdrawals};
pub use measure::processor;
pub use payee::Payee;
pub use redeem::Redeems;
pub use report::{Figure, Section, Unit};
pub use returns::{Cache, Returns, Shape};
pub use scenario::{BenchError, Scenario, Settings, Size};
pub use sealed::Seals;

#[cfg(test)]
mod tests;
