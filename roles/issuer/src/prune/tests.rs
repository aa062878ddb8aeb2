use futures::executor::block_on;
use zeni_note::{
    Closing, ClosingPurpose,
    messages::issuer::{Renew, Return, ReturnItem},
    testing::{DAY, START, nonce},
};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

/// RN-P5, RN-O4: the table of redeemed requests is bounded: rows go after T2 of their epoch.
#[test]
fn requests_go_after_their_term() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[0], 1, 5, None));
    for seed in 0..4 {
        block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, seed), &hanako, "slot")).unwrap();
    }
    let requests = || block_on(setup.issuer.circulation()).unwrap()[0].rows[2];
    setup.clock.put(START.plus(60 * DAY));
    block_on(setup.settle_down());
    assert_eq!(requests(), 4);
    setup.clock.put(START.plus(60 * DAY + 1));
    block_on(setup.settle_down());
    assert_eq!(requests(), 0);
}

/// RN-X35, RN-P5: after its retention what never came back is dormant, and register and archive are empty.
#[test]
fn what_never_came_back_is_dormant() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let one = block_on(setup.note(&hanako, 500, "n1"));
    let two = block_on(setup.note(&hanako, 100, "n2"));
    let part = setup.world.pay(&one, &hanako, &shop, 200, "tea");
    let items = vec![setup.deposit(&part, &shop, BANKS[0], "d1"), setup.deposit(&two, &hanako, BANKS[0], "d2")];
    block_on(setup.give_back(BANKS[0], "b1", items)).unwrap();
    assert_eq!(block_on(setup.issuer.circulation()).unwrap()[0].rows, [1, 1, 0]);
    setup.clock.put(START.plus(400 * DAY));
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.circulation()).unwrap()[0].rows, [1, 1, 0]);
    setup.clock.put(START.plus(400 * DAY + 1));
    block_on(setup.settle_down());
    let circulation = block_on(setup.issuer.circulation()).unwrap();
    assert_eq!(circulation[0].rows, [0, 0, 0]);
    assert_eq!((circulation[0].outstanding, circulation[0].dormant), (0, 300));
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// RN-X35: what a case that is not proved yet needs is kept beyond the retention, and goes once the proof holds it.
#[test]
fn the_evidence_of_an_open_case_stays() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    for word in ["one", "two"] {
        let paid = setup.world.pay(&chain, &ueda, &shop, 500, word);
        let item = setup.deposit(&paid, &shop, BANKS[0], word);
        block_on(setup.give_back(BANKS[0], word, vec![item])).unwrap();
    }
    let rows = || block_on(setup.issuer.circulation()).unwrap()[0].rows;
    let kept = rows();
    assert_eq!(kept[..2], [0, 1]);
    setup.clock.put(START.plus(400 * DAY + 1));
    block_on(setup.issuer.prune()).unwrap();
    assert_eq!(rows(), kept, "the case is not proved yet");
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
    assert_eq!(rows(), [0, 0, 0]);
}

fn rows(setup: &Setup, tables: &[&str]) -> Vec<usize> {
    let dump = crate::tests::dump(&setup.store);
    tables.iter().map(|name| dump.iter().find(|(table, _)| table == name).unwrap().1.len()).collect()
}

/// RN-O21, RN-X27: answers, hand-ins and renewals are kept as long as any record of a note, from their own time on.
#[test]
fn answers_go_after_their_retention() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, shop, fresh) = (setup.person("hanako"), setup.person("shop"), setup.person("fresh"));
    let [taken, renewed] = ["n1", "n2"].map(|serial| block_on(setup.note(&hanako, 500, serial)));
    let taken = setup.world.pay(&taken, &hanako, &shop, 500, "tea");
    let hand_in = setup.world.hand_in(std::slice::from_ref(&taken), &shop, setup.world.account(BANKS[0], "S-1", "h1"));
    let items = vec![ReturnItem { chain: taken, closing: Closing::Taking { hand_in: 0, index: 0 } }];
    let batch = Return { batch: nonce("b1"), hand_ins: vec![hand_in], items };
    block_on(setup.member(BANKS[0], batch)).unwrap();
    let purpose = ClosingPurpose::Renewal { nonce: nonce("renewal"), licence: setup.world.licence(fresh.public()) };
    let closing = setup.world.close(&renewed, &hanako, 500, purpose);
    block_on(setup.public(Renew { chain: renewed, closing, slot: nonce("slot") })).unwrap();
    let kept = || rows(&setup, &["batch", "hand_in", "renewal"]);
    for (second, expected) in [(0, [1; 3]), (1, [0; 3])] {
        setup.clock.put(START.plus(401 * DAY + second));
        block_on(setup.settle_down());
        assert_eq!(kept(), expected, "{second}");
    }
}

/// RN-X35: a series of which there is something of every kind goes as one of which there is little.
#[test]
fn a_series_with_everything_in_it_goes() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    block_on(setup.report(BANKS[0], 1, 5, None));
    block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, 1), &hanako, "slot")).unwrap();
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 500, "tea");
    block_on(setup.give_back(BANKS[0], "b1", vec![setup.deposit(&paid, &shop, BANKS[0], "d1")])).unwrap();
    let tables = ["request", "note", "archive_note", "lot"];
    assert_eq!(rows(&setup, &tables), [1; 4]);
    setup.clock.put(START.plus(400 * DAY + 1));
    block_on(setup.settle_down());
    assert_eq!(rows(&setup, &tables), [0; 4]);
}
