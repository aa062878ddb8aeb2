//! The bank's tables and every statement over them, besides those of the ledger.

use zeni_store::{Migration, Schema, statements};

/// The tables of a bank.
pub const SCHEMA: Schema = Schema { name: "bank", migrations: MIGRATIONS };

const MIGRATIONS: &[Migration] = &[
    zeni_ledger::migration(1),
    Migration {
        id: 2,
        sentence: "accounts, keys, withdrawals, deposits, returns, claims",
        sql: &[
            "CREATE TABLE account (account TEXT PRIMARY KEY, name TEXT NOT NULL, currency TEXT NOT NULL, \
             code BLOB NOT NULL, salt BLOB NOT NULL, wrong INTEGER NOT NULL, locked_until INTEGER NOT NULL)",
            "CREATE TABLE certificate (account TEXT NOT NULL, request BLOB NOT NULL, chain TEXT NOT NULL, \
             name BLOB, PRIMARY KEY (account, request))",
            "CREATE TABLE signing_key (entry BLOB PRIMARY KEY, series INTEGER NOT NULL, epoch INTEGER NOT NULL, \
             face INTEGER NOT NULL, content BLOB NOT NULL, sealed BLOB NOT NULL, folded INTEGER NOT NULL, \
             UNIQUE (series, epoch, face))",
            "CREATE TABLE submission (epoch INTEGER PRIMARY KEY, state TEXT NOT NULL)",
            "CREATE TABLE key_list (epoch INTEGER PRIMARY KEY, list BLOB NOT NULL)",
            "CREATE TABLE revocation_list (number INTEGER PRIMARY KEY, list BLOB NOT NULL)",
            "CREATE TABLE withdrawal (account TEXT NOT NULL, id BLOB NOT NULL, content BLOB NOT NULL, \
             time INTEGER NOT NULL, total INTEGER NOT NULL, PRIMARY KEY (account, id))",
            "CREATE TABLE signature (id BLOB PRIMARY KEY, account TEXT NOT NULL, withdrawal BLOB NOT NULL, \
             place INTEGER NOT NULL, entry BLOB NOT NULL, blinded BLOB NOT NULL, signature BLOB NOT NULL, \
             corrected INTEGER NOT NULL, UNIQUE (account, withdrawal, place))",
            "CREATE TABLE tally (id BLOB PRIMARY KEY, entry BLOB NOT NULL, signed INTEGER NOT NULL)",
            "CREATE TABLE report (number INTEGER PRIMARY KEY, counts BLOB NOT NULL, taken INTEGER NOT NULL)",
            "CREATE TABLE deposit (id BLOB PRIMARY KEY, account TEXT NOT NULL, time INTEGER NOT NULL, \
             nonce BLOB NOT NULL, content BLOB, hand_in BLOB, batch BLOB, batch_place INTEGER)",
            "CREATE INDEX deposit_open ON deposit (account) WHERE content IS NULL",
            "CREATE INDEX deposit_batch ON deposit (batch, batch_place)",
            "CREATE TABLE item (deposit BLOB NOT NULL, place INTEGER NOT NULL, leaf BLOB NOT NULL, \
             amount INTEGER NOT NULL, refund INTEGER NOT NULL, state TEXT NOT NULL, paid INTEGER NOT NULL, \
             claimed INTEGER NOT NULL, until INTEGER NOT NULL, keep_until INTEGER NOT NULL, chain BLOB, \
             closing BLOB, bytes INTEGER NOT NULL, revoked INTEGER NOT NULL, batch BLOB, batch_place INTEGER, \
             PRIMARY KEY (deposit, place))",
            "CREATE INDEX item_state ON item (state, deposit, place)",
            "CREATE INDEX item_batch ON item (batch, batch_place)",
            "CREATE TABLE live_leaf (leaf BLOB PRIMARY KEY, deposit BLOB NOT NULL, place INTEGER NOT NULL)",
            "CREATE TABLE batch (id BLOB PRIMARY KEY, content BLOB NOT NULL, state TEXT NOT NULL, answer BLOB)",
            "CREATE INDEX batch_state ON batch (state)",
            "CREATE TABLE decision (number INTEGER PRIMARY KEY, leaf BLOB NOT NULL, paid INTEGER NOT NULL, \
             state TEXT NOT NULL)",
            "CREATE TABLE request_claim (request BLOB PRIMARY KEY, account TEXT NOT NULL, id BLOB NOT NULL, \
             currency TEXT NOT NULL, amount INTEGER NOT NULL, state TEXT NOT NULL, message BLOB NOT NULL)",
            "CREATE INDEX request_claim_state ON request_claim (state)",
        ],
    },
    Migration {
        id: 3,
        sentence: "wrong enrolment codes are not counted",
        sql: &["ALTER TABLE account DROP COLUMN wrong", "ALTER TABLE account DROP COLUMN locked_until"],
    },
    Migration {
        id: 4,
        sentence: "items are returned in the order of their arrival, unused challenges are released",
        sql: &[
            "ALTER TABLE item ADD COLUMN arrival BLOB",
            "UPDATE item SET arrival = deposit",
            "DROP INDEX item_state",
            "CREATE INDEX item_queue ON item (state, arrival, place)",
            "CREATE INDEX deposit_unused ON deposit (time) WHERE content IS NULL",
        ],
    },
    Migration {
        id: 5,
        sentence: "counts are reported once in each stretch of time",
        sql: &["ALTER TABLE report ADD COLUMN slot INTEGER NOT NULL DEFAULT 0"],
    },
    Migration {
        id: 6,
        sentence: "account keys, orders under seal, transfers, identifications",
        sql: &[
            "CREATE TABLE account_key (account TEXT NOT NULL, key BLOB NOT NULL, time INTEGER NOT NULL, \
             request BLOB NOT NULL, PRIMARY KEY (account, key))",
            "CREATE TABLE sealed_order (request BLOB PRIMARY KEY, account TEXT NOT NULL, id BLOB NOT NULL, \
             content BLOB NOT NULL, currency TEXT NOT NULL, face INTEGER NOT NULL, time INTEGER NOT NULL, \
             signed BLOB NOT NULL, key BLOB NOT NULL, receipt BLOB NOT NULL, sealed BLOB, state TEXT NOT NULL, \
             answer BLOB, keep_until INTEGER NOT NULL, UNIQUE (account, id))",
            "CREATE INDEX sealed_order_pending ON sealed_order (request) WHERE state = 'pending'",
            "CREATE INDEX sealed_order_kept ON sealed_order (keep_until)",
            "CREATE TABLE sealed_pruned (currency TEXT PRIMARY KEY, issued INTEGER NOT NULL)",
            "CREATE TABLE transfer (number INTEGER PRIMARY KEY, cycle BLOB NOT NULL, currency TEXT NOT NULL, \
             amount INTEGER NOT NULL, pays INTEGER NOT NULL, returned INTEGER NOT NULL, state TEXT NOT NULL, \
             time INTEGER NOT NULL)",
            "CREATE INDEX transfer_cycle ON transfer (cycle, currency)",
            "CREATE TABLE identification (number INTEGER PRIMARY KEY, subject BLOB NOT NULL UNIQUE, \
             time INTEGER NOT NULL, outcome INTEGER NOT NULL, evidence BLOB NOT NULL, file BLOB NOT NULL, \
             head BLOB NOT NULL)",
            "CREATE TABLE case_file (number INTEGER PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, \
             currency TEXT NOT NULL, held INTEGER NOT NULL, signed INTEGER NOT NULL, id BLOB NOT NULL, \
             document BLOB NOT NULL)",
            "CREATE TABLE suspension (account TEXT PRIMARY KEY, number INTEGER NOT NULL)",
        ],
    },
    Migration {
        id: 7,
        sentence: "refused orders under seal are kept for a week and counted by the day",
        sql: &[
            "CREATE INDEX sealed_order_unissued ON sealed_order (account, time) WHERE state <> 'issued'",
            "UPDATE sealed_order SET keep_until = time + 604800 WHERE state = 'refused'",
        ],
    },
    Migration {
        id: 8,
        sentence: "certificates name the key of orders and when they hold; orders name their certificate",
        sql: &[
            "ALTER TABLE certificate ADD COLUMN key BLOB",
            "ALTER TABLE certificate ADD COLUMN since INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE certificate ADD COLUMN until INTEGER NOT NULL DEFAULT 0",
            "UPDATE certificate SET key = (SELECT k.key FROM account_key k \
             WHERE k.account = certificate.account AND k.request = certificate.request)",
            "ALTER TABLE sealed_order ADD COLUMN certificate BLOB",
            "UPDATE sealed_order SET certificate = (SELECT k.request FROM account_key k \
             WHERE k.account = sealed_order.account AND k.key = sealed_order.key)",
            "DROP TABLE account_key",
        ],
    },
    Migration {
        id: 9,
        sentence: "cards of customers, their rules, challenges kept for refunds",
        sql: &[
            "CREATE TABLE card (card BLOB PRIMARY KEY, account TEXT NOT NULL, token BLOB, nonce BLOB NOT NULL, \
             next BLOB NOT NULL, ticket BLOB NOT NULL, frozen INTEGER NOT NULL, first INTEGER NOT NULL, \
             time INTEGER NOT NULL)",
            "CREATE INDEX card_account ON card (account)",
            "CREATE TABLE card_shown (card BLOB, shown BLOB, number INTEGER NOT NULL, PRIMARY KEY (card, shown))",
            "CREATE INDEX card_shown_number ON card_shown (card, number)",
            "CREATE TABLE card_rules (number INTEGER PRIMARY KEY, currency TEXT NOT NULL, card BLOB, \
             configured INTEGER NOT NULL, content BLOB NOT NULL)",
            "ALTER TABLE deposit ADD COLUMN kept INTEGER NOT NULL DEFAULT 0",
        ],
    },
    Migration {
        id: 10,
        sentence: "what was found wrong with the log of identifications, until it is accepted",
        sql: &["CREATE TABLE log_finding (id BLOB PRIMARY KEY, at INTEGER NOT NULL, rule TEXT NOT NULL, \
             detail TEXT NOT NULL, accepted INTEGER)"],
    },
    Migration {
        id: 11,
        sentence: "challenges kept for refunds are counted per card",
        sql: &[
            "ALTER TABLE deposit ADD COLUMN card BLOB",
            "CREATE INDEX deposit_kept ON deposit (account, card, kept)",
        ],
    },
    Migration {
        id: 12,
        sentence: "challenges kept for refunds are released by their own order",
        sql: &[
            "DROP INDEX deposit_unused",
            "CREATE INDEX deposit_unused ON deposit (time) WHERE content IS NULL AND kept = 0",
            "CREATE INDEX deposit_kept_since ON deposit (kept) WHERE content IS NULL AND kept > 0",
        ],
    },
    Migration {
        id: 13,
        sentence: "certificates are forgotten in the order of their ends",
        sql: &["CREATE INDEX certificate_until ON certificate (until)"],
    },
];

statements! {
    /// Idempotent by account.
    pub INSERT_ACCOUNT = "INSERT INTO account (account, name, currency, code, salt) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    /// One account.
    pub SELECT_ACCOUNT = "SELECT name, currency, code, salt FROM account WHERE account = ?1";
    /// All accounts.
    pub SELECT_ACCOUNTS = "SELECT account, currency FROM account ORDER BY account";
    /// The currencies of accounts.
    pub SELECT_CURRENCIES = "SELECT DISTINCT currency FROM account ORDER BY currency";
    /// A stored certificate, and that of the name.
    pub SELECT_CERTIFICATE = "SELECT chain, name FROM certificate WHERE account = ?1 AND request = ?2";
    /// Stores a certificate.
    pub INSERT_CERTIFICATE = "INSERT INTO certificate (account, request, chain, name, key, since, until) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    /// An account's certificates; chains only where it is not stored when they hold.
    pub SELECT_CERTIFICATES = "SELECT request, key, since, until, CASE WHEN until = 0 THEN chain ELSE '' END \
        FROM certificate WHERE account = ?1 ORDER BY since, request";
    /// Certificates with which an account's stored orders were made.
    pub SELECT_CERTIFICATES_USED = "SELECT DISTINCT certificate FROM sealed_order \
        WHERE account = ?1 AND certificate IS NOT NULL";
    /// Certificates that ended before ?1 and were of no order that is kept; those of before this was stored are left to enrolments.
    pub SELECT_CERTIFICATES_ENDED = "SELECT account, request FROM certificate WHERE until > 0 AND until < ?1 \
        AND NOT EXISTS (SELECT 1 FROM sealed_order o WHERE o.account = certificate.account \
        AND o.certificate = certificate.request) LIMIT ?2";
    /// Forgets a certificate.
    pub DELETE_CERTIFICATE = "DELETE FROM certificate WHERE account = ?1 AND request = ?2";

    /// A new key; none if there is one for the same purpose.
    pub INSERT_KEY = "INSERT INTO signing_key (entry, series, epoch, face, content, sealed, folded) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0) ON CONFLICT DO NOTHING";
    /// The key entries of an epoch.
    pub SELECT_EPOCH_KEYS = "SELECT content FROM signing_key WHERE epoch = ?1 ORDER BY series, face";
    /// One key.
    pub SELECT_KEY = "SELECT content, sealed FROM signing_key WHERE entry = ?1";
    /// All keys with what was folded into them.
    pub SELECT_KEYS = "SELECT entry, content, folded FROM signing_key ORDER BY entry";
    /// Folds counts into a key.
    pub FOLD_KEY = "UPDATE signing_key SET folded = folded + ?2 WHERE entry = ?1";
    /// How an epoch's keys stand with the issuer.
    pub SELECT_SUBMISSION = "SELECT state FROM submission WHERE epoch = ?1";
    /// The issuer has the keys, or wants them no more.
    pub INSERT_SUBMISSION = "INSERT INTO submission (epoch, state) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    /// All key lists.
    pub SELECT_KEY_LISTS = "SELECT list FROM key_list ORDER BY epoch";
    /// A checked key list.
    pub INSERT_KEY_LIST = "INSERT INTO key_list (epoch, list) VALUES (?1, ?2) ON CONFLICT DO NOTHING";

    /// The newest revocation list.
    pub SELECT_REVOCATIONS = "SELECT list FROM revocation_list ORDER BY number DESC LIMIT 1";
    /// A newer revocation list.
    pub INSERT_REVOCATIONS = "INSERT INTO revocation_list (number, list) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    /// Those before it are of no use.
    pub DELETE_REVOCATIONS = "DELETE FROM revocation_list WHERE number < ?1";
    /// Holdings that revoked keys deposited.
    pub COUNT_REVOKED = "SELECT COUNT(*) FROM item WHERE revoked = 1";

    /// A stored order.
    pub SELECT_WITHDRAWAL = "SELECT content FROM withdrawal WHERE account = ?1 AND id = ?2";
    /// A new order.
    pub INSERT_WITHDRAWAL = "INSERT INTO withdrawal (account, id, content, time, total) \
        VALUES (?1, ?2, ?3, ?4, ?5)";
    /// The signatures of an order.
    pub SELECT_SIGNATURES = "SELECT signature FROM signature WHERE account = ?1 AND withdrawal = ?2 ORDER BY place";
    /// One item of an order.
    pub SELECT_SIGNATURE = "SELECT id, entry, blinded, signature, corrected FROM signature \
        WHERE account = ?1 AND withdrawal = ?2 AND place = ?3";
    /// Whether a blinded value was signed.
    pub SELECT_SIGNED = "SELECT withdrawal FROM signature WHERE id = ?1";
    /// A new signature; none if the blinded value was signed.
    pub INSERT_SIGNATURE = "INSERT INTO signature (id, account, withdrawal, place, entry, blinded, signature, \
        corrected) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0) ON CONFLICT DO NOTHING";
    /// Replaces a damaged signature by the right one.
    pub UPDATE_SIGNATURE = "UPDATE signature SET signature = ?2 WHERE id = ?1";
    /// The amount of a signature went back to the account.
    pub CORRECT_SIGNATURE = "UPDATE signature SET corrected = 1 WHERE id = ?1 AND corrected = 0";
    /// Signatures by key.
    pub COUNT_SIGNATURES = "SELECT entry, COUNT(*), CAST(SUM(corrected) AS BIGINT) FROM signature GROUP BY entry \
        ORDER BY entry";
    /// Appends counts of one order.
    pub INSERT_TALLY = "INSERT INTO tally (id, entry, signed) VALUES (?1, ?2, ?3)";
    /// Counts not folded yet, by key.
    pub SUM_TALLY = "SELECT entry, CAST(SUM(signed) AS BIGINT) FROM tally GROUP BY entry";
    /// Counts not folded yet.
    pub SELECT_TALLY = "SELECT id, entry, signed FROM tally ORDER BY id LIMIT ?1";
    /// A count was folded.
    pub DELETE_TALLY = "DELETE FROM tally WHERE id = ?1";
    /// The last report.
    pub SELECT_REPORT = "SELECT number, counts, taken, slot FROM report ORDER BY number DESC LIMIT 1";
    /// A new report.
    pub INSERT_REPORT = "INSERT INTO report (number, counts, taken, slot) VALUES (?1, ?2, 0, ?3) ON CONFLICT DO NOTHING";
    /// The same report under another key's signature.
    pub SIGN_REPORT = "UPDATE report SET counts = ?2 WHERE number = ?1 AND taken = 0";
    /// The issuer took a report.
    pub TAKE_REPORT = "UPDATE report SET taken = 1 WHERE number = ?1";
    /// Reports before the last one prove nothing more.
    pub DELETE_REPORTS = "DELETE FROM report WHERE number < ?1";

    /// A deposit.
    pub SELECT_DEPOSIT = "SELECT account, time, nonce, content FROM deposit WHERE id = ?1";
    /// Challenges of an account that nothing answered yet, besides one and those that are kept.
    pub COUNT_OPEN = "SELECT COUNT(*) FROM deposit WHERE account = ?1 AND content IS NULL AND kept = 0 AND id <> ?2";
    /// A new challenge.
    pub INSERT_DEPOSIT = "INSERT INTO deposit (id, account, time, nonce) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT DO NOTHING";
    /// Challenges older than ?1 that nothing answered, oldest first.
    pub SELECT_UNUSED = "SELECT id FROM deposit WHERE content IS NULL AND time < ?1 AND kept = 0 ORDER BY time LIMIT ?2";
    /// Releases a challenge, unless it was answered.
    pub DELETE_UNUSED = "DELETE FROM deposit WHERE id = ?1 AND content IS NULL";
    /// Challenges kept for refunds before ?1 that nothing answered, oldest first.
    pub SELECT_KEPT_UNUSED = "SELECT id FROM deposit WHERE content IS NULL AND kept < ?1 AND kept > 0 ORDER BY kept LIMIT ?2";
    /// Challenges of an account that are kept and were not answered, besides one, and how many of these are of a card.
    pub COUNT_KEPT = "SELECT COUNT(*), COUNT(CASE WHEN card = ?2 THEN 1 END) FROM deposit WHERE account = ?1 AND content IS NULL \
        AND kept > 0 AND id <> ?3";
    /// Whether a challenge is kept or was answered.
    pub SELECT_IS_KEPT = "SELECT id FROM deposit WHERE id = ?1 AND (kept > 0 OR content IS NOT NULL)";
    /// Keeps a challenge for a refund that a card signs.
    pub KEEP_DEPOSIT = "UPDATE deposit SET kept = ?3, card = ?4 WHERE id = ?1 AND account = ?2 AND kept = 0";
    /// Challenges for a card that are kept and were not answered, besides ?4, beyond the newest ?3.
    pub SELECT_KEPT = "SELECT id FROM deposit WHERE account = ?1 AND card = ?2 AND content IS NULL AND kept > 0 AND id <> ?4 \
        ORDER BY kept DESC, id LIMIT 64 OFFSET ?3";
    /// Content comes to a challenge, once.
    pub FILL_DEPOSIT = "UPDATE deposit SET content = ?2, hand_in = ?3 \
        WHERE id = ?1 AND content IS NULL";
    /// A new item.
    pub INSERT_ITEM = "INSERT INTO item (deposit, place, leaf, amount, refund, state, paid, claimed, until, \
        keep_until, chain, closing, bytes, revoked, arrival) \
        VALUES (?1, ?2, ?3, ?4, ?5, 'queued', 0, 0, 0, ?6, ?7, ?8, ?9, ?10, ?11)";
    /// The items of a deposit.
    pub SELECT_ITEMS = "SELECT amount, state, paid, claimed, until FROM item WHERE deposit = ?1 ORDER BY place";
    /// Which item holds a leaf.
    pub SELECT_LEAF = "SELECT l.deposit, l.place, d.account, i.amount, i.state, i.paid, i.claimed, i.refund, \
        a.currency FROM live_leaf l JOIN item i ON i.deposit = l.deposit AND i.place = l.place \
        JOIN deposit d ON d.id = l.deposit JOIN account a ON a.account = d.account WHERE l.leaf = ?1";
    /// A leaf is taken.
    pub INSERT_LEAF = "INSERT INTO live_leaf (leaf, deposit, place) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    /// A leaf may come again.
    pub DELETE_LEAF = "DELETE FROM live_leaf WHERE leaf = ?1";

    /// Items that wait for a batch in the order of their arrival, whole deposits together.
    pub SELECT_QUEUED = "SELECT i.deposit, i.place, i.bytes, CAST(CASE WHEN d.hand_in IS NULL THEN 0 ELSE 1 END AS BIGINT), \
        i.leaf FROM item i JOIN deposit d ON d.id = i.deposit WHERE i.state = 'queued' ORDER BY i.arrival, i.place LIMIT ?1";
    /// Puts an item into a batch.
    pub BATCH_ITEM = "UPDATE item SET state = 'sent', batch = ?3, batch_place = ?4 \
        WHERE deposit = ?1 AND place = ?2 AND state = 'queued'";
    /// Puts a hand-in into a batch.
    pub BATCH_HAND_IN = "UPDATE deposit SET batch = ?2, batch_place = ?3 WHERE id = ?1";
    /// A new batch.
    pub INSERT_BATCH = "INSERT INTO batch (id, content, state) VALUES (?1, ?2, 'sent')";
    /// A batch that waits for its answer.
    pub SELECT_BATCH = "SELECT id, content FROM batch WHERE state = 'sent' ORDER BY id LIMIT 1";
    /// A batch has its answer.
    pub ANSWER_BATCH = "UPDATE batch SET state = ?2, answer = ?3 WHERE id = ?1 AND state = 'sent'";
    /// The hand-ins of a batch.
    pub SELECT_BATCH_HAND_INS = "SELECT hand_in FROM deposit WHERE batch = ?1 ORDER BY batch_place";
    /// The items of a batch, with the place of their hand-in.
    pub SELECT_BATCH_ITEMS = "SELECT i.leaf, i.chain, i.closing, i.place, d.batch_place \
        FROM item i JOIN deposit d ON d.id = i.deposit WHERE i.batch = ?1 ORDER BY i.batch_place";
    /// What an answer is about.
    pub SELECT_BATCH_BOOKING = "SELECT i.deposit, i.place, i.leaf, i.amount, i.state, d.account, i.refund, \
        a.currency FROM item i JOIN deposit d ON d.id = i.deposit JOIN account a ON a.account = d.account \
        WHERE i.batch = ?1 ORDER BY i.batch_place";
    /// An item in its new state.
    pub UPDATE_ITEM = "UPDATE item SET state = ?3, paid = ?4, claimed = ?5, until = ?6 \
        WHERE deposit = ?1 AND place = ?2";
    /// Items by currency of their account and by state.
    pub SUM_ITEMS = "SELECT d.account, i.state, CAST(SUM(i.amount) AS BIGINT), CAST(SUM(i.paid) AS BIGINT), \
        a.currency FROM item i JOIN deposit d ON d.id = i.deposit JOIN account a ON a.account = d.account \
        GROUP BY d.account, i.state, a.currency ORDER BY d.account, i.state";
    /// Whether something waits for a decision.
    pub SELECT_UNDECIDED = "SELECT COUNT(*) FROM item \
        WHERE state IN ('unknown', 'waiting') OR (state = 'partly' AND claimed > 0)";
    /// Final items whose documents nobody needs any more.
    pub SELECT_PRUNABLE = "SELECT deposit, place FROM item WHERE chain IS NOT NULL AND keep_until < ?1 \
        AND state IN ('paid', 'partly', 'duplicate', 'malformed', 'late', 'too_early', 'refused') LIMIT ?2";
    /// Forgets the documents of an item, its leaf stays.
    pub PRUNE_ITEM = "UPDATE item SET chain = NULL, closing = NULL WHERE deposit = ?1 AND place = ?2";

    /// The last decision heard.
    pub SELECT_CURSOR = "SELECT number FROM decision ORDER BY number DESC LIMIT 1";
    /// A decision.
    pub INSERT_DECISION = "INSERT INTO decision (number, leaf, paid, state) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT DO NOTHING";
    /// Decisions that fit no item.
    pub SELECT_UNMATCHED = "SELECT COUNT(*) FROM decision WHERE state = 'unmatched'";
    /// Batches that the issuer refused.
    pub SELECT_REFUSED_BATCHES = "SELECT COUNT(*) FROM batch WHERE state = 'refused'";

    /// A claim.
    pub SELECT_CLAIM = "SELECT account, id, state FROM request_claim WHERE request = ?1";
    /// A new claim.
    pub INSERT_CLAIM = "INSERT INTO request_claim (request, account, id, currency, amount, state, message) \
        VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6) ON CONFLICT DO NOTHING";
    /// Claims that wait for the issuer, from a place on.
    pub SELECT_PENDING_CLAIM = "SELECT request, account, currency, amount, message FROM request_claim \
        WHERE state = 'pending' AND request > ?1 ORDER BY request LIMIT 1";
    /// A claim is decided.
    pub DECIDE_CLAIM = "UPDATE request_claim SET state = ?2 WHERE request = ?1 AND state = 'pending'";
    /// What was credited back, by account.
    pub SUM_CLAIMS = "SELECT currency, CAST(SUM(amount) AS BIGINT) FROM request_claim WHERE state = 'credited' \
        GROUP BY currency";

    /// One card.
    pub SELECT_CARD = "SELECT account, token, nonce, next, ticket, frozen FROM card WHERE card = ?1";
    /// The cards of an account, in the order of their last contacts.
    pub SELECT_CARDS = "SELECT card, frozen, time FROM card WHERE account = ?1 ORDER BY time, card";
    /// Cards of an account whose first contact came after a time.
    pub COUNT_NEW_CARDS = "SELECT COUNT(*) FROM card WHERE account = ?1 AND first > ?2";
    /// Cards of an account that are not frozen, with a contact after a time.
    pub COUNT_CARDS_IN_USE = "SELECT COUNT(*) FROM card WHERE account = ?1 AND frozen = 0 AND time > ?2";
    /// A card's first contact.
    pub INSERT_CARD = "INSERT INTO card (card, account, token, nonce, next, ticket, frozen, first, time) \
        VALUES (?1, ?2, NULL, ?3, ?4, ?5, 0, ?6, ?6) ON CONFLICT DO NOTHING";
    /// A card after a contact.
    pub UPDATE_CARD = "UPDATE card SET token = ?2, nonce = ?3, next = ?4, ticket = ?5, frozen = ?6, time = ?7 \
        WHERE card = ?1";
    /// The same ticket anew.
    pub UPDATE_TICKET = "UPDATE card SET ticket = ?2 WHERE card = ?1";
    /// Whether a card showed this before.
    pub SELECT_SHOWN = "SELECT number FROM card_shown WHERE card = ?1 AND shown = ?2";
    /// Number of the last of what a card showed before.
    pub SELECT_SHOWN_NUMBER = "SELECT number FROM card_shown WHERE card = ?1 ORDER BY number DESC LIMIT 1";
    /// What a card showed before.
    pub INSERT_SHOWN = "INSERT INTO card_shown (card, shown, number) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    /// What a card showed long before.
    pub DELETE_SHOWN = "DELETE FROM card_shown WHERE card = ?1 AND number <= ?2";
    /// Freezes a card at its next contact.
    pub FREEZE_CARD = "UPDATE card SET frozen = 1 WHERE card = ?1";
    /// New rules.
    pub INSERT_RULES = "INSERT INTO card_rules (number, currency, card, configured, content) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    /// Number of the newest rules.
    pub SELECT_RULES_NUMBER = "SELECT number FROM card_rules ORDER BY number DESC LIMIT 1";
    /// The newest rules for a card in a currency.
    pub SELECT_RULES = "SELECT content FROM card_rules WHERE currency = ?1 AND (card IS NULL OR card = ?2) \
        ORDER BY number DESC LIMIT 1";
    /// The newest rules for all cards in a currency that came from the configuration.
    pub SELECT_CONFIGURED = "SELECT content FROM card_rules WHERE currency = ?1 AND configured = 1 \
        ORDER BY number DESC LIMIT 1";
    /// The currencies of rules.
    pub SELECT_RULES_CURRENCIES = "SELECT DISTINCT currency FROM card_rules ORDER BY currency";
    /// All rules, oldest first.
    pub SELECT_ALL_RULES = "SELECT content FROM card_rules ORDER BY number";

    /// The certificate of an account that names a key of its orders.
    pub SELECT_ACCOUNT_KEY = "SELECT chain FROM certificate WHERE account = ?1 AND key = ?2 AND request = ?3";

    /// The order of a customer's id.
    pub SELECT_ORDER = "SELECT request, content, receipt, state, answer FROM sealed_order \
        WHERE account = ?1 AND id = ?2";
    /// Whose request it is (HC-A16).
    pub SELECT_ORDERED = "SELECT o.account, o.signed, o.key, a.name, o.certificate FROM sealed_order o \
        JOIN account a ON a.account = o.account WHERE o.request = ?1";
    /// What the bank said when it ordered a request.
    pub SELECT_RECEIPT = "SELECT receipt FROM sealed_order WHERE request = ?1";
    /// A new order; none if the request was ordered before.
    pub INSERT_ORDER = "INSERT INTO sealed_order (request, account, id, content, currency, face, time, signed, key, \
        receipt, sealed, state, keep_until, certificate) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'pending', ?12, ?13) \
        ON CONFLICT DO NOTHING";
    /// An order that waits for the issuer.
    pub SELECT_WAITING = "SELECT account, currency, face, receipt, sealed FROM sealed_order \
        WHERE request = ?1 AND state = 'pending'";
    /// Orders that wait for the issuer, from a place on.
    pub SELECT_PENDING_ORDERS = "SELECT request FROM sealed_order WHERE state = 'pending' AND request > ?1 \
        ORDER BY request LIMIT ?2";
    /// The issuer has answered: its request goes, its digest stays, until ?4 if that is told.
    pub ANSWER_ORDER = "UPDATE sealed_order SET state = ?2, answer = ?3, sealed = NULL, keep_until = COALESCE(?4, keep_until) \
        WHERE request = ?1 AND state = 'pending'";
    /// Orders of an account since ?2 for which there is no note.
    pub COUNT_UNISSUED = "SELECT COUNT(*) FROM sealed_order WHERE account = ?1 AND state <> 'issued' AND time > ?2";
    /// Orders by account and state.
    pub SUM_ORDERS = "SELECT account, currency, state, CAST(SUM(face) AS BIGINT), COUNT(*) FROM sealed_order \
        GROUP BY account, currency, state ORDER BY account, currency, state";
    /// Answered orders whose evidence nobody needs any more (HC-O9).
    pub SELECT_PRUNABLE_ORDERS = "SELECT request, currency, face, state FROM sealed_order \
        WHERE keep_until < ?1 AND state <> 'pending' LIMIT ?2";
    /// Forgets an answered order.
    pub DELETE_ORDER = "DELETE FROM sealed_order WHERE request = ?1 AND state <> 'pending'";
    /// What forgotten orders were worth.
    pub SELECT_PRUNED = "SELECT currency, issued FROM sealed_pruned ORDER BY currency";
    /// Of one currency.
    pub SELECT_PRUNED_OF = "SELECT issued FROM sealed_pruned WHERE currency = ?1";
    /// Stores it anew.
    pub UPSERT_PRUNED = "INSERT INTO sealed_pruned (currency, issued) VALUES (?1, ?2) \
        ON CONFLICT (currency) DO UPDATE SET issued = excluded.issued";

    /// The last transfer heard of.
    pub SELECT_TRANSFER_CURSOR = "SELECT number FROM transfer ORDER BY number DESC LIMIT 1";
    /// Whether a cycle's transfer was heard of.
    pub SELECT_CYCLE = "SELECT number FROM transfer WHERE cycle = ?1 AND currency = ?2 LIMIT 1";
    /// A transfer.
    pub INSERT_TRANSFER = "INSERT INTO transfer (number, cycle, currency, amount, pays, returned, state, time) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    /// Booked transfers by currency and direction.
    pub SUM_TRANSFERS = "SELECT currency, pays, CAST(SUM(amount) AS BIGINT), CAST(SUM(returned) AS BIGINT) FROM transfer \
        WHERE state = 'booked' GROUP BY currency, pays ORDER BY currency, pays";
    /// Transfers that could not be booked.
    pub COUNT_UNBOOKED = "SELECT COUNT(*) FROM transfer WHERE state = 'unmatched'";

    /// The end of the log of identifications.
    pub SELECT_LOG_END = "SELECT number, head FROM identification ORDER BY number DESC LIMIT 1";
    /// The highest numbers of entries that case files and suspensions name.
    pub SELECT_NUMBERS = "SELECT (SELECT COALESCE(MAX(number), 0) FROM case_file), \
        (SELECT COALESCE(MAX(number), 0) FROM suspension)";
    /// Case files without their entries.
    pub SELECT_ORPHAN_CASES = "SELECT number, account FROM case_file WHERE NOT EXISTS \
        (SELECT 1 FROM identification i WHERE i.number = case_file.number) ORDER BY number";
    /// Suspensions without the case of their account.
    pub SELECT_ORPHAN_SUSPENSIONS = "SELECT number, account FROM suspension WHERE NOT EXISTS \
        (SELECT 1 FROM identification i JOIN case_file c ON c.number = i.number \
        WHERE i.number = suspension.number AND c.account = suspension.account) ORDER BY number, account";
    /// What was found wrong with the log.
    pub SELECT_LOG_FINDINGS = "SELECT id, at, rule, detail, accepted FROM log_finding ORDER BY at, id";
    /// Keeps what was found, once.
    pub INSERT_LOG_FINDING = "INSERT INTO log_finding (id, at, rule, detail) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    /// An operator has accepted what was found.
    pub ACCEPT_LOG_FINDINGS = "UPDATE log_finding SET accepted = ?1 WHERE accepted IS NULL";
    /// What was accepted is mended.
    pub FORGET_LOG_FINDING = "DELETE FROM log_finding WHERE id = ?1 AND accepted IS NOT NULL";
    /// Where the log ended with each of its entries, the last first.
    pub SELECT_LOG_HEADS = "SELECT number, head FROM identification ORDER BY number DESC";
    /// The hash of one entry.
    pub SELECT_LOG_HEAD = "SELECT head FROM identification WHERE number = ?1";
    /// What was logged about a subject.
    pub SELECT_LOGGED = "SELECT outcome FROM identification WHERE subject = ?1";
    /// Appends to the log.
    pub INSERT_LOGGED = "INSERT INTO identification (number, subject, time, outcome, evidence, file, head) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    /// The whole log with the case files.
    pub SELECT_LOG = "SELECT i.number, i.time, i.outcome, i.evidence, i.file, i.head, c.account, c.name, \
        c.currency, c.held, c.signed, c.id, c.document FROM identification i LEFT JOIN case_file c ON c.number = i.number ORDER BY i.number";
    /// A case file.
    pub INSERT_CASE = "INSERT INTO case_file (number, account, name, currency, held, signed, id, document) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    /// Whether an account is suspended.
    pub SELECT_SUSPENSION = "SELECT number FROM suspension WHERE account = ?1";
    /// All suspensions.
    pub SELECT_SUSPENSIONS = "SELECT account FROM suspension ORDER BY account";
    /// Suspends an account.
    pub INSERT_SUSPENSION = "INSERT INTO suspension (account, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    /// Lifts a suspension.
    pub DELETE_SUSPENSION = "DELETE FROM suspension WHERE account = ?1";
}

/// A number for a column. Times, counts and places beyond 2^63 − 1 exist nowhere.
pub(crate) fn int(number: u64) -> zeni_store::Value {
    zeni_store::Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
