//! What scripts name: bytes of replies, and records that others sign.

mod images;

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Signed, Time, Wire, decode, encode};
use zeni_money::Currency;
use zeni_note::{
    Chain, Challenge, ClosingPurpose, Hop, Licence, LicenceRequest, Nonce, Note, Right,
    closing::ToAccount,
    licence::key_digest,
    operator::{CardRules, Clearance, ContactTicket, RevocationFilter},
    request::{Possession, RequestClaim},
    sealed::{Ordered, WithdrawalOrder},
    testing::{DAY, START, World, amount, jpy, key, newest, nonce},
};

use crate::{
    KeyPolicy,
    element::testing::{
        identity,
        money::{challenge_to, note_to, paid, ticket},
        operator,
    },
};

/// Names and what they stand for.
pub(super) struct Values {
    world: World,
    named: BTreeMap<String, Vec<u8>>,
}

/// Arguments of a function, in order.
struct Arguments<'a> {
    values: &'a Values,
    words: Vec<&'a str>,
    at: usize,
}

impl Values {
    pub(super) fn new() -> Values {
        Values { world: World::new("scripts"), named: BTreeMap::new() }
    }

    pub(super) fn set(&mut self, name: &str, value: &[u8]) {
        self.named.insert(name.into(), value.to_vec());
    }

    /// Hexadecimal digits, names, and text in quotes, one after the other.
    pub(super) fn bytes(&self, text: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        for token in text.split_whitespace() {
            if let Some(quoted) = token.strip_prefix('\'') {
                bytes.extend_from_slice(quoted.strip_suffix('\'').ok_or("a quote is missing")?.as_bytes());
            } else if token.starts_with('$') {
                bytes.extend_from_slice(self.named.get(token).ok_or_else(|| format!("{token} was not named"))?);
            } else {
                for pair in token.as_bytes().chunks(2) {
                    let pair = core::str::from_utf8(pair).map_err(|_| "not hexadecimal")?;
                    let byte = u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2);
                    bytes.push(byte.ok_or_else(|| format!("{token} is not hexadecimal"))?);
                }
            }
        }
        Ok(bytes)
    }

    /// Names what a function of the world makes.
    pub(super) fn define(&mut self, name: &str, call: &str) -> Result<(), String> {
        let (function, rest) = call.split_once('(').ok_or("a function has brackets")?;
        let arguments = rest.strip_suffix(')').ok_or("a function has brackets")?;
        let words = arguments.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let mut arguments = Arguments { values: self, words, at: 0 };
        let value = self.call(function, &mut arguments)?;
        if arguments.at != arguments.words.len() {
            return Err(format!("{function} takes {} arguments", arguments.at));
        }
        self.set(name, &value);
        Ok(())
    }

    fn call(&self, function: &str, of: &mut Arguments<'_>) -> Result<Vec<u8>, String> {
        let world = &self.world;
        Ok(match function {
            // what its issuer tells a blank card
            "identity" => {
                let mut identity = identity(world.roots);
                identity.keys = if of.text()? == "leave" { KeyPolicy::Leave } else { KeyPolicy::Stay };
                identity.currency = Currency::from_code(of.text()?);
                encode(&identity)
            }
            // what the issuer, and the authority, signed for a key: data of LOAD begin
            "note" => {
                let chain = note_to(world, of.key()?, of.number()?, of.text()?);
                encode(&(&chain.note, &chain.holder))
            }
            // the same with another face under the same signature
            "raised" => {
                let mut chain = note_of(&of.bytes()?)?;
                chain.note.record.face = amount(of.number()?);
                encode(&(&chain.note, &chain.holder))
            }
            // the same with the right of another note's first holder
            "crossed" => {
                let (mine, other) = (note_of(&of.bytes()?)?, note_of(&of.bytes()?)?);
                encode(&(&mine.note, &other.holder))
            }
            // the same with no licence, one that somebody else signed, one that ended before the world began
            "unlicensed" => {
                let chain = note_of(&of.bytes()?)?;
                encode(&(&chain.note, Right::Unlicensed(chain.holder.key())))
            }
            "false_licence" => {
                let chain = note_of(&of.bytes()?)?;
                let licence = world.licence(chain.holder.key()).record;
                encode(&(&chain.note, Right::from(Signed::sign(world.network(), licence, &operator()))))
            }
            "ended_licence" => {
                let chain = note_of(&of.bytes()?)?;
                let licence = Licence { until: START, ..world.licence(chain.holder.key()).record };
                encode(&(&chain.note, Right::from(Signed::sign(world.network(), licence, &world.authority))))
            }
            "dollars" => {
                let chain = note_to(world, of.key()?, of.number()?, of.text()?);
                let record = Note { currency: Currency::from_code("USD").ok_or("a currency")?, ..chain.note.record };
                encode(&(&Signed::sign(world.network(), record, &world.issuer), &chain.holder))
            }
            "node" => match of.bytes()? {
                bytes if decode::<Chain>(&bytes, bytes.len()).is_ok() => world.leaf(&of_bytes(&bytes)?).0.to_vec(),
                bytes => note_of(&bytes)?.note.identity(world.network()).0.to_vec(),
            },
            "ticket" => encode(&ticket(world, &note_of(&of.bytes()?)?, of.nonce()?)),
            // what a payee asks: data of SIGN CHALLENGE
            "challenge" => encode(&challenge_to(world, of.key()?, of.number()?, of.text()?)),
            "answer" => of_bytes::<Challenge>(&of.bytes()?)?.answer(world.network()).0.to_vec(),
            // somebody else's answer to it, over some holders before him
            "paid" => {
                let challenge: Challenge = of_bytes(&of.bytes()?)?;
                let links = usize::try_from(of.number()?).unwrap_or(1);
                encode(&paid(world, &challenge, links, of.text()?))
            }
            "begin" => {
                let chain: Chain = of_bytes(&of.bytes()?)?;
                encode(&(&chain.note, &chain.holder))
            }
            "link" => {
                let chain: Chain = of_bytes(&of.bytes()?)?;
                let at = usize::try_from(of.number()?).unwrap_or(usize::MAX);
                encode(chain.hops.get(at).ok_or("the chain is not as long")?)
            }
            // the same over another amount, under the same signature
            "amount" => {
                let hop: Hop = of_bytes(&of.bytes()?)?;
                encode(&Hop { amount: amount(of.number()?), ..hop })
            }
            "account" => encode(&self.account(of.text()?)),
            "deposit" => encode(&ClosingPurpose::Deposit(self.account(of.text()?))),
            "refund" => encode(&ClosingPurpose::Refund(self.account(of.text()?))),
            "refund_of_backup" => encode(&ClosingPurpose::BackupRefund(self.account(of.text()?))),
            "hand_in" => {
                let to = self.account(of.text()?);
                let mut leaves = Vec::new();
                while of.at < of.words.len() {
                    leaves.push(of.digest()?);
                }
                encode(&(&to, &leaves))
            }
            _ => self.order(function, of)?,
        })
    }

    /// Statements, what the operator signs, and images.
    fn order(&self, function: &str, of: &mut Arguments<'_>) -> Result<Vec<u8>, String> {
        let network = self.world.network();
        let digest = Digest([7; 32]);
        Ok(match function {
            "licence_request" => encode(&LicenceRequest { key: of.key()?, person: digest, epoch: 1, key_list: digest }),
            "possession" => encode(&Possession { content: digest, nonce: [8; 32].into() }),
            "request_claim" => {
                let (bank, account) = ("aoba".to_string(), digest);
                encode(&RequestClaim { request: digest, bank, account, id: nonce("id") })
            }
            "withdrawal_order" => {
                let of = Ordered { series: 1, epoch: 1, currency: jpy(), face: amount(500), request: digest };
                let (bank, account) = ("aoba".to_string(), "A-1001".to_string());
                encode(&WithdrawalOrder { bank, account, order: nonce("order"), time: START, of })
            }
            "rules" => {
                let (number, most) = (of.number()?, amount(of.number()?));
                let rules = CardRules { payment_max: Some(most), ..zeni_note::testing::rules(number) };
                encode(&Signed::sign(network, rules, &operator()))
            }
            // one limit of another kind
            "day_rules" | "payments_rules" | "total_rules" | "ended_rules" => {
                let rules = zeni_note::testing::rules(of.number()?);
                let rules = match function {
                    "day_rules" => CardRules { day_max: Some(amount(of.number()?)), ..rules },
                    "total_rules" => CardRules { total_max: Some(amount(of.number()?)), ..rules },
                    "payments_rules" => CardRules { payments_max: u32::try_from(of.number()?).ok(), ..rules },
                    _ => CardRules { until: Some(START), ..rules },
                };
                encode(&Signed::sign(network, rules, &operator()))
            }
            // names one key, and hardly another
            "filter" => {
                let (number, key) = (of.number()?, of.key()?);
                let filter = RevocationFilter::of(number, Time(START.0 + DAY), &[key_digest(&key)]);
                encode(&Signed::sign(network, filter, &operator()))
            }
            "clearance" => {
                let clearance = Clearance { filter: of.number()?, keys: Vec::from([key_digest(&of.key()?)]) };
                encode(&Signed::sign(network, clearance, &operator()))
            }
            "contact_ticket" => {
                let (card, answered, token, rules) = (of.nonce()?, of.nonce()?, of.nonce()?, of.number()?);
                let ticket = ContactTicket {
                    card,
                    nonce: answered,
                    token,
                    time: Time(START.0 + DAY),
                    rules: if rules == 0 { Vec::new() } else { newest(rules) },
                    frozen: of.text()? == "frozen",
                };
                encode(&Signed::sign(network, ticket, &operator()))
            }
            "key" => key(of.text()?).public().0.to_vec(),
            // what a host makes of the images of an export
            "backup" => {
                let mut parts = Vec::new();
                while of.at < of.words.len() {
                    parts.push(of.bytes()?);
                }
                images::digest(&parts)?.0.to_vec()
            }
            "elsewhere" => images::of_another_network(of.bytes()?)?,
            "spoilt" => images::with_a_spoilt_record(of.bytes()?)?,
            _ => return Err(format!("{function} is no function of scripts")),
        })
    }

    fn account(&self, deposit: &str) -> ToAccount {
        self.world.account("aoba", "A-1001", deposit)
    }
}

impl Arguments<'_> {
    fn word(&mut self) -> Result<&str, String> {
        let word = self.words.get(self.at).ok_or("an argument is missing")?;
        self.at += 1;
        Ok(word)
    }

    fn text(&mut self) -> Result<&str, String> {
        Ok(self.word()?.trim_matches('\''))
    }

    fn number(&mut self) -> Result<u64, String> {
        self.word()?.parse().map_err(|_| "a number is missing".into())
    }

    fn bytes(&mut self) -> Result<Vec<u8>, String> {
        let values = self.values;
        values.bytes(self.word()?)
    }

    fn digest(&mut self) -> Result<Digest, String> {
        Digest::from_slice(&self.bytes()?).ok_or_else(|| "32 bytes are missing".into())
    }

    fn key(&mut self) -> Result<PublicKey, String> {
        self.digest().map(|bytes| PublicKey(bytes.0))
    }

    fn nonce(&mut self) -> Result<Nonce, String> {
        <[u8; 16]>::try_from(&self.bytes()?[..]).map(Nonce::from).map_err(|_| "16 bytes are missing".into())
    }
}

fn of_bytes<T: Wire>(bytes: &[u8]) -> Result<T, String> {
    decode(bytes, bytes.len()).map_err(|fault| fault.to_string())
}

/// The chain of a note in the form of LOAD begin.
fn note_of(bytes: &[u8]) -> Result<Chain, String> {
    let (note, holder): (Signed<Note>, Right) = of_bytes(bytes)?;
    Ok(Chain { note, holder, hops: Vec::new() })
}
