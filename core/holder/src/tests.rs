//! The holder's tests: real operations against small in-process parties that really sign.

mod adversaries;
mod commits;
mod corners;
mod documents;
mod faults;
mod flows;
mod forgeries;
mod home;
mod losses;
mod older;
mod operator;
mod refunds;
mod resumption;
mod sealed;
mod tap;
mod terminal;
mod town;
