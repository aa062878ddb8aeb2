//! Number and token of a card: known to the card, its wallet and their own bank alone (docs/card.md "CONTACT").

use std::collections::BTreeSet;

use zeni_card::Card;
use zeni_holder::Privacy;
use zeni_message::{Message, decode, encode};
use zeni_note::messages::bank::{ContactCard, Contacted};
use zeni_store::testing::block_on;

use super::{
    Story,
    search::{contains, crossed, stored},
};
use crate::world::{BANKS, Dump, Person};

/// Numbers, tokens and nonces that a person's card showed or got.
fn secrets(story: &Story, person: &Person) -> BTreeSet<[u8; 16]> {
    let own = format!("<- {}", person.caller().name);
    let shown =
        story.exchanges("bank ").into_iter().filter(|one| one.path == ContactCard::PATH && one.peer.ends_with(&own));
    let mut secrets = BTreeSet::new();
    for one in shown {
        let asked: ContactCard = decode(&one.request, usize::MAX).unwrap();
        let (200, answer) = one.answer.unwrap() else { panic!("a contact was refused") };
        let reply: Contacted = decode(&answer, usize::MAX).unwrap();
        assert!(!reply.ticket.record.frozen);
        secrets.extend([*asked.card, *asked.nonce, *reply.ticket.record.token]);
        secrets.extend(asked.token.map(|token| *token));
    }
    secrets
}

/// docs/card.md: nothing of a card's contacts crosses any line but those of its own wallet to its own bank, and nobody else stores it;
/// no payment carries it. Control: the same searches find it there.
#[test]
fn numbers_and_tokens_stay_between_card_and_bank() {
    for privacy in [Privacy::Unlinkable, Privacy::Untraceable] {
        let story = Story::run(privacy);
        let banks: Vec<(&str, Dump)> = BANKS.into_iter().zip(story.world.stores.banks.iter().map(Dump::of)).collect();
        let others = [Dump::of(&story.world.stores.authority), Dump::of(&story.world.stores.issuer)];
        for person in story.people() {
            let secrets = secrets(&story, person);
            assert!(secrets.len() >= 3, "{}: its number, a nonce and a token at least", person.name);
            assert!(secrets.contains(&*person.card().open_contact().unwrap().card));
            let own = format!("bank {} <- {}", person.bank, person.caller().name);
            let all = story.world.net.record.exchanges();
            let (to_bank, elsewhere): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.peer == own);
            for secret in &secrets {
                assert!(crossed(&to_bank, secret));
                assert!(!crossed(&elsewhere, secret), "{}", person.name);
                assert!(others.iter().all(|dump| !stored(dump, secret)));
                for (bank, dump) in &banks {
                    assert!(*bank == person.bank || !stored(dump, secret));
                }
                for wallet in story.people() {
                    let paid = block_on(wallet.open().payments()).unwrap();
                    assert!(paid.iter().all(|paid| !contains(&encode(&paid.document), secret)));
                    assert!(!stored(&Dump::of(&wallet.store), secret), "not even the wallet's database");
                }
            }
            let (_, bank) = banks.iter().find(|(bank, _)| *bank == person.bank).unwrap();
            assert!(stored(bank, &*person.card().open_contact().unwrap().card));
        }
    }
}
