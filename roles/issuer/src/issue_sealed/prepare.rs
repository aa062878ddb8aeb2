//! Before the transaction: who ordered, what was sealed, and the note that would answer it.

use zeni_crypto::{Digest, PublicKey, SecretKey, batch::Batch, tagged};
use zeni_message::{Signed, Time, identity, route::Failure, sig_structure};
use zeni_note::{
    LoadTicket, Note, SeriesTerms,
    messages::{
        bank::SealedReply,
        issuer::{IssueSealedRefusal, SealedAnswer, SealedIssue, SealedRefusal},
    },
    sealed::{CONTENT_LEN, Envelope, KeyMaker, Reply, SealedContent},
};
use zeroize::Zeroizing;

use crate::{
    BankConfig, Issuer, failure_of_read,
    keylist::{Known, Sealing},
};

/// A request of which everything is known but the state of the databases.
pub(crate) enum Prepared {
    Refused(SealedRefusal),
    Drafted(Box<(Draft, SealedReply)>),
}

/// A note that was signed but not registered; without its row the reply never leaves.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) note: Note,
    pub(crate) identity: Digest,
    /// N_U, which a note of a series that hides it does not show.
    pub(crate) holder: PublicKey,
    /// Digest of E_I.
    pub(crate) request: Digest,
    /// What was sealed.
    pub(crate) content: [u8; CONTENT_LEN],
    /// Why no note is issued for it for the time being, unless there is one already.
    pub(crate) bar: Option<SealedRefusal>,
}

impl Prepared {
    pub(crate) fn draft(&self) -> Option<&Draft> {
        match self {
            Prepared::Refused(_) => None,
            Prepared::Drafted(drafted) => Some(&drafted.0),
        }
    }

    /// The answer, if the transaction refused with `refused`.
    pub(crate) fn answer(self, refused: Option<SealedRefusal>) -> SealedAnswer {
        match (self, refused) {
            (Prepared::Refused(refusal), _) | (_, Some(refusal)) => SealedAnswer::Refused(refusal),
            (Prepared::Drafted(drafted), None) => SealedAnswer::Issued(drafted.1),
        }
    }
}

impl Issuer {
    pub(crate) async fn prepare_sealed(
        &self,
        now: Time,
        bank: &BankConfig,
        items: &[SealedIssue],
    ) -> Result<Vec<Prepared>, Failure<IssueSealedRefusal>> {
        let epochs = items.iter().map(|item| item.order.record.of.epoch);
        let lists = self.lists_of(epochs).await.map_err(failure_of_read)?;
        let ordered = self.orders_hold(bank, items);
        let mut prepared = Vec::with_capacity(items.len());
        for (item, ordered) in items.iter().zip(ordered) {
            prepared.push(match self.draft_sealed(now, bank, &lists, item, ordered)? {
                Ok(drafted) => Prepared::Drafted(Box::new(drafted)),
                Err(refusal) => Prepared::Refused(refusal),
            });
        }
        Ok(prepared)
    }

    /// V_B: which orders the bank has signed, for exactly the request that came with them (HC-F2.9).
    fn orders_hold(&self, bank: &BankConfig, items: &[SealedIssue]) -> Vec<bool> {
        let bad = match items {
            // a batch of one costs more than its signature
            [item] if item.order.verify(self.network(), &bank.key).is_ok() => Vec::new(),
            [_] => vec![0],
            _ => {
                let mut batch = Batch::with_capacity(items.len());
                for item in items {
                    batch.add(bank.key, item.order.signature, &sig_structure(self.network(), &item.order.record));
                }
                batch.verify(&mut self.entropy.clone()).err().map_or_else(Vec::new, |bad| bad.items)
            }
        };
        let holds = |(index, item): (usize, &SealedIssue)| {
            let order = &item.order.record;
            bad.binary_search(&index).is_err()
                && order.bank == bank.name
                && order.of.request == Envelope::digest(&item.request)
        };
        items.iter().enumerate().map(holds).collect()
    }

    /// The checks that need no stored state, in the order of [`SealedRefusal`], and the signed note.
    fn draft_sealed(
        &self,
        now: Time,
        bank: &BankConfig,
        lists: &Known,
        item: &SealedIssue,
        ordered: bool,
    ) -> Result<Result<(Draft, SealedReply), SealedRefusal>, Failure<IssueSealedRefusal>> {
        let of = item.order.record.of;
        if !ordered {
            return Ok(Err(SealedRefusal::BadOrder));
        }
        let list = lists.list(of.epoch);
        let entry = list.and_then(|list| list.sealed_entry(&bank.name, of.series));
        let terms = list.and_then(|list| list.terms(of.series)).filter(|terms| terms.currency == of.currency);
        let (Some(_), Some(terms)) = (entry.filter(|entry| entry.faces.contains(&of.face)), terms) else {
            return Ok(Err(SealedRefusal::UnknownSeries));
        };
        // the list names a key: without it no request of the epoch can be answered, which is no fault of any of them
        let sealing = lists.sealing(of.epoch).ok_or(Failure::Internal)?;
        let Ok(content) = open(&sealing, &item.request) else { return Ok(Err(SealedRefusal::Sealed)) };
        if content.ordered(of.request) != of {
            return Ok(Err(SealedRefusal::OtherAmount));
        }
        let (holder, made) = match content.holder {
            KeyMaker::User(key) if key.check().is_err() => return Ok(Err(SealedRefusal::BadKey)),
            KeyMaker::User(key) => (key, None),
            KeyMaker::Issuer => {
                let seed = self.made_key(&of.request);
                (SecretKey::from_seed(*seed).public(), Some(seed))
            }
        };
        let note = content.note(terms.way, &holder);
        let identity = identity(self.network(), &note);
        let ticket = LoadTicket { note: identity, nonce: content.slot };
        let ticket = Signed::sign(self.network(), ticket, &self.keys.signing).signature;
        let Signed { record: note, signature } = Signed::sign(self.network(), note, &self.keys.signing);
        let reply = Reply { note: signature, ticket, key: made }.encipher(&content.k, &of.request);
        let bytes = content.to_bytes();
        let bar = self.bar(now, bank, terms, content.holder);
        let draft = Draft { note, identity, holder, request: of.request, content: bytes, bar };
        Ok(Ok((draft, reply.into())))
    }

    /// What the operator or the calendar have against a new note at present. A note that was issued before is answered all the
    /// same: its bank has debited a customer for it.
    fn bar(&self, now: Time, bank: &BankConfig, terms: &SeriesTerms, maker: KeyMaker) -> Option<SealedRefusal> {
        if !bank.sealed.contains(&terms.series) {
            return Some(SealedRefusal::UnknownSeries);
        }
        if maker == KeyMaker::Issuer && !self.config.sealed.makes_keys {
            return Some(SealedRefusal::KeyMaker);
        }
        (now > terms.redeem_until).then_some(SealedRefusal::Closed)
    }

    /// SS_U of HC-F6: made again from the issuer's secret whenever the same request comes, and kept nowhere.
    fn made_key(&self, request: &Digest) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(tagged("zeni/made-key", &[&self.keys.sealing[..], &request.0]).0)
    }
}

/// D_I, and the check that whoever is shown the content can seal it again (HC-F2.10, HC-O2).
fn open(sealing: &Sealing, request: &[u8]) -> Result<SealedContent, zeni_note::sealed::SealedFault> {
    sealing.envelope.open(&sealing.pair, request)
}
