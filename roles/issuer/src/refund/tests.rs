use futures::executor::block_on;
use zeni_crypto::SecretKey;
use zeni_money::Amount;
use zeni_note::{
    Chain, ClosingPurpose,
    messages::issuer::{GetDecisions, Outcome, ReturnItem},
    testing::{DAY, START, amount},
};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

const AOBA: &str = BANKS[0];

fn refund(setup: &Setup, chain: &Chain, holder: &SecretKey, rest: u64, id: &str) -> ReturnItem {
    let purpose = ClosingPurpose::Refund(setup.world.account(AOBA, "A-1", id));
    ReturnItem { chain: chain.clone(), closing: setup.world.close(chain, holder, rest, purpose) }
}

fn outcome(setup: &Setup, batch: &str, item: ReturnItem) -> Outcome {
    let outcome = block_on(setup.give_back(AOBA, batch, vec![item])).unwrap().record.outcomes[0];
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
    outcome
}

fn decided(setup: &Setup) -> Vec<Amount> {
    let told = block_on(setup.member(AOBA, GetDecisions { after: 0 })).unwrap();
    told.iter().map(|decision| decision.paid).collect()
}

/// RN-X31, DESIGN §5 "Lost money": too early before the deposit limit, waiting until the dispute term is over, then paid.
#[test]
fn a_rest_is_refunded_after_the_dispute_term() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 200, "tea");
    assert_eq!(outcome(&setup, "b1", setup.deposit(&paid, &shop, AOBA, "d1")), Outcome::Paid);
    let item = refund(&setup, &chain, &hanako, 300, "r1");
    assert_eq!(outcome(&setup, "b2", item.clone()), Outcome::TooEarly);
    setup.clock.put(START.plus(211 * DAY));
    let until = START.plus(240 * DAY);
    assert_eq!(outcome(&setup, "b3", item.clone()), Outcome::Waiting { until });
    assert_eq!(decided(&setup), []);
    setup.clock.put(until);
    block_on(setup.settle_down());
    assert_eq!(decided(&setup), [amount(300)]);
    assert_eq!(outcome(&setup, "b4", item), Outcome::Paid);
    assert_eq!(decided(&setup), [amount(300)]);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().archive, 1);
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
}

/// A refund of more than the rest convicts its claimant, by what he had signed away before or by what comes later.
#[test]
fn a_false_refund_convicts_its_claimant() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let paid = setup.world.pay(&chain, &ueda, &shop, 200, "tea");
    assert_eq!(outcome(&setup, "b1", setup.deposit(&paid, &shop, AOBA, "d1")), Outcome::Paid);
    setup.clock.put(START.plus(211 * DAY));
    outcome(&setup, "b2", refund(&setup, &chain, &ueda, 500, "r1"));
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
    setup.clock.put(START.plus(241 * DAY));
    block_on(setup.settle_down());
    // what was left is paid, the excess is his own claim
    assert_eq!(decided(&setup), [amount(300), Amount::ZERO]);
}

/// A later chain through the refunded node by the same key is proof against him: the refund is a child.
#[test]
fn a_chain_that_shows_up_after_a_refund_is_proof() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, taro) = (setup.person("ueda"), setup.person("taro"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    setup.clock.put(START.plus(211 * DAY));
    outcome(&setup, "b1", refund(&setup, &chain, &ueda, 500, "r1"));
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
    let onward = setup.world.pay(&chain, &ueda, &taro, 100, "onward");
    outcome(&setup, "b2", refund(&setup, &onward, &taro, 100, "r2"));
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
}
