//! The town's bank and issuer for orders under seal, small and real, with moves of theirs that are wrong.

use std::collections::BTreeMap;

use zeni_crypto::{Digest, PublicKey, SecretKey, seal::SealKeyPair};
use zeni_message::Signed;
use zeni_note::{
    LoadTicket, SeriesTerms,
    keylist::{SealedEntry, Way},
    messages::bank::*,
    sealed::{Envelope, IssuanceOrder, KeyMaker, Reply, SealedContent},
    testing::{SERIES, amount, key, nonce, terms},
};
use zeroize::Zeroizing;

use super::{BANK, FACES, Town};

/// Number of the sealed series.
const SEALED: u32 = SERIES + 1;

/// What the bank offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Series {
    Registered,
    Both,
    Sealed(Way),
}

impl Series {
    pub(super) fn has_registered(self) -> bool {
        !matches!(self, Series::Sealed(_))
    }

    pub(super) fn sealed_terms(self) -> Option<SeriesTerms> {
        let way = match self {
            Series::Registered => return None,
            Series::Both => Way::Sealed,
            Series::Sealed(way) => way,
        };
        Some(SeriesTerms { series: SEALED, way, ..terms() })
    }
}

/// What bank or issuer do wrong with the next answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rogue {
    /// The bank flips a bit of E_K.
    Flips,
    /// The bank forwards a request of its own, with a key of its own.
    Swaps,
    /// The issuer signs another face value.
    OtherFace,
    /// The issuer signs a ticket for another slot.
    OtherSlot,
    /// The bank's receipt is not signed by it.
    ForgesReceipt,
    /// The bank's receipt is for another request.
    OtherReceipt,
    /// The bank leaves an answer out.
    Short,
    /// The bank has the note and says that the issuer refused it.
    Denies,
    /// The bank has the note and says that it took no order.
    DeniesAll,
}

/// An order as bank and issuer have it.
struct Row {
    item: SealedItem,
    account: String,
    outcome: SealedOutcome,
}

/// Rows and switches.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) account_keys: Vec<(String, PublicKey)>,
    rows: BTreeMap<Digest, Row>,
    /// Messages that the bank answers before the issuer answers it.
    pub(crate) slow: u32,
    /// The issuer's refusal of everything.
    pub(crate) refuses: Option<&'static str>,
    pub(crate) rogue: Option<Rogue>,
    /// Whether the issuer makes keys.
    pub(crate) makes_keys: bool,
    /// Numbers of the notes that were issued.
    pub(crate) issued: Vec<zeni_note::Serial>,
}

pub(crate) fn pair() -> SealKeyPair {
    SealKeyPair::from_seed([0x5e; 32])
}

pub(crate) fn bank_key() -> SecretKey {
    key("the bank's document key")
}

pub(super) fn entry() -> SealedEntry {
    SealedEntry { bank: BANK.into(), series: SEALED, faces: FACES.map(amount).to_vec(), key: bank_key().public() }
}

pub(super) fn envelope(town: &Town) -> Envelope {
    let sealing = town.list.record.sealing.as_ref().unwrap();
    Envelope::new(town.world.network(), sealing).unwrap()
}

pub(super) fn withdraw(
    town: &Town,
    caller: &str,
    it: WithdrawSealed,
) -> Result<Vec<SealedState>, WithdrawSealedRefusal> {
    let network = town.world.network();
    let mut books = town.books();
    let account = caller.split_once('/').unwrap().1;
    let mut total = 0;
    for (one, item) in it.items.iter().zip(0..) {
        let order = &one.order.record;
        if (&order.bank[..], &order.account[..]) != (BANK, account) {
            return Err(WithdrawSealedRefusal::WrongAccount { item });
        }
        let keys = books.sealed.account_keys.iter().filter(|(of, _)| of == account);
        if !keys.into_iter().any(|(_, key)| one.order.verify(network, key).is_ok()) {
            return Err(WithdrawSealedRefusal::NotSigned { item });
        }
        if Envelope::digest(&one.request) != order.of.request {
            return Err(WithdrawSealedRefusal::OtherRequest { item });
        }
        match books.sealed.rows.get(&order.of.request) {
            Some(row) if row.item != *one => return Err(WithdrawSealedRefusal::Repeated { item }),
            Some(_) => {}
            None => total += order.of.face.minor(),
        }
    }
    let available = books.balance.get(caller).copied().unwrap_or(0);
    if available < total {
        return Err(WithdrawSealedRefusal::InsufficientFunds { available });
    }
    books.balance.insert(caller.into(), available - total);
    for item in &it.items {
        let row = Row { item: item.clone(), account: caller.into(), outcome: SealedOutcome::Pending };
        books.sealed.rows.entry(item.order.record.of.request).or_insert(row);
    }
    if books.sealed.slow > 0 {
        books.sealed.slow -= 1;
    } else {
        for item in &it.items {
            settle(town, &mut books, &item.order.record.of.request);
        }
    }
    let rogue = books.sealed.rogue;
    if rogue == Some(Rogue::DeniesAll) {
        return Err(WithdrawSealedRefusal::InsufficientFunds { available: 0 });
    }
    let state = |item: &SealedItem| answer(town, &books.sealed.rows[&item.order.record.of.request], rogue);
    let mut states: Vec<SealedState> = it.items.iter().map(state).collect();
    if rogue == Some(Rogue::Short) {
        states.pop();
    }
    Ok(states)
}

/// Where the caller's orders stand, as the bank tells it.
pub(super) fn states(town: &Town, caller: &str, it: &GetSealedOrders) -> Vec<Option<SealedState>> {
    let books = town.books();
    let rogue = books.sealed.rogue;
    let state = |id: &zeni_note::Nonce| {
        let own = |row: &&Row| row.account == caller && row.item.order.record.order == *id;
        let row = books.sealed.rows.values().find(own).filter(|_| rogue != Some(Rogue::DeniesAll))?;
        Some(answer(town, row, rogue))
    };
    it.orders.iter().map(state).collect()
}

/// The issuer answers, if it has not yet.
fn settle(town: &Town, books: &mut super::Books, request: &Digest) {
    let row = &books.sealed.rows[request];
    if row.outcome != SealedOutcome::Pending {
        return;
    }
    let (item, account, face) = (row.item.clone(), row.account.clone(), row.item.order.record.of.face);
    let outcome = match books.sealed.refuses.map(str::to_owned).map_or_else(|| issue(town, books, &item), Err) {
        Ok(reply) => SealedOutcome::Issued(reply),
        Err(word) => {
            *books.balance.entry(account).or_default() += face.minor();
            SealedOutcome::Refused(word)
        }
    };
    books.sealed.rows.get_mut(request).unwrap().outcome = outcome;
}

fn issue(town: &Town, books: &mut super::Books, item: &SealedItem) -> Result<SealedReply, String> {
    let content = envelope(town).open(&pair(), &item.request).map_err(|_| "not_opened")?;
    let of = &item.order.record.of;
    if content.ordered(of.request) != *of {
        return Err("other_amount".into());
    }
    let (holder, made) = match content.holder {
        KeyMaker::User(key) => (key, None),
        KeyMaker::Issuer if !books.sealed.makes_keys => return Err("key_maker".into()),
        KeyMaker::Issuer => {
            let made = key(&format!("made {}", books.sealed.issued.len()));
            (made.public(), Some(made))
        }
    };
    let serial = content.serial(&holder);
    if books.sealed.issued.contains(&serial) {
        return Err("registered".into());
    }
    books.sealed.issued.push(serial);
    Ok(reply(town, &content, &holder, made.as_ref(), of.request, None))
}

/// E_K over the note of a request, or over a wrong one.
fn reply(
    town: &Town,
    content: &SealedContent,
    holder: &PublicKey,
    made: Option<&SecretKey>,
    request: Digest,
    rogue: Option<Rogue>,
) -> SealedReply {
    let (network, issuer) = (town.world.network(), &town.world.issuer);
    let way = town.list.record.terms(SEALED).unwrap().way;
    let mut note = content.note(way, holder);
    if rogue == Some(Rogue::OtherFace) {
        note.face = amount(note.face.minor() - 1);
    }
    let slot = if rogue == Some(Rogue::OtherSlot) { nonce("another slot") } else { content.slot };
    let ticket = LoadTicket { note: zeni_message::identity(network, &note), nonce: slot };
    let reply = Reply {
        note: Signed::sign(network, note, issuer).signature,
        ticket: Signed::sign(network, ticket, issuer).signature,
        key: made.map(|made| Zeroizing::new(*made.dangerous_seed())),
    };
    reply.encipher(&content.k, &request).into()
}

/// The bank's answer, spoiled if it is a rogue.
fn answer(town: &Town, row: &Row, rogue: Option<Rogue>) -> SealedState {
    let of = row.item.order.record.of;
    let mut record = IssuanceOrder { bank: BANK.into(), of, issuer_made: None };
    if rogue == Some(Rogue::OtherReceipt) {
        record.of.request = zeni_crypto::sha256(&[b"another request"]);
    }
    let signer = if rogue == Some(Rogue::ForgesReceipt) { key("nobody") } else { bank_key() };
    let receipt = Signed::sign(town.world.network(), record, &signer);
    let outcome = match (&row.outcome, rogue) {
        (SealedOutcome::Issued(genuine), Some(Rogue::Flips)) => {
            let mut flipped = *genuine;
            flipped[70] ^= 1;
            SealedOutcome::Issued(flipped)
        }
        (SealedOutcome::Issued(_), Some(Rogue::Swaps)) => {
            let own =
                SealedContent { k: [0xba; 32], holder: KeyMaker::User(bank_key().public()), ..content(town, row) };
            let swapped = Envelope::digest(&envelope(town).seal(&own));
            SealedOutcome::Issued(reply(town, &own, &bank_key().public(), None, swapped, None))
        }
        (SealedOutcome::Issued(_), Some(Rogue::OtherFace | Rogue::OtherSlot)) => {
            let content = content(town, row);
            let KeyMaker::User(holder) = content.holder else { panic!("the wallet made the key") };
            SealedOutcome::Issued(reply(town, &content, &holder, None, of.request, rogue))
        }
        (SealedOutcome::Issued(_), Some(Rogue::Denies)) => SealedOutcome::Refused("ceiling".into()),
        (outcome, _) => outcome.clone(),
    };
    SealedState { receipt, outcome }
}

fn content(town: &Town, row: &Row) -> SealedContent {
    envelope(town).open(&pair(), &row.item.request).unwrap()
}
