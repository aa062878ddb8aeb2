//! The holder's tables. All have one shape: key, place in the order, activity, content.

use zeni_store::{Migration, Schema};

use crate::table::Sql;

macro_rules! tables {
    ($($id:literal $sentence:literal { $($(#[$meta:meta])* $constant:ident = $table:literal;)* })*) => {
        $($(
            $(#[$meta])*
            pub(crate) const $constant: Sql = Sql {
                table: $table,
                put: concat!(
                    "INSERT INTO ", $table, " (id, place, active, content) VALUES (?1, (SELECT COALESCE(MAX(place), 0) + 1 FROM ",
                    $table, "), ?2, ?3) ON CONFLICT (id) DO UPDATE SET active = excluded.active, content = excluded.content"
                ),
                remove: concat!("DELETE FROM ", $table, " WHERE id = ?1"),
                get: concat!("SELECT content FROM ", $table, " WHERE id = ?1"),
                all: concat!("SELECT content FROM ", $table, " ORDER BY place"),
                active: concat!("SELECT content FROM ", $table, " WHERE active = 1 ORDER BY place"),
                newest: concat!("SELECT content FROM ", $table, " WHERE active = 0 ORDER BY place DESC LIMIT 1"),
            };
        )*)*

        /// The holder's tables.
        pub const SCHEMA: Schema = Schema {
            name: "holder",
            migrations: &[$(Migration {
                id: $id,
                sentence: $sentence,
                sql: &[$(
                    concat!(
                        "CREATE TABLE ", $table,
                        " (id BLOB PRIMARY KEY, place INTEGER NOT NULL, active INTEGER NOT NULL, content BLOB NOT NULL)"
                    ),
                    concat!("CREATE INDEX ", $table, "_active ON ", $table, " (active, place)"),
                )*],
            }),*],
        };

        /// Every statement of the holder.
        pub const STATEMENTS: &[&str] = &[$($(
            $constant.put, $constant.remove, $constant.get, $constant.all, $constant.active, $constant.newest,
        )*)*];
    };
}

tables! {
1 "What a holder of money keeps: who he is, keys, lists, orders, requests, holdings, payments." {
    /// Who the holder is.
    PROFILE = "profile";
    /// His keys with their rights to hold.
    OWN_RIGHT = "own_right";
    /// Key lists, one per epoch.
    KEY_LIST = "key_list";
    /// The revocation list at hand.
    REVOCATIONS = "revocations";
    /// Proofs and signs of a second key list.
    EVIDENCE = "evidence";
    /// Orders of blind signatures.
    WITHDRAWAL = "withdrawal";
    /// Issuance requests.
    REQUEST = "request";
    /// Orders under seal.
    SEALED_ORDER = "sealed_order";
    /// Holdings.
    HOLDING = "holding";
    /// His own challenges.
    CHALLENGE = "challenge";
    /// Payments that he signed.
    PAYMENT = "payment";
    /// Deposits, hand-ins and refunds.
    DEPOSIT = "deposit";
    /// Renewals.
    RENEWAL = "renewal";
    /// History.
    HISTORY = "history";
}
2 "What the card's operator said last." {
    /// The word of the card's operator.
    OPERATOR_WORD = "operator_word";
}
}

#[cfg(test)]
mod tests;
