//! `docs/wire.md` says what the program writes, by the judgement of a program that knows the page alone.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use zeni_crypto::{Digest, LogEnd};
use zeni_message::{Signed, Time, Wire, encode};
use zeni_note::{
    CardRules, Clearance, ClosingPurpose, ContactTicket, HandIn, LicenceRequest, LoadTicket, OverspendingProof,
    RevocationFilter, Right, RulesNumber,
    chain::Endorsement,
    closing::ClosingRecord,
    licence::NameCertificate,
    messages::issuer::{BankTotals, Counts, LogReport, Outcome, ReturnAnswer},
    proof::{Child, Equation, Held},
    request::{Possession, RequestClaim},
    sealed::{IssuanceOrder, IssuerMadeKeys, Ordered, WithdrawalOrder},
    testing::{START, World, amount, jpy, key, nonce, rules},
};

use crate::repository::root;

/// Encodings beside the rule that each must follow.
struct Samples(Vec<(String, Vec<u8>)>);

impl Samples {
    fn add(&mut self, rule: &str, sample: &impl Wire) {
        self.0.push((rule.to_string(), encode(sample)));
    }

    /// What the library says against them; nothing if they follow.
    fn judged(&self) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let files = self.0.iter().enumerate().map(|(place, (rule, bytes))| {
            let path = dir.path().join(place.to_string());
            fs::write(&path, bytes).unwrap();
            format!("{rule}={}", Path::display(&path))
        });
        let output = Command::new("python3")
            .arg(root().join("tests/interop/cddl.py"))
            .arg(root().join("docs/wire.md"))
            .args(files)
            .output()
            .expect("python3 with the package cbor2 is needed");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.is_empty(), "python3 -m pip install cbor2: {said}");
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// One sample at least of every record, and of every shape that a record can take.
fn samples() -> Samples {
    let (world, holder, payee) = (World::new("wire"), key("holder"), key("payee"));
    let network = world.network();
    let mut samples = Samples(Vec::new());
    let note = world.note(&holder, 1_000, "n");
    let sealed = world.sealed_note(&holder, u64::MAX >> 1, "s");
    let passed = world.pay(&note, &holder, &payee, 300, "p");
    samples.add("chain", &passed);
    samples.add("chain", &sealed);
    samples.add("load-ticket", &LoadTicket { note: world.leaf(&note), nonce: nonce("slot") });
    let challenge = world.challenge(&payee, 300, "c", START);
    samples.add("payment", &world.payment(&note, &holder, 300, &challenge));
    let name = NameCertificate { name: "Tea".into(), key: payee.public(), until: START };
    let certified = zeni_note::Challenge {
        certificate: Some(Signed::sign(network, name, &world.authority)),
        series: vec![1, 2],
        right: Right::Unlicensed(payee.public()),
        ..challenge.clone()
    };
    samples.add("challenge", &challenge);
    samples.add("challenge", &certified);
    closings(&world, &mut samples);
    statements(&world, &mut samples);
    banks(&world, &mut samples);
    operators(&world, &mut samples);
    samples.add("revocation-list", &world.revocations(Time(0)));
    samples.add("key-list", &world.key_list());
    let endorsement = Endorsement { parent: world.leaf(&note), amount: amount(900), answer: challenge.answer(network) };
    let signature = Signed::sign(network, endorsement, &holder).signature;
    let hand_in = world.hand_in(&[note.clone(), passed.clone()], &holder, world.account("aoba", "1", "h"));
    let closing = ClosingRecord { parent: world.leaf(&note), amount: amount(1_000), purpose: world.leaf(&passed) };
    let proof = OverspendingProof {
        held: Held::Endorsement { endorsement, opening: challenge.opening(network) },
        children: vec![
            Child::Endorsement { endorsement, signature, equation: Equation::Strict },
            Child::Closing { closing, signature, equation: Equation::Zip215 },
            Child::Taking { hand_in, index: 1, path: vec![world.leaf(&note)], equation: Equation::Strict },
        ],
        right: note.holder.clone(),
    };
    let sealed_order = zeni_note::sealed::Identified {
        proof: proof.clone(),
        content: [1; zeni_note::sealed::CONTENT_LEN].into(),
        order: Signed::sign(network, order(world.network().0), &holder),
        account_key: holder.public(),
        certificate: "PEM".into(),
    };
    samples.add("identified", &sealed_order);
    samples.add("overspending", &proof);
    samples.add("overspending", &OverspendingProof { held: Held::Note(note.note), ..proof });
    samples
}

fn closings(world: &World, samples: &mut Samples) {
    let to = world.account("aoba", "1", "d");
    let licence = world.licence(key("new").public());
    for purpose in [
        ClosingPurpose::Deposit(to.clone()),
        ClosingPurpose::Renewal { nonce: nonce("r"), licence },
        ClosingPurpose::Refund(to.clone()),
        ClosingPurpose::BackupRefund(to.clone()),
    ] {
        samples.add("purpose", &purpose);
    }
    samples.add("hand-in", &HandIn { to, count: 1_024, root: world.network().0 });
}

fn order(request: Digest) -> WithdrawalOrder {
    let of = Ordered { series: 2, epoch: 1, currency: jpy(), face: amount(100), request };
    WithdrawalOrder { bank: "aoba".into(), account: "1".into(), order: nonce("o"), time: START, of }
}

fn statements(world: &World, samples: &mut Samples) {
    let (digest, key) = (world.network().0, key("k").public());
    samples.add("licence-request", &LicenceRequest { key, person: digest, epoch: 1, key_list: digest });
    samples.add("possession", &Possession { content: digest, nonce: digest.0.into() });
    let bank = || "aoba".to_string();
    samples.add("request-claim", &RequestClaim { request: digest, bank: bank(), account: digest, id: nonce("id") });
    let order = order(digest);
    let of = order.of;
    samples.add("withdrawal-order", &order);
    for policy in [IssuerMadeKeys::Refused, IssuerMadeKeys::Accepted] {
        samples.add("issuance-order", &IssuanceOrder::new(bank(), of, policy));
    }
}

fn banks(world: &World, samples: &mut Samples) {
    let digest = world.network().0;
    let totals =
        BankTotals { currency: jpy(), signed: amount(1), returned: amount(2), reclaimed: amount(3), sealed: amount(4) };
    let mark = LogEnd { number: 1, head: digest };
    let counts = Counts {
        bank: "aoba".into(),
        number: 1,
        signed: vec![(digest, 5)],
        totals: vec![totals],
        identifications: Some(LogReport { before: LogEnd::START, end: mark }),
    };
    samples.add("counts", &Counts { identifications: None, ..counts.clone() });
    samples.add("counts", &counts);
    let outcomes = vec![
        Outcome::Paid,
        Outcome::Partly { paid: amount(1) },
        Outcome::Duplicate,
        Outcome::Malformed,
        Outcome::Late,
        Outcome::Unknown,
        Outcome::Waiting { until: START },
        Outcome::TooEarly,
    ];
    samples.add("return-answer", &ReturnAnswer { batch: nonce("b"), bank: "aoba".into(), outcomes });
}

fn operators(world: &World, samples: &mut Samples) {
    let none = rules(1);
    let some = CardRules { card: Some(nonce("card")), payments_max: Some(3), until: Some(START), ..none.clone() };
    samples.add("card-rules", &none);
    samples.add("card-rules", &some);
    samples.add("revocation-filter", &RevocationFilter { number: 1, time: START, k: 7, bits: vec![0; 64].into() });
    samples.add("clearance", &Clearance { filter: 1, keys: vec![world.network().0] });
    let (card, nonce, token) = (nonce("card"), nonce("n"), nonce("t"));
    let ticket = ContactTicket {
        card,
        nonce,
        token,
        time: START,
        rules: vec![RulesNumber { currency: jpy(), number: 1 }],
        frozen: true,
    };
    samples.add("contact-ticket", &ticket);
}

/// DESIGN §1.7: an implementer who has only the page writes what the program reads.
#[test]
fn the_page_says_what_is_written() {
    assert_eq!(samples().judged(), None);
}

/// Every kind of signed record stands on the page.
#[test]
fn the_page_leaves_no_record_out() {
    let page = fs::read_to_string(root().join("docs/wire.md")).unwrap();
    let shown: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.split_once("; KIND "))
        .filter_map(|(_, kind)| kind.split([';', ' ']).next())
        .collect();
    let mut declared = BTreeSet::new();
    let mut folders = vec![root().join("core/note/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let kinds = |line: &str| {
                    Some(line.split_once("const KIND: &'static str = \"")?.1.split_once('"')?.0.to_owned())
                };
                declared.extend(fs::read_to_string(entry).unwrap().lines().filter_map(kinds));
            }
        }
    }
    assert!(declared.len() > 20);
    assert_eq!(shown, declared.iter().map(String::as_str).collect());
}

/// The judge sees a field that is missing, too long, or of another kind.
#[test]
fn the_page_refuses_what_is_not_written() {
    let wrong = |rule: &str, bytes: Vec<u8>| Samples(vec![(rule.to_string(), bytes)]).judged().is_some();
    let ticket = (Digest([1; 32]), nonce("slot"));
    assert!(!wrong("load-ticket", encode(&ticket)), "control");
    assert!(wrong("load-ticket", encode(&(ticket.0, ticket.0))));
    assert!(wrong("load-ticket", encode(&(ticket.0, ticket.1, 0u8))));
    assert!(wrong("endorsement", encode(&(ticket.0, u64::MAX, ticket.0))), "an amount beyond 2^63 - 1");
    assert!(wrong("currency", encode(&"jpy")));
}
