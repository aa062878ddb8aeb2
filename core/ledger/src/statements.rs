//! Every statement of the ledger. Sums are taken in two halves of 32 bits, which cannot overflow.

zeni_store::statements! {
    pub(crate) INSERT_ACCOUNT =
        "INSERT INTO ledger_account (name, currency, kind, floor) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO NOTHING";
    pub(crate) SELECT_ACCOUNT =
        "SELECT name, currency, kind, floor FROM ledger_account WHERE name = ?1";
    pub(crate) SELECT_ACCOUNTS =
        "SELECT name, currency, kind, floor FROM ledger_account ORDER BY name";
    pub(crate) INSERT_BALANCE =
        "INSERT INTO ledger_balance (account, balance, entries) VALUES (?1, 0, 0)";
    pub(crate) SELECT_BALANCE =
        "SELECT balance, entries FROM ledger_balance WHERE account = ?1";
    pub(crate) UPDATE_BALANCE =
        "UPDATE ledger_balance SET balance = ?2, entries = ?3 WHERE account = ?1";
    pub(crate) INSERT_FOLD =
        "INSERT INTO ledger_fold (account, high, low) VALUES (?1, 0, 0)";
    pub(crate) SELECT_FOLD =
        "SELECT high, low FROM ledger_fold WHERE account = ?1";
    pub(crate) UPDATE_FOLD =
        "UPDATE ledger_fold SET high = ?2, low = ?3 WHERE account = ?1";
    pub(crate) SUM_UNFOLDED =
        "SELECT CAST(COALESCE(SUM(change / 4294967296), 0) AS BIGINT), \
         CAST(COALESCE(SUM(change % 4294967296), 0) AS BIGINT) \
         FROM ledger_entry WHERE account = ?1 AND folded = 0";
    pub(crate) MARK_FOLDED =
        "UPDATE ledger_entry SET folded = 1 WHERE account = ?1 AND folded = 0";
    pub(crate) INSERT_POSTING =
        "INSERT INTO ledger_posting (id, debit, credit, amount, currency, reference) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    pub(crate) SELECT_POSTING =
        "SELECT id, debit, credit, amount, currency, reference FROM ledger_posting WHERE id = ?1";
    pub(crate) INSERT_ENTRY =
        "INSERT INTO ledger_entry (account, number, posting, change, balance, folded) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    pub(crate) SELECT_ENTRIES =
        "SELECT p.id, p.debit, p.credit, p.amount, p.currency, p.reference, e.number, e.balance \
         FROM ledger_entry e JOIN ledger_posting p ON p.id = e.posting \
         WHERE e.account = ?1 AND (e.number > ?2 OR (e.number = ?2 AND e.posting > ?3)) \
         ORDER BY e.number, e.posting LIMIT ?4";
    pub(crate) COUNT_POSTINGS = "SELECT COUNT(*) FROM ledger_posting";
    pub(crate) SUM_CREDITS =
        "SELECT credit, CAST(SUM(amount / 4294967296) AS BIGINT), \
         CAST(SUM(amount % 4294967296) AS BIGINT) FROM ledger_posting GROUP BY credit";
    pub(crate) SUM_DEBITS =
        "SELECT debit, CAST(SUM(amount / 4294967296) AS BIGINT), \
         CAST(SUM(amount % 4294967296) AS BIGINT) FROM ledger_posting GROUP BY debit";
    pub(crate) SUM_ENTRIES =
        "SELECT account, CAST(SUM(change / 4294967296) AS BIGINT), \
         CAST(SUM(change % 4294967296) AS BIGINT) FROM ledger_entry GROUP BY account";
    pub(crate) BAD_POSTINGS =
        "SELECT p.id FROM ledger_posting p \
         LEFT JOIN ledger_account d ON d.name = p.debit \
         LEFT JOIN ledger_account c ON c.name = p.credit \
         WHERE d.name IS NULL OR c.name IS NULL OR d.currency <> p.currency \
         OR c.currency <> p.currency OR p.amount <= 0 OR p.debit = p.credit ORDER BY p.id";
}
