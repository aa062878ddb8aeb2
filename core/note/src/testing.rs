//! Real licences, notes, chains and challenges for tests and benches, made from seeds.

use alloc::{string::ToString, vec, vec::Vec};

use zeni_crypto::{Digest, PublicKey, SecretKey, sha256};
use zeni_message::{Network, Signed, Time};
use zeni_money::{Amount, Currency, Money};

use crate::{
    CardRules, Chain, Challenge, Closing, ClosingPurpose, HandIn, Hop, KeyList, Licence, Note, Payment, RevocationList,
    SeriesTerms,
    chain::Endorsement,
    closing::ToAccount,
    keylist::{KeyListRecord, Roots, Way},
    licence::Keeper,
    payment::Answer,
};

/// Seconds of one day.
pub const DAY: u64 = 86_400;
/// The time at which the world of the tests begins: 2026-01-01T00:00:00Z.
pub const START: Time = Time(1_767_225_600);
/// The series of the tests.
pub const SERIES: u32 = 1;
/// The epoch of the tests.
pub const EPOCH: u32 = 1;

/// An issuer and an authority with their keys.
pub struct World {
    /// The issuer's key.
    pub issuer: SecretKey,
    /// The authority's key.
    pub authority: SecretKey,
    /// What everyone knows of both.
    pub roots: Roots,
}

/// An amount.
///
/// # Panics
/// Above 2^63 − 1.
pub fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).expect("a test amount is in range")
}

/// So many Japanese yen.
///
/// # Panics
/// As [`amount`].
pub fn yen(minor: u64) -> Money {
    Money::new(amount(minor), jpy())
}

/// Japanese yen.
pub fn jpy() -> Currency {
    Currency::from_code("JPY").expect("three capital letters")
}

/// The secret key of a seed.
pub fn key(seed: &str) -> SecretKey {
    SecretKey::from_seed(sha256(&[b"zeni test key", seed.as_bytes()]).0)
}

/// 16 bytes of a seed.
pub fn nonce(seed: &str) -> crate::Nonce {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(&[b"zeni test nonce", seed.as_bytes()]).0[..16]);
    bytes.into()
}

/// Rules of an operator for all his cards in yen that limit nothing.
pub fn rules(number: u64) -> CardRules {
    CardRules {
        number,
        card: None,
        currency: jpy(),
        payment_max: None,
        day_max: None,
        payments_max: None,
        total_max: None,
        until: None,
    }
}

/// Terms of the test series: withdraw for 30 days, T1 at 40, T2 at 60, pay until 180, deposit until 210, refund from 240.
pub fn terms() -> SeriesTerms {
    SeriesTerms {
        series: SERIES,
        currency: jpy(),
        withdraw_until: START.plus(30 * DAY),
        redeem_until: START.plus(40 * DAY),
        claim_until: START.plus(60 * DAY),
        valid_until: START.plus(180 * DAY),
        deposit_until: START.plus(210 * DAY),
        refund_from: START.plus(240 * DAY),
        retain_until: START.plus(400 * DAY),
        payments_max: 16,
        list_fresh_s: 7 * 86_400,
        stale_limit: amount(1_000),
        way: Way::Registered,
    }
}

impl World {
    /// The world of a seed.
    pub fn new(seed: &str) -> World {
        let issuer = key(&(seed.to_string() + " issuer"));
        let authority = key(&(seed.to_string() + " authority"));
        let network = Network(sha256(&[b"zeni test network", seed.as_bytes()]));
        let roots = Roots { network, issuer: issuer.public(), authority: authority.public() };
        World { issuer, authority, roots }
    }

    /// Network digest.
    pub fn network(&self) -> Network {
        self.roots.network
    }

    /// A licence for `key` that ends with the notes' validity.
    pub fn licence(&self, key: PublicKey) -> Signed<Licence> {
        let licence = Licence { key, until: START.plus(400 * DAY), keeper: Keeper::Software };
        Signed::sign(self.network(), licence, &self.authority)
    }

    /// A signed key list of the test epoch without bank keys.
    pub fn key_list(&self) -> KeyList {
        self.sign_key_list(KeyListRecord {
            epoch: EPOCH,
            previous: None,
            from: START,
            until: START.plus(30 * DAY),
            entries: Vec::new(),
            series: vec![terms()],
            sealing: None,
            sealed: Vec::new(),
        })
    }

    /// Any key list, signed by both.
    pub fn sign_key_list(&self, record: KeyListRecord) -> KeyList {
        let issuer = record.sign(self.network(), &self.issuer);
        let authority = record.sign(self.network(), &self.authority);
        KeyList { record, issuer, authority }
    }

    /// A note of `face` to `holder`, not yet passed on.
    pub fn note(&self, holder: &SecretKey, face: u64, serial: &str) -> Chain {
        let note = Note {
            serial: nonce(serial),
            series: SERIES,
            epoch: EPOCH,
            currency: jpy(),
            face: amount(face),
            holder: holder.public(),
            way: Way::Registered,
        };
        Chain {
            note: Signed::sign(self.network(), note, &self.issuer),
            holder: self.licence(holder.public()).into(),
            hops: Vec::new(),
        }
    }

    /// A note of `face` to a sealed key, not yet passed on.
    pub fn sealed_note(&self, holder: &SecretKey, face: u64, serial: &str) -> Chain {
        let note = Note { way: Way::Sealed, ..self.note(holder, face, serial).note.record };
        Chain {
            note: Signed::sign(self.network(), note, &self.issuer),
            holder: crate::Right::Unlicensed(holder.public()),
            hops: Vec::new(),
        }
    }

    /// An empty revocation list made at `time`.
    pub fn revocations(&self, time: Time) -> RevocationList {
        RevocationList { number: 1, time, log_head: Digest([0; 32]), revoked: Vec::new() }
    }

    /// A challenge of `payee` for `total`, good for an hour from `time`.
    pub fn challenge(&self, payee: &SecretKey, total: u64, seed: &str, time: Time) -> Challenge {
        Challenge {
            time,
            payee: payee.public(),
            key_salt: nonce(&(seed.to_string() + " key salt")),
            name: "Hanako".to_string(),
            name_salt: nonce(&(seed.to_string() + " name salt")),
            nonce: nonce(seed),
            currency: jpy(),
            total: amount(total),
            sign_until: time.plus(3_600),
            memo: "tea".to_string(),
            series: Vec::new(),
            epoch: EPOCH,
            key_list: self.key_list().record.identity(self.network()),
            right: self.licence(payee.public()).into(),
            certificate: None,
        }
    }

    /// Identity of the node that `chain` ends in.
    ///
    /// # Panics
    /// If the chain is not well formed.
    pub fn leaf(&self, chain: &Chain) -> Digest {
        let walk = chain.walk(&self.roots).expect("a test chain is well formed");
        walk.nodes.last().expect("there is the note's node").identity
    }

    /// The payer's part of an answer to `challenge`.
    pub fn answer(&self, chain: &Chain, payer: &SecretKey, value: u64, challenge: &Challenge) -> Answer {
        let endorsement =
            Endorsement { parent: self.leaf(chain), amount: amount(value), answer: challenge.answer(self.network()) };
        let signature = Signed::sign(self.network(), endorsement, payer).signature;
        Answer { chain: chain.clone(), amount: amount(value), signature }
    }

    /// A payment of one holding.
    pub fn payment(&self, chain: &Chain, payer: &SecretKey, value: u64, challenge: &Challenge) -> Payment {
        Payment {
            network: self.network(),
            answer: challenge.answer(self.network()),
            answers: vec![self.answer(chain, payer, value, challenge)],
        }
    }

    /// `chain` with `value` endorsed by `payer` to `payee`.
    pub fn pay(&self, chain: &Chain, payer: &SecretKey, payee: &SecretKey, value: u64, seed: &str) -> Chain {
        let challenge = self.challenge(payee, value, seed, START.plus(DAY));
        let answer = self.answer(chain, payer, value, &challenge);
        chain.extended(Hop {
            opening: challenge.opening(self.network()),
            amount: answer.amount,
            signature: answer.signature,
            payee: challenge.right,
        })
    }

    /// An account at a bank, with the deposit id of a seed.
    pub fn account(&self, bank: &str, account: &str, deposit: &str) -> ToAccount {
        ToAccount {
            time: START.plus(2 * DAY),
            bank: bank.to_string(),
            account: crate::spec::deposit_account(bank, account, &nonce("account salt"), &nonce(deposit)),
            deposit: nonce(deposit),
            nonce: nonce(&(deposit.to_string() + " bank nonce")),
        }
    }

    /// Closes `chain` for `purpose` over `value` with the holder's key.
    pub fn close(&self, chain: &Chain, holder: &SecretKey, value: u64, purpose: ClosingPurpose) -> Closing {
        let signature = holder.sign(&purpose.message(self.network(), self.leaf(chain), amount(value)));
        Closing::Single { amount: amount(value), purpose, signature }
    }

    /// One signature over all `chains` of a shop's key.
    pub fn hand_in(&self, chains: &[Chain], key: &SecretKey, to: ToAccount) -> Signed<HandIn> {
        let leaves: Vec<Digest> = chains.iter().map(|chain| self.leaf(chain)).collect();
        let count = u32::try_from(leaves.len()).expect("a test hand-in is small");
        Signed::sign(self.network(), HandIn { to, count, root: crate::merkle::root(&leaves) }, key)
    }
}
