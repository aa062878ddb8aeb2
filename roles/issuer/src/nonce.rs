//! Nonces that need no memory: a time window and a keyed digest of it.
//!
//! All callers of one window get the same nonce, so that a nonce links nobody's request to anybody's question.

use zeni_crypto::{ct_eq, tagged};
use zeni_message::{
    NoRefusal, Time,
    route::{Ctx, Failure},
};
use zeni_note::messages::issuer::{GetNonce, ServerNonce};

use crate::Issuer;

const WINDOW_BYTES: usize = 8;

/// Makes and checks nonces under a secret drawn at start.
pub(crate) struct Nonces {
    secret: [u8; 32],
}

impl Nonces {
    pub(crate) fn new(secret: [u8; 32]) -> Nonces {
        Nonces { secret }
    }

    fn of_window(&self, window: u64) -> [u8; 32] {
        let mac = tagged("zeni/server-nonce", &[&self.secret, &window.to_be_bytes()]);
        let mut nonce = [0; 32];
        nonce[..WINDOW_BYTES].copy_from_slice(&window.to_be_bytes());
        nonce[WINDOW_BYTES..].copy_from_slice(&mac.0[WINDOW_BYTES..]);
        nonce
    }

    /// The nonce of the window in which `now` lies; windows last half of `good_s`.
    pub(crate) fn at(&self, now: Time, good_s: u64) -> [u8; 32] {
        self.of_window(now.0 / (good_s / 2))
    }

    /// Whether this is the nonce of the present window or of the one before.
    pub(crate) fn is_fresh(&self, nonce: &[u8; 32], now: Time, good_s: u64) -> bool {
        let window = now.0 / (good_s / 2);
        [Some(window), window.checked_sub(1)].into_iter().flatten().any(|window| ct_eq(nonce, &self.of_window(window)))
    }

    /// Whether this was the nonce of any window up to the present one.
    pub(crate) fn is_own(&self, nonce: &[u8; 32], now: Time, good_s: u64) -> bool {
        let Some(window) = nonce.first_chunk::<WINDOW_BYTES>().copied().map(u64::from_be_bytes) else { return false };
        window <= now.0 / (good_s / 2) && ct_eq(nonce, &self.of_window(window))
    }
}

impl Issuer {
    pub(crate) fn nonce(&self, ctx: &Ctx, _: &GetNonce) -> Result<ServerNonce, Failure<NoRefusal>> {
        Ok(self.nonces.at(ctx.now, self.config.limits.nonce_s).into())
    }
}

#[cfg(test)]
mod tests;
