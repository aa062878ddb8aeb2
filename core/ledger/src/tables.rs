//! The ledger's tables, for the schema of a role.

use zeni_store::Migration;

/// The statements that make the ledger's tables.
///
/// Postings name accounts without foreign keys: PostgreSQL would lock the account's row for each, and
/// every posting checks its accounts itself. [`audit`](crate::audit) finds what breaks the rule.
pub const TABLES: &[&str] = &[
    // kind: 0 open, 1 floored; floor is NULL for open accounts
    "CREATE TABLE ledger_account (name TEXT NOT NULL PRIMARY KEY, currency TEXT NOT NULL, \
     kind INTEGER NOT NULL, floor INTEGER)",
    // one row per floored account; entries is the number of its last entry
    "CREATE TABLE ledger_balance (account TEXT NOT NULL PRIMARY KEY, balance INTEGER NOT NULL, \
     entries INTEGER NOT NULL)",
    // one row per open account: high * 2^32 + low
    "CREATE TABLE ledger_fold (account TEXT NOT NULL PRIMARY KEY, high INTEGER NOT NULL, \
     low INTEGER NOT NULL)",
    "CREATE TABLE ledger_posting (id BLOB NOT NULL PRIMARY KEY, debit TEXT NOT NULL, \
     credit TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, reference TEXT NOT NULL)",
    // two rows per posting; open accounts: number 0, no balance, folded 0 until the next fold
    "CREATE TABLE ledger_entry (account TEXT NOT NULL, number INTEGER NOT NULL, \
     posting BLOB NOT NULL, change INTEGER NOT NULL, balance INTEGER, folded INTEGER NOT NULL, \
     PRIMARY KEY (account, number, posting)) WITHOUT ROWID",
    "CREATE INDEX ledger_entry_unfolded ON ledger_entry (account, change) WHERE folded = 0",
];

/// The ledger's tables as the migration `id` of a role.
#[must_use]
pub const fn migration(id: u32) -> Migration {
    Migration { id, sentence: "The accounts and postings of the ledger.", sql: TABLES }
}
