//! Cards pulled in the middle of commands: the same command again, or `resume`, finishes; no money is lost or made.

use std::{
    fs,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use serde_json::Value;
use zeni_card::Applet;
use zeni_card_host::{FileMemory, Pull, VirtualCard, VirtualReader};
use zeni_crypto::{Digest, OsEntropy, keyfile};
use zeroize::Zeroizing;

use super::{
    bench::{Bench, home, port, slot_of},
    refusal, with,
};
use crate::cli::stage::{PASSPHRASE, Stage, until};

/// A card that stays.
const STEADY: usize = usize::MAX;

/// A card that is pulled at one of its commands: before it reaches the card, or before its reply leaves.
struct Unsteady {
    applet: Applet<FileMemory>,
    /// Commands until then.
    left: Arc<AtomicUsize>,
    /// Whether the last command is carried out.
    carried_out: bool,
    pull: Pull,
}

impl VirtualCard for Unsteady {
    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            if self.carried_out {
                self.applet.process(command);
            }
            self.pull.pull();
            return Vec::new();
        }
        if left != STEADY {
            self.left.store(left - 1, Ordering::SeqCst);
        }
        self.applet.process(command).to_vec()
    }

    fn reset(&mut self) {
        self.applet.reset();
    }
}

/// A card in the first slot, in this process.
struct InSlot {
    left: Arc<AtomicUsize>,
    pull: Pull,
    served: JoinHandle<()>,
    /// Changes in the slot when the card was in.
    changes: u32,
}

impl InSlot {
    /// Puts the card in and waits until the wallet finds it.
    fn new(stage: &Stage, card: &str, carried_out: bool) -> InSlot {
        let secrets = keyfile::read(&stage.path(&format!("{card}.zeni.key")), PASSPHRASE).unwrap();
        let secrets: Value = serde_json::from_slice(&secrets).unwrap();
        let master: Digest = secrets["master"].as_str().unwrap().parse().unwrap();
        let before = slot_of(0).changes;
        let reader = VirtualReader::connect(port(0)).unwrap();
        let memory = FileMemory::open(&stage.path(&format!("{card}.zeni")), &master.0, OsEntropy).unwrap();
        let applet = Applet::new(memory, Zeroizing::new(master.0), OsEntropy);
        let left = Arc::new(AtomicUsize::new(STEADY));
        let mut card = Unsteady { applet, left: left.clone(), carried_out, pull: reader.puller().unwrap() };
        let pull = reader.puller().unwrap();
        let served = std::thread::spawn(move || drop(reader.serve(&mut card)));
        until("the service has seen the card", || slot_of(0).card && slot_of(0).changes != before);
        InSlot { left, pull, served, changes: slot_of(0).changes }
    }

    /// From now on the card is pulled at its command number `at`, counted from 0.
    fn arm(&self, at: usize) {
        self.left.store(at, Ordering::SeqCst);
    }

    /// The card is out, and the service has seen it.
    fn out(self) {
        self.pull.pull();
        self.served.join().unwrap();
        until("the service has seen that the card is gone", || slot_of(0).changes != self.changes);
    }
}

/// Runs commands of Ren's wallet, the first with the card pulled at its first exchange, the next at its second, and so on
/// until one is not interrupted. Each is then finished by itself.
fn sweep(bench: &mut Bench, step: usize, mut command: impl FnMut(&Stage, usize) -> String) -> usize {
    bench.pull(0);
    let stage = &bench.stage;
    let mut open: Option<String> = None;
    for round in 0.. {
        let slot = InSlot::new(stage, "one", round % 2 == 1);
        if let Some(line) = open {
            stage.ok(&line);
        }
        let line = command(stage, round);
        slot.arm(round * step);
        let ended = stage.run(&format!("{line} --json"));
        if ended.exit == 0 {
            slot.arm(STEADY);
            slot.out();
            bench.insert("one", 0);
            return round;
        }
        assert_eq!(ended.exit, 3, "a card that was pulled is a matter of time, round {round}: {ended:?}");
        slot.out();
        open = Some(line);
    }
    0
}

/// FX-F8, RN-X18: a payment whose card is pulled at any of its exchanges, before or after the card acted, is finished by the
/// same command: the payee gets each once, and nothing else is spent.
#[test]
fn a_payment_survives_its_card_pulled_at_any_exchange() {
    let mut bench = Bench::new();
    bench.joined();
    bench.stage.ok(&format!("{} withdraw 1300_JPY --now", home("wallet", "ren", 0)));
    let rounds = sweep(&mut bench, 1, |stage, round| {
        if round > 0 {
            stage.ok(&format!("wallet --home taro receive {}.payment", round - 1));
        }
        stage.ok(&format!("wallet --home taro request 10_JPY --out {round}.request"));
        format!("wallet --home ren --pin-file pin pay {round}.request --out {round}.payment")
    });
    assert!(rounds >= 8, "it was pulled {rounds} times");
    let stage = &bench.stage;
    stage.ok(&format!("wallet --home taro receive {rounds}.payment"));
    let paid = 10 * (u64::try_from(rounds).unwrap() + 1);
    assert_eq!(stage.holds("wallet --home taro"), paid);
    assert_eq!(stage.holds(&home("wallet", "ren", 0)), 1_300 - paid);
}

/// A payment that is taken with the card pulled in the middle is loaded once.
#[test]
fn a_receipt_survives_its_card_pulled() {
    let mut bench = Bench::new();
    bench.joined();
    let rounds = sweep(&mut bench, 1, |stage, round| {
        stage.ok(&format!("wallet --home ren --pin-file pin request 10_JPY --out {round}.request"));
        stage.ok(&format!("wallet --home jiro pay {round}.request --out {round}.payment"));
        format!("wallet --home ren --pin-file pin receive {round}.payment")
    });
    assert!(rounds >= 4, "it was pulled {rounds} times");
    let received = 10 * (u64::try_from(rounds).unwrap() + 1);
    let stage = &bench.stage;
    assert_eq!(stage.holds(&home("wallet", "ren", 0)), received);
    assert_eq!(stage.holds("wallet --home jiro"), 1_000 - received);
}

/// Withdrawals and deposits with the card pulled here and there: `resume` finishes them, and the books balance.
#[test]
fn what_was_begun_with_a_bank_is_finished_by_resume() {
    let mut bench = Bench::new();
    bench.joined();
    let ren = home("wallet", "ren", 0);
    bench.stage.ok(&format!("{ren} withdraw 1000_JPY --now"));
    for (line, step) in [("deposit 10_JPY", 5), ("withdraw 100_JPY --now", 5)] {
        let mut begun = false;
        sweep(&mut bench, step, |stage, _| {
            if begun {
                stage.resumed("wallet --home ren --pin-file pin resume");
            }
            begun = true;
            format!("wallet --home ren --pin-file pin {line}")
        });
    }
    let stage = &bench.stage;
    until("all is finished", || {
        stage.resumed(&format!("{ren} resume"));
        stage.balance(&ren, "pending") == 0 && stage.account("aoba", "A-3001").1 == 0
    });
    let (account, _) = stage.account("aoba", "A-3001");
    assert_eq!(account + stage.holds(&ren), 100_000, "nothing was lost, nothing made");
    stage.audits();
}

/// A card that is pulled while it is made somebody's own is finished by joining again: it has its owner's PIN, and a PUK that
/// is told.
#[test]
fn joining_survives_its_card_pulled_at_any_exchange() {
    let mut bench = Bench::new();
    bench.pull(0);
    let stage = &bench.stage;
    let line = stage.enrolment("aoba", "A-3001");
    let join = |home: &str, code: &str| {
        let mut args = vec!["wallet", "--home", home, "--card", "pcsc:Virtual PCD 00 00", "--pin-file", "pin", "join"];
        args.extend(["--network", "net/network.toml", "--bank", "aoba", "--account", "A-3001", "--json"]);
        args.extend(["--code", code, "--identity", &line[4]]);
        stage.raw(&args)
    };
    let mut pulls = 0;
    for at in 0.. {
        let (card, home) = (format!("card{at}"), format!("home{at}"));
        stage.ok(&format!("card --file {card}.zeni new"));
        let slot = InSlot::new(stage, &card, at % 2 == 1);
        slot.arm(at);
        // the bank refuses the code, after the card is its owner's
        let ended = join(&home, "wrong");
        slot.arm(STEADY);
        slot.out();
        let pulled = ended.exit == 3;
        pulls += usize::from(pulled);
        let slot = InSlot::new(stage, &card, false);
        let again = join(&home, "wrong");
        assert_eq!(again.exit, 1, "the card is finished, the bank says no: round {at}: {again:?}");
        let told = stage.ok(&format!("wallet --home {home} card status"));
        assert_eq!((&told["life"], &told["pin_tries"]), (&"operational".into(), &3.into()), "{told}");
        if !pulled {
            // the last of them joins in earnest, to be pulled while the card is shown to its bank
            slot.out();
            let shown = (0..60).find_map(|at| {
                let slot = InSlot::new(stage, &card, true);
                slot.arm(at);
                let joined = join(&home, &line[3]);
                slot.out();
                assert!(matches!(joined.exit, 0 | 3), "exchange {at}: {joined:?}");
                (joined.exit == 0).then_some(joined)
            });
            let joined = shown.expect("the bank has its customer");
            assert!(joined.json()["card_not_shown"].is_string(), "{joined:?}");
            let slot = InSlot::new(stage, &card, false);
            let told = stage.ok("bank --dir net --bank aoba cards A-3001");
            assert_eq!(told["cards"].as_array().map(Vec::len), Some(0), "{told}");
            stage.resumed(&format!("wallet --home {home} --pin-file pin resume"));
            let told = stage.ok("bank --dir net --bank aoba cards A-3001");
            assert_eq!(told["cards"].as_array().map(Vec::len), Some(1), "{told}");
            let puk = joined.json()["puk"].as_str().expect("a PUK").to_owned();
            let variables = [("ZENI_PUK", puk.as_str()), ("ZENI_NEW_PIN", "9753")];
            let unblocked = with(stage, &variables, &format!("wallet --home {home} card unblock --json"));
            assert_eq!(unblocked.exit, 0, "the PUK that was told is the card's: {unblocked:?}");
            slot.out();
            break;
        }
        slot.out();
    }
    assert!(pulls >= 6, "it was pulled {pulls} times");
}

/// A PUK that could not be told, since nobody could write it down, is told by joining again; then never more.
#[test]
fn a_puk_is_told_until_it_was() {
    let bench = Bench::new();
    let stage = &bench.stage;
    let line = stage.enrolment("aoba", "A-3001");
    let mut args = vec!["wallet", "--home", "ren", "--card", "pcsc:Virtual PCD 00 00", "--pin-file", "pin", "join"];
    args.extend(["--network", "net/network.toml", "--bank", "aoba", "--account", "A-3001", "--json"]);
    args.extend(["--code", &line[3], "--identity", &line[4]]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let lost = stage.command(&args).stdin(Stdio::null()).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert!(!lost.success());
    let again = stage.raw(&args);
    assert_eq!(again.exit, 0, "{again:?}");
    let puk = again.json()["puk"].as_str().expect("a PUK").to_owned();
    let variables = [("ZENI_PUK", puk.as_str()), ("ZENI_NEW_PIN", "9753")];
    let unblocked = with(stage, &variables, "wallet --home ren card unblock --json");
    assert_eq!(unblocked.exit, 0, "{unblocked:?}");
    stage.write("pin", "9753\n");
    assert_eq!(refusal(&stage.raw(&args)), (1, "already_joined".into()));
}

/// The card's process is killed at any time while its wallet pays, and started again from its file.
#[test]
fn a_card_whose_process_is_killed_goes_on_from_its_file() {
    let mut bench = Bench::new();
    bench.joined();
    let ren = home("wallet", "ren", 0);
    bench.stage.ok(&format!("{ren} withdraw 1000_JPY --now"));
    for round in 0..8 {
        let stage = &bench.stage;
        stage.ok(&format!("wallet --home taro request 10_JPY --out {round}.request"));
        let (request, payment) = (format!("{round}.request"), format!("{round}.payment"));
        let args = ["wallet", "--home", "ren", "--pin-file", "pin", "pay", &request, "--out", &payment];
        let mut command = stage.command(&args);
        let mut paying = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // killed once its file was seen to change so many times, at once in the first round
        let file = stage.path("one.zeni");
        let (mut seen, mut changes) = (fs::read(&file).unwrap(), 0);
        while changes < round && paying.try_wait().unwrap().is_none() {
            let now = fs::read(&file).unwrap();
            changes += u32::from(now != seen);
            seen = now;
        }
        bench.pull(0);
        let ended = paying.wait().unwrap().code();
        assert!(matches!(ended, Some(0 | 3)), "round {round}: {ended:?}");
        bench.insert("one", 0);
        let stage = &bench.stage;
        stage.ok(&format!("{ren} pay {round}.request"));
        stage.ok(&format!("{ren} payments --out again-{round}.payment"));
        if !stage.path(&payment).exists() {
            stage.ok(&format!("{ren} pay {round}.request --out {payment}"));
        }
        stage.ok(&format!("wallet --home taro receive {payment}"));
    }
    assert_eq!(bench.stage.holds("wallet --home taro"), 80);
    assert_eq!(bench.stage.holds(&ren), 920);
}

/// docs/card.md: a payment whose first signature left the card is known to its own wallet alone; with older records of the same wallet
/// nothing else moves until its owner gives it up, which shows what was signed.
#[test]
fn a_payment_that_the_records_do_not_know_is_given_up() {
    let mut bench = Bench::new();
    bench.joined();
    bench.stage.ok(&format!("{} withdraw 1300_JPY --now", home("wallet", "ren", 0)));
    bench.stage.copy("ren", "older");
    bench.pull(0);
    let stage = &bench.stage;
    for (name, minor) in [("lost", 10), ("next", 30)] {
        stage.ok(&format!("wallet --home taro request {minor}_JPY --out {name}.request"));
    }
    let (ren, older) = ("wallet --home ren --pin-file pin", "wallet --home older --pin-file pin");
    let given_up = (0..40).find_map(|at| {
        let slot = InSlot::new(stage, "one", true);
        slot.arm(at);
        let ended = stage.run(&format!("{ren} pay lost.request --json"));
        assert_eq!(ended.exit, 3, "exchange {at}: {ended:?}");
        slot.out();
        let slot = InSlot::new(stage, "one", false);
        let asked = stage.run(&format!("{older} confirm-by-force --json"));
        let signed = asked.exit == 0;
        if signed {
            stage.ok(&format!("{older} pay next.request --out next.payment"));
        } else {
            assert_eq!(refusal(&asked), (1, "nothing_open".into()), "{asked:?}");
        }
        slot.out();
        signed.then(|| asked.json())
    });
    let given_up = given_up.expect("a payment that was signed");
    assert_eq!(given_up["parts"].as_array().map(Vec::len), Some(1), "{given_up}");
    assert_eq!((given_up["ok"].as_bool(), given_up["parts"][0]["amount"].as_u64()), (Some(true), Some(10)));
    stage.ok("wallet --home taro receive next.payment");
    assert_eq!(stage.holds("wallet --home taro"), 30);
    bench.insert("one", 0);
    assert_eq!(bench.stage.holds(&home("wallet", "older", 0)), 1_260, "what was signed for it is gone");
}
