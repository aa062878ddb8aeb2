//! The holder's tests: real operations against small in-process parties that really sign.

mod flows;
mod town;
