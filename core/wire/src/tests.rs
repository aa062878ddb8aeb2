//! Clients and servers over real sockets on loopback.

mod calls;
mod hostile;
mod world;
mod wrapping;
