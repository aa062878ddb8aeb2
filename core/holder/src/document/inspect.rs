//! What anyone can check about a document.

use serde::Serialize;
use zeni_crypto::PublicKey;
use zeni_message::{Record, Signed, Time};
use zeni_money::{Amount, Money};
use zeni_note::{
    Challenge, KeyList, Licence, OverspendingProof, Payment, Right,
    chain::{ChainFault, Endorsement},
    keylist::Roots,
    sealed::{Identified, IssuanceOrder, IssuerMadeKeys, Ordered, WithdrawalOrder},
};

use super::Document;

/// One thing that was looked at in a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Whether it holds; absent where it is a plain fact.
    pub holds: Option<bool>,
    /// The fact, or why it does not hold; of a time, its seconds since 1970.
    pub detail: String,
    /// The time that the fact is; not for programs, which read [`detail`](Finding::detail).
    #[serde(skip)]
    pub time: Option<Time>,
}

impl Finding {
    /// A fact, or what was checked and whether it holds.
    pub fn new(what: &str, holds: Option<bool>, detail: impl ToString) -> Finding {
        Finding { what: what.into(), holds, detail: detail.to_string(), time: None }
    }

    /// The detail for people: a time is a date.
    pub fn told(&self) -> String {
        self.time.map_or_else(|| self.detail.clone(), |time| time.to_string())
    }
}

/// What a document is and what holds of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Kind, as the armour's label in lower case.
    pub kind: String,
    /// Findings in order.
    pub findings: Vec<Finding>,
}

impl Inspection {
    /// Whether nothing that was checked fails.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds != Some(false))
    }
}

impl Document {
    /// Checks all that can be checked with the keys of a network, the key lists at hand and a time. `signer` is the key by which a
    /// document has to be signed that no root vouches for: the account key of a withdrawal order, the bank's of its documents.
    pub fn inspect(&self, roots: &Roots, lists: &[KeyList], now: Time, signer: Option<&PublicKey>) -> Inspection {
        let mut findings = Findings::default();
        match self {
            Document::Challenge(it) => challenge(it, roots, now, &mut findings),
            Document::Payment(it) => payment(it, roots, lists, &mut findings),
            Document::Note(it) => {
                let note = &it.record;
                findings.fact("face value", Money::new(note.face, note.currency));
                findings.fact("serial", zeni_crypto::hex(&note.serial[..]));
                findings.fact("series", format!("{} of epoch {}", note.series, note.epoch));
                findings.fact("issued", if note.way.is_sealed() { "under seal" } else { "to a licensed key" });
                findings.fact("identity", it.identity(roots.network));
                findings.check("signed by the issuer", it.verify(roots.network, &roots.issuer));
            }
            Document::Licence(it) => licence(it, roots, now, &mut findings),
            Document::NameCertificate(it) => {
                findings.fact("name", &it.record.name);
                findings.fact("key", it.record.key);
                findings.check("signed by the authority", it.verify(roots.network, &roots.authority));
            }
            Document::Revocations(it) => {
                findings.fact("number", it.record.number);
                findings.fact("revoked keys", it.record.revoked.len());
                findings.check("signed by the authority", it.verify(roots.network, &roots.authority));
            }
            Document::KeyList(it) => {
                findings.fact("epoch", it.record.epoch);
                findings.fact("keys", it.record.entries.len());
                findings.fact("identity", it.record.identity(roots.network));
                findings.check("signed by issuer and authority, and consistent", it.check(roots));
            }
            Document::TwoKeyLists(it) => {
                findings.fact("epoch", it.one.record.epoch);
                let proof = if it.holds(roots) { Ok(()) } else { Err("they are not two signed lists of one epoch") };
                findings.check("proves that two lists were signed", proof);
            }
            Document::OverspendingProof(it) => {
                overspending(&it.record, roots, &mut findings);
                findings.check("exported by the issuer", it.verify(roots.network, &roots.issuer));
            }
            Document::HandIn(it) => {
                findings.fact("bank", &it.record.to.bank);
                findings.fact("holdings", it.record.count);
                findings.fact("root", it.record.root);
            }
            Document::EncryptedBackup(bytes) => findings.fact("bytes", bytes.len()),
            Document::WithdrawalOrder(it) => withdrawal_order(it, roots, signer, &mut findings),
            Document::IssuanceOrder(it) => issuance_order(it, roots, lists, signer, &mut findings),
            Document::Identified(it) => identified(it, roots, lists, signer, &mut findings),
        }
        Inspection { kind: self.label().to_lowercase(), findings: findings.0 }
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn fact(&mut self, what: &str, detail: impl ToString) {
        self.0.push(Finding::new(what, None, detail));
    }

    fn time(&mut self, what: &str, time: Time) {
        self.0.push(Finding { time: Some(time), ..Finding::new(what, None, time.0) });
    }

    fn check<T, E: ToString>(&mut self, what: &str, outcome: Result<T, E>) {
        let (holds, detail) = match outcome {
            Ok(_) => (true, String::new()),
            Err(fault) => (false, fault.to_string()),
        };
        self.0.push(Finding::new(what, Some(holds), detail));
    }
}

fn licence(it: &Signed<Licence>, roots: &Roots, now: Time, findings: &mut Findings) {
    findings.fact("key", it.record.key);
    findings.time("until", it.record.until);
    let checked = zeni_note::licence::check_licence(it, &it.record.key, roots.network, &roots.authority, now);
    findings.check("signed by the authority and not ended", checked);
}

fn challenge(it: &Signed<Challenge>, roots: &Roots, now: Time, findings: &mut Findings) {
    let challenge = &it.record;
    findings.fact("amount", Money::new(challenge.total, challenge.currency));
    findings.fact("memo", &challenge.memo);
    findings.fact("payee's key", challenge.payee);
    findings.fact("fingerprint", crate::fingerprint(&challenge.payee));
    findings.time("sign until", challenge.sign_until);
    findings.fact("answer e", challenge.answer(roots.network));
    findings.check("signed by the payee's key", it.verify(roots.network, &challenge.payee));
    let (key, network) = (&challenge.payee, roots.network);
    match &challenge.right {
        Right::Licensed(licence) => {
            let licence = zeni_note::licence::check_licence(licence, key, network, &roots.authority, now);
            findings.check("payee licensed", licence);
        }
        Right::Unlicensed(holder) => {
            let same = if holder == key { Ok(()) } else { Err("it names another key as holder") };
            findings.check("terminal payee: has no licence and can only deposit", same);
        }
    }
    match &challenge.certificate {
        None => findings.fact("name", format!("{} (unverified)", challenge.name)),
        Some(certificate) => {
            let fits = certificate.record.key == challenge.payee && certificate.record.name == challenge.name;
            let genuine = certificate.verify(roots.network, &roots.authority).map(|_| ());
            let outcome = if fits { genuine.map_err(|it| it.to_string()) } else { Err("it is for another".into()) };
            findings.fact("name", &challenge.name);
            findings.check("name certified", outcome);
        }
    }
}

fn ordered(of: &Ordered, findings: &mut Findings) {
    findings.fact("face value", Money::new(of.face, of.currency));
    findings.fact("series", format!("{} of epoch {}", of.series, of.epoch));
    findings.fact("sealed request", of.request);
}

fn withdrawal_order(it: &Signed<WithdrawalOrder>, roots: &Roots, signer: Option<&PublicKey>, findings: &mut Findings) {
    findings.fact("bank", &it.record.bank);
    findings.fact("account", &it.record.account);
    findings.fact("order", zeni_crypto::hex(&it.record.order[..]));
    findings.time("signed at", it.record.time);
    ordered(&it.record.of, findings);
    match signer {
        Some(key) => findings.check("signed by the account key", it.verify(roots.network, key)),
        None => findings.fact("signature", "not checked: give the account key"),
    }
}

fn issuance_order(
    it: &Signed<IssuanceOrder>,
    roots: &Roots,
    lists: &[KeyList],
    signer: Option<&PublicKey>,
    findings: &mut Findings,
) {
    let (bank, of) = (&it.record.bank, &it.record.of);
    findings.fact("bank", bank);
    ordered(of, findings);
    by_bank(it, roots, bank_key(lists, bank, of).or(signer), findings);
}

/// The bank's document key, as the key list of the epoch names it.
fn bank_key<'a>(lists: &'a [KeyList], bank: &str, of: &Ordered) -> Option<&'a PublicKey> {
    let list = lists.iter().find(|list| list.record.epoch == of.epoch)?;
    Some(&list.record.sealed_entry(bank, of.series)?.key)
}

fn by_bank<T: Record>(it: &Signed<T>, roots: &Roots, key: Option<&PublicKey>, findings: &mut Findings) {
    match key {
        Some(key) => findings.check("signed by the bank", it.verify(roots.network, key)),
        None => findings.fact("signature", "not checked: the bank's key is not at hand"),
    }
}

fn identified(
    it: &Signed<Identified>,
    roots: &Roots,
    lists: &[KeyList],
    signer: Option<&PublicKey>,
    findings: &mut Findings,
) {
    let Identified { proof, order, account_key, .. } = &it.record;
    findings.fact("bank", &order.record.bank);
    findings.fact("account", &order.record.account);
    findings.fact("account key", account_key);
    overspending(proof, roots, findings);
    let known = |epoch| lists.iter().map(|list| &list.record).find(|list| list.epoch == epoch);
    if known(order.record.of.epoch).is_some() {
        let led = it.record.verify(roots, known, IssuerMadeKeys::Refused);
        findings.check("the proof leads to the request that the customer's signed order names", led);
    } else {
        findings.check("the order is signed by the account key", order.verify(roots.network, account_key));
        findings.fact("request", "not checked: no key list of the epoch at hand");
    }
    by_bank(it, roots, bank_key(lists, &order.record.bank, &order.record.of).or(signer), findings);
}

fn payment(it: &Payment, roots: &Roots, lists: &[KeyList], findings: &mut Findings) {
    let same = if it.network == roots.network { Ok(()) } else { Err("it is of another network") };
    findings.check("of this network", same);
    findings.fact("answers", it.answer);
    let total = Amount::sum(it.answers.iter().map(|answer| answer.amount));
    if let (Some(total), Some(first)) = (total, it.answers.first()) {
        findings.fact("amount", Money::new(total, first.chain.currency()));
    }
    for (place, answer) in it.answers.iter().enumerate() {
        let what = format!("holding {place}: {} endorsements, chain well formed", answer.chain.hops.len());
        let checked = match answer.chain.verify(roots, lists) {
            // what needs no key list is checked without one
            Err(ChainFault::UnknownTerms { series, epoch }) => {
                findings.fact(
                    &format!("holding {place}: terms"),
                    format!("series {series} of epoch {epoch}, no key list at hand"),
                );
                answer.chain.verify_form(roots)
            }
            verified => verified.map(|verified| verified.nodes().to_vec()),
        };
        let leaf = checked.as_ref().ok().and_then(|nodes| nodes.last()).cloned();
        findings.check(&what, checked);
        if let Some(leaf) = leaf {
            let endorsement = Endorsement { parent: leaf.identity, amount: answer.amount, answer: it.answer };
            let message = zeni_message::sig_structure(roots.network, &endorsement);
            let signed = leaf.holder.verify(&message, &answer.signature);
            findings.check(&format!("holding {place}: signed by the payer"), signed);
        }
    }
}

fn overspending(it: &OverspendingProof, roots: &Roots, findings: &mut Findings) {
    findings.fact("key", it.right.key());
    let way = if it.right.licence().is_some() { "licensed: the authority" } else { "under seal: the note's bank" };
    findings.fact("who can name its holder", way);
    findings.fact("signatures", it.children.len());
    let verdict = it.verify(roots);
    if let Ok(convicted) = &verdict {
        findings.fact("held", convicted.held());
        findings.fact("signed away", convicted.signed());
    }
    findings.check("proves that the key signed away more than it held", verdict);
}
