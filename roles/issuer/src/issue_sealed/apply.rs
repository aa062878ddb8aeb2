//! In the transaction: register the notes, keep their origins, book what the bank holds.

use std::collections::BTreeMap;

use zeni_crypto::Digest;
use zeni_money::{Amount, Currency};
use zeni_note::{messages::issuer::SealedRefusal, sealed::Ordered};
use zeni_store::{JobError, Row, Tx, TxError, params, refuse};

use super::{
    prepare::{Draft, Work as Asked},
    stored::issued_for,
};
use crate::{
    Account, BankConfig,
    books::{self, Posting, PostingIds},
    ceilings, digest,
    redeem::register_held,
    schema,
};

/// The bank that ordered, and how many notes' worth of its ceiling are drawn at once.
pub(crate) struct Payer {
    pub(crate) bank: BankConfig,
    pub(crate) slice: u32,
}

/// The part of what is left below a ceiling that is drawn at once, if that is more than a slice.
const ROOM_PARTS: u128 = 16;

/// What one job has issued so far.
#[derive(Default)]
struct Work {
    /// Drawn from the ceiling and not issued yet.
    left: BTreeMap<Currency, Amount>,
    /// Issued and not booked yet.
    issued: BTreeMap<(u32, Currency), Amount>,
    stopped: BTreeMap<u32, bool>,
}

/// Another note was registered for a request since it was prepared: its answer is to be looked for once more.
pub(crate) struct Overtaken;

type Refused = Result<Option<SealedRefusal>, JobError<Overtaken>>;

/// Answers per request why it is refused, or nothing if its note is registered, now or before.
pub(crate) fn apply(
    tx: &mut Tx<'_>,
    payer: &Payer,
    asked: &[Asked],
    ids: &mut PostingIds,
) -> Result<Vec<Option<SealedRefusal>>, JobError<Overtaken>> {
    let mut work = Work::default();
    let mut refused = Vec::with_capacity(asked.len());
    for asked in asked {
        refused.push(match asked {
            Asked::Register(draft) => work.issue(tx, payer, draft)?,
            Asked::Void { of, refusal } => bar(tx, payer, of, refusal)?,
        });
    }
    for ((series, currency), amount) in work.issued {
        let posting = Posting {
            debit: Account::Held(payer.bank.name.clone()),
            credit: Account::Outstanding(series),
            currency,
            amount,
            reference: "issue",
        };
        books::post(tx, ids, &posting)?;
    }
    for (currency, left) in work.left {
        ceilings::keep(tx, &of(&payer.bank, currency), left)?;
    }
    Ok(refused)
}

fn of(bank: &BankConfig, currency: Currency) -> ceilings::Bank<'_> {
    ceilings::Bank { name: &bank.name, currency, configured: bank.ceiling(currency) }
}

impl Work {
    fn issue(&mut self, tx: &mut Tx<'_>, payer: &Payer, draft: &Draft) -> Refused {
        let note = &draft.note;
        if tx.row(schema::READ_REQUEST, params![note.epoch, note.series, draft.request.0])?.is_some() {
            return Ok(Some(SealedRefusal::Void));
        }
        if let Some((bank, request)) = origin(tx, draft)? {
            let same = bank == payer.bank.name && request == draft.request;
            return Ok(if same { None } else { Some(SealedRefusal::Registered) });
        }
        if draft.made && issued_for(tx, &payer.bank.name, &draft.request)?.is_some() {
            return refuse(Overtaken);
        }
        if let Some(bar) = &draft.bar {
            return Ok(void(tx, draft, bar.clone())?);
        }
        if self.is_stopped(tx, note.series)? {
            return Ok(void(tx, draft, SealedRefusal::Stopped)?);
        }
        if !self.draw(tx, payer, note.currency, note.face)? {
            return Ok(void(tx, draft, SealedRefusal::Ceiling)?);
        }
        if !register_held(tx, note, &draft.identity, &draft.holder)? {
            self.give_back(note.currency, note.face);
            return Ok(Some(SealedRefusal::Registered));
        }
        let row =
            params![note.epoch, note.series, *note.serial, &payer.bank.name, draft.request.0, draft.content.to_vec()];
        tx.execute(schema::INSERT_ORIGIN, row)?;
        let issued = self.issued.entry((note.series, note.currency)).or_default();
        *issued = issued.checked_add(note.face).expect("no more is issued than a ceiling allows");
        Ok(None)
    }

    fn is_stopped(&mut self, tx: &mut Tx<'_>, series: u32) -> Result<bool, TxError> {
        if let Some(stopped) = self.stopped.get(&series) {
            return Ok(*stopped);
        }
        let stopped = tx.row(schema::IS_STOPPED, params![series])?.is_some();
        self.stopped.insert(series, stopped);
        Ok(stopped)
    }

    /// Takes a face value from what is drawn, and draws more when that is used up; answers whether the ceiling allows it.
    fn draw(&mut self, tx: &mut Tx<'_>, payer: &Payer, currency: Currency, face: Amount) -> Result<bool, TxError> {
        let bank = of(&payer.bank, currency);
        let left = match self.left.get(&currency) {
            Some(left) => *left,
            None => ceilings::drawn(tx, &bank)?,
        };
        if let Some(rest) = left.checked_sub(face) {
            self.left.insert(currency, rest);
            return Ok(true);
        }
        let of_currency = self.issued.iter().filter(|((_, of), _)| *of == currency);
        let unposted: u128 = of_currency.map(|(_, amount)| u128::from(amount.minor())).sum();
        ceilings::keep(tx, &bank, left)?;
        let wanted = u128::from(face.minor());
        let mut room = ceilings::room(tx, &bank, unposted)? + u128::from(left.minor());
        // far below a ceiling much is drawn at once, so that the bank's position is seldom worked out
        let mut take = (wanted * u128::from(payer.slice)).max(room / ROOM_PARTS);
        if room < wanted {
            // bank keys hold slices they may not need: take them back, they draw again
            ceilings::take_back(tx, &bank)?;
            room = ceilings::room(tx, &bank, unposted)?;
            take = wanted;
        }
        let Some(over) = take.min(room).checked_sub(wanted) else {
            // too little for this face value; what a smaller one needs is drawn again
            self.left.insert(currency, Amount::ZERO);
            return Ok(false);
        };
        let over = u64::try_from(over).ok().and_then(Amount::from_minor).unwrap_or(Amount::ZERO);
        self.left.insert(currency, over);
        Ok(true)
    }

    fn give_back(&mut self, currency: Currency, face: Amount) {
        let left = self.left.entry(currency).or_default();
        *left = left.checked_add(face).unwrap_or(*left);
    }
}

/// Bank and request behind the number of a draft, whether its note is out or has come back.
fn origin(tx: &mut Tx<'_>, draft: &Draft) -> Result<Option<(String, Digest)>, TxError> {
    let note = &draft.note;
    let at = params![note.epoch, note.series, *note.serial];
    let row = match tx.row(schema::READ_ORIGIN, at)? {
        Some(row) => Some(row),
        None => tx.row(schema::READ_ARCHIVE_ORIGIN, at)?,
    };
    let read = |row: Row| -> Result<_, TxError> { Ok((row.text(0)?.to_owned(), digest(&row, 1)?)) };
    row.map(read).transpose()
}

/// Marks a request void that is refused for the time being without a note at hand.
fn bar(tx: &mut Tx<'_>, payer: &Payer, of: &Ordered, refusal: &SealedRefusal) -> Refused {
    if issued_for(tx, &payer.bank.name, &of.request)?.is_some() {
        return refuse(Overtaken);
    }
    let first = tx.execute(schema::VOID_SEALED, params![of.epoch, of.series, of.request.0])? == 1;
    Ok(Some(if first { refusal.clone() } else { SealedRefusal::Void }))
}

fn void(tx: &mut Tx<'_>, draft: &Draft, refusal: SealedRefusal) -> Result<Option<SealedRefusal>, TxError> {
    tx.execute(schema::VOID_SEALED, params![draft.note.epoch, draft.note.series, draft.request.0])?;
    Ok(Some(refusal))
}
