//! Tools for tests of this crate and of the roles.
