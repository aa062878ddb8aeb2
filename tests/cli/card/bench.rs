//! The two slots of vsmartcard's virtual reader, with cards put in and pulled out.

use std::{
    fs,
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use zeni_card_host::{Pull, Reader, VirtualCard, VirtualReader, readers};

use crate::cli::stage::{Ended, Server, Stage, terminate, until};

/// The readers' names as the service tells them; a space is written as an underscore, as [`Stage::run`] reads it.
pub(super) const READERS: [&str; 2] = ["Virtual_PCD_00_00", "Virtual_PCD_00_01"];
/// The PIN of every card of the tests.
pub(super) const PIN: &str = "2468";

/// Where the service listens.
const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// How long the service may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// There is one reader with two slots on the machine: one test at a time has it.
static TURN: Mutex<()> = Mutex::new(());

/// A network that runs, the reader, and the cards in it.
pub(super) struct Bench {
    pub(super) stage: Stage,
    slots: [Option<Server>; 2],
    /// How often the service had seen each slot change when its card was in.
    changes: [u32; 2],
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        for slot in 0..self.slots.len() {
            if self.slots[slot].is_some() && !std::thread::panicking() {
                self.pull(slot);
            }
        }
    }
}

impl Bench {
    /// A bench with blank cards `one` and `two` in its slots.
    pub(super) fn new() -> Bench {
        Bench::over(Stage::running())
    }

    /// The same over a network that runs already.
    pub(super) fn over(stage: Stage) -> Bench {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        service();
        until("the slots are empty", || (0..2).all(|slot| !slot_of(slot).card));
        stage.write("pin", format!("{PIN}\n"));
        let mut bench = Bench { stage, slots: [None, None], changes: [0, 0], _turn: turn };
        for (slot, card) in ["one", "two"].into_iter().enumerate() {
            bench.stage.ok(&format!("card --file {card}.zeni new"));
            bench.insert(card, slot);
        }
        bench
    }

    /// Puts a card into a slot: a process of its own.
    pub(super) fn insert(&mut self, card: &str, slot: usize) {
        let (file, port) = (format!("{card}.zeni"), port(slot).to_string());
        let args = ["card", "--file", &file, "serve", "--port", &port];
        let before = slot_of(slot).changes;
        self.slots[slot] = Some(self.stage.start(&args, card));
        until("the service has seen the card", || slot_of(slot).card && slot_of(slot).changes != before);
        self.changes[slot] = slot_of(slot).changes;
    }

    /// Pulls a card out: its process is killed in the middle of whatever it did.
    pub(super) fn pull(&mut self, slot: usize) {
        drop(self.slots[slot].take().expect("a card is in the slot"));
        let seen = self.changes[slot];
        until("the service has seen that the card is gone", || slot_of(slot).changes != seen);
    }

    /// Takes a card out as it should be: its process is asked to end.
    pub(super) fn remove(&mut self, slot: usize) {
        terminate(self.slots[slot].as_mut().expect("a card is in the slot"));
        self.pull(slot);
    }

    /// What happens while somebody else's card is in a slot.
    pub(super) fn beside<R>(&self, slot: usize, mut card: Stranger, then: impl FnOnce(&Stage) -> R) -> R {
        let before = slot_of(slot).changes;
        let reader = VirtualReader::connect(port(slot)).expect("the slot is empty");
        let pulled = Pulled(reader.puller().expect("a handle"));
        let told = std::thread::scope(|scope| {
            scope.spawn(move || reader.serve(&mut card));
            // also where the test fails: the thread ends with the card
            let _pulled = pulled;
            until("the service has seen the card", || slot_of(slot).card && slot_of(slot).changes != before);
            then(&self.stage)
        });
        until("the service has seen that the card is gone", || !slot_of(slot).card);
        told
    }

    /// Joins with the card in a slot; tells what the program told.
    pub(super) fn join(&self, kind: &str, home: &str, slot: usize, bank: &str, account: &str) -> Ended {
        let line = self.stage.enrolment(bank, account);
        let card = format!("pcsc:{}", READERS[slot].replace('_', " "));
        let mut args = vec![kind, "--home", home, "--wait", "20", "--card", &card, "--pin-file", "pin", "join"];
        args.extend(["--network", "net/network.toml", "--json", "--bank", bank, "--account", account]);
        args.extend(["--code", &line[3], "--identity", &line[4]]);
        self.stage.raw(&args)
    }

    /// Ren Mori joins with the card in the first slot, Aya Ono with that in the second; what they were told.
    pub(super) fn joined(&self) -> [Value; 2] {
        let ren = self.join("wallet", "ren", 0, "aoba", "A-3001");
        let aya = self.join("wallet", "aya", 1, "kita", "K-3001");
        [ren, aya].map(|ended| {
            assert_eq!(ended.exit, 0, "{ended:?}");
            ended.json()
        })
    }
}

/// A card of another make: what it answers to SELECT, and to everything else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stranger {
    pub(super) select: &'static [u8],
    pub(super) others: &'static [u8],
}

impl VirtualCard for Stranger {
    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        if command.get(1) == Some(&0xA4) { self.select.to_vec() } else { self.others.to_vec() }
    }

    fn reset(&mut self) {}
}

/// Pulls a card when it is dropped.
struct Pulled(Pull);

impl Drop for Pulled {
    fn drop(&mut self) {
        self.0.pull();
    }
}

/// A home and its card, as a command line names them; waits until the card is there.
pub(super) fn home(kind: &str, home: &str, slot: usize) -> String {
    format!("{kind} --home {home} --wait 20 --card pcsc:{} --pin-file pin", READERS[slot])
}

/// A slot as the service sees it. What it has not seen go it does not see come back.
pub(super) fn slot_of(slot: usize) -> Reader {
    let name = READERS[slot].replace('_', " ");
    readers().expect("the service runs").into_iter().find(|reader| reader.name == name).expect("a slot")
}

/// The port of a slot.
pub(super) fn port(slot: usize) -> u16 {
    zeni_card_host::PORT + u16::try_from(slot).expect("two slots")
}

/// Starts the smart card service unless one runs. It ends by itself when nobody has used it for a minute.
#[expect(clippy::zombie_processes, reason = "it outlives the tests and ends by itself")]
fn service() {
    if UnixStream::connect(SOCKET).is_ok() {
        return;
    }
    fs::create_dir_all("/run/pcscd").expect("the tests of card readers run as root");
    let mut command = Command::new("pcscd");
    command.args(["--foreground", "--auto-exit"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child: Child = command.spawn().expect("pcscd is installed");
    let patience = Instant::now();
    while !readers().is_ok_and(|readers| readers.len() == READERS.len()) {
        assert!(child.try_wait().expect("a process").is_none(), "pcscd ended");
        assert!(patience.elapsed() < PATIENCE, "pcscd does not start");
        std::thread::yield_now();
    }
}
