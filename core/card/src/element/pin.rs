//! PIN and PUK: counted down in the memory before the comparison, so that cutting the power gives no tries.

use subtle::ConstantTimeEq;
use zeni_crypto::{Digest, tagged};
use zeni_note::Nonce;
use zeroize::Zeroizing;

use super::{
    Element,
    memory::Memory,
    record::{CARD, CardRecord, PINS, PinRecord, Writes},
};
use crate::{
    CardError, Life,
    interface::{PIN_DIGITS_MAX, PIN_DIGITS_MIN},
};

/// Wrong PINs in a row before the card locks.
pub const PIN_TRIES: u8 = 3;
/// Wrong PUKs in a row before it stays locked for good.
pub const PUK_TRIES: u8 = 10;

/// A PIN or a PUK: [`PIN_DIGITS_MIN`] to [`PIN_DIGITS_MAX`] decimal digits. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct Pin {
    digits: Zeroizing<[u8; PIN_DIGITS_MAX]>,
    len: usize,
}

impl Pin {
    /// Reads digits in ASCII; none for anything else.
    pub fn from_digits(digits: &[u8]) -> Option<Pin> {
        let form = (PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        if !form {
            return None;
        }
        let mut pin = Pin { digits: Zeroizing::new([0; PIN_DIGITS_MAX]), len: digits.len() };
        pin.digits[..digits.len()].copy_from_slice(digits);
        Some(pin)
    }

    /// The digits in ASCII.
    pub fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

/// Shows no digit.
impl core::fmt::Debug for Pin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// How often PIN and PUK may still be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// The PIN.
    pub pin: u8,
    /// The PUK.
    pub puk: u8,
}

impl<M: Memory> Element<M> {
    /// How often PIN and PUK may still be wrong; as often as at first before the card has any.
    pub fn tries(&mut self) -> Result<Tries, CardError> {
        let pins: Option<PinRecord> = self.read(PINS, &[])?;
        Ok(pins.map_or(Tries { pin: PIN_TRIES, puk: PUK_TRIES }, |pins| Tries {
            pin: pins.pin_tries,
            puk: pins.puk_tries,
        }))
    }

    /// Checks the PIN; a right one restores its tries.
    ///
    /// # Errors
    /// [`CardError::Pin`] with the tries left, [`CardError::Locked`] when there are none.
    pub fn verify_pin(&mut self, pin: &Pin) -> Result<(), CardError> {
        self.card()?;
        let pins = self.checked_pin(pin)?;
        self.put(PinRecord { pin_tries: PIN_TRIES, ..pins }, None)
    }

    /// Replaces the PIN; the first time, when it was the transport PIN, the card becomes operational.
    ///
    /// # Errors
    /// As [`Element::verify_pin`].
    pub fn change_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), CardError> {
        let card = self.card()?;
        let pins = self.checked_pin(old)?;
        let pin = self.pin_digest(&pins.salt, new);
        self.put(PinRecord { pin, pin_tries: PIN_TRIES, ..pins }, Some(card))
    }

    /// Sets a new PIN by the PUK, whether or not the tries of the old one ran out.
    ///
    /// # Errors
    /// [`CardError::Pin`] with the tries of the PUK that are left, [`CardError::Locked`] when there are none.
    pub fn unblock(&mut self, puk: &Pin, new: &Pin) -> Result<(), CardError> {
        let card = self.card()?;
        let mut pins = self.pins()?;
        pins.puk_tries = pins.puk_tries.checked_sub(1).ok_or(CardError::Locked)?;
        self.put(pins.clone(), None)?;
        if !self.is_pin(&pins.puk, &pins.salt, puk) {
            return Err(wrong(pins.puk_tries));
        }
        let pin = self.pin_digest(&pins.salt, new);
        self.put(PinRecord { pin, pin_tries: PIN_TRIES, puk_tries: PUK_TRIES, ..pins }, Some(card))
    }

    pub(super) fn put_pins(&mut self, pin: &Pin, puk: &Pin, writes: &mut Writes) {
        let salt = self.fresh_nonce();
        let (pin, puk) = (self.pin_digest(&salt, pin), self.pin_digest(&salt, puk));
        writes.put(PINS, &[], &PinRecord { pin, pin_tries: PIN_TRIES, puk, puk_tries: PUK_TRIES, salt });
    }

    /// The record with one try less, which is in the memory, if the PIN is right.
    fn checked_pin(&mut self, pin: &Pin) -> Result<PinRecord, CardError> {
        let mut pins = self.pins()?;
        pins.pin_tries = pins.pin_tries.checked_sub(1).ok_or(CardError::Locked)?;
        self.put(pins.clone(), None)?;
        if self.is_pin(&pins.pin, &pins.salt, pin) { Ok(pins) } else { Err(wrong(pins.pin_tries)) }
    }

    fn pins(&mut self) -> Result<PinRecord, CardError> {
        self.read(PINS, &[])?.ok_or_else(|| super::fault("its PINs are missing"))
    }

    /// Stores the PINs; `owned` is the card when its owner chose the PIN.
    fn put(&mut self, pins: PinRecord, owned: Option<CardRecord>) -> Result<(), CardError> {
        let mut writes = Writes::default();
        writes.put(PINS, &[], &pins);
        if let Some(card) = owned.filter(|card| card.life == Life::Personalised) {
            writes.put(CARD, &[], &CardRecord { life: Life::Operational, ..card });
        }
        self.commit(writes)
    }

    fn is_pin(&self, stored: &Digest, salt: &Nonce, pin: &Pin) -> bool {
        stored.0.ct_eq(&self.pin_digest(salt, pin).0).into()
    }

    fn pin_digest(&self, salt: &Nonce, pin: &Pin) -> Digest {
        tagged("zeni/card/pin", &[&self.master[..], &salt[..], pin.digits()])
    }
}

/// The last wrong one locks.
fn wrong(tries: u8) -> CardError {
    if tries == 0 { CardError::Locked } else { CardError::Pin { tries } }
}

#[cfg(test)]
mod tests;
