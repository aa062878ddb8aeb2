//! The functions of the papers under their names.
//!
//! | paper | here |
//! |---|---|
//! | `f(TIME, W)` | [`f`] |
//! | `W` | [`w`], commits to the payee's key and to everything else a challenge says |
//! | `g(X, N_U)` | [`g`] |
//! | 特殊処理 (special processing of payee information, RN-O8) | [`payee_commitment`], [`name_commitment`] |

use zeni_crypto::{Digest, PublicKey, tagged};
use zeni_message::Time;
use zeni_money::Amount;

/// The challenge value `e = f(TIME, W)` that an endorsement answers.
pub fn f(time: Time, w: &Digest) -> Digest {
    tagged("zeni/f", &[&time.0.to_be_bytes(), &w.0])
}

/// `W`: the payee's commitment and the digest of all else that the payee asks (RN-D11, RN-O8).
pub fn w(payee: &Digest, rest: &Digest) -> Digest {
    tagged("zeni/w", &[&payee.0, &rest.0])
}

/// The payee's key, specially processed: salted so that a chain shows the key only once its holder passes the money on.
pub fn payee_commitment(salt: &[u8; 16], key: &PublicKey) -> Digest {
    tagged("zeni/payee-key", &[salt, &key.0])
}

/// The payee's name, specially processed.
pub fn name_commitment(salt: &[u8; 16], name: &str) -> Digest {
    tagged("zeni/payee-name", &[salt, name.as_bytes()])
}

/// An account as one deposit, hand-in, refund (`id`: the deposit's) or claim of a request (`id`: the claim's) names it: its
/// bank knows it, nobody else can read it without guessing account and salt. No two ids share a value, so that whoever sees
/// closings cannot tie together what an account deposits (RN-P7).
pub fn deposit_account(bank: &str, account: &str, salt: &[u8; 16], id: &[u8; 16]) -> Digest {
    tagged("zeni/account", &[bank.as_bytes(), account.as_bytes(), salt, id])
}

/// `g(X, N_U)`: what a note of a series that hides keys says instead of its holder's key; public, so that a payee who is shown
/// the key can check it (HC-V2, HC-V3, HC-O18). In the form of a key, of which nobody has the secret half.
pub fn g(face: Amount, key: &PublicKey) -> PublicKey {
    PublicKey(tagged("zeni/g", &[&face.minor().to_be_bytes(), &key.0]).0)
}

#[cfg(test)]
mod tests;
