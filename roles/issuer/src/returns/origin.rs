//! Origins of notes under seal: which bank ordered them (HC-D8, HC-D24). An origin goes wherever its note goes.

use std::collections::{BTreeMap, HashMap};

use zeni_money::{Amount, Currency};
use zeni_note::sealed::CONTENT_LEN;
use zeni_store::{Tx, TxError, params};

use super::tree::{NoteKey, Place, Tree};
use crate::{
    Account,
    books::{self, Posting, PostingIds},
    schema,
};

/// Where a note under seal came from.
pub(crate) struct Origin {
    /// Bank that ordered it.
    pub(crate) bank: String,
    /// What was sealed.
    pub(crate) content: [u8; CONTENT_LEN],
}

/// The origin of a note in register or archive; none for one that was not issued under seal.
pub(crate) fn read(tx: &mut Tx<'_>, key: NoteKey) -> Result<Option<Origin>, TxError> {
    let at = params![key.epoch, key.series, key.serial];
    let row = match tx.row(schema::READ_ORIGIN, at)? {
        Some(row) => Some(row),
        None => tx.row(schema::READ_ARCHIVE_ORIGIN, at)?,
    };
    row.map(|row| Ok(Origin { bank: row.text(0)?.to_owned(), content: row.array(2)? })).transpose()
}

/// What of notes under seal is no longer out.
#[derive(Default)]
pub(crate) struct Released(HashMap<NoteKey, (Currency, Amount)>);

impl Released {
    pub(crate) fn add(&mut self, key: NoteKey, currency: Currency, amount: Amount) {
        let (_, sum) = self.0.entry(key).or_insert((currency, Amount::ZERO));
        *sum = sum.checked_add(amount).expect("no more comes back than was ever issued");
    }

    /// Books per bank what it held and now owes, and moves the origins of notes that go to the archive. Before their trees are
    /// saved.
    pub(crate) fn book(
        self,
        tx: &mut Tx<'_>,
        trees: &HashMap<NoteKey, Option<Tree>>,
        ids: &mut PostingIds,
    ) -> Result<(), TxError> {
        let mut banks: BTreeMap<(String, Currency), Amount> = BTreeMap::new();
        for (key, (currency, amount)) in self.0 {
            let Some(origin) = read(tx, key)? else { continue };
            let sum = banks.entry((origin.bank, currency)).or_default();
            *sum = sum.checked_add(amount).expect("no more comes back than was ever issued");
            let tree = trees.get(&key).and_then(Option::as_ref);
            if tree.is_some_and(|tree| tree.place == Place::Register && tree.is_complete()) {
                let at = params![key.epoch, key.series, key.serial];
                tx.execute(schema::MOVE_ORIGIN, at)?;
                tx.execute(schema::DELETE_ORIGIN, at)?;
            }
        }
        for ((bank, currency), amount) in banks {
            release(tx, ids, bank, currency, amount)?;
        }
        Ok(())
    }
}

/// A bank owes what it held for notes that came back, were renewed, or never will come.
pub(crate) fn release(
    tx: &mut Tx<'_>,
    ids: &mut PostingIds,
    bank: String,
    currency: Currency,
    amount: Amount,
) -> Result<(), TxError> {
    let posting = Posting {
        debit: Account::Released(bank.clone()),
        credit: Account::Held(bank),
        currency,
        amount,
        reference: "release",
    };
    books::post(tx, ids, &posting)
}
