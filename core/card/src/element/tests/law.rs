//! Laws over random sequences of commands, with power cuts among them.

use proptest::prelude::*;

use super::{super::testing::Cut, *};

#[derive(Clone, Debug)]
enum Step {
    Note(u64),
    Receive(u64),
    Again(usize),
    Forge(usize, u64),
    Endorse(usize, u64, u8),
    Close(usize, u8),
    HandIn(usize, usize),
    Cut(u64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1..1_000u64).prop_map(Step::Note),
        1 => (1..1_000u64).prop_map(Step::Receive),
        1 => any::<usize>().prop_map(Step::Again),
        1 => (any::<usize>(), 1..5_000u64).prop_map(|(which, face)| Step::Forge(which, face)),
        4 => (any::<usize>(), 0..700u64, 0..4u8).prop_map(|(which, value, to)| Step::Endorse(which, value, to)),
        1 => (any::<usize>(), 0..3u8).prop_map(|(which, purpose)| Step::Close(which, purpose)),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Step::HandIn(one, other)),
        1 => (0..2u64, any::<bool>()).prop_map(|(later, after)| Step::Cut(later, after)),
    ]
}

/// The world outside: what it sent in, and every signature it got.
struct Outside {
    desk: Desk,
    till: PublicKey,
    challenge: Challenge,
    money: Vec<(Chain, Digest)>,
    /// Per node: amounts by what was signed, each thing once.
    signed: BTreeMap<Digest, BTreeMap<Vec<u8>, u64>>,
}

impl Outside {
    fn new() -> Outside {
        let mut desk = Desk::new();
        let till = desk.card.generate_key().unwrap();
        let challenge = desk.challenge(till, 500, "c");
        desk.card.sign_challenge(&challenge).unwrap();
        Outside { desk, till, challenge, money: Vec::new(), signed: BTreeMap::new() }
    }

    fn which(&self, which: usize) -> Option<&(Chain, Digest)> {
        self.money.get(which.checked_rem(self.money.len())?)
    }

    fn note(&mut self, face: u64) -> Result<(), CardError> {
        let slot = self.desk.card.open_load(&self.till)?;
        let chain = self.desk.note_to(self.till, face, &format!("n{}", self.money.len()));
        let ticket = self.desk.ticket(&chain, slot);
        // it is in the world whether or not the card got it
        self.money.push((chain.clone(), self.desk.world.leaf(&chain)));
        self.desk.card.load_note(&chain, &ticket).map(|_| ())
    }

    fn endorse(&mut self, node: Digest, value: u64, to: u8) -> Result<(), CardError> {
        let answer = answer(&format!("{to}"));
        let signature = self.desk.endorse(&node, amount(value), &answer)?;
        let endorsement = Endorsement { parent: node, amount: amount(value), answer };
        assert!(self.desk.signed_by(&self.till, &endorsement, &signature));
        let id = identity(self.desk.world.network(), &endorsement).0.to_vec();
        self.signed.entry(node).or_default().insert(id, value);
        Ok(())
    }

    fn close(&mut self, node: Digest, purpose: u8) -> Result<(), CardError> {
        let purpose = match purpose {
            0 => ClosingPurpose::Deposit(account("d")),
            1 => renewal(&self.desk.world),
            _ => ClosingPurpose::Refund(account("r")),
        };
        let (closed, _) = self.desk.card.close(&node, &purpose)?;
        self.sign_closing(node, closed.minor());
        Ok(())
    }

    fn hand_in(&mut self, leaves: &[Digest]) -> Result<(), CardError> {
        let signed = self.desk.card.hand_in(&account("h"), leaves)?;
        for leaf in leaves {
            let value = self.desk.status(leaf).0;
            assert_eq!(signed.record.count as usize, leaves.len());
            self.sign_closing(*leaf, value);
        }
        Ok(())
    }

    /// All closings of a node take the same, and one of them is paid.
    fn sign_closing(&mut self, node: Digest, closed: u64) {
        let before = self.signed.entry(node).or_default().insert(b"closing".to_vec(), closed);
        assert!(before.is_none_or(|before| before == closed));
    }

    fn run(&mut self, step: &Step) -> Result<(), CardError> {
        match *step {
            Step::Note(face) => self.note(face),
            Step::Receive(value) => {
                let chain = self.desk.paid(&self.challenge, value, &format!("p{}", self.money.len()));
                self.money.push((chain.clone(), self.desk.world.leaf(&chain)));
                self.desk.card.load_payment(&chain).map(|_| ())
            }
            Step::Again(which) => match self.which(which).cloned() {
                Some((chain, _)) if !chain.hops.is_empty() => self.desk.card.load_payment(&chain).map(|_| ()),
                _ => Ok(()),
            },
            Step::Forge(which, face) => match self.which(which).cloned() {
                Some((mut chain, _)) if chain.note.record.face != amount(face) => {
                    chain.note.record.face = amount(face);
                    let forged = if chain.hops.is_empty() {
                        let slot = self.desk.card.open_load(&self.till)?;
                        let ticket = self.desk.ticket(&chain, slot);
                        self.desk.card.load_note(&chain, &ticket)
                    } else {
                        self.desk.card.load_payment(&chain)
                    };
                    assert!(forged.is_err());
                    forged.map(|_| ())
                }
                _ => Ok(()),
            },
            Step::Endorse(which, value, to) => match self.which(which).cloned() {
                Some((_, node)) => self.endorse(node, value, to),
                None => Ok(()),
            },
            Step::Close(which, purpose) => match self.which(which).cloned() {
                Some((_, node)) => self.close(node, purpose),
                None => Ok(()),
            },
            Step::HandIn(one, other) => match (self.which(one).cloned(), self.which(other).cloned()) {
                (Some((_, one)), Some((_, other))) => self.hand_in(&[one, other]),
                _ => Ok(()),
            },
            Step::Cut(later, after) => {
                self.desk.memory.cut(later, if after { Cut::AfterCommit } else { Cut::BeforeCommit });
                Ok(())
            }
        }
    }

    /// Σ signed away ≤ value per node, and exactly what the card counts, but for what a cut kept back.
    fn check(&mut self, before: &BTreeMap<Digest, [u64; 4]>, cut: bool) {
        let now = books(&self.desk.memory);
        assert_conserved(&self.desk.memory);
        for (node, [value, _, _, remaining]) in &now {
            let signed: u64 = self.signed.get(node).map_or(0, |signed| signed.values().sum());
            assert!(signed <= value - remaining, "signed more than the counter fell");
            if !cut {
                assert_eq!(signed, value - remaining, "the counter fell by more than was signed");
            }
            if let Some([_, _, _, was]) = before.get(node) {
                assert!(remaining <= was, "a counter rose");
            } else {
                assert!(self.money.iter().any(|(_, known)| known == node), "money from nowhere");
            }
        }
        assert!(self.signed.keys().all(|node| now.contains_key(node)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// RN-P1, RN-X20: Σ endorsed + closed per node never exceeds its value, and no counter rises without a verified load.
    #[test]
    fn counters_only_fall(steps in prop::collection::vec(step(), 1..40)) {
        let mut outside = Outside::new();
        let mut cut = false;
        for step in &steps {
            let before = books(&outside.desk.memory);
            let _refused = outside.run(step).is_err();
            if outside.desk.memory.is_off() {
                cut = true;
                outside.desk.reinsert(100);
                if let Some(open) = outside.desk.card.open_payment().unwrap() {
                    outside.desk.card.confirm(&open.answer).unwrap();
                }
            }
            outside.check(&before, cut);
        }
    }

    /// RN-X18: after a cut, the same commands again end in the same books as without it.
    #[test]
    fn retried_commands_end_alike(
        values in prop::collection::vec((1..400u64, 0..6u8), 1..12), at in 0..12u64, after in any::<bool>(),
    ) {
        let mut calm = Outside::new();
        let mut cut = Outside::new();
        calm.note(1_000).unwrap();
        cut.note(1_000).unwrap();
        let node = calm.money[0].1;
        cut.desk.memory.cut(at, if after { Cut::AfterCommit } else { Cut::BeforeCommit });
        for (value, to) in values {
            let expected = calm.desk.endorse(&node, amount(value), &answer(&format!("{to}")));
            let mut found = cut.desk.endorse(&node, amount(value), &answer(&format!("{to}")));
            if cut.desk.memory.is_off() {
                cut.desk.reinsert(200);
                found = cut.desk.endorse(&node, amount(value), &answer(&format!("{to}")));
            }
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(books(&cut.desk.memory), books(&calm.desk.memory));
    }
}
