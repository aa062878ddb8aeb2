//! [`Card`]: one method per instruction.

use alloc::vec::Vec;

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Record, Signed, Time, encode, limits::BATCH_ITEMS_MAX};
use zeni_money::{Amount, Currency};
use zeni_note::{
    CardRules, Chain, Challenge, Clearance, ClosingPurpose, ContactTicket, HandIn, LoadTicket, Nonce, RevocationFilter,
    closing::ToAccount,
};
use zeroize::Zeroizing;

use super::{ApduCard, Transmit, fixed, strange, value};
use crate::{
    Card, CardError, Contact, HoldingStatus, Life, Limits, OpenPayment, OperatorStatus, Statement,
    apdu::instruction::Instruction,
};

impl<T: Transmit> Card for ApduCard<T> {
    fn life(&mut self) -> Result<Life, CardError> {
        Ok(self.information()?.life)
    }

    fn generate_key(&mut self) -> Result<PublicKey, CardError> {
        let told = self.working(Instruction::GenerateKey, 0, 0, &[])?;
        fixed(&told).map(PublicKey)
    }

    fn sign_statement(&mut self, key: &PublicKey, statement: &Statement<'_>) -> Result<Signature, CardError> {
        let (kind, record) = match statement {
            Statement::LicenceRequest(record) => (0, encode(*record)),
            Statement::Possession(record) => (1, encode(*record)),
            Statement::RequestClaim(record) => (2, encode(*record)),
            Statement::WithdrawalOrder(record) => (3, encode(*record)),
        };
        let told = self.working(Instruction::SignStatement, kind, 0, &[&key.0[..], &record].concat())?;
        fixed(&told).map(Signature)
    }

    fn sign_challenge(&mut self, challenge: &Challenge) -> Result<Signature, CardError> {
        let told = self.working(Instruction::SignChallenge, 0, 0, &encode(challenge))?;
        fixed(&told).map(Signature)
    }

    fn open_load(&mut self, key: &PublicKey) -> Result<Nonce, CardError> {
        let told = self.working(Instruction::OpenLoad, 0, 0, &key.0)?;
        fixed::<16>(&told).map(Nonce::from)
    }

    fn open_blank(&mut self) -> Result<Nonce, CardError> {
        let told = self.working(Instruction::OpenLoad, 1, 0, &[])?;
        fixed::<16>(&told).map(Nonce::from)
    }

    fn adopt_key(&mut self, nonce: &Nonce, seed: &Zeroizing<[u8; 32]>) -> Result<PublicKey, CardError> {
        let data = Zeroizing::new([&nonce[..], &seed[..]].concat());
        let told = self.working(Instruction::AdoptKey, 0, 0, &data)?;
        fixed(&told).map(PublicKey)
    }

    fn load_note(&mut self, chain: &Chain, ticket: &Signed<LoadTicket>) -> Result<HoldingStatus, CardError> {
        self.load_links(chain)?;
        let told = self.working(Instruction::Load, 2, 0, &encode(ticket))?;
        value(&told)
    }

    fn load_payment(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError> {
        self.load_links(chain)?;
        let told = self.working(Instruction::Load, 3, 0, &[])?;
        value(&told)
    }

    fn load_closed(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError> {
        self.load_links(chain)?;
        let told = self.working(Instruction::Load, 4, 0, &[])?;
        value(&told)
    }

    fn endorse(&mut self, node: &Digest, amount: Amount, answer: &Digest) -> Result<Signature, CardError> {
        let data = [&node.0[..], &amount.minor().to_be_bytes(), &answer.0].concat();
        let told = self.working(Instruction::SignEndorsement, 0, 0, &data)?;
        fixed(&told).map(Signature)
    }

    fn close(&mut self, node: &Digest, purpose: &ClosingPurpose) -> Result<(Amount, Signature), CardError> {
        let told = self.working(Instruction::Close, 0, 0, &[&node.0[..], &encode(purpose)].concat())?;
        signed(&told)
    }

    fn hand_in_max(&mut self) -> Result<usize, CardError> {
        let leaves = self.taken()?.saturating_sub(HandIn::MAX) / LEAF_BYTES;
        Ok(leaves.clamp(1, BATCH_ITEMS_MAX))
    }

    fn hand_in(&mut self, to: &ToAccount, leaves: &[Digest]) -> Result<Signed<HandIn>, CardError> {
        let data = encode(&(to, leaves));
        let taken = self.taken()?;
        if data.len() > taken {
            let max = taken.saturating_sub(data.len() - leaves.len() * LEAF_BYTES) / LEAF_BYTES;
            return Err(CardError::HandIn { max });
        }
        let told = self.working(Instruction::HandIn, 0, 0, &data)?;
        value(&told)
    }

    fn holding(&mut self, node: &Digest) -> Result<Option<HoldingStatus>, CardError> {
        self.find(3, &node.0)?.map(|told| value(&told)).transpose()
    }

    fn endorsed(&mut self, node: &Digest, answer: &Digest) -> Result<Option<(Amount, Signature)>, CardError> {
        self.find(5, &[node.0, answer.0].concat())?.map(|told| signed(&told)).transpose()
    }

    fn holdings(&mut self) -> Result<Vec<HoldingStatus>, CardError> {
        let mut holdings: Vec<HoldingStatus> = Vec::new();
        loop {
            let after = holdings.last().map_or(Vec::new(), |last| last.node.0.to_vec());
            let told = self.status(4, &after)?;
            let more: Vec<HoldingStatus> = value(&told)?;
            let onward = more.first().zip(holdings.last()).is_none_or(|(next, last)| next.node > last.node);
            if !onward || !more.is_sorted_by(|one, other| one.node < other.node) {
                return Err(strange());
            }
            if more.is_empty() {
                return Ok(holdings);
            }
            holdings.extend(more);
        }
    }

    fn time_floor(&mut self) -> Result<Time, CardError> {
        let told = self.status(6, &[])?;
        Ok(Time(u64::from_be_bytes(fixed(&told)?)))
    }

    fn open_payment(&mut self) -> Result<Option<OpenPayment>, CardError> {
        self.find(8, &[])?.map(|told| value(&told)).transpose()
    }

    fn confirm(&mut self, answer: &Digest) -> Result<(), CardError> {
        self.working(Instruction::Confirm, 0, 0, &answer.0).map(drop)
    }

    fn refund(&mut self, node: &Digest, to: &ToAccount) -> Result<(Amount, Signature), CardError> {
        let told = self.working(Instruction::Export, 0, 0, &[&node.0[..], &encode(to)].concat())?;
        signed(&told)
    }

    fn operator(&mut self) -> Result<OperatorStatus, CardError> {
        let told = self.status(9, &[])?;
        value(&told)
    }

    fn limits(&mut self, currency: Currency) -> Result<Limits, CardError> {
        let told = self.status(10, currency.code().as_bytes())?;
        value(&told)
    }

    fn take_rules(&mut self, rules: &Signed<CardRules>) -> Result<(), CardError> {
        self.working(Instruction::SetLimits, 0, 0, &encode(rules)).map(drop)
    }

    fn take_filter(&mut self, filter: &Signed<RevocationFilter>) -> Result<(), CardError> {
        self.working(Instruction::SetLimits, 1, 0, &encode(filter)).map(drop)
    }

    fn take_clearance(&mut self, clearance: &Signed<Clearance>) -> Result<(), CardError> {
        self.working(Instruction::SetLimits, 2, 0, &encode(clearance)).map(drop)
    }

    fn names(&mut self, key: &PublicKey) -> Result<bool, CardError> {
        match self.status(11, &key.0)?[..] {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(strange()),
        }
    }

    fn open_contact(&mut self) -> Result<Contact, CardError> {
        let told = self.working(Instruction::Contact, 0, 0, &[])?;
        let ([card, token, nonce], []) = told.as_chunks::<16>() else { return Err(strange()) };
        let token = (*token != [0; 16]).then(|| Nonce::from(*token));
        Ok(Contact { card: (*card).into(), token, nonce: (*nonce).into() })
    }

    fn close_contact(&mut self, ticket: &Signed<ContactTicket>) -> Result<(), CardError> {
        self.working(Instruction::Contact, 1, 0, &encode(ticket)).map(drop)
    }
}

/// Bytes of one leaf in a hand-in: a digest and its head.
const LEAF_BYTES: usize = 34;

impl<T: Transmit> ApduCard<T> {
    /// LOAD up to the last endorsement, from where the card already is on this chain.
    fn load_links(&mut self, chain: &Chain) -> Result<(), CardError> {
        let note = encode(&(&chain.note, &chain.holder));
        let told = self.working(Instruction::Load, 0, 0, &note)?;
        let links = match known_links(chain, &told)? {
            Some(links) => links,
            // it stands on another chain of the same note
            None => {
                self.working(Instruction::Load, 0, 1, &note)?;
                0
            }
        };
        for hop in chain.hops.iter().skip(links) {
            self.working(Instruction::Load, 1, 0, &encode(hop))?;
        }
        Ok(())
    }
}

/// How many endorsements of `chain` the card has, if those it has are of this chain.
///
/// The last signature is enough: the card verified it, over the identity of the node before, which follows from every link
/// before it, the amount, and the answer, which follows from the payee's key. Where it stands in two chains, it was not made for
/// one of them, and what the card holds is the other. Licences alone may differ: those that the card has were in order.
fn known_links(chain: &Chain, told: &[u8]) -> Result<Option<usize>, CardError> {
    let (&[links], signature) = told.split_first_chunk().ok_or_else(strange)?;
    let (links, signature) = (usize::from(links), Signature(fixed(signature)?));
    let last = match links.checked_sub(1) {
        None => Some(&chain.note.signature),
        Some(last) => chain.hops.get(last).map(|hop| &hop.signature),
    };
    Ok((last == Some(&signature)).then_some(links))
}

/// An amount and a signature.
fn signed(told: &[u8]) -> Result<(Amount, Signature), CardError> {
    let (amount, signature) = told.split_first_chunk().ok_or_else(strange)?;
    let amount = Amount::from_minor(u64::from_be_bytes(*amount)).ok_or_else(strange)?;
    Ok((amount, Signature(fixed(signature)?)))
}
