//! Clients and servers over real sockets on loopback.
#![expect(clippy::disallowed_methods, reason = "the test harness owns a runtime")]

mod calls;
mod hostile;
mod world;
mod wrapping;
