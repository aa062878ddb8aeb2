//! By what right a key holds money (DESIGN §5 "Right to hold").

use zeni_crypto::PublicKey;
use zeni_message::{Signed, Time};

use crate::Licence;

/// What a holder shows beside its key.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum Right {
    /// Licensed by the authority: may hold anything and pass it on (RN-D3).
    #[n(0)]
    Licensed(#[n(0)] Signed<Licence>),
    /// No licence. As first holder: a key that was sealed to the issuer for exactly this note (HC-D3), which may pass on that
    /// note alone. As a later holder: terminal, such as an enrolled shop (HC-R4); nothing can follow but its closing.
    #[n(1)]
    Unlicensed(#[n(0)] PublicKey),
}

impl Right {
    /// The key that holds.
    pub fn key(&self) -> PublicKey {
        match self {
            Right::Licensed(licence) => licence.record.key,
            Right::Unlicensed(key) => *key,
        }
    }

    /// The licence, where there is one.
    pub fn licence(&self) -> Option<&Signed<Licence>> {
        match self {
            Right::Licensed(licence) => Some(licence),
            Right::Unlicensed(_) => None,
        }
    }

    /// Whether there is a licence and it had ended at `time`.
    pub fn had_ended(&self, time: Time) -> bool {
        self.licence().is_some_and(|licence| time > licence.record.until)
    }
}

impl From<Signed<Licence>> for Right {
    fn from(licence: Signed<Licence>) -> Right {
        Right::Licensed(licence)
    }
}
