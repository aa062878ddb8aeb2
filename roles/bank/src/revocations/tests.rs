use zeni_note::{licence::key_digest, testing::key};

use crate::testing::{OPENING, POLL_S, Town};

/// RN-D22, DESIGN §5: a deposit by a revoked key is marked for the operator but not refused: the issuer decides.
#[test]
fn deposits_of_revoked_keys_are_marked() {
    let mut town = Town::new();
    town.deposit("A-1", "before", &[100]);
    town.desk().revoked.push(key_digest(&key("thief holder 0").public()));
    town.settle();
    town.deposit("A-1", "control", &[100]);
    assert_eq!(town.sound().revoked_deposits, 0);
    town.deposit("A-1", "thief", &[100]);
    assert_eq!(town.sound().revoked_deposits, 1);
    town.settle();
    assert_eq!(town.balances("A-1"), (OPENING + 300, 0));
}

/// RN-D22: a list that the authority did not sign, or an older one, is not taken.
#[test]
fn a_forged_or_older_list_is_not_taken() {
    let mut town = Town::new();
    let thief = key_digest(&key("thief holder 0").public());
    town.desk().revoked.push(thief);
    town.settle();
    town.desk().revoked.clear();
    town.desk().forged = true;
    town.advance(POLL_S);
    assert!(town.tick().is_err());
    town.desk().forged = false;
    town.desk().older = true;
    town.settle();
    town.restart();
    town.deposit("A-1", "thief", &[100]);
    assert_eq!(town.audit().revoked_deposits, 1);
}
