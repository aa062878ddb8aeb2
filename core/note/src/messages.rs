//! The messages of registered notes, by addressee (RN-F1 … RN-F9).

pub mod authority;
pub mod bank;
pub mod issuer;
