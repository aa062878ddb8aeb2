//! Tables and statements of the authority. No column holds an amount, an account, a note or a payment (RN-R1, RN-P14).

use zeni_store::{Migration, Schema};

/// The authority's tables.
pub const SCHEMA: Schema = Schema {
    name: "authority",
    migrations: &[
        FIRST,
        Migration {
            id: 2,
            sentence: "Answers about payees are counted by case.",
            sql: &[
                "ALTER TABLE answer ADD COLUMN subject BLOB",
                "CREATE INDEX answer_subject ON answer (subject)",
                "CREATE INDEX licence_person_until ON licence (person, until)",
            ],
        },
        Migration {
            id: 3,
            sentence: "Keys under seal that overspent, for as long as their notes can be accepted.",
            sql: &[
                "CREATE TABLE sealed_key (digest BLOB PRIMARY KEY, revoked_at INTEGER NOT NULL, until INTEGER NOT NULL)",
                "CREATE INDEX sealed_key_until ON sealed_key (until)",
            ],
        },
    ],
};

const FIRST: Migration = Migration {
    id: 1,
    sentence: "Persons, licences, key lists, the log of disclosures and the revocation list.",
    sql: &[
        // as the authority's own file has them; `secret` is a digest
        "CREATE TABLE person (id TEXT PRIMARY KEY, secret BLOB NOT NULL UNIQUE, name TEXT NOT NULL, \
             public INTEGER NOT NULL, keeper INTEGER NOT NULL, status INTEGER NOT NULL)",
        "CREATE TABLE licence (key BLOB PRIMARY KEY, digest BLOB NOT NULL UNIQUE, person TEXT NOT NULL, \
             until INTEGER NOT NULL, keeper INTEGER NOT NULL, signature BLOB NOT NULL, revoked_at INTEGER, reason INTEGER)",
        "CREATE INDEX licence_person ON licence (person)",
        "CREATE INDEX licence_until ON licence (until)",
        "CREATE INDEX licence_revoked ON licence (revoked_at)",
        "CREATE TABLE name_certificate (key BLOB PRIMARY KEY, name TEXT NOT NULL, until INTEGER NOT NULL, \
             signature BLOB NOT NULL)",
        "CREATE TABLE key_list (epoch INTEGER PRIMARY KEY, identity BLOB NOT NULL, starts INTEGER NOT NULL, \
             retain_until INTEGER NOT NULL, list BLOB NOT NULL)",
        // the log: no names, never erased
        "CREATE TABLE disclosure (number INTEGER PRIMARY KEY, request BLOB NOT NULL UNIQUE, made INTEGER NOT NULL, \
             key_digest BLOB NOT NULL, evidence BLOB NOT NULL, outcome INTEGER NOT NULL, head BLOB NOT NULL)",
        // what was answered, byte for byte; erased with the row of the licence
        "CREATE TABLE answer (request BLOB PRIMARY KEY, number INTEGER NOT NULL, key BLOB NOT NULL, name TEXT, \
             reply BLOB NOT NULL)",
        "CREATE INDEX answer_key ON answer (key)",
        // one row: the current list
        "CREATE TABLE revocation_list (slot INTEGER PRIMARY KEY, number INTEGER NOT NULL, list BLOB NOT NULL)",
    ],
};

zeni_store::statements! {
    /// A person of the file, as new or as changed; his status stays.
    pub(crate) UPSERT_PERSON = "INSERT INTO person (id, secret, name, public, keeper, status) VALUES (?1, ?2, ?3, ?4, ?5, 0) \
        ON CONFLICT (id) DO UPDATE SET secret = excluded.secret, name = excluded.name, public = excluded.public, \
        keeper = excluded.keeper";
    pub(crate) PERSON_BY_ID = "SELECT id, secret, name, public, keeper, status FROM person WHERE id = ?1";
    pub(crate) PERSON_BY_SECRET = "SELECT id, secret, name, public, keeper, status FROM person WHERE secret = ?1";
    pub(crate) PERSONS_AFTER = "SELECT id, secret, name, public, keeper, status FROM person WHERE id > ?1 ORDER BY id LIMIT 1024";
    pub(crate) UPDATE_STATUS = "UPDATE person SET status = ?2 WHERE id = ?1";

    pub(crate) INSERT_LICENCE = "INSERT INTO licence (key, digest, person, until, keeper, signature) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    pub(crate) LICENCE_BY_KEY = "SELECT key, digest, person, until, keeper, signature, revoked_at, reason FROM licence WHERE key = ?1";
    pub(crate) LICENCE_BY_DIGEST = "SELECT key, digest, person, until, keeper, signature, revoked_at, reason FROM licence WHERE digest = ?1";
    pub(crate) LICENCES_AFTER = "SELECT key, digest, person, until, keeper, signature, revoked_at, reason FROM licence \
        WHERE key > ?1 ORDER BY key LIMIT 1024";
    pub(crate) LICENCES_OF_PERSON = "SELECT digest, revoked_at, until FROM licence WHERE person = ?1 ORDER BY digest";
    pub(crate) REVOKE_LICENCE = "UPDATE licence SET revoked_at = ?2, reason = ?3 WHERE digest = ?1";
    /// Of the revoked licences that have not ended before ?1, the ?2 that were revoked last.
    pub(crate) REVOKED_LICENCES = "SELECT digest FROM licence WHERE revoked_at IS NOT NULL AND until >= ?1 \
        ORDER BY revoked_at DESC, digest LIMIT ?2";
    /// Of the keys under seal whose term has not ended before ?1, the ?2 that were revoked last.
    pub(crate) REVOKED_SEALED = "SELECT digest FROM sealed_key WHERE until >= ?1 ORDER BY revoked_at DESC, digest LIMIT ?2";
    pub(crate) SEALED_KEY = "SELECT until FROM sealed_key WHERE digest = ?1";
    pub(crate) SEALED_KEYS = "SELECT digest, until FROM sealed_key ORDER BY digest";
    pub(crate) PUT_SEALED_KEY = "INSERT INTO sealed_key (digest, revoked_at, until) VALUES (?1, ?2, ?3) \
        ON CONFLICT (digest) DO UPDATE SET revoked_at = excluded.revoked_at, until = excluded.until";
    /// Whether there are keys under seal whose term ended before ?1.
    pub(crate) ENDED_SEALED_KEY = "SELECT digest FROM sealed_key WHERE until < ?1 LIMIT 1";
    pub(crate) DELETE_SEALED_KEYS = "DELETE FROM sealed_key WHERE until < ?1";
    /// Licences of a person that have not ended before ?2.
    pub(crate) COUNT_LICENCES = "SELECT COUNT(*) FROM licence WHERE person = ?1 AND until >= ?2";
    /// Licences that ended before ?1, with no key list whose notes they may have held and that is to be kept at ?2.
    pub(crate) ERASABLE_LICENCES = "SELECT key, digest, revoked_at FROM licence WHERE until < ?1 AND NOT EXISTS \
        (SELECT 1 FROM key_list WHERE key_list.starts <= licence.until AND key_list.retain_until >= ?2) \
        ORDER BY until, key LIMIT ?3";
    pub(crate) DELETE_LICENCE = "DELETE FROM licence WHERE key = ?1";

    pub(crate) INSERT_CERTIFICATE = "INSERT INTO name_certificate (key, name, until, signature) VALUES (?1, ?2, ?3, ?4)";
    pub(crate) CERTIFICATE_BY_KEY = "SELECT name, until, signature FROM name_certificate WHERE key = ?1";
    pub(crate) DELETE_CERTIFICATE = "DELETE FROM name_certificate WHERE key = ?1";

    pub(crate) INSERT_KEY_LIST = "INSERT INTO key_list (epoch, identity, starts, retain_until, list) VALUES (?1, ?2, ?3, ?4, ?5)";
    pub(crate) KEY_LIST_IDENTITY = "SELECT identity FROM key_list WHERE epoch = ?1";
    pub(crate) KEY_LIST_BY_EPOCH = "SELECT list FROM key_list WHERE epoch = ?1";
    pub(crate) LAST_KEY_LIST = "SELECT list FROM key_list ORDER BY epoch DESC LIMIT 1";
    pub(crate) KEY_LISTS_FROM = "SELECT list FROM key_list WHERE epoch >= ?1 ORDER BY epoch LIMIT 64";

    pub(crate) INSERT_DISCLOSURE = "INSERT INTO disclosure (number, request, made, key_digest, evidence, outcome, head) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    pub(crate) DISCLOSURE_BY_REQUEST = "SELECT number FROM disclosure WHERE request = ?1";
    pub(crate) LAST_DISCLOSURE = "SELECT number, head FROM disclosure ORDER BY number DESC LIMIT 1";
    pub(crate) DISCLOSURES = "SELECT disclosure.number, disclosure.made, disclosure.key_digest, disclosure.evidence, \
        disclosure.outcome, disclosure.head, answer.name FROM disclosure LEFT JOIN answer ON answer.request = disclosure.request \
        ORDER BY disclosure.number";

    pub(crate) INSERT_ANSWER = "INSERT INTO answer (request, number, key, name, reply, subject) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    pub(crate) COUNT_QUESTIONS = "SELECT COUNT(*) FROM answer WHERE subject = ?1";
    pub(crate) ANSWER_BY_REQUEST = "SELECT reply FROM answer WHERE request = ?1";
    /// Answers without their entry in the log.
    pub(crate) UNLOGGED_ANSWERS = "SELECT answer.number FROM answer LEFT JOIN disclosure \
        ON disclosure.request = answer.request AND disclosure.number = answer.number \
        WHERE disclosure.number IS NULL ORDER BY answer.number";
    pub(crate) DELETE_ANSWERS = "DELETE FROM answer WHERE key = ?1";

    pub(crate) CURRENT_LIST = "SELECT number, list FROM revocation_list WHERE slot = 1";
    pub(crate) REPLACE_LIST = "INSERT INTO revocation_list (slot, number, list) VALUES (1, ?1, ?2) \
        ON CONFLICT (slot) DO UPDATE SET number = excluded.number, list = excluded.list";
}
