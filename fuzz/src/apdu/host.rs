//! A host that sends whatever its bytes say.

use std::sync::LazyLock;

use zeni_card::{
    ApduCard, Applet, Card, LinkFault, Transmit, Zeroizing,
    apdu::{AID, Apdu, Class, Part, REPLY_BYTES_MAX, SHORT_DATA_MAX, SHORT_REPLY_MAX, instruction::Instruction},
    element::testing::{
        Cut, TestMemory, card, identity,
        money::{challenge_to, note_to, paid, ticket},
        operator, pin, puk, transport_pin,
    },
};
use zeni_crypto::{Digest, PublicKey, SeededEntropy, sha256};
use zeni_message::{Record, Signed, encode};
use zeni_money::Amount;
use zeni_note::{
    CardRules, Chain, Clearance, ClosingPurpose, ContactTicket, Nonce, RevocationFilter,
    licence::key_digest,
    testing::{DAY, START, amount, newest, nonce, rules},
};

use super::{
    super::samples::{WORLD, edited, renewal},
    model::{Known, MASTER, Model, Outcome, Sent},
};

/// The step that brings a moved card.
const IMPORT: u8 = 29;

/// A holding and how it came.
struct Money {
    chain: Chain,
    node: Digest,
}

/// The host: the card in its reader, and what it has made for it.
pub(super) struct Host {
    memory: TestMemory,
    applet: Applet<TestMemory>,
    model: Model,
    keys: Vec<PublicKey>,
    money: Vec<Money>,
    /// Parts of a chained command that came.
    chained: Option<Sent>,
    /// A reply of which parts are missing: to what, what came.
    pending: Option<(Sent, Vec<u8>)>,
    /// The last whole reply.
    reply: Vec<u8>,
    insertions: u64,
    done: usize,
}

/// A card that was moved elsewhere: the commands that bring it, and its holding.
struct Moved {
    commands: Vec<Vec<u8>>,
    chain: Chain,
    node: Digest,
    known: Known,
}

/// A card of one holding, moved.
static MOVED: LazyLock<Moved> = LazyLock::new(|| {
    let why = "a card that does what is right";
    let mut from = card(&TestMemory::new(), WORLD.roots, SeededEntropy::from_number(7)).expect(why);
    let key = from.generate_key().expect(why);
    let chain = note_to(&WORLD, key, 700, "moved");
    let slot = from.open_load(&key).expect(why);
    let status = from.load_note(&chain, &ticket(&WORLD, &chain, slot)).expect(why);
    let backup = from.export_move().expect(why);
    let to = TestMemory::new();
    card(&to, WORLD.roots, SeededEntropy::from_number(8)).expect(why);
    let mut recorder = ApduCard::new(Recorder { applet: insert(&to, 9), commands: Vec::new() }, Some(pin()));
    recorder.restore(&backup).expect(why);
    let mut commands = recorder.into_link().commands;
    commands.retain(|command| command[1] == Instruction::Import.codes().1);
    Moved { commands, chain, node: status.node, known: Known { key, value: status.value } }
});

/// A link that keeps what was sent.
struct Recorder {
    applet: Applet<TestMemory>,
    commands: Vec<Vec<u8>>,
}

impl Transmit for Recorder {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        self.commands.push(command.to_vec());
        Ok(self.applet.process(command).to_vec())
    }
}

fn insert(memory: &TestMemory, seed: u64) -> Applet<TestMemory> {
    Applet::new(memory.clone(), Zeroizing::new(MASTER), SeededEntropy::from_number(seed))
}

/// A command in one piece.
fn apdu(instruction: Instruction, p1: u8, p2: u8, data: &[u8]) -> Vec<u8> {
    let (class, instruction) = instruction.codes();
    Apdu { class, part: Part::Last, instruction, p1, p2, data, expected: REPLY_BYTES_MAX }.to_bytes()
}

fn signed<T: Record>(record: T) -> Signed<T> {
    Signed::sign(WORLD.network(), record, &operator())
}

impl Host {
    /// A card as it was manufactured.
    pub(super) fn fresh() -> Host {
        let memory = TestMemory::new();
        Host {
            applet: insert(&memory, 0),
            model: Model::new(&memory),
            memory,
            keys: Vec::new(),
            money: Vec::new(),
            chained: None,
            pending: None,
            reply: Vec::new(),
            insertions: 0,
            done: 0,
        }
    }

    /// A card with keys and money, its PIN shown.
    pub(super) fn in_use() -> Host {
        let mut host = Host::fresh();
        for step in [[1, 0], [3, 0], [5, 0], [5, 0], [1, 0], [2, 0], [8, 0]] {
            host.step(&[step[0], step[1], 0, 200, 0, 0, 0, 0]);
        }
        assert_eq!((host.keys.len(), host.money.len()), (2, 1), "the card is in use");
        host
    }

    /// The control: the memory as it was before the last step that changed it.
    pub(super) fn forget(&mut self) {
        let before = self.memory.dump();
        self.step(&[12, 0, 0, 10, 0, 0, 0, 0]);
        self.memory.tamper(|memory| *memory = before);
        let nothing = Sent { instruction: None, p1: 0, p2: 0, data: Vec::new() };
        self.model.check(&nothing, Outcome::Unknown, false);
    }

    /// One step; answers how many commands the card carried out.
    pub(super) fn step(&mut self, step: &[u8]) -> usize {
        let &[what, which, high, low, ref edits @ ..] = step else { return 0 };
        let before = self.done;
        let value = u16::from_be_bytes([high, low]);
        // most commands go as they are
        let edits = if edits[0] >= 0xc0 { edits } else { &[] };
        for command in self.commands(what, which, value) {
            let altered = edited(command, edits);
            let short = which.is_multiple_of(5);
            self.deliver(&altered, short);
        }
        self.done - before
    }

    /// The commands of a step, made as a host makes them that knows what it does.
    fn commands(&mut self, what: u8, which: u8, value: u16) -> Vec<Vec<u8>> {
        let minor = u64::from(value) % 1_000;
        let one = |instruction, p1, p2, data: &[u8]| vec![apdu(instruction, p1, p2, data)];
        let node = self.which(which).map_or(Digest([which; 32]), |money| money.node);
        let answer = sha256(&[b"answer", &[which / 64]]);
        let key = self.keys.get(usize::from(which) % self.keys.len().max(1)).copied().unwrap_or(PublicKey([which; 32]));
        match what % 32 {
            0 => self.trouble(which, value),
            1 => one(Instruction::Select, 4, 0, &AID),
            2 => one(Instruction::Verify, 0, 1, pin().digits()),
            3 => self.personalise(),
            4 => one(Instruction::Verify, 0, 1, format!("{value:04}").as_bytes()),
            5 if self.keys.len() < 2 => self.generate_key(),
            6 => one(Instruction::OpenLoad, 0, 0, &key.0),
            7 => self.load_note(key, minor + 1, value),
            8 => self.load_payment(key, minor + 1, usize::from(which % 3) + 1, LAST),
            9 => self.load_payment(key, minor + 1, usize::from(which % 3) + 1, CLOSED),
            10 => self.load_again(which),
            11..=13 => {
                let data = [&node.0[..], &amount(minor).minor().to_be_bytes(), &answer.0].concat();
                one(Instruction::SignEndorsement, 0, 0, &data)
            }
            14 | 15 => one(Instruction::Confirm, 0, 0, &answer.0),
            16 => {
                let to = WORLD.account("aoba", "A-1", if which.is_multiple_of(2) { "one" } else { "other" });
                let purpose = match value % 4 {
                    0 => ClosingPurpose::Deposit(to),
                    1 => renewal(),
                    2 => ClosingPurpose::Refund(to),
                    _ => ClosingPurpose::BackupRefund(to),
                };
                one(Instruction::Close, 0, 0, &[&node.0[..], &encode(&purpose)].concat())
            }
            17 => {
                let other = self.which(value.to_be_bytes()[0]).map_or(node, |money| money.node);
                let leaves = if other == node { vec![node] } else { vec![node, other] };
                one(Instruction::HandIn, 0, 0, &encode(&(WORLD.account("aoba", "A-1", "takings"), leaves)))
            }
            18 => {
                let data = [&node.0[..0], &node.0[..16], &node.0[..]][usize::from(value % 3)];
                one(Instruction::GetStatus, which % 13, 0, data)
            }
            19 => one(Instruction::GetResponse, 0, 0, &[]),
            20 => one(Instruction::Contact, 0, 0, &[]),
            21 => self.orders(which, value),
            22 => {
                let data = [&[4][..], pin().digits(), pin().digits()].concat();
                one(Instruction::ChangePin, 0, 1, &data)
            }
            23 => {
                let guess = format!("{value:08}");
                let secret = if which.is_multiple_of(2) { puk().digits().to_vec() } else { guess.into_bytes() };
                one(Instruction::Unblock, 0, 1, &[&[8][..], &secret, pin().digits()].concat())
            }
            24 => one(Instruction::Export, 2, 0, &[]),
            25 if value == 0x5a5a => one(Instruction::Export, 1, 0, &[]),
            26 => one(Instruction::Export, 0, 0, &[&node.0[..], &encode(&WORLD.account("aoba", "A-1", "b"))].concat()),
            27 => {
                let challenge = challenge_to(&WORLD, key, minor + 1, &format!("{value}"));
                one(Instruction::SignChallenge, 0, 0, &encode(&challenge))
            }
            28 => one(Instruction::GetPublicKey, 0, which, &[]),
            IMPORT => self.import(which),
            30 => self.contact(which),
            // header and data as they come
            _ => vec![[&[0x80 | which & 0x1f, what, high(value), low(value)][..], &answer.0].concat()],
        }
    }

    fn which(&self, which: u8) -> Option<&Money> {
        self.money.get(usize::from(which).checked_rem(self.money.len())?)
    }

    /// The card is pulled, or loses power while it writes.
    fn trouble(&mut self, which: u8, value: u16) -> Vec<Vec<u8>> {
        if which.is_multiple_of(3) {
            self.insert_again();
        } else {
            let cut = if which.is_multiple_of(2) { Cut::BeforeCommit } else { Cut::AfterCommit };
            self.memory.cut(u64::from(value % 3), cut);
        }
        Vec::new()
    }

    fn insert_again(&mut self) {
        self.insertions += 1;
        self.memory.power_on();
        self.applet = insert(&self.memory, self.insertions);
        (self.chained, self.pending) = (None, None);
        self.model.forget_session();
    }

    fn personalise(&mut self) -> Vec<Vec<u8>> {
        let field = |secret: &[u8]| [&[u8::try_from(secret.len()).expect("a PIN is short")][..], secret].concat();
        let data = [field(transport_pin().digits()), field(puk().digits()), encode(&identity(WORLD.roots))].concat();
        let change = [field(transport_pin().digits()), pin().digits().to_vec()].concat();
        vec![apdu(Instruction::Personalise, 0, 0, &data), apdu(Instruction::ChangePin, 0, 1, &change)]
    }

    /// Makes a key and remembers it, if the card does.
    fn generate_key(&mut self) -> Vec<Vec<u8>> {
        let key = self.asked(&apdu(Instruction::GenerateKey, 0, 0, &[]));
        self.keys.extend(key.and_then(|key| PublicKey::from_slice(&key)));
        Vec::new()
    }

    /// The reply to a command, if it was carried out.
    fn asked(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        self.reply.clear();
        let before = self.done;
        self.send(command);
        (self.done > before).then(|| self.reply.clone())
    }

    /// A note into a slot that the card opened, or with a leave that is not right.
    fn load_note(&mut self, key: PublicKey, face: u64, value: u16) -> Vec<Vec<u8>> {
        let Some(slot) = self.slot(&key) else { return Vec::new() };
        let chain = note_to(&WORLD, key, face, &format!("note {}", self.money.len()));
        let mut leave = ticket(&WORLD, &chain, slot);
        match value % 8 {
            5 => leave.record.nonce = nonce("no slot of this card"),
            6 => leave = Signed::sign(WORLD.network(), leave.record, &WORLD.authority),
            7 => leave.record.note = sha256(&[b"another note"]),
            // it is in the world whether or not the card gets it
            _ => self.sent(&chain, key, face),
        }
        let begin = apdu(Instruction::Load, 0, 1, &encode(&(&chain.note, &chain.holder)));
        vec![begin, apdu(Instruction::Load, 2, 0, &encode(&leave))]
    }

    fn slot(&mut self, key: &PublicKey) -> Option<Nonce> {
        let nonce = self.asked(&apdu(Instruction::OpenLoad, 0, 0, &key.0))?;
        <[u8; 16]>::try_from(&nonce[..]).ok().map(Nonce::from)
    }

    fn sent(&mut self, chain: &Chain, key: PublicKey, value: u64) {
        let node = WORLD.leaf(chain);
        self.model.known.insert(node, Known { key, value: amount(value) });
        self.money.push(Money { chain: chain.clone(), node });
    }

    /// Somebody else's money, in answer to a challenge of the card's.
    fn load_payment(&mut self, key: PublicKey, value: u64, links: usize, end: u8) -> Vec<Vec<u8>> {
        if !self.keys.contains(&key) {
            return Vec::new();
        }
        let name = format!("payment {}", self.money.len());
        let challenge = challenge_to(&WORLD, key, value, &name);
        let chain = paid(&WORLD, &challenge, links, &name);
        self.sent(&chain, key, value);
        let mut commands = vec![apdu(Instruction::SignChallenge, 0, 0, &encode(&challenge))];
        commands.extend(load(&chain, end));
        commands
    }

    /// A moved card arrives, or a part of it. Altered under the digest that was announced, none of it counts.
    fn import(&mut self, which: u8) -> Vec<Vec<u8>> {
        let Moved { commands, chain, node, known } = &*MOVED;
        if self.model.known.insert(*node, *known).is_none() {
            self.money.push(Money { chain: chain.clone(), node: *node });
        }
        let first = usize::from(which >= 0xe0);
        commands.iter().skip(first).cloned().collect()
    }

    fn load_again(&mut self, which: u8) -> Vec<Vec<u8>> {
        self.which(which).map_or_else(Vec::new, |money| load(&money.chain, [LAST, CLOSED][usize::from(which / 128)]))
    }

    /// Orders of the card's operator, true and false.
    fn orders(&mut self, which: u8, value: u16) -> Vec<Vec<u8>> {
        let number = u64::from(value % 16);
        let limits = CardRules {
            payment_max: Some(amount(u64::from(value))),
            total_max: Amount::from_minor(u64::from(value) * 4),
            ..rules(number)
        };
        let named = self.keys.first().map(key_digest).into_iter().collect::<Vec<_>>();
        let (time, token) = (START.plus(DAY), nonce("token"));
        let ticket = ContactTicket { card: token, nonce: token, token, time, rules: Vec::new(), frozen: false };
        let (instruction, p1, data) = match which % 5 {
            0 => (Instruction::SetLimits, 0, encode(&signed(limits))),
            1 => (Instruction::SetLimits, 0, encode(&Signed::sign(WORLD.network(), limits, &WORLD.authority))),
            2 => (Instruction::SetLimits, 1, encode(&signed(RevocationFilter::of(number, time, &named)))),
            3 => (Instruction::SetLimits, 2, encode(&signed(Clearance { filter: number, keys: named }))),
            _ => (Instruction::Contact, 1, encode(&signed(ticket))),
        };
        vec![apdu(instruction, p1, 0, &data)]
    }

    /// A contact with the card's operator, who seldom says that it is frozen, and may ask for rules first.
    fn contact(&mut self, which: u8) -> Vec<Vec<u8>> {
        let Some(shown) = self.asked(&apdu(Instruction::Contact, 0, 0, &[])) else { return Vec::new() };
        let [card, _, drawn] = shown.as_chunks().0 else { panic!("number, token, nonce") };
        let ticket = ContactTicket {
            card: Nonce::from(*card),
            nonce: Nonce::from(*drawn),
            token: nonce(&format!("token {}", self.done)),
            time: START.plus(u64::from(which) * DAY / 4),
            rules: if which.is_multiple_of(16) { newest(u64::from(which / 16)) } else { Vec::new() },
            frozen: which == u8::MAX,
        };
        vec![apdu(Instruction::Contact, 1, 0, &encode(&signed(ticket)))]
    }

    /// Sends a command as it is, or in short parts if it can be read.
    fn deliver(&mut self, command: &[u8], short: bool) {
        let parsed = Apdu::parse(command).ok().filter(|it| short && it.class == Class::Zeni && !it.data.is_empty());
        let Some(whole) = parsed else { return self.send(command) };
        let parts = whole.data.chunks(SHORT_DATA_MAX).count();
        for (place, data) in whole.data.chunks(SHORT_DATA_MAX).enumerate() {
            let part = if place + 1 < parts { Part::More } else { whole.part };
            self.send(&Apdu { part, data, expected: SHORT_REPLY_MAX, ..whole }.to_bytes());
        }
        while self.pending.is_some() {
            self.send(&apdu(Instruction::GetResponse, 0, 0, &[]));
        }
    }

    /// One exchange.
    fn send(&mut self, command: &[u8]) {
        let reply = self.applet.process(command).to_vec();
        let (data, word) = reply.split_last_chunk::<2>().expect("every reply has its status word");
        let sent = self.completed(command);
        if self.memory.is_off() {
            self.insert_again();
            let nothing = Sent { instruction: None, p1: 0, p2: 0, data: Vec::new() };
            let sent = sent.unwrap_or(nothing);
            return self.model.heard(&sent, Outcome::Unknown, &[]);
        }
        let Some(sent) = sent else {
            // a part of a command, if the card took it
            self.chained = self.chained.take().filter(|_| *word == [0x90, 0x00]);
            return;
        };
        let (sent, so_far) = match self.pending.take() {
            Some((before, so_far)) if sent.instruction == Some(Instruction::GetResponse) => (before, so_far),
            _ => (sent, Vec::new()),
        };
        let reply = [&so_far[..], data].concat();
        match word {
            [0x61, _] => {
                self.pending = Some((sent, reply));
                self.model.settled();
            }
            [0x90, 0x00] => {
                self.done += 1;
                self.model.heard(&sent, Outcome::Done, &reply);
                self.reply = reply;
            }
            // what a reply was cut off of was carried out
            _ if !so_far.is_empty() => self.model.settled(),
            _ => self.model.heard(&sent, Outcome::Refused, &[]),
        }
    }

    /// The command that these bytes complete, if they do.
    fn completed(&mut self, bytes: &[u8]) -> Option<Sent> {
        let open = self.chained.take();
        let unread = Sent { instruction: None, p1: 0, p2: 0, data: Vec::new() };
        let Ok(apdu) = Apdu::parse(bytes) else { return Some(unread) };
        let Ok(instruction) = Instruction::find(apdu.class, apdu.instruction) else { return Some(unread) };
        let fits = |it: &Sent| (it.instruction, it.p1, it.p2) == (Some(instruction), apdu.p1, apdu.p2);
        let mut data = open.filter(fits).map_or_else(Vec::new, |open| open.data);
        data.extend_from_slice(apdu.data);
        let sent = Sent { instruction: Some(instruction), p1: apdu.p1, p2: apdu.p2, data };
        if apdu.part == Part::Last || apdu.class == Class::Interindustry {
            return Some(sent);
        }
        self.chained = Some(sent);
        None
    }
}

/// The step of LOAD that ends a payment, and the one that brings it in closed.
const LAST: u8 = 3;
const CLOSED: u8 = 4;

/// The commands that load a payment.
fn load(chain: &Chain, end: u8) -> Vec<Vec<u8>> {
    let begin = apdu(Instruction::Load, 0, 0, &encode(&(&chain.note, &chain.holder)));
    let links = chain.hops.iter().map(|hop| apdu(Instruction::Load, 1, 0, &encode(hop)));
    [begin].into_iter().chain(links).chain([apdu(Instruction::Load, end, 0, &[])]).collect()
}

fn high(value: u16) -> u8 {
    value.to_be_bytes()[0]
}

fn low(value: u16) -> u8 {
    value.to_be_bytes()[1]
}
