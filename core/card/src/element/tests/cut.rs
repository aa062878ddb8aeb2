//! Pulling the card: each command, the power cut before and after each of its commits, then the same command again.

use zeni_note::{
    challenge::give_back_opening,
    request::{Possession, RequestClaim},
};

use super::{super::testing::Cut, *};

/// What the commands work on.
struct Scene {
    note: Money,
    whole: Money,
    fresh: PublicKey,
    slot: Nonce,
    unloaded: (Chain, Signed<LoadTicket>),
    challenge: Challenge,
    asked: Chain,
    given_back: Chain,
    backup: crate::Backup,
    roots: zeni_note::keylist::Roots,
}

/// A command and the bytes it answers.
type Command = fn(&mut Element<TestMemory>, &Scene) -> Result<Vec<u8>, CardError>;

fn scene() -> (Desk, Scene) {
    let mut desk = Desk::new();
    let note = desk.note(1_000, "1");
    let whole = desk.note(200, "2");
    let payee = key("payee");
    let given = desk.give(&note, 100, payee.public(), "given");
    let opening = give_back_opening(START.plus(DAY), &desk.world.leaf(&given));
    let given_back = desk.pass(&given, &payee, 100, opening, note.key);
    let (fresh, pending) = (desk.card.generate_key().unwrap(), desk.card.generate_key().unwrap());
    let slot = desk.card.open_load(&pending).unwrap();
    let chain = desk.note_to(pending, 50, "3");
    let ticket = desk.ticket(&chain, slot);
    let asking = desk.challenge(pending, 300, "asked");
    desk.card.sign_challenge(&asking).unwrap();
    let (payer, middle) = (key("payer"), key("middle"));
    let long = desk.world.pay(&desk.world.note(&payer, 500, "x"), &payer, &middle, 400, "x");
    let asked = desk.pass(&long, &middle, 300, asking.opening(desk.world.network()), pending);
    let backup = Desk::new().full_backup();
    let challenge = desk.challenge(fresh, 300, "new");
    let roots = desk.world.roots;
    let unloaded = (chain, ticket);
    (desk, Scene { note, whole, fresh, slot, unloaded, challenge, asked, given_back, backup, roots })
}

impl Desk {
    fn full_backup(&mut self) -> crate::Backup {
        self.note(500, "backed up");
        self.card.export_move().unwrap()
    }
}

fn status_bytes(status: &HoldingStatus) -> Vec<u8> {
    format!("{status:?} {} {}", status.node, status.key).into_bytes()
}

const COMMANDS: [(&str, u64, Command); 17] = [
    ("generate_key", 1, |card, _| Ok(encode(&card.generate_key()?))),
    ("open_load", 1, |card, s| Ok(encode(&card.open_load(&s.fresh)?))),
    ("open_load again", 0, |card, s| {
        assert_eq!(card.open_load(&s.unloaded.0.note.record.holder)?, s.slot);
        Ok(Vec::new())
    }),
    ("sign_challenge", 1, |card, s| Ok(encode(&card.sign_challenge(&s.challenge)?))),
    ("possession", 0, |card, s| {
        let it = Possession { content: answer("c"), nonce: [1; 32].into() };
        Ok(encode(&card.sign_statement(&s.fresh, &Statement::Possession(&it))?))
    }),
    ("claim", 0, |card, s| {
        let (request, bank, account, id) = (answer("r"), "aoba".to_string(), answer("a"), nonce("id"));
        let it = RequestClaim { request, bank, account, id };
        Ok(encode(&card.sign_statement(&s.fresh, &Statement::RequestClaim(&it))?))
    }),
    ("load_note", 1, |card, s| Ok(status_bytes(&card.load_note(&s.unloaded.0, &s.unloaded.1)?))),
    ("load_payment", 1, |card, s| Ok(status_bytes(&card.load_payment(&s.asked)?))),
    ("give back", 1, |card, s| Ok(status_bytes(&card.load_payment(&s.given_back)?))),
    ("endorse", 1, |card, s| Ok(encode(&card.endorse(&s.note.node, amount(333), &answer("on"))?))),
    ("endorse all", 1, |card, s| Ok(encode(&card.endorse(&s.note.node, amount(900), &answer("on"))?))),
    ("deposit", 1, |card, s| Ok(encode(&card.close(&s.whole.node, &ClosingPurpose::Deposit(account("d")))?))),
    ("renewal", 1, |card, s| Ok(encode(&card.close(&s.whole.node, &renewal(&World::new("w")))?))),
    ("refund", 1, |card, s| Ok(encode(&card.close(&s.note.node, &ClosingPurpose::Refund(account("r")))?))),
    ("hand_in", 1, |card, s| Ok(encode(&card.hand_in(&account("d"), &[s.whole.node])?))),
    ("retire", 1, |card, _| card.retire().map(|()| Vec::new())),
    ("export_move", 1, |card, _| Ok(card.export_move()?.to_bytes().to_vec())),
];

fn money(memory: &TestMemory) -> Vec<(Digest, [u64; 4])> {
    assert_conserved(memory);
    books(memory).into_iter().collect()
}

/// RN-P1, RN-F4.5, RN-X17, RN-X18: wherever the power fails, no money is lost or made and the same command again gives the
/// same bytes and leaves the same memory as without the failure.
#[test]
fn every_command_at_every_commit() {
    let (desk, scene) = scene();
    for (name, commits, command) in COMMANDS {
        let calm = desk.memory.copied();
        let expected = command(&mut insert(&desk.world, &calm, 2), &scene).unwrap();
        assert_eq!(calm.commits(), commits, "{name}");
        for at in 0..commits {
            for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
                let memory = desk.memory.copied();
                memory.cut(at, cut);
                let failed = command(&mut insert(&desk.world, &memory, 2), &scene);
                assert_eq!(failed, Err(CardError::Memory("the power was cut".to_string())), "{name}");
                assert!(memory.is_off());
                let before_commit = memory.dump() == desk.memory.dump();
                assert_eq!(before_commit, cut == Cut::BeforeCommit, "{name}");
                memory.power_on();
                let again = command(&mut insert(&desk.world, &memory, 2), &scene).unwrap();
                assert_eq!(again, expected, "{name} {cut:?}");
                assert_eq!(money(&memory), money(&calm), "{name} {cut:?}");
                assert_eq!(memory.dump(), calm.dump(), "{name} {cut:?}");
            }
        }
    }
}

/// Personalising and restoring survive a cut too.
#[test]
fn blank_cards() {
    let (desk, scene) = scene();
    assert_eq!(scene.roots, desk.world.roots);
    for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
        // personalised, one PIN try less, the owner's PIN, restored
        for at in 0..4 {
            let memory = TestMemory::new();
            memory.cut(at, cut);
            let mut card = insert(&desk.world, &memory, 3);
            let failed = card.make_ready(scene.roots).is_err() || card.restore(&scene.backup).is_err();
            assert!(failed);
            memory.power_on();
            let mut card = insert(&desk.world, &memory, 3);
            card.make_ready(scene.roots).unwrap();
            card.restore(&scene.backup).unwrap();
            let holdings = card.holdings().unwrap();
            assert_eq!(
                (holdings.len(), holdings[0].remaining.minor(), holdings[0].state),
                (1, 500, HoldingState::Live)
            );
        }
    }
}

/// No signature exists outside before its decrement is durable: what a cut command kept back is in no answer.
#[test]
fn a_cut_endorsement_never_left() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    desk.memory.cut(0, Cut::BeforeCommit);
    assert!(desk.endorse(&money.node, amount(500), &answer("a")).is_err());
    desk.reinsert(4);
    assert_eq!(desk.card.endorsed(&money.node, &answer("a")), Ok(None));
    assert!(desk.endorse(&money.node, amount(500), &answer("b")).is_ok(), "it may go elsewhere");
    let more = desk.endorse(&money.node, amount(500), &answer("a"));
    assert_eq!(more, Err(CardError::Insufficient { remaining: Amount::ZERO }));
}
