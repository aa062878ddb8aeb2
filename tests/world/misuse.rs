//! Cheats and those who only look like cheats.

use proptest::prelude::*;
use zeni_holder::{Backup, BackupKind, Explain, Kind, Privacy};
use zeni_issuer::Policy;
use zeni_message::Role;
use zeni_note::messages::bank::ItemState;
use zeni_store::testing::block_on;
use zeni_wire::wrappers::{Cut, Cutting};

use super::{
    DAYS, OPENING, Person, Place, Setup, World, forge,
    rogue::{Rogue, chain, chains, deposit_by_card, revoked},
    transfer, yen,
};

fn hand_over(world: &World, person: &Person, minor: u64) {
    block_on(person.open().deposit(yen(minor))).unwrap();
    world.settle();
    block_on(person.open().deposit_states()).unwrap();
}

fn named(world: &World) -> Vec<String> {
    let cases = world.cases();
    assert!(cases.iter().all(|(state, _)| state == "disclosed"), "{cases:?}");
    cases.into_iter().map(|(_, name)| name.unwrap()).collect()
}

/// RN-X22, RN-F8, RN-P2: a copied wallet pays one note twice. The copier is named, by proof and nobody else; under
/// `capped` the second payee gets the excess up to the cap, under `refuse` nothing; nobody can be paid by him any more.
#[test]
fn overspending_at_the_root_names_the_copier() {
    let caps = Setup::default().policy;
    for (policy, second) in [(caps, 300), (Policy::Refuse, 0)] {
        let world = World::with(Setup { policy, ..Setup::default() });
        let taro = world.funded("taro", 1_000);
        let twin = taro.copied();
        let hanako = world.person("hanako");
        let jiro = world.joined("jiro", "kita", Kind::Wallet, Privacy::Unlinkable);
        transfer(&taro, &hanako, 1_000);
        transfer(&twin, &jiro, 1_000);
        hand_over(&world, &hanako, 1_000);
        assert_eq!(world.cases(), []);
        hand_over(&world, &jiro, 1_000);
        assert_eq!(named(&world), ["Real Name of taro"]);
        assert_eq!(world.account(&hanako), [OPENING + 1_000, 0]);
        assert_eq!(world.account(&jiro), [OPENING + second, 0]);
        assert_eq!(world.check_books().honoured, second);
        assert_eq!(block_on(world.issuer.export_proofs()).unwrap().len(), 1);
        // RN-X32: the rest of his licences went with the case, and he gets no new ones: he buys nothing
        let third = taro.copied();
        assert_eq!(block_on(third.open().withdraw(yen(100), true)).unwrap_err().code(), "licence_revoked");
        assert_eq!(world.account(&taro), [OPENING - 1_000, 0]);
    }
}

/// RN-X22 control: the same two payments from two notes are no case.
#[test]
fn two_notes_paid_to_two_people_are_no_case() {
    let world = World::new();
    let taro = world.funded("taro", 2_000);
    let hanako = world.person("hanako");
    let jiro = world.person("jiro");
    transfer(&taro, &hanako, 1_000);
    transfer(&taro, &jiro, 1_000);
    hand_over(&world, &hanako, 1_000);
    hand_over(&world, &jiro, 1_000);
    assert_eq!(world.cases(), []);
    assert_eq!(world.check(&[&taro, &hanako, &jiro]).outstanding, 0);
}

/// RN-X28: a middle holder pays his branch twice while the total stays below the face value. He is convicted, not the
/// first holder, whose rest is paid in full.
#[test]
fn overspending_in_a_branch_is_found_below_face() {
    let world = World::new();
    let taro = world.funded("taro", 1_000);
    let [jiro, hanako, saburo] = ["jiro", "hanako", "saburo"].map(|name| world.person(name));
    transfer(&taro, &jiro, 300);
    let twin = jiro.copied();
    transfer(&jiro, &hanako, 300);
    transfer(&twin, &saburo, 300);
    hand_over(&world, &hanako, 300);
    hand_over(&world, &saburo, 300);
    assert_eq!(named(&world), ["Real Name of jiro"]);
    hand_over(&world, &taro, 700);
    assert_eq!(named(&world), ["Real Name of jiro"]);
    assert_eq!(world.account(&taro), [OPENING - 300, 0]);
    assert_eq!(world.account(&hanako), [OPENING + 300, 0]);
    // the excess of the branch, honoured within the caps
    assert_eq!(world.account(&saburo), [OPENING + 300, 0]);
    let books = world.check_books();
    assert_eq!((books.outstanding, books.honoured), (0, 300));
}

/// RN-X29: in whatever order the parts come back, the middle holder is guilty, never the honest holder whose part makes
/// the sum exceed the face value, nor the first holder.
#[test]
fn a_middle_holder_found_later_is_the_guilty_one() {
    for order in [[0, 1, 2], [2, 0, 1], [0, 2, 1]] {
        let world = World::new();
        let taro = world.funded("taro", 1_000);
        let [jiro, hanako, saburo, shiro] = ["jiro", "hanako", "saburo", "shiro"].map(|name| world.person(name));
        transfer(&taro, &jiro, 300);
        let twin = jiro.copied();
        transfer(&jiro, &hanako, 300);
        transfer(&twin, &saburo, 300);
        transfer(&taro, &shiro, 700);
        let parts = [(&hanako, 300), (&saburo, 300), (&shiro, 700)];
        for place in order {
            let (person, minor) = parts[place];
            hand_over(&world, person, minor);
        }
        assert_eq!(named(&world), ["Real Name of jiro"], "order {order:?}");
        assert_eq!(world.account(&shiro), [OPENING + 700, 0]);
        assert_eq!(world.check_books().outstanding, 0);
    }
}

/// RN-X25, RN-P20: a copied wallet hands the same receipt in again at the same bank: refused, credited once, no case.
#[test]
fn the_same_receipt_twice_at_one_bank_is_a_duplicate() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let hanako = world.person("hanako");
    transfer(&taro, &hanako, 300);
    let twin = hanako.copied();
    hand_over(&world, &hanako, 300);
    let again = block_on(twin.open().deposit(yen(300))).unwrap();
    assert_eq!((again.done, again.refused), (true, vec!["repeated".to_owned()]));
    world.settle();
    assert_eq!(world.account(&hanako), [OPENING + 300, 0]);
    assert_eq!(world.cases(), []);
    world.check(&[&taro, &hanako]);
}

/// RN-X26: the same receipt at two banks. The second is told "paid elsewhere", gets nothing, and nobody is accused.
#[test]
fn the_same_receipt_at_two_banks_is_paid_once() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let hanako = world.person("hanako");
    world.open_account(&hanako, "kita");
    let request = hanako.request(300);
    let paid = taro.pay(&request);
    hanako.receive(&paid);
    let twin = hanako.copied();
    hand_over(&world, &hanako, 300);
    let chain = chain(&world, &request, &paid);
    let state = deposit_by_card(&world, &twin, "kita", &chain, "elsewhere").unwrap();
    assert!(matches!(state.items[..], [ItemState::Held(_)]));
    world.settle();
    assert_eq!(world.account(&hanako), [OPENING + 300, 0]);
    assert_eq!(world.account_at("kita", &hanako.account()), [OPENING, 0]);
    assert_eq!(world.cases(), []);
    world.check(&[&taro, &hanako]);
}

/// RN-X27: a batch of returns whose answer is lost goes out again, also after a restart of the bank: paid once, no case.
#[test]
fn a_repeated_return_raises_no_case() {
    let mut world = World::new();
    let taro = world.funded("taro", 500);
    let hanako = world.joined("hanako", "kita", Kind::Wallet, Privacy::Unlinkable);
    transfer(&taro, &hanako, 300);
    for lost in 0..6 {
        let caller = zeni_message::route::Caller { role: Role::Bank, name: "kita".into() };
        let line = world.net.line(Place::IssuerMembers, Some(caller));
        world.restart_bank("kita", std::sync::Arc::new(Cutting::new(line, [(lost, Cut::After)])));
        if lost == 0 {
            block_on(hanako.open().deposit(yen(300))).unwrap();
        }
        // a cut round complains; the next one begins again from what is stored
        drop(block_on(world.bank("kita").tick()));
    }
    let caller = zeni_message::route::Caller { role: Role::Bank, name: "kita".into() };
    let whole = world.net.line(Place::IssuerMembers, Some(caller));
    world.restart_bank("kita", whole);
    world.settle();
    assert_eq!(world.account(&hanako), [OPENING + 300, 0]);
    assert_eq!(world.cases(), []);
    world.check(&[&taro, &hanako]);
}

/// DESIGN §5 "Deposit": a shop hands in its takings and pays them on from a copy. The closing counts as a child of the
/// leaf's whole value, so the shop is named.
#[test]
fn takings_handed_in_and_paid_on_convict_the_shop() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let shop = world.joined("teashop", "kita", Kind::Shop, Privacy::Untraceable);
    let jiro = world.person("jiro");
    transfer(&taro, &shop, 300);
    let twin = shop.copied();
    transfer(&twin, &jiro, 200);
    block_on(shop.open().hand_in()).unwrap();
    world.settle();
    assert_eq!(world.cases(), []);
    hand_over(&world, &jiro, 200);
    assert_eq!(named(&world), ["Real Name of teashop"]);
    assert_eq!(world.account(&shop), [OPENING + 300, 0]);
    // the payee in good faith
    assert_eq!(world.account(&jiro), [OPENING + 200, 0]);
    world.check_books();
}

/// DESIGN §5 "Return": a cheat exhausts only his own branch: the holder of 100 of a note of 1,000 who deposits it twice
/// gets 100, and the others get all of theirs.
#[test]
fn a_small_branch_deposited_twice_takes_nothing_from_others() {
    let world = World::new();
    let taro = world.funded("taro", 1_000);
    let [jiro, hanako] = ["jiro", "hanako"].map(|name| world.person(name));
    transfer(&taro, &jiro, 100);
    transfer(&taro, &hanako, 600);
    let twin = jiro.copied();
    hand_over(&world, &jiro, 100);
    // a part goes through a payment to himself, which makes it another leaf
    hand_over(&world, &twin, 60);
    assert_eq!(named(&world), ["Real Name of jiro"]);
    assert_eq!(world.account(&jiro), [OPENING + 100, 0]);
    hand_over(&world, &hanako, 600);
    hand_over(&world, &taro, 300);
    assert_eq!(world.account(&hanako), [OPENING + 600, 0]);
    assert_eq!(world.account(&taro), [OPENING - 700, 0]);
    let books = world.check_books();
    assert_eq!((books.outstanding, books.honoured), (0, 0));
}

/// DESIGN §5 "Excess": a copied wallet deposits the same note twice, each time over a fresh key: the person is named and
/// gets the face value once, because payee and overspender are one person.
#[test]
fn a_copied_wallets_two_deposits_pay_once() {
    let world = World::new();
    let taro = world.funded("taro", 1_000);
    let twin = taro.copied();
    hand_over(&world, &taro, 1_000);
    hand_over(&world, &twin, 1_000);
    assert_eq!(named(&world), ["Real Name of taro"]);
    assert_eq!(world.account(&taro), [OPENING, 0]);
    assert_eq!(world.check_books().honoured, 0);
}

/// DESIGN §4: an altered envelope, a second valid signature over the same endorsement, is the same payment: the payee takes
/// it once, and its return at another bank is the same leaf, no second child and no case.
#[test]
fn a_second_signature_over_the_same_endorsement_is_no_second_child() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let cheat = world.person("goro");
    let rogue = Rogue::of(&world, &cheat);
    let asked = rogue.challenge(&world, 300, "rogue's request");
    let paid = block_on(taro.open().pay(&asked)).unwrap();
    let held = chains(&world, &asked.record, &paid.document).remove(0);
    let hanako = world.person("hanako");
    world.open_account(&hanako, "kita");
    let request = hanako.request(300);
    let one = rogue.pay(&held, 300, &request);
    let mut other = one.clone();
    other.answers[0].signature = rogue.second_signature(&world, &held, 300, &request.document.record);
    assert_ne!(one, other);
    block_on(hanako.open().receive(&one)).unwrap();
    assert_eq!(block_on(hanako.open().receive(&other)).unwrap_err().code(), "already_received");
    let twin = hanako.copied();
    hand_over(&world, &hanako, 300);
    let altered = chains(&world, &request.document.record, &other).remove(0);
    assert_eq!(forge().leaf(&altered), forge().leaf(&chains(&world, &request.document.record, &one)[0]));
    deposit_by_card(&world, &twin, "kita", &altered, "altered").unwrap();
    world.settle();
    assert_eq!(world.account_at("kita", &hanako.account()), [OPENING, 0]);
    assert_eq!(world.cases(), []);
    // control: another amount is another child, and a case
    let further = hanako.request(200);
    let more = rogue.pay(&held, 200, &further);
    block_on(hanako.open().receive(&more)).unwrap();
    hand_over(&world, &hanako, 200);
    assert_eq!(named(&world), ["Real Name of goro"]);
    assert!(revoked(&world, &rogue.secret.public()));
    world.check_books();
}

/// RN-X30, RN-P20: a stranger who got hold of a receipt cannot deposit it: no closing signature by the receiving key.
#[test]
fn a_stranger_cannot_deposit_a_stolen_receipt() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let [hanako, thief] = ["hanako", "thief"].map(|name| world.person(name));
    let request = hanako.request(300);
    let paid = taro.pay(&request);
    hanako.receive(&paid);
    let stolen = chain(&world, &request, &paid);
    let key = Rogue::of(&world, &thief).secret;
    let refused = super::rogue::deposit_by_hand(&world, &thief, "aoba", &stolen, "stolen", |purpose| {
        let record = zeni_note::closing::ClosingRecord {
            parent: forge().leaf(&stolen),
            amount: yen(300).amount,
            purpose: purpose.digest(world.roots.network),
        };
        (record.amount, zeni_message::Signed::sign(world.roots.network, record, &key).signature)
    });
    assert_eq!(Explain::code(&refused.unwrap_err()), "wrong_closing");
    // control: the owner's card deposits it
    deposit_by_card(&world, &hanako, "aoba", &stolen, "owner").unwrap();
    world.settle();
    assert_eq!(world.account(&hanako), [OPENING + 300, 0]);
    assert_eq!(world.account(&thief), [OPENING, 0]);
}

/// RN-P13, DESIGN §5 "Excess": a ring of N payees of one copied note: what is honoured above the face value is flat in N, at
/// the cap of one key.
#[test]
fn the_gain_of_a_ring_is_flat_at_the_cap() {
    for colluders in [2, 4] {
        let world = World::new();
        let taro = world.funded("taro", 500);
        let ring: Vec<Person> = ["first", "second", "third", "fourth"][..colluders]
            .iter()
            .map(|name| {
                let payee = world.person(name);
                transfer(&taro.copied(), &payee, 500);
                payee
            })
            .collect();
        ring.iter().for_each(|payee| hand_over(&world, payee, 500));
        let gained: u64 = ring.iter().map(|payee| world.account(payee)[0] - OPENING).sum();
        assert_eq!(named(&world), ["Real Name of taro"]);
        assert_eq!((gained, world.check_books().honoured), (500 + 300, 300), "{colluders} colluders");
    }
}

/// RN-X31, RN-X32: a lost card is reported: all its licences are revoked, so that payees with a fresh list refuse the finder;
/// the rest comes back to the owner's account by refund from his backup, at the end of retention and not before. Control: a
/// payee who has not heard yet takes the finder's money; that part is missing from the refund, and nobody is accused, since
/// a backup cannot know what was passed on after it (RN-P19).
#[test]
fn a_lost_card_is_revoked_and_its_rest_refunded() {
    for found_in_time in [true, false] {
        let world = World::new();
        let taro = world.funded("taro", 1_000);
        let payee = world.person("hanako");
        let exported = taro.card().export().unwrap().to_bytes();
        let copy = block_on(taro.open().backup(BackupKind::Copy, &exported)).unwrap();
        let owner = Person::empty(&world.net, world.roots, ("taro", "aoba"), Kind::Wallet, Privacy::Unlinkable);
        let backup = Backup::from_bytes(&copy).unwrap();
        owner.card().restore(&zeni_card::element::backup::Backup::from_bytes(backup.card()).unwrap()).unwrap();
        block_on(owner.open().restore(&backup)).unwrap();
        assert_eq!(owner.figures(), [0, 0, 0, 1_000]);
        assert!(block_on(owner.open().report_lost()).unwrap() > 0);
        let request = payee.request(100);
        let found = block_on(taro.open().pay(&request.document)).unwrap();
        if found_in_time {
            payee.sync();
            assert_eq!(block_on(payee.open().receive(&found.document)).unwrap_err().code(), "revoked");
        } else {
            payee.receive(&found);
            hand_over(&world, &payee, 100);
        }
        assert_eq!(block_on(owner.open().refund()).unwrap_err().code(), "too_early");
        let [_, _, _, deposit, refund, retain] = DAYS;
        world.at_day(deposit);
        block_on(owner.open().refund()).unwrap();
        world.settle();
        assert_eq!(world.account(&owner)[0], OPENING - 1_000);
        // a backup takes what is left when nothing can come back any more
        world.at_day(refund);
        world.settle();
        assert_eq!(world.account(&owner)[0], OPENING - 1_000);
        world.at_day(retain);
        world.settle();
        assert_eq!(world.check_books().outstanding, 0);
        let balance = if found_in_time { OPENING } else { OPENING - 100 };
        assert_eq!(world.account(&owner), [balance, 0]);
        // what a backup asks back accuses nobody (RN-P19)
        assert_eq!(named(&world).len(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// RN-P2, RN-P19: in any tree of payments in which one person's copied wallet pays again, nobody else is ever named, and
    /// he is named if and only if more came back through him than he held.
    #[test]
    fn only_the_copier_is_ever_named(
        before in proptest::collection::vec((0usize..3, 0usize..3, 1u64..600), 0..6),
        after in proptest::collection::vec((0usize..3, 0usize..3, 1u64..600), 0..6),
        cheat in 0usize..3,
        second in 1u64..600,
    ) {
        let world = World::new();
        let names = ["taro", "jiro", "hanako"];
        let people = names.map(|name| world.joined(name, "kita", Kind::Wallet, Privacy::Untraceable));
        let victim = world.joined("saburo", "aoba", Kind::Wallet, Privacy::Untraceable);
        world.withdraw(&people[0], 1_100);
        world.withdraw(&people[1], 500);
        let play = |moves: &[(usize, usize, u64)]| {
            for &(from, to, minor) in moves {
                if from != to && people[from].figures()[0] >= minor {
                    transfer(&people[from], &people[to], minor);
                }
            }
        };
        play(&before);
        let twin = people[cheat].copied();
        play(&after);
        let cheated = twin.figures()[0] >= second;
        if cheated {
            transfer(&twin, &victim, second);
        }
        for person in people.iter().chain([&victim]) {
            let rest = person.figures()[0];
            if rest > 0 {
                hand_over(&world, person, rest);
            }
        }
        let expected: Vec<String> = if cheated { vec![people[cheat].real_name()] } else { Vec::new() };
        let mut found = named(&world);
        found.dedup();
        prop_assert_eq!(found, expected);
        world.check_books();
    }
}
