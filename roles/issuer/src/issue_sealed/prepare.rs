//! Before the transaction: who ordered, what was sealed, and the note that would answer it.

use zeni_crypto::{Digest, PublicKey, SecretKey, batch::Batch};
use zeni_message::{Signed, Time, identity, route::Failure, sig_structure};
use zeni_note::{
    LoadTicket, Note, SeriesTerms,
    messages::{
        bank::SealedReply,
        issuer::{IssueSealedRefusal, SealedAnswer, SealedIssue, SealedRefusal},
    },
    sealed::{CONTENT_LEN, Envelope, IssuerMadeKeys, KeyMaker, Ordered, Reply, SealedContent},
};
use zeroize::Zeroizing;

use super::made::Secrets;
use crate::{
    BankConfig, Issuer, failure_of_read,
    keylist::{Known, Sealing},
};

/// A request of which everything is known but the state of the databases.
pub(crate) enum Prepared {
    /// The answer that it had before, or a refusal that stays true.
    Answered(SealedAnswer),
    Open(Box<Open>),
}

/// A request that the transaction decides about.
pub(crate) struct Open {
    pub(crate) work: Work,
    reply: Option<SealedReply>,
}

/// What a transaction does about a request.
#[derive(Clone)]
pub(crate) enum Work {
    /// Registers the note.
    Register(Box<Draft>),
    /// Marks the request void: it is refused for the time being, and no delayed copy may be issued.
    Void { of: Ordered, refusal: SealedRefusal },
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
    /// Whether the issuer made the key: another secret would make another key of the same request.
    pub(crate) made: bool,
    /// Why no note is issued for it for the time being, unless there is one already.
    pub(crate) bar: Option<SealedRefusal>,
}

impl Prepared {
    fn refused(refusal: SealedRefusal) -> Prepared {
        Prepared::Answered(SealedAnswer::Refused(refusal))
    }

    fn void(of: Ordered, refusal: SealedRefusal) -> Prepared {
        Prepared::Open(Box::new(Open { work: Work::Void { of, refusal }, reply: None }))
    }

    /// Whether it gets no note by what was prepared.
    fn is_refused(&self) -> bool {
        match self {
            Prepared::Answered(answer) => matches!(answer, SealedAnswer::Refused(_)),
            Prepared::Open(open) => matches!(open.work, Work::Void { .. }),
        }
    }

    pub(crate) fn work(&self) -> Option<&Work> {
        match self {
            Prepared::Answered(_) => None,
            Prepared::Open(open) => Some(&open.work),
        }
    }

    /// The answer, if the transaction refused with `refused`.
    pub(crate) fn answer(self, refused: Option<SealedRefusal>) -> SealedAnswer {
        match (self, refused) {
            (Prepared::Answered(answer), _) => answer,
            (Prepared::Open(_), Some(refusal)) => SealedAnswer::Refused(refusal),
            (Prepared::Open(open), None) => {
                SealedAnswer::Issued(open.reply.expect("what is marked void is refused by the transaction"))
            }
        }
    }
}

impl Issuer {
    /// What is to be done about each request. One that has its note is answered with it, whatever is said against the request now:
    /// its bank would otherwise release money for a note that exists.
    pub(crate) async fn prepare_sealed(
        &self,
        now: Time,
        bank: &BankConfig,
        items: &[SealedIssue],
    ) -> Result<Vec<Prepared>, Failure<IssueSealedRefusal>> {
        let epochs = items.iter().map(|item| item.order.record.of.epoch);
        let lists = self.lists_of(epochs).await.map_err(failure_of_read)?;
        let secrets = match bank.makes_keys {
            true => self.made_key_secrets(now, &lists, items).await.map_err(failure_of_read)?,
            false => Secrets::new(),
        };
        let ordered = self.orders_hold(bank, items);
        let mut prepared = Vec::with_capacity(items.len());
        for (item, ordered) in items.iter().zip(ordered) {
            prepared.push(self.draft_sealed(&Desk { now, bank, lists: &lists, secrets: &secrets }, item, ordered));
        }
        let refused = |it: &Result<Prepared, _>| it.as_ref().map_or(true, Prepared::is_refused);
        let asked: Vec<Digest> = items
            .iter()
            .zip(&prepared)
            .filter(|(_, it)| refused(it))
            .map(|(item, _)| Envelope::digest(&item.request))
            .collect();
        let stored = self.stored_answers(bank, &lists, asked).await?;
        let answered = |(item, it): (&SealedIssue, Result<Prepared, _>)| match refused(&it) {
            true => stored
                .get(&Envelope::digest(&item.request))
                .map_or(it, |reply| Ok(Prepared::Answered(SealedAnswer::Issued(*reply)))),
            false => it,
        };
        items.iter().zip(prepared).map(answered).collect()
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
        desk: &Desk<'_>,
        item: &SealedIssue,
        ordered: bool,
    ) -> Result<Prepared, Failure<IssueSealedRefusal>> {
        let of = item.order.record.of;
        let list = desk.lists.list(of.epoch);
        let known = list.and_then(|list| list.terms(of.series)).filter(|terms| terms.way.is_sealed());
        if !ordered {
            // the bank's own words under another key than it has now: it releases the money on this refusal
            let own = item.order.record.bank == desk.bank.name && of.request == Envelope::digest(&item.request);
            return Ok(match known.filter(|_| own) {
                Some(_) => Prepared::void(of, SealedRefusal::BadOrder),
                None => Prepared::refused(SealedRefusal::BadOrder),
            });
        }
        let entry = list.and_then(|list| list.sealed_entry(&desk.bank.name, of.series));
        let terms = known.filter(|terms| terms.currency == of.currency);
        let (Some(_), Some(terms)) = (entry.filter(|entry| entry.faces.contains(&of.face)), terms) else {
            return Ok(Prepared::refused(SealedRefusal::UnknownSeries));
        };
        // the list names a key: without it no request of the epoch can be answered, which is no fault of any of them
        let sealing = desk.lists.sealing(of.epoch).ok_or(Failure::Internal)?;
        let Ok(content) = open(&sealing, &item.request) else { return Ok(Prepared::refused(SealedRefusal::Sealed)) };
        if content.ordered(of.request) != of {
            return Ok(Prepared::refused(SealedRefusal::OtherAmount));
        }
        let (holder, made) = match content.holder {
            KeyMaker::User(key) if key.check().is_err() => return Ok(Prepared::refused(SealedRefusal::BadKey)),
            KeyMaker::User(key) => (key, None),
            KeyMaker::Issuer => {
                let agreed = desk.bank.makes_keys && item.order.record.issuer_made() == IssuerMadeKeys::Accepted;
                if !agreed {
                    return Ok(Prepared::void(of, SealedRefusal::KeyMaker));
                }
                let Some(secret) = desk.secrets.get(&of.epoch) else {
                    return Ok(Prepared::void(of, SealedRefusal::Closed));
                };
                let seed = self.made_key(secret, &of.request);
                (SecretKey::from_seed(*seed).public(), Some(seed))
            }
        };
        let bar = bar(desk, terms);
        let made_by_issuer = made.is_some();
        let signed = self.sign_sealed(&content, terms, &holder, &of.request, made);
        let draft = Draft {
            note: signed.note,
            identity: signed.identity,
            holder,
            request: of.request,
            content: content.to_bytes(),
            made: made_by_issuer,
            bar,
        };
        Ok(Prepared::Open(Box::new(Open { work: Work::Register(Box::new(draft)), reply: Some(signed.reply) })))
    }

    /// S_I and the leave to load, under K: they follow from the request alone.
    pub(super) fn sign_sealed(
        &self,
        content: &SealedContent,
        terms: &SeriesTerms,
        holder: &PublicKey,
        request: &Digest,
        made: Option<Zeroizing<[u8; 32]>>,
    ) -> SignedNote {
        let note = content.note(terms.way, holder);
        let identity = identity(self.network(), &note);
        let ticket = LoadTicket { note: identity, nonce: content.slot };
        let ticket = Signed::sign(self.network(), ticket, &self.keys.signing).signature;
        let Signed { record: note, signature } = Signed::sign(self.network(), note, &self.keys.signing);
        let reply = Reply { note: signature, ticket, key: made }.encipher(&content.k, request);
        SignedNote { note, identity, reply: reply.into() }
    }
}

/// For whom and with what requests are prepared.
struct Desk<'a> {
    now: Time,
    bank: &'a BankConfig,
    lists: &'a Known,
    secrets: &'a Secrets,
}

/// A note with its answer.
pub(super) struct SignedNote {
    note: Note,
    identity: Digest,
    pub(super) reply: SealedReply,
}

/// What the operator or the calendar have against a new note at present. A note that was issued before is answered all the same:
/// its bank has debited a customer for it.
fn bar(desk: &Desk<'_>, terms: &SeriesTerms) -> Option<SealedRefusal> {
    if !desk.bank.sealed.contains(&terms.series) {
        return Some(SealedRefusal::UnknownSeries);
    }
    (desk.now > terms.redeem_until).then_some(SealedRefusal::Closed)
}

/// D_I, and the check that whoever is shown the content can seal it again (HC-F2.10, HC-O2).
fn open(sealing: &Sealing, request: &[u8]) -> Result<SealedContent, zeni_note::sealed::SealedFault> {
    sealing.envelope.open(&sealing.pair, request)
}
