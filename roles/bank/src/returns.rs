//! Returns to the issuer (RN-F6, RN-D21, RN-X27): batches of held items and the booking of the signed answers.
//!
//! A batch is fixed in one transaction before it is sent: which items at which places, and the digest of their leaves. Its
//! bytes follow from rows that never change, so it is sent again byte for byte until its answer was booked, once.

use std::convert::Infallible;

use zeni_crypto::{Digest, tagged};
use zeni_message::{
    Signed, Time, Wire, decode, encode,
    limits::{BATCH_ITEMS_MAX, MESSAGE_BYTES_MAX},
    peer::SendError,
};
use zeni_note::{
    Closing,
    messages::issuer::{Return, ReturnAnswer, ReturnItem, ReturnRefusal},
};
use zeni_store::{Caller, JobError, Row, Tx, TxError, params};

use crate::{
    accounts::currency,
    bank::Bank,
    books::broken,
    chores::{Chore, ChoreError, Progress},
    items::{Item, Phase},
    schema,
};

type Job<T> = Result<T, JobError<Infallible>>;

/// Bytes of items in one batch; hand-ins and the frame come on top.
const BATCH_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 256 * 1_024;
/// Items of one hand-in that come with a batch all the same stand in it together.
const READ_MAX: usize = 2 * BATCH_ITEMS_MAX;
/// Final items forgotten, and challenges released, in one round.
const PRUNE_MAX: u32 = 256;
/// Seconds for which a challenge waits for its deposit. Whoever signed for it and comes later opens another deposit and
/// closes once more.
pub(crate) const CHALLENGE_S: u64 = 14 * 86_400;
/// A challenge kept for a refund is kept for so long after no refund can come any more, for clocks that were wrong. Seconds.
pub(crate) const KEPT_AFTER_S: u64 = 365 * 86_400;

impl Bank {
    /// Sends the batch that waits for its answer, or makes one of what is queued.
    pub(crate) async fn return_items(&self, now: Time) -> Chore {
        let id: [u8; 16] = self.entropy.bytes();
        let waiting = self.store.read(|tx: &mut Tx<'_>| -> Job<_> { waiting(tx) }).await?;
        let batch = match waiting {
            Some(batch) => batch,
            None => match self.store.write(Caller::default(), move |tx: &mut Tx<'_>| form(tx, &id)).await? {
                Some(batch) => batch,
                None => return Ok(Progress::Idle),
            },
        };
        let message = self.store.read(move |tx: &mut Tx<'_>| -> Job<_> { Ok(build(tx, &batch)?) }).await?;
        match self.issuer.send(&message).await {
            Ok(answer) => self.book(batch.id, message.items.len(), answer, now).await,
            Err(SendError::Refused(refusal)) => self.refused(batch.id, &refusal).await,
            Err(error) => Err(ChoreError::sent::<Return>(error)),
        }
    }

    async fn book(&self, id: [u8; 16], items: usize, answer: Signed<ReturnAnswer>, now: Time) -> Chore {
        let Signed { record, .. } = &answer;
        let about = *record.batch == id && record.bank == self.config.bank && record.outcomes.len() == items;
        if !about || answer.verify(self.config.roots.network, &self.config.roots.issuer).is_err() {
            return Err(ChoreError::Answer);
        }
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            if tx.execute(schema::ANSWER_BATCH, params![id, "answered", encode(&answer)])? == 0 {
                return Ok(());
            }
            let rows = tx.rows(schema::SELECT_BATCH_BOOKING, params![id])?;
            for (row, outcome) in rows.iter().zip(&answer.record.outcomes) {
                sent_item(row)?.answer(tx, *outcome, now)?;
            }
            Ok(())
        };
        self.store.write(Caller::default(), job).await?;
        Ok(Progress::More)
    }

    /// An honest bank's batch is never refused: it stays as it is, its items held, until people have looked into it.
    async fn refused(&self, id: [u8; 16], refusal: &ReturnRefusal) -> Chore {
        let code = zeni_message::Refusal::code(refusal);
        tracing::error!(code, "the issuer refused a batch of returns: its items stay held");
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            Ok(tx.execute(schema::ANSWER_BATCH, params![id, "refused", code.as_bytes()]).map(drop)?)
        };
        self.store.write(Caller::default(), job).await?;
        Err(ChoreError::Refused { message: <Return as zeni_message::Message>::PATH, code })
    }

    /// Releases challenges that nobody answered in time. One that is kept for a refund waits as long as the issuer may hear a refund of any
    /// note that was issued by the time it was kept, and [`KEPT_AFTER_S`] more.
    pub(crate) async fn release(&self, now: Time) -> Chore {
        let lists = self.lists::<Infallible>().await?;
        let terms = lists
            .lists
            .iter()
            .flat_map(|list| list.record.series.iter().map(|it| it.retain_until.since(list.record.from)));
        // without a list nobody can say how long refunds are heard
        let kept = terms.max().map(|longest| now.minus(longest.saturating_add(KEPT_AFTER_S)));
        let read = move |tx: &mut Tx<'_>| -> Job<Vec<[u8; 16]>> {
            let mut rows =
                tx.rows(schema::SELECT_UNUSED, &[schema::int(now.minus(CHALLENGE_S).0), PRUNE_MAX.into()])?;
            if let Some(kept) = kept {
                rows.extend(tx.rows(schema::SELECT_KEPT_UNUSED, &[schema::int(kept.0), PRUNE_MAX.into()])?);
            }
            Ok(rows.iter().map(|row| row.array(0)).collect::<Result<_, TxError>>()?)
        };
        let unused = self.store.read(read).await?;
        if unused.is_empty() {
            return Ok(Progress::Idle);
        }
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            for id in &unused {
                tx.execute(schema::DELETE_UNUSED, params![*id])?;
            }
            Ok(())
        };
        self.store.write(Caller::default(), job).await?;
        Ok(Progress::More)
    }

    /// Forgets the documents of items that are final since the end of the dispute term; their leaves stay.
    pub(crate) async fn forget(&self, now: Time) -> Chore {
        let read = move |tx: &mut Tx<'_>| -> Job<Vec<([u8; 16], i64)>> {
            let rows = tx.rows(schema::SELECT_PRUNABLE, &[schema::int(now.0), PRUNE_MAX.into()])?;
            Ok(rows.iter().map(|row| Ok((row.array(0)?, row.int(1)?))).collect::<Result<_, TxError>>()?)
        };
        let prunable = self.store.read(read).await?;
        if prunable.is_empty() {
            return Ok(Progress::Idle);
        }
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            for (deposit, place) in &prunable {
                tx.execute(schema::PRUNE_ITEM, params![deposit, *place])?;
            }
            Ok(())
        };
        self.store.write(Caller::default(), job).await?;
        Ok(Progress::More)
    }
}

#[derive(Clone, Copy)]
struct Batch {
    id: [u8; 16],
    content: Digest,
}

fn waiting(tx: &mut Tx<'_>) -> Job<Option<Batch>> {
    let row = tx.row(schema::SELECT_BATCH, &[])?;
    Ok(row.map(|row| batch(&row)).transpose()?)
}

fn batch(row: &Row) -> Result<Batch, TxError> {
    Ok(Batch { id: row.array(0)?, content: Digest(row.array(1)?) })
}

struct Queued {
    deposit: [u8; 16],
    place: i64,
    bytes: usize,
    hand_in: bool,
    leaf: Digest,
}

impl Queued {
    fn read(row: &Row) -> Result<Queued, TxError> {
        Ok(Queued {
            deposit: row.array(0)?,
            place: row.int(1)?,
            bytes: usize::try_from(row.u64(2)?).map_err(|_| broken("an item beyond all size"))?,
            hand_in: row.int(3)? != 0,
            leaf: Digest(row.array(4)?),
        })
    }
}

/// Makes a batch of what is queued; hand-ins whole.
fn form(tx: &mut Tx<'_>, id: &[u8; 16]) -> Job<Option<Batch>> {
    if let Some(batch) = waiting(tx)? {
        return Ok(Some(batch));
    }
    let limit = i64::try_from(READ_MAX).unwrap_or(i64::MAX);
    let rows = tx.rows(schema::SELECT_QUEUED, params![limit])?;
    let queued = rows.iter().map(Queued::read).collect::<Result<Vec<_>, _>>()?;
    let chosen = choose(&queued);
    if chosen.is_empty() {
        return Ok(None);
    }
    let (mut leaves, mut hand_ins, mut last) = (Vec::new(), 0_u32, None);
    for (place, item) in (0_u32..).zip(chosen) {
        tx.execute(schema::BATCH_ITEM, params![item.deposit, item.place, id, place])?;
        leaves.push(item.leaf);
        if item.hand_in && last != Some(item.deposit) {
            tx.execute(schema::BATCH_HAND_IN, params![item.deposit, id, hand_ins])?;
            hand_ins += 1;
        }
        last = Some(item.deposit);
    }
    let content = content(&leaves);
    tx.execute(schema::INSERT_BATCH, params![id, content.0])?;
    Ok(Some(Batch { id: *id, content }))
}

/// As many whole hand-ins and single items, in order, as fit into one batch. The first always does.
fn choose(queued: &[Queued]) -> &[Queued] {
    let (mut end, mut bytes) = (0, 0);
    let groups = queued.chunk_by(|one, next| one.hand_in && one.deposit == next.deposit);
    for group in groups {
        let cut = queued.len() == READ_MAX && end + group.len() == READ_MAX;
        bytes += group.iter().map(|item| item.bytes).sum::<usize>();
        let fits = end + group.len() <= BATCH_ITEMS_MAX && bytes <= BATCH_BYTES_MAX && !cut;
        if !fits && end > 0 {
            break;
        }
        end += group.len();
    }
    &queued[..end]
}

fn content(leaves: &[Digest]) -> Digest {
    tagged("zeni/return-content", &[&encode(&leaves.to_vec())])
}

/// The message of a batch, always the same bytes.
fn build(tx: &mut Tx<'_>, batch: &Batch) -> Result<Return, TxError> {
    let rows = tx.rows(schema::SELECT_BATCH_HAND_INS, params![batch.id])?;
    let hand_ins = rows.iter().map(|row| stored(row, 0)).collect::<Result<_, _>>()?;
    let (mut items, mut leaves) = (Vec::new(), Vec::new());
    for row in tx.rows(schema::SELECT_BATCH_ITEMS, params![batch.id])? {
        leaves.push(Digest(row.array(0)?));
        let closing = match row.opt_blob(2)? {
            Some(_) => stored(&row, 2)?,
            None => {
                let small = |index| u32::try_from(row.int(index)?).map_err(|_| broken("a place beyond all batches"));
                Closing::Taking { hand_in: small(4)?, index: small(3)? }
            }
        };
        items.push(ReturnItem { chain: stored(&row, 1)?, closing });
    }
    if content(&leaves) != batch.content {
        return Err(broken("a batch is not what it was when it was made"));
    }
    Ok(Return { batch: batch.id.into(), hand_ins, items })
}

fn stored<T: Wire>(row: &Row, index: usize) -> Result<T, TxError> {
    decode(row.blob(index)?, MESSAGE_BYTES_MAX).map_err(|_| broken("a stored document is damaged"))
}

fn sent_item(row: &Row) -> Result<Item, TxError> {
    let phase = Phase::read(row, 4)?;
    if phase != Phase::Sent {
        return Err(broken("an answer for an item that was not sent"));
    }
    Ok(Item {
        deposit: row.array(0)?,
        place: u32::try_from(row.int(1)?).map_err(|_| broken("a place beyond all deposits"))?,
        leaf: row.array(2)?,
        account: row.text(5)?.to_owned(),
        currency: currency(row, 7)?,
        amount: row.amount(3)?,
        refund: row.int(6)? != 0,
        phase,
        paid: zeni_money::Amount::ZERO,
        claimed: zeni_money::Amount::ZERO,
    })
}

#[cfg(test)]
mod tests;
