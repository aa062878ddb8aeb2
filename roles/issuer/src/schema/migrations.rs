//! How the issuer's tables came to be, one step after another. What is written here once is never changed.

use zeni_store::Migration;

pub(super) const MIGRATIONS: &[Migration] = &[
    zeni_ledger::migration(1),
    Migration {
        id: 2,
        sentence: "key lists, counts, requests, register, archive, batches, cases, claims, refunds, books",
        sql: &[
            "CREATE TABLE document (kind TEXT PRIMARY KEY, content BLOB NOT NULL)",
            "CREATE TABLE submission (epoch INTEGER NOT NULL, bank TEXT NOT NULL, series INTEGER NOT NULL, \
         face INTEGER NOT NULL, entry BLOB NOT NULL, modulus BLOB NOT NULL, content BLOB NOT NULL, \
         at INTEGER NOT NULL, PRIMARY KEY (epoch, bank, series, face))",
            "CREATE TABLE key_list (epoch INTEGER PRIMARY KEY, record BLOB NOT NULL, issuer BLOB NOT NULL, authority BLOB)",
            // one row per bank key: reported by the bank, drawn from its ceiling in slices, redeemed, voided
            "CREATE TABLE key_count (entry BLOB PRIMARY KEY, bank TEXT NOT NULL, currency TEXT NOT NULL, \
         face INTEGER NOT NULL, reported INTEGER NOT NULL, drawn INTEGER NOT NULL, redeemed INTEGER NOT NULL, \
         voided INTEGER NOT NULL)",
            "CREATE TABLE report (bank TEXT PRIMARY KEY, number INTEGER NOT NULL, content BLOB NOT NULL)",
            "CREATE TABLE request (epoch INTEGER NOT NULL, series INTEGER NOT NULL, id BLOB NOT NULL, note BLOB, \
         ticket BLOB, claim BLOB, PRIMARY KEY (epoch, series, id)) WITHOUT ROWID",
            "CREATE TABLE note (epoch INTEGER NOT NULL, series INTEGER NOT NULL, serial BLOB NOT NULL, \
         identity BLOB NOT NULL, currency TEXT NOT NULL, value INTEGER NOT NULL, holder BLOB NOT NULL, \
         used INTEGER NOT NULL, children INTEGER NOT NULL, nodes INTEGER NOT NULL, returned INTEGER NOT NULL, \
         evidence BLOB, closing BLOB, closed_by TEXT, closed INTEGER, paid INTEGER, waiting INTEGER, \
         signed BLOB, PRIMARY KEY (epoch, series, serial)) WITHOUT ROWID",
            "CREATE TABLE archive_note (epoch INTEGER NOT NULL, series INTEGER NOT NULL, serial BLOB NOT NULL, \
         identity BLOB NOT NULL, currency TEXT NOT NULL, value INTEGER NOT NULL, holder BLOB NOT NULL, \
         used INTEGER NOT NULL, children INTEGER NOT NULL, nodes INTEGER NOT NULL, returned INTEGER NOT NULL, \
         evidence BLOB, closing BLOB, closed_by TEXT, closed INTEGER, paid INTEGER, waiting INTEGER, \
         signed BLOB, PRIMARY KEY (epoch, series, serial)) WITHOUT ROWID",
            "CREATE TABLE node (epoch INTEGER NOT NULL, series INTEGER NOT NULL, serial BLOB NOT NULL, \
         identity BLOB NOT NULL, parent BLOB NOT NULL, value INTEGER NOT NULL, holder BLOB NOT NULL, \
         used INTEGER NOT NULL, children INTEGER NOT NULL, evidence BLOB NOT NULL, closing BLOB, closed_by TEXT, \
         closed INTEGER, paid INTEGER, waiting INTEGER, signed BLOB, \
         PRIMARY KEY (epoch, series, serial, identity)) WITHOUT ROWID",
            "CREATE TABLE archive_node (epoch INTEGER NOT NULL, series INTEGER NOT NULL, serial BLOB NOT NULL, \
         identity BLOB NOT NULL, parent BLOB NOT NULL, value INTEGER NOT NULL, holder BLOB NOT NULL, \
         used INTEGER NOT NULL, children INTEGER NOT NULL, evidence BLOB NOT NULL, closing BLOB, closed_by TEXT, \
         closed INTEGER, paid INTEGER, waiting INTEGER, signed BLOB, \
         PRIMARY KEY (epoch, series, serial, identity)) WITHOUT ROWID",
            "CREATE TABLE batch (bank TEXT NOT NULL, id BLOB NOT NULL, content BLOB NOT NULL, at INTEGER NOT NULL, \
         answer BLOB NOT NULL, PRIMARY KEY (bank, id)) WITHOUT ROWID",
            "CREATE TABLE hand_in (id BLOB PRIMARY KEY, at INTEGER NOT NULL, signed BLOB NOT NULL, \
         leaves BLOB NOT NULL) WITHOUT ROWID",
            "CREATE TABLE renewal (leaf BLOB PRIMARY KEY, closing BLOB NOT NULL, at INTEGER NOT NULL, \
         currency TEXT NOT NULL, value INTEGER NOT NULL, issued BLOB NOT NULL) WITHOUT ROWID",
            "CREATE TABLE stopped (series INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
            "CREATE TABLE alarm (id BLOB PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, evidence BLOB NOT NULL)",
            "CREATE TABLE misuse (node BLOB PRIMARY KEY, epoch INTEGER NOT NULL, series INTEGER NOT NULL, \
         serial BLOB NOT NULL, holder BLOB NOT NULL, opened INTEGER NOT NULL, state TEXT NOT NULL, proof BLOB, \
         name TEXT, person BLOB, number INTEGER, revoked INTEGER, disclosed INTEGER)",
            "CREATE INDEX misuse_state ON misuse (state)",
            "CREATE TABLE claim (leaf BLOB PRIMARY KEY, bank TEXT NOT NULL, currency TEXT NOT NULL, \
         excess INTEGER NOT NULL, payee BLOB NOT NULL, at INTEGER NOT NULL, \
         state TEXT NOT NULL, paid INTEGER NOT NULL, decided INTEGER NOT NULL)",
            "CREATE INDEX claim_state ON claim (state)",
            "CREATE TABLE claim_case (leaf BLOB NOT NULL, node BLOB NOT NULL, holder BLOB NOT NULL, \
         PRIMARY KEY (leaf, node)) WITHOUT ROWID",
            "CREATE TABLE honoured (leaf BLOB NOT NULL, scope TEXT NOT NULL, subject BLOB NOT NULL, \
         currency TEXT NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (scope, subject, currency, leaf)) WITHOUT ROWID",
            "CREATE TABLE decision (bank TEXT NOT NULL, number INTEGER NOT NULL, leaf BLOB NOT NULL, \
         paid INTEGER NOT NULL, PRIMARY KEY (bank, number)) WITHOUT ROWID",
            "CREATE TABLE refund (due INTEGER NOT NULL, leaf BLOB NOT NULL, epoch INTEGER NOT NULL, \
         series INTEGER NOT NULL, serial BLOB NOT NULL, PRIMARY KEY (due, leaf)) WITHOUT ROWID",
            "CREATE TABLE cycle (id BLOB PRIMARY KEY, at INTEGER NOT NULL, positions BLOB NOT NULL)",
        ],
    },
    Migration {
        id: 3,
        sentence: "refunds out of backups, which are decided after exact ones",
        sql: &["ALTER TABLE refund ADD COLUMN backup INTEGER NOT NULL DEFAULT 0"],
    },
    Migration {
        id: 4,
        sentence: "notes that one chain brought back whole keep their evidence in lots, in the order of returns",
        sql: &[
            "ALTER TABLE archive_note ADD COLUMN lot BLOB",
            "ALTER TABLE archive_note ADD COLUMN start INTEGER",
            "ALTER TABLE archive_note ADD COLUMN length INTEGER",
            "CREATE TABLE lot (epoch INTEGER NOT NULL, series INTEGER NOT NULL, id BLOB NOT NULL, bytes BLOB NOT NULL, \
         PRIMARY KEY (epoch, series, id))",
        ],
    },
    Migration {
        id: 5,
        sentence: "a decision says what is claimed from then on",
        sql: &["ALTER TABLE decision ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0"],
    },
    Migration {
        id: 6,
        sentence: "origins of notes issued under seal, ceilings, transfers, evidence for the banks that identify",
        sql: &[
            // which bank ordered a note under seal, and what was sealed: the join key to the bank's orders (HC-D8, HC-D24)
            "CREATE TABLE origin (epoch INTEGER NOT NULL, series INTEGER NOT NULL, serial BLOB NOT NULL, \
         bank TEXT NOT NULL, request BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (epoch, series, serial)) WITHOUT ROWID",
            "CREATE TABLE archive_origin (epoch INTEGER NOT NULL, series INTEGER NOT NULL, serial BLOB NOT NULL, \
         bank TEXT NOT NULL, request BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (epoch, series, serial)) WITHOUT ROWID",
            "CREATE TABLE ceiling (bank TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL, \
         PRIMARY KEY (bank, currency)) WITHOUT ROWID",
            // what was drawn from a bank's ceiling for notes under seal and not issued yet
            "CREATE TABLE sealed_room (bank TEXT NOT NULL, currency TEXT NOT NULL, remaining INTEGER NOT NULL, \
         PRIMARY KEY (bank, currency)) WITHOUT ROWID",
            "CREATE TABLE transfer (bank TEXT NOT NULL, number INTEGER NOT NULL, cycle BLOB NOT NULL, currency TEXT NOT NULL, \
         amount INTEGER NOT NULL, pays INTEGER NOT NULL, returned INTEGER NOT NULL, PRIMARY KEY (bank, number)) WITHOUT ROWID",
            // what a bank is asked with, kept whatever becomes of the note (HC-X47)
            "CREATE TABLE trace (node BLOB PRIMARY KEY, bank TEXT NOT NULL, content BLOB NOT NULL, at INTEGER NOT NULL) \
         WITHOUT ROWID",
            "ALTER TABLE claim ADD COLUMN licensed INTEGER NOT NULL DEFAULT 1",
        ],
    },
    Migration {
        id: 7,
        sentence: "requests under seal are found by their digests, secrets of keys that are made, ends of the banks' logs",
        sql: &[
            "CREATE INDEX origin_request ON origin (request)",
            "CREATE INDEX archive_origin_request ON archive_origin (request)",
            // behind the keys that were made in an epoch; erased after T2
            "CREATE TABLE made_key (epoch INTEGER PRIMARY KEY, secret BLOB NOT NULL)",
            // the greatest end of each bank's log of identifications, with the bank's signed word on it
            "CREATE TABLE log_mark (bank TEXT PRIMARY KEY, number INTEGER NOT NULL, head BLOB NOT NULL, counts BLOB NOT NULL)",
        ],
    },
    Migration {
        id: 8,
        sentence: "what transfers told that served their term",
        sql: &["CREATE TABLE transfer_pruned (bank TEXT NOT NULL, currency TEXT NOT NULL, returned INTEGER NOT NULL, \
         PRIMARY KEY (bank, currency)) WITHOUT ROWID"],
    },
    Migration {
        id: 9,
        sentence: "how far banks have fetched their transfers, where their logs of identifications broke",
        sql: &[
            "CREATE TABLE transfer_heard (bank TEXT PRIMARY KEY, number INTEGER NOT NULL)",
            // the bank's two signed words that do not go together; accepted: when an operator took the log as it is
            "CREATE TABLE log_break (id BLOB PRIMARY KEY, bank TEXT NOT NULL, at INTEGER NOT NULL, had INTEGER NOT NULL, \
         had_head BLOB NOT NULL, known BLOB NOT NULL, told BLOB NOT NULL, accepted INTEGER)",
            "CREATE INDEX log_break_bank ON log_break (bank)",
        ],
    },
    Migration {
        id: 10,
        sentence: "refunds out of backups are decided from the last holder towards the first",
        sql: &["ALTER TABLE refund ADD COLUMN depth INTEGER NOT NULL DEFAULT 0"],
    },
];
