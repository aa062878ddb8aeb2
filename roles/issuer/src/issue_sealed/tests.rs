use zeni_store::testing::block_on;

use crate::testing::{BANKS, Setup};

/// HC-F2.8…F2.16: a request that a bank forwards with its signature comes back as a note under K.
#[test]
fn a_request_under_seal_is_answered_with_a_note() {
    block_on(async {
        let setup = Setup::new(crate::Policy::Refuse).await;
        let (user, chain) = setup.sealed_note(BANKS[0], "taro", "one", 1_000).await;
        assert!(chain.note.record.sealed && chain.note.record.holder == user.public());
        let item = setup.deposit(&chain, &user, BANKS[1], "d");
        let answer = setup.give_back(BANKS[1], "b", vec![item]).await.unwrap();
        assert_eq!(answer.record.outcomes, [zeni_note::messages::issuer::Outcome::Paid]);
        assert!(setup.issuer.audit().await.unwrap().is_sound());
    });
}
