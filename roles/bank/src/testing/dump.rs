//! Everything that stands in the bank's store.

use zeni_crypto::Digest;
use zeni_store::Value;

use super::Town;

impl Town {
    /// Each table with a digest of its rows: what a refused message leaves as it was.
    pub(crate) fn dump(&self) -> Vec<(&'static str, Digest)> {
        let digest = |rows: &Vec<Vec<Value>>| zeni_crypto::sha256(&[format!("{rows:?}").as_bytes()]);
        DUMP.into_iter().zip(self.rows().iter().map(digest)).collect()
    }

    /// The rows of one table.
    pub(crate) fn table(&self, name: &str) -> Vec<Vec<Value>> {
        let place = DUMP.iter().position(|sql| sql.contains(&format!(" {name} "))).expect("a table");
        self.rows().swap_remove(place)
    }

    pub(super) fn rows(&self) -> Vec<Vec<Vec<Value>>> {
        let read = |tx: &mut zeni_store::Tx<'_>| {
            let tables = DUMP.iter().map(|sql| {
                let rows = tx.rows(sql, &[])?;
                Ok(rows.iter().map(|row| row.values().to_vec()).collect())
            });
            tables.collect::<Result<_, zeni_store::JobError<()>>>()
        };
        self.bank.store.read_blocking(read).expect("a dump")
    }
}

const DUMP: [&str; 29] = [
    "SELECT * FROM account ORDER BY 1",
    "SELECT * FROM certificate ORDER BY 1, 2",
    "SELECT * FROM signing_key ORDER BY 1",
    "SELECT * FROM submission ORDER BY 1",
    "SELECT * FROM key_list ORDER BY 1",
    "SELECT * FROM withdrawal ORDER BY 1, 2",
    "SELECT * FROM signature ORDER BY 1",
    "SELECT * FROM tally ORDER BY 1",
    "SELECT * FROM report ORDER BY 1",
    "SELECT * FROM deposit ORDER BY 1",
    "SELECT * FROM item ORDER BY 1, 2",
    "SELECT * FROM live_leaf ORDER BY 1",
    "SELECT * FROM batch ORDER BY 1",
    "SELECT * FROM decision ORDER BY 1",
    "SELECT * FROM request_claim ORDER BY 1",
    "SELECT * FROM ledger_posting ORDER BY 1",
    "SELECT * FROM ledger_entry ORDER BY 1, 2, 3",
    "SELECT * FROM ledger_balance ORDER BY 1",
    "SELECT * FROM revocation_list ORDER BY 1",
    "SELECT * FROM sealed_order ORDER BY 1",
    "SELECT * FROM sealed_pruned ORDER BY 1",
    "SELECT * FROM transfer ORDER BY 1",
    "SELECT * FROM identification ORDER BY 1",
    "SELECT * FROM case_file ORDER BY 1",
    "SELECT * FROM suspension ORDER BY 1",
    "SELECT * FROM log_finding ORDER BY 1",
    "SELECT * FROM card ORDER BY 1",
    "SELECT * FROM card_shown ORDER BY 1, 2",
    "SELECT * FROM card_rules ORDER BY 1",
];
