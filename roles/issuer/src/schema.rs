//! The issuer's tables and every statement over them.
//!
//! Tables of notes are keyed by (epoch, series, serial): what ends together lies together, and rows stand in the order of
//! random serials, never in that of issue, so that no row can be paired with a bank by its place (RN-O18). Lots stand in the
//! order of returns, which pairs nothing: who returned a note is a column.

mod migrations;

use zeni_store::Schema;

use migrations::MIGRATIONS;

/// The tables of the issuer.
pub const SCHEMA: Schema = Schema { name: "issuer", migrations: MIGRATIONS };

macro_rules! note_columns {
    () => {
        "epoch, series, serial, identity, currency, value, holder, used, children, nodes, returned, evidence, \
         closing, closed_by, closed, paid, waiting, signed"
    };
}

macro_rules! archive_columns {
    () => {
        concat!(note_columns!(), ", lot, start, length")
    };
}

macro_rules! node_columns {
    () => {
        "epoch, series, serial, identity, parent, value, holder, used, children, evidence, closing, closed_by, \
         closed, paid, waiting, signed"
    };
}

zeni_store::statements! {
    pub(crate) READ_DOCUMENT = "SELECT content FROM document WHERE kind = ?1";
    pub(crate) PUT_DOCUMENT = "INSERT INTO document (kind, content) VALUES (?1, ?2) \
        ON CONFLICT (kind) DO UPDATE SET content = excluded.content";

    pub(crate) INSERT_SUBMISSION = "INSERT INTO submission (epoch, bank, series, face, entry, modulus, content, at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    pub(crate) READ_SUBMISSION = "SELECT entry FROM submission WHERE epoch = ?1 AND bank = ?2 AND series = ?3 AND face = ?4";
    pub(crate) FIND_MODULUS = "SELECT entry FROM submission WHERE epoch = ?1 AND modulus = ?2 AND entry <> ?3";
    pub(crate) SUBMISSIONS = "SELECT content, at, bank FROM submission WHERE epoch = ?1 ORDER BY bank, series, face";
    pub(crate) DELETE_SUBMISSIONS = "DELETE FROM submission WHERE epoch <= ?1";

    pub(crate) INSERT_KEY_LIST = "INSERT INTO key_list (epoch, record, issuer, authority) VALUES (?1, ?2, ?3, NULL) \
        ON CONFLICT DO NOTHING";
    pub(crate) FINISH_KEY_LIST = "UPDATE key_list SET authority = ?2 WHERE epoch = ?1 AND authority IS NULL";
    pub(crate) FINISHED_KEY_LISTS = "SELECT record, issuer, authority FROM key_list WHERE authority IS NOT NULL ORDER BY epoch";
    pub(crate) LAST_KEY_LIST = "SELECT epoch, record, issuer, authority FROM key_list ORDER BY epoch DESC LIMIT 1";
    pub(crate) COUNT_KEY_LISTS = "SELECT COUNT(*) FROM key_list WHERE authority IS NOT NULL";

    pub(crate) INSERT_KEY_COUNT = "INSERT INTO key_count (entry, bank, currency, face, reported, drawn, redeemed, voided) \
        VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0) ON CONFLICT DO NOTHING";
    pub(crate) READ_KEY_COUNT = "SELECT bank, reported, drawn, redeemed, voided, face FROM key_count WHERE entry = ?1";
    pub(crate) SET_REPORTED = "UPDATE key_count SET reported = ?2 WHERE entry = ?1";
    pub(crate) COUNT_REDEEMED = "UPDATE key_count SET redeemed = redeemed + 1 \
        WHERE entry = ?1 AND redeemed < reported AND redeemed < drawn";
    pub(crate) ENTER_COUNTED = "UPDATE key_count SET reported = reported + 1, drawn = drawn + 1, redeemed = redeemed + 1 \
        WHERE entry = ?1";
    pub(crate) SET_DRAWN = "UPDATE key_count SET drawn = ?2 WHERE entry = ?1";
    pub(crate) COUNT_VOIDED = "UPDATE key_count SET voided = voided + 1 WHERE entry = ?1";
    pub(crate) BANK_KEY_COUNTS = "SELECT entry, face, reported, drawn, redeemed FROM key_count WHERE bank = ?1 AND currency = ?2";
    pub(crate) ALL_KEY_COUNTS = "SELECT bank, currency, face, reported, redeemed, voided FROM key_count";
    pub(crate) READ_REPORT = "SELECT number, content FROM report WHERE bank = ?1";
    pub(crate) PUT_REPORT = "INSERT INTO report (bank, number, content) VALUES (?1, ?2, ?3) \
        ON CONFLICT (bank) DO UPDATE SET number = excluded.number, content = excluded.content";

    pub(crate) READ_LOG_MARK = "SELECT number, head FROM log_mark WHERE bank = ?1";
    pub(crate) PUT_LOG_MARK = "INSERT INTO log_mark (bank, number, head, counts) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (bank) DO UPDATE SET number = excluded.number, head = excluded.head, counts = excluded.counts";

    pub(crate) LOG_MARK_WORD = "SELECT counts FROM log_mark WHERE bank = ?1";
    pub(crate) DELETE_LOG_MARK = "DELETE FROM log_mark WHERE bank = ?1";
    pub(crate) INSERT_LOG_BREAK = "INSERT INTO log_break (id, bank, at, had, had_head, known, told) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    pub(crate) COUNT_LOG_BREAKS = "SELECT COUNT(*) FROM log_break WHERE bank = ?1";
    /// Breaks of a bank's log that no operator has accepted.
    pub(crate) LOG_BREAKS = "SELECT at, had, had_head, told FROM log_break WHERE bank = ?1 AND accepted IS NULL ORDER BY at, id";
    pub(crate) ACCEPT_LOG = "UPDATE log_break SET accepted = ?2 WHERE bank = ?1 AND accepted IS NULL";

    pub(crate) READ_REQUEST = "SELECT note, ticket, claim FROM request WHERE epoch = ?1 AND series = ?2 AND id = ?3";
    pub(crate) INSERT_REQUEST = "INSERT INTO request (epoch, series, id, note, ticket, claim) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    pub(crate) VOID_SEALED = "INSERT INTO request (epoch, series, id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    pub(crate) READ_ORIGIN = "SELECT bank, request, content FROM origin WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) READ_ARCHIVE_ORIGIN = "SELECT bank, request, content FROM archive_origin \
        WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) INSERT_ORIGIN = "INSERT INTO origin (epoch, series, serial, bank, request, content) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    pub(crate) MOVE_ORIGIN = "INSERT INTO archive_origin (epoch, series, serial, bank, request, content) \
        SELECT epoch, series, serial, bank, request, content FROM origin WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) DELETE_ORIGIN = "DELETE FROM origin WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) PRUNE_ORIGINS = "DELETE FROM origin WHERE epoch = ?1 AND series = ?2 AND serial <= ?3";
    pub(crate) PRUNE_ARCHIVE_ORIGINS = "DELETE FROM archive_origin WHERE epoch = ?1 AND series = ?2 AND serial <= ?3";
    pub(crate) HELD_RESTS = "SELECT origin.bank, CAST(SUM(note.value - note.used) AS BIGINT) FROM origin JOIN note \
        ON note.epoch = origin.epoch AND note.series = origin.series AND note.serial = origin.serial \
        WHERE note.currency = ?1 GROUP BY origin.bank";
    pub(crate) LOST_ORIGINS = "SELECT COUNT(*) FROM origin LEFT JOIN note ON note.epoch = origin.epoch \
        AND note.series = origin.series AND note.serial = origin.serial WHERE note.serial IS NULL";

    pub(crate) ISSUED_FOR = "SELECT origin.epoch, origin.content, note.holder FROM origin JOIN note ON note.epoch = origin.epoch \
        AND note.series = origin.series AND note.serial = origin.serial WHERE origin.request = ?1 AND origin.bank = ?2";
    pub(crate) ARCHIVED_FOR = "SELECT archive_origin.epoch, archive_origin.content, archive_note.holder FROM archive_origin \
        JOIN archive_note ON archive_note.epoch = archive_origin.epoch AND archive_note.series = archive_origin.series \
        AND archive_note.serial = archive_origin.serial WHERE archive_origin.request = ?1 AND archive_origin.bank = ?2";
    pub(crate) READ_MADE_KEY = "SELECT secret FROM made_key WHERE epoch = ?1";
    pub(crate) INSERT_MADE_KEY = "INSERT INTO made_key (epoch, secret) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    pub(crate) BLANK_MADE_KEY = "UPDATE made_key SET secret = ?2 WHERE epoch = ?1";
    pub(crate) DELETE_MADE_KEY = "DELETE FROM made_key WHERE epoch = ?1";

    pub(crate) READ_CEILING = "SELECT amount FROM ceiling WHERE bank = ?1 AND currency = ?2";
    pub(crate) PUT_CEILING = "INSERT INTO ceiling (bank, currency, amount) VALUES (?1, ?2, ?3) \
        ON CONFLICT (bank, currency) DO UPDATE SET amount = excluded.amount";
    pub(crate) READ_ROOM = "SELECT remaining FROM sealed_room WHERE bank = ?1 AND currency = ?2";
    pub(crate) PUT_ROOM = "INSERT INTO sealed_room (bank, currency, remaining) VALUES (?1, ?2, ?3) \
        ON CONFLICT (bank, currency) DO UPDATE SET remaining = excluded.remaining";

    pub(crate) LAST_TRANSFER = "SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM transfer WHERE bank = ?1";
    pub(crate) TRANSFERRED = "SELECT CAST(COALESCE(SUM(returned), 0) AS BIGINT) FROM transfer WHERE bank = ?1 AND currency = ?2";
    pub(crate) TRANSFERRED_BEFORE = "SELECT returned FROM transfer_pruned WHERE bank = ?1 AND currency = ?2";
    pub(crate) READ_HEARD = "SELECT number FROM transfer_heard WHERE bank = ?1";
    pub(crate) PUT_HEARD = "INSERT INTO transfer_heard (bank, number) VALUES (?1, ?2) \
        ON CONFLICT (bank) DO UPDATE SET number = excluded.number WHERE transfer_heard.number < excluded.number";
    /// Transfers of cycles before ?1 that their bank has heard, but the last of each bank, which its next number follows.
    pub(crate) ENDED_TRANSFERS = "SELECT transfer.bank, transfer.number, transfer.currency, transfer.returned FROM transfer \
        JOIN cycle ON cycle.id = transfer.cycle JOIN transfer_heard ON transfer_heard.bank = transfer.bank \
        WHERE cycle.at < ?1 AND transfer.number <= transfer_heard.number AND transfer.number < \
        (SELECT MAX(number) FROM transfer AS other WHERE other.bank = transfer.bank) \
        ORDER BY transfer.bank, transfer.number LIMIT 1024";
    pub(crate) PUT_TRANSFERRED = "INSERT INTO transfer_pruned (bank, currency, returned) VALUES (?1, ?2, ?3) \
        ON CONFLICT (bank, currency) DO UPDATE SET returned = excluded.returned";
    pub(crate) DELETE_TRANSFER = "DELETE FROM transfer WHERE bank = ?1 AND number = ?2";
    pub(crate) INSERT_TRANSFER = "INSERT INTO transfer (bank, number, cycle, currency, amount, pays, returned) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    pub(crate) TRANSFERS = "SELECT number, cycle, currency, amount, pays, returned FROM transfer \
        WHERE bank = ?1 AND number > ?2 ORDER BY number LIMIT 512";

    pub(crate) INSERT_TRACE = "INSERT INTO trace (node, bank, content, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    pub(crate) READ_TRACE = "SELECT bank, content, at FROM trace WHERE node = ?1";

    pub(crate) PRUNE_REQUESTS = "DELETE FROM request WHERE epoch = ?1 AND series = ?2 AND id IN \
        (SELECT id FROM request WHERE epoch = ?1 AND series = ?2 LIMIT 4096)";

    pub(crate) INSERT_ISSUED = "INSERT INTO note (epoch, series, serial, identity, currency, value, holder, used, children, \
        nodes, returned) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0, 0) ON CONFLICT DO NOTHING";
    pub(crate) SERIAL_ARCHIVED = "SELECT serial FROM archive_note WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) READ_NOTE = concat!("SELECT ", note_columns!(), " FROM note WHERE epoch = ?1 AND series = ?2 AND serial = ?3");
    pub(crate) READ_ARCHIVE_NOTE = concat!("SELECT ", archive_columns!(),
        " FROM archive_note WHERE epoch = ?1 AND series = ?2 AND serial = ?3");
    pub(crate) NOTE_IDENTITY = "SELECT identity FROM note WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) ARCHIVE_NOTE_IDENTITY = "SELECT identity FROM archive_note WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) UPDATE_NOTE = "UPDATE note SET used = ?4, children = ?5, nodes = ?6, returned = ?7, evidence = ?8, \
        closing = ?9, closed_by = ?10, closed = ?11, paid = ?12, waiting = ?13, signed = ?14 \
        WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) UPDATE_ARCHIVE_NOTE = "UPDATE archive_note SET used = ?4, children = ?5, nodes = ?6, returned = ?7, evidence = ?8, \
        closing = ?9, closed_by = ?10, closed = ?11, paid = ?12, waiting = ?13, signed = ?14, \
        lot = NULL, start = NULL, length = NULL \
        WHERE epoch = ?1 AND series = ?2 AND serial = ?3";
    pub(crate) INSERT_ARCHIVE_NOTE = concat!("INSERT INTO archive_note (", archive_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)");
    pub(crate) DELETE_NOTE = "DELETE FROM note WHERE epoch = ?1 AND series = ?2 AND serial = ?3";

    pub(crate) READ_NODE = concat!("SELECT ", node_columns!(),
        " FROM node WHERE epoch = ?1 AND series = ?2 AND serial = ?3 AND identity = ?4");
    pub(crate) READ_ARCHIVE_NODE = concat!("SELECT ", node_columns!(),
        " FROM archive_node WHERE epoch = ?1 AND series = ?2 AND serial = ?3 AND identity = ?4");
    pub(crate) CHILD_NODES = concat!("SELECT ", node_columns!(),
        " FROM node WHERE epoch = ?1 AND series = ?2 AND serial = ?3 AND parent = ?4");
    pub(crate) ARCHIVE_CHILD_NODES = concat!("SELECT ", node_columns!(),
        " FROM archive_node WHERE epoch = ?1 AND series = ?2 AND serial = ?3 AND parent = ?4");
    pub(crate) SIBLINGS = concat!("SELECT ", node_columns!(),
        " FROM node WHERE epoch = ?1 AND series = ?2 AND serial = ?3 AND parent = ?4 AND holder = ?5");
    pub(crate) ARCHIVE_SIBLINGS = concat!("SELECT ", node_columns!(),
        " FROM archive_node WHERE epoch = ?1 AND series = ?2 AND serial = ?3 AND parent = ?4 AND holder = ?5");
    pub(crate) INSERT_NODE = concat!("INSERT INTO node (", node_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)");
    pub(crate) INSERT_ARCHIVE_NODE = concat!("INSERT INTO archive_node (", node_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)");
    pub(crate) UPDATE_NODE = "UPDATE node SET used = ?5, children = ?6, closing = ?7, closed_by = ?8, closed = ?9, paid = ?10, \
        waiting = ?11, signed = ?12, evidence = ?13 WHERE epoch = ?1 AND series = ?2 AND serial = ?3 AND identity = ?4";
    pub(crate) UPDATE_ARCHIVE_NODE = "UPDATE archive_node SET used = ?5, children = ?6, closing = ?7, closed_by = ?8, closed = ?9, \
        paid = ?10, waiting = ?11, signed = ?12, evidence = ?13 WHERE epoch = ?1 AND series = ?2 AND serial = ?3 AND identity = ?4";
    pub(crate) MOVE_NODES = concat!("INSERT INTO archive_node (", node_columns!(), ") SELECT ", node_columns!(),
        " FROM node WHERE epoch = ?1 AND series = ?2 AND serial = ?3");
    pub(crate) DELETE_NODES = "DELETE FROM node WHERE epoch = ?1 AND series = ?2 AND serial = ?3";

    pub(crate) INSERT_LOT = "INSERT INTO lot (epoch, series, id, bytes) VALUES (?1, ?2, ?3, ?4)";
    pub(crate) READ_LOT = "SELECT SUBSTR(bytes, CAST(?4 AS INTEGER), CAST(?5 AS INTEGER)) FROM lot \
        WHERE epoch = ?1 AND series = ?2 AND id = ?3";
    pub(crate) HAS_LOTS = "SELECT id FROM lot WHERE epoch = ?1 AND series = ?2 LIMIT 1";
    pub(crate) PRUNE_LOTS = "DELETE FROM lot WHERE epoch = ?1 AND series = ?2 AND id IN \
        (SELECT id FROM lot WHERE epoch = ?1 AND series = ?2 LIMIT 64)";

    pub(crate) READ_BATCH = "SELECT content, answer FROM batch WHERE bank = ?1 AND id = ?2";
    pub(crate) INSERT_BATCH = "INSERT INTO batch (bank, id, content, at, answer) VALUES (?1, ?2, ?3, ?4, ?5)";
    pub(crate) INSERT_HAND_IN = "INSERT INTO hand_in (id, at, signed, leaves) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    pub(crate) READ_HAND_IN = "SELECT signed, leaves FROM hand_in WHERE id = ?1";
    pub(crate) READ_RENEWAL = "SELECT closing, issued FROM renewal WHERE leaf = ?1";
    pub(crate) INSERT_RENEWAL = "INSERT INTO renewal (leaf, closing, at, currency, value, issued) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

    pub(crate) STOP_SERIES = "INSERT INTO stopped (series, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    pub(crate) IS_STOPPED = "SELECT at FROM stopped WHERE series = ?1";
    pub(crate) LIFT_STOP = "DELETE FROM stopped WHERE series = ?1";
    pub(crate) STOPPED = "SELECT series FROM stopped ORDER BY series";
    pub(crate) INSERT_ALARM = "INSERT INTO alarm (id, at, kind, evidence) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    pub(crate) ALARMS = "SELECT at, kind FROM alarm ORDER BY at, id";

    pub(crate) INSERT_CASE = "INSERT INTO misuse (node, epoch, series, serial, holder, opened, state) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open') ON CONFLICT DO NOTHING";
    pub(crate) CASES_IN_STATE = "SELECT node, epoch, series, serial, proof FROM misuse WHERE state = ?1 AND node > ?2 ORDER BY node LIMIT ?3";
    pub(crate) PROVE_CASE = "UPDATE misuse SET state = ?2, proof = ?3 WHERE node = ?1 AND state = 'open'";
    pub(crate) DISCLOSE_CASE = "UPDATE misuse SET state = 'disclosed', name = ?2, person = ?3, number = ?4, revoked = ?5, \
        disclosed = ?6 WHERE node = ?1 AND state = 'proven'";
    pub(crate) REFUSE_CASE = "UPDATE misuse SET state = ?2 WHERE node = ?1 AND state = 'proven'";
    pub(crate) ALL_CASES = "SELECT misuse.node, holder, opened, state, name, proof, revoked, trace.bank FROM misuse \
        LEFT JOIN trace ON trace.node = misuse.node ORDER BY opened, misuse.node";
    pub(crate) READ_CASE = "SELECT state, person, disclosed, proof, holder FROM misuse WHERE node = ?1";
    /// Cases under seal whose bank has spoken, or had time to speak since ?3, and whose key the authority has not been asked to list; and
    /// whether the bank could be asked, with ?4 bytes that were sealed, and said nothing.
    pub(crate) UNLISTED_CASES = "SELECT misuse.node, epoch, series, serial, proof, \
        CAST(CASE WHEN state = 'proven' AND CAST(LENGTH(content) AS BIGINT) = ?4 THEN 1 ELSE 0 END AS BIGINT) FROM misuse \
        LEFT JOIN trace ON trace.node = misuse.node WHERE revoked IS NULL AND proof IS NOT NULL AND misuse.node > ?1 \
        AND (state IN ('identified', 'unknown') OR (state = 'refused' AND trace.node IS NOT NULL) \
        OR (state = 'proven' AND trace.at <= ?3)) ORDER BY misuse.node LIMIT ?2";
    pub(crate) LIST_CASE = "UPDATE misuse SET revoked = ?2, number = ?3 WHERE node = ?1 AND revoked IS NULL";
    pub(crate) IDENTIFY_CASE = "UPDATE misuse SET state = ?2, disclosed = ?3 WHERE node = ?1 AND state = 'proven'";

    pub(crate) INSERT_CLAIM = "INSERT INTO claim (leaf, bank, currency, excess, payee, at, licensed, state, paid, decided) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open', 0, 0)";
    pub(crate) INSERT_CLAIM_CASE = "INSERT INTO claim_case (leaf, node, holder) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    pub(crate) OPEN_CLAIMS = "SELECT leaf, bank, currency, excess, payee, at, licensed FROM claim WHERE state = 'open' \
        AND NOT EXISTS (SELECT 1 FROM claim_case JOIN misuse ON misuse.node = claim_case.node \
        LEFT JOIN trace ON trace.node = misuse.node \
        WHERE claim_case.leaf = claim.leaf AND misuse.state NOT IN ('disclosed', 'unknown') AND trace.node IS NULL) \
        AND (at > COALESCE((SELECT at FROM claim WHERE leaf = ?1), -1) \
        OR (at = COALESCE((SELECT at FROM claim WHERE leaf = ?1), -1) AND leaf > ?1)) ORDER BY at, leaf LIMIT ?2";
    pub(crate) CLAIM_CASES = "SELECT node, holder FROM claim_case WHERE leaf = ?1 ORDER BY node";
    pub(crate) DECIDE_CLAIM = "UPDATE claim SET state = 'decided', paid = ?2, decided = ?3 WHERE leaf = ?1 AND state = 'open'";
    pub(crate) INSERT_HONOURED = "INSERT INTO honoured (leaf, scope, subject, currency, amount) VALUES (?1, ?2, ?3, ?4, ?5)";
    pub(crate) SUM_HONOURED = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM honoured \
        WHERE scope = ?1 AND subject = ?2 AND currency = ?3";
    pub(crate) LAST_DECISION = "SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM decision WHERE bank = ?1";
    pub(crate) INSERT_DECISION = "INSERT INTO decision (bank, number, leaf, paid, claimed) VALUES (?1, ?2, ?3, ?4, ?5)";
    pub(crate) DECISIONS = "SELECT number, leaf, paid, claimed FROM decision WHERE bank = ?1 AND number > ?2 ORDER BY number LIMIT 1024";

    pub(crate) INSERT_REFUND = "INSERT INTO refund (due, leaf, epoch, series, serial, backup, depth) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    /// Exact refunds first; of those out of backups the deepest, so that a payee comes before whoever paid him.
    pub(crate) DUE_REFUNDS = "SELECT leaf, due, epoch, series, serial FROM refund WHERE due <= ?1 \
        ORDER BY backup, depth DESC, due, leaf LIMIT 256";
    pub(crate) DELETE_REFUND = "DELETE FROM refund WHERE due = ?1 AND leaf = ?2";

    pub(crate) INSERT_CYCLE = "INSERT INTO cycle (id, at, positions) VALUES (?1, ?2, ?3)";

    pub(crate) PRUNE_BATCHES = "DELETE FROM batch WHERE at < ?1";
    /// Cases that were closed before ?1, of which no claim waits for anything and whose keys are listed.
    pub(crate) PRUNE_CASES = "DELETE FROM misuse WHERE state NOT IN ('open', 'proven') AND COALESCE(disclosed, opened) < ?1 \
        AND (revoked IS NOT NULL OR (state NOT IN ('identified', 'unknown') \
        AND NOT EXISTS (SELECT 1 FROM trace WHERE trace.node = misuse.node))) AND NOT EXISTS (SELECT 1 FROM claim_case \
        JOIN claim ON claim.leaf = claim_case.leaf WHERE claim_case.node = misuse.node AND claim.state = 'open')";
    pub(crate) PRUNE_TRACES = "DELETE FROM trace WHERE at < ?1 \
        AND NOT EXISTS (SELECT 1 FROM misuse WHERE misuse.node = trace.node)";
    pub(crate) PRUNE_HAND_INS = "DELETE FROM hand_in WHERE at < ?1";
    pub(crate) PRUNE_RENEWALS = "DELETE FROM renewal WHERE at < ?1";
    pub(crate) ENDED_NOTES = "SELECT note.serial, note.value, note.used, origin.bank FROM note \
        LEFT JOIN origin ON origin.epoch = note.epoch AND origin.series = note.series AND origin.serial = note.serial \
        WHERE note.epoch = ?1 AND note.series = ?2 ORDER BY note.serial LIMIT 1024";
    pub(crate) ENDED_ARCHIVE = "SELECT serial FROM archive_note WHERE epoch = ?1 AND series = ?2 ORDER BY serial LIMIT 1024";
    pub(crate) HAS_REQUESTS = "SELECT id FROM request WHERE epoch = ?1 AND series = ?2 LIMIT 1";
    pub(crate) PRUNE_ARCHIVE_NOTES = "DELETE FROM archive_note WHERE epoch = ?1 AND series = ?2 AND serial <= ?3";
    pub(crate) PRUNE_ARCHIVE_NODES = "DELETE FROM archive_node WHERE epoch = ?1 AND series = ?2 AND serial <= ?3";
    pub(crate) RESTS = "SELECT CAST(COALESCE(SUM(value - used), 0) AS BIGINT) FROM note WHERE currency = ?1";
    pub(crate) PRUNE_NOTES = "DELETE FROM note WHERE epoch = ?1 AND series = ?2 AND serial <= ?3";
    pub(crate) PRUNE_NODES = "DELETE FROM node WHERE epoch = ?1 AND series = ?2 AND serial <= ?3";
    pub(crate) OPEN_OF_SERIES = "SELECT COUNT(*) FROM misuse WHERE epoch = ?1 AND series = ?2 AND state = 'open'";
    pub(crate) REFUNDS_OF_SERIES = "SELECT COUNT(*) FROM refund WHERE epoch = ?1 AND series = ?2";

    pub(crate) AUDIT_NOTES = concat!("SELECT ", note_columns!(),
        " FROM note WHERE epoch = ?1 AND series = ?2 AND serial > ?3 ORDER BY serial LIMIT 512");
    pub(crate) AUDIT_ARCHIVE = concat!("SELECT ", archive_columns!(),
        " FROM archive_note WHERE epoch = ?1 AND series = ?2 AND serial > ?3 ORDER BY serial LIMIT 512");
    pub(crate) AUDIT_NODES = concat!("SELECT ", node_columns!(), " FROM node WHERE epoch = ?1 AND series = ?2 AND serial = ?3");
    pub(crate) AUDIT_ARCHIVE_NODES = concat!("SELECT ", node_columns!(),
        " FROM archive_node WHERE epoch = ?1 AND series = ?2 AND serial = ?3");
    pub(crate) IN_BOTH = "SELECT COUNT(*) FROM note JOIN archive_note ON note.epoch = archive_note.epoch \
        AND note.series = archive_note.series AND note.serial = archive_note.serial";
    pub(crate) RENEWED = "SELECT currency, CAST(SUM(value) AS BIGINT) FROM renewal GROUP BY currency ORDER BY currency";
    pub(crate) REGISTER_SIZE = "SELECT COUNT(*) FROM note";
    pub(crate) ARCHIVE_SIZE = "SELECT COUNT(*) FROM archive_note";
    // integers count eight bytes
    pub(crate) NOTE_BYTES = "SELECT CAST(COALESCE(SUM(LENGTH(serial) + LENGTH(identity) + LENGTH(currency) + LENGTH(holder) + 72 \
        + COALESCE(LENGTH(evidence), 0) + COALESCE(LENGTH(closing), 0) + COALESCE(LENGTH(closed_by), 0) + COALESCE(LENGTH(signed), 0)), 0) AS BIGINT) FROM note";
    pub(crate) ARCHIVE_NOTE_BYTES = "SELECT CAST(COALESCE(SUM(LENGTH(serial) + LENGTH(identity) + LENGTH(currency) + LENGTH(holder) + 72 \
        + COALESCE(LENGTH(evidence), 0) + COALESCE(LENGTH(closing), 0) + COALESCE(LENGTH(closed_by), 0) + COALESCE(LENGTH(signed), 0)), 0) AS BIGINT) FROM archive_note";
    pub(crate) LOT_BYTES = "SELECT CAST(COALESCE(SUM(LENGTH(id) + LENGTH(bytes) + 8), 0) AS BIGINT) FROM lot";
    pub(crate) NODE_BYTES = "SELECT CAST(COALESCE(SUM(LENGTH(serial) + LENGTH(identity) + LENGTH(parent) + LENGTH(holder) + LENGTH(evidence) + 56 \
        + COALESCE(LENGTH(closing), 0) + COALESCE(LENGTH(closed_by), 0) + COALESCE(LENGTH(signed), 0)), 0) AS BIGINT) FROM node";
    pub(crate) ARCHIVE_NODE_BYTES = "SELECT CAST(COALESCE(SUM(LENGTH(serial) + LENGTH(identity) + LENGTH(parent) + LENGTH(holder) + LENGTH(evidence) + 56 \
        + COALESCE(LENGTH(closing), 0) + COALESCE(LENGTH(closed_by), 0) + COALESCE(LENGTH(signed), 0)), 0) AS BIGINT) FROM archive_node";
    pub(crate) ORIGIN_BYTES = "SELECT CAST(COALESCE(SUM(LENGTH(serial) + LENGTH(bank) + LENGTH(request) + LENGTH(content) + 8), 0) AS BIGINT) FROM origin";
    pub(crate) ARCHIVE_ORIGIN_BYTES = "SELECT CAST(COALESCE(SUM(LENGTH(serial) + LENGTH(bank) + LENGTH(request) + LENGTH(content) + 8), 0) AS BIGINT) FROM archive_origin";
    pub(crate) REQUESTS_SIZE = "SELECT COUNT(*) FROM request";
}

#[cfg(test)]
mod tests;
