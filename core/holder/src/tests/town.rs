//! A town: an authority, a bank and an issuer that really sign, small enough to read, with books that must balance.

pub(crate) mod cards;
mod sealed;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use zeni_crypto::{Digest, blind, raw_rsa::BlindSigner};
use zeni_message::{
    Message, NoRefusal, Role, Signed, Time,
    route::{Clock, Ctx, Failure, Handle, Routes},
};
use zeni_note::{
    Chain, Closing, ClosingPurpose, KeyEntry, KeyList, Licence, LoadTicket, NameCertificate, Note,
    keylist::KeyListRecord,
    licence::{LicenceRequest, person_digest},
    messages::{authority::*, bank::*, issuer::*},
    request::Possession,
    testing::{DAY, EPOCH, SERIES, START, World, amount, jpy, nonce, terms},
};

pub(crate) use sealed::{Rogue, Series, bank_key, pair as sealing_pair};

pub(crate) const BANK: &str = "aoba";
pub(crate) const FACES: [u64; 3] = [100, 500, 1_000];
/// Money on each account at the start.
pub(crate) const OPENING: u64 = 20_000;

/// One key per face value for the whole test process: making them takes long.
fn signers() -> &'static [BlindSigner] {
    static SIGNERS: OnceLock<Vec<BlindSigner>> = OnceLock::new();
    SIGNERS.get_or_init(|| {
        let signer = |_| BlindSigner::from_pkcs8(blind::generate_key().unwrap().dangerous_pkcs8()).unwrap();
        FACES.iter().map(signer).collect()
    })
}

/// A key of no published list.
pub(crate) fn other_signer() -> &'static BlindSigner {
    static SIGNER: OnceLock<BlindSigner> = OnceLock::new();
    SIGNER.get_or_init(|| BlindSigner::from_pkcs8(blind::generate_key().unwrap().dangerous_pkcs8()).unwrap())
}

pub(crate) struct Hand(pub(crate) AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) balance: BTreeMap<String, u64>,
    orders: BTreeMap<[u8; 16], (Withdraw, BlindSignatures)>,
    redeemed: BTreeMap<Digest, Issued>,
    renewed: BTreeMap<Digest, Issued>,
    pub(crate) closed: BTreeSet<Digest>,
    deposits: BTreeMap<[u8; 16], DepositState>,
    /// Answers with which the issuer says that a signature was not counted yet.
    pub(crate) uncounted: u32,
    /// Redeem messages whose nonce the issuer no longer takes for its own, as after a restart.
    pub(crate) stale: u32,
    /// Why the issuer redeems nothing.
    pub(crate) no_redemption: Option<RedeemRefusal>,
    /// Face value of the notes that a false issuer signs instead of the right ones.
    pub(crate) false_face: Option<u64>,
    /// Whether the authority licenses nobody any more.
    pub(crate) suspended: bool,
    /// When licences end that are drawn from now on, if not as usual.
    pub(crate) licences_until: Option<Time>,
    /// The bank's clock where it is not the wallets'.
    pub(crate) bank_time: Option<Time>,
    /// Signatures that the bank spoils at first.
    pub(crate) spoiled: u32,
    /// Whether it spoils them for good.
    pub(crate) spoils_for_good: bool,
    /// What the authority shows instead of the key list.
    pub(crate) second_list: Option<KeyList>,
    /// Refusals of the next deposits and hand-ins, last first.
    pub(crate) refusals: Vec<DepositRefusal>,
    /// What the issuer answers about every item that is held.
    pub(crate) not_credited: Option<&'static str>,
    /// Why the issuer renews nothing.
    pub(crate) no_renewal: Option<RenewRefusal>,
    /// Whether the authority cannot be reached.
    pub(crate) authority_down: bool,
    claims: BTreeSet<Digest>,
    /// What the bank keeps of cards.
    pub(crate) cards: cards::Cards,
    /// What bank and issuer keep of orders under seal.
    pub(crate) sealed: sealed::Desk,
    number: u64,
    pub(crate) revoked: Vec<Digest>,
    /// Everything that was received: by whom, over which connection, what.
    pub(crate) seen: Vec<(Role, u64, &'static str, Vec<u8>)>,
}

pub(crate) struct Town {
    pub(crate) world: World,
    pub(crate) list: KeyList,
    pub(crate) clock: Arc<Hand>,
    books: Mutex<Books>,
    pub(super) connections: AtomicU64,
}

pub(crate) fn key_list(world: &World, moduli: &[[u8; 256]]) -> KeyList {
    key_list_with(world, moduli, Series::Registered)
}

fn key_list_with(world: &World, moduli: &[[u8; 256]], series: Series) -> KeyList {
    let entry = |(face, modulus): (&u64, &[u8; 256])| KeyEntry {
        bank: BANK.into(),
        series: SERIES,
        epoch: EPOCH,
        currency: jpy(),
        face: amount(*face),
        modulus: (*modulus).into(),
    };
    world.sign_key_list(KeyListRecord {
        epoch: EPOCH,
        previous: None,
        from: START,
        until: START.plus(400 * DAY),
        entries: FACES.iter().zip(moduli).map(entry).filter(|_| series.has_registered()).collect(),
        series: std::iter::once(terms()).chain(series.sealed_terms()).collect(),
        sealing: series.sealed_terms().map(|_| (*sealed::pair().public().as_bytes()).into()),
        sealed: series.sealed_terms().map(|_| sealed::entry()).into_iter().collect(),
    })
}

impl Town {
    pub(crate) fn new() -> Arc<Town> {
        Town::with(Series::Registered)
    }

    /// A town whose bank offers these series.
    pub(crate) fn with(series: Series) -> Arc<Town> {
        let world = World::new("town");
        let moduli: Vec<[u8; 256]> = signers().iter().map(|signer| *signer.public().modulus()).collect();
        let list = key_list_with(&world, &moduli, series);
        let clock = Arc::new(Hand(AtomicU64::new(START.plus(DAY).0)));
        Arc::new(Town { world, list, clock, books: Mutex::default(), connections: AtomicU64::new(0) })
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// The last deposit or refund that reached the bank.
    pub(crate) fn last_deposit(&self) -> Deposit {
        let books = self.books();
        let (.., body) = books.seen.iter().rfind(|(_, _, path, _)| *path == Deposit::PATH).unwrap();
        zeni_message::decode(body, usize::MAX).unwrap()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn at(&self, time: Time) {
        self.clock.0.store(time.0, Ordering::Relaxed);
    }

    fn sign_note(&self, books: &mut Books, licence: &Signed<Licence>, face: u64, slot: zeni_note::Nonce) -> Issued {
        books.number += 1;
        let network = self.world.network();
        let note = Note {
            serial: nonce(&format!("serial {}", books.number)),
            series: SERIES,
            epoch: EPOCH,
            currency: jpy(),
            face: amount(books.false_face.unwrap_or(face)),
            holder: licence.record.key,
            way: zeni_note::keylist::Way::Registered,
        };
        let note = Signed::sign(network, note, &self.world.issuer);
        let ticket = LoadTicket { note: note.identity(network), nonce: slot };
        Issued { ticket: Signed::sign(network, ticket, &self.world.issuer), note }
    }

    fn check_closing(
        &self,
        chain: &Chain,
        amount: zeni_money::Amount,
        purpose: &ClosingPurpose,
        signature: &zeni_crypto::Signature,
    ) -> Option<Digest> {
        let verified = chain.verify(&self.world.roots, &vec![self.list.clone()]).ok()?;
        let leaf = verified.leaf();
        let network = self.world.network();
        leaf.holder.verify(&purpose.message(network, leaf.identity, amount), signature).ok()?;
        (amount == leaf.value || purpose.is_refund()).then_some(leaf.identity)
    }

    fn take_deposit(
        &self,
        account: &str,
        id: [u8; 16],
        closed: Vec<(Digest, u64)>,
    ) -> Result<DepositState, DepositRefusal> {
        let mut books = self.books();
        if let Some(refusal) = books.refusals.pop() {
            return Err(refusal);
        }
        if let Some(state) = books.deposits.get(&id) {
            return Ok(state.clone());
        }
        for ((leaf, _), item) in closed.iter().zip(0..) {
            if books.closed.contains(leaf) {
                return Err(DepositRefusal::Repeated { item });
            }
        }
        for (leaf, value) in &closed {
            books.closed.insert(*leaf);
            *books.balance.entry(account.into()).or_default() += value;
        }
        let items = closed.iter().map(|(_, value)| ItemState::Held(amount(*value))).collect();
        let state = DepositState { currency: jpy(), items };
        books.deposits.insert(id, state.clone());
        Ok(state)
    }
}

macro_rules! serves {
    ($($message:ty, |$town:ident, $ctx:ident, $it:ident| $body:expr;)*) => {$(
        impl Handle<$message> for Town {
            async fn handle(&self, ctx: &Ctx, message: $message)
                -> Result<<$message as Message>::Reply, Failure<<$message as Message>::Refusal>> {
                let ($town, $ctx, $it) = (self, ctx, message);
                let _ = &$ctx;
                let answer: Result<<$message as Message>::Reply, <$message as Message>::Refusal> = $body;
                answer.map_err(Failure::from)
            }
        }
    )*};
}

fn licences(town: &Town, it: GetLicences) -> Result<Licences, GetLicencesRefusal> {
    let network = town.world.network();
    if it.secret.is_empty() || it.secret == "unknown" {
        return Err(GetLicencesRefusal::UnknownPerson);
    }
    if town.books().suspended {
        return Err(GetLicencesRefusal::Suspended);
    }
    for (request, item) in it.requests.iter().zip(0..) {
        if request.record.person != person_digest(&it.secret) {
            return Err(GetLicencesRefusal::OtherPerson { item });
        }
        request.verify(network, &request.record.key).map_err(|_| GetLicencesRefusal::NotPossessed { item })?;
    }
    let until = town.books().licences_until;
    let licence = |request: &Signed<LicenceRequest>| match until {
        None => town.world.licence(request.record.key),
        Some(until) => {
            let record = Licence { until, ..town.world.licence(request.record.key).record };
            Signed::sign(network, record, &town.world.authority)
        }
    };
    let licences = it.requests.iter().map(licence).collect();
    let name = it.secret.to_uppercase();
    let certificate = it.certify_name.then(|| {
        let record =
            NameCertificate { name: name.clone(), key: it.requests[0].record.key, until: START.plus(400 * DAY) };
        Signed::sign(network, record, &town.world.authority)
    });
    Ok(Licences { name, licences, certificate })
}

fn withdraw(town: &Town, account: &str, it: Withdraw) -> Result<BlindSignatures, WithdrawRefusal> {
    let mut books = town.books();
    if let Some((order, reply)) = books.orders.get(&*it.order) {
        return if *order == it { Ok(reply.clone()) } else { Err(WithdrawRefusal::OtherOrder) };
    }
    let (mut total, mut signatures) = (0, Vec::new());
    for (blinded, item) in it.items.iter().zip(0..) {
        let entries = &town.list.record.entries;
        let place = entries.iter().position(|entry| entry.digest() == blinded.entry);
        let place = place.ok_or(WithdrawRefusal::UnknownKey { item })?;
        total += FACES[place];
        signatures.push(signers()[place].sign_blinded(&blinded.blinded).unwrap().into());
    }
    let available = books.balance.get(account).copied().unwrap_or(0);
    if available < total {
        return Err(WithdrawRefusal::InsufficientFunds { available });
    }
    books.balance.insert(account.into(), available - total);
    let reply = BlindSignatures { signatures };
    books.orders.insert(*it.order, (it, reply.clone()));
    let mut spoiled = reply;
    for signature in spoiled.signatures.iter_mut().take(books.spoiled as usize) {
        signature[100] ^= 1;
    }
    Ok(spoiled)
}

fn redeem(town: &Town, it: Redeem) -> Result<Issued, RedeemRefusal> {
    let network = town.world.network();
    let mut books = town.books();
    if books.stale > 0 {
        books.stale -= 1;
        return Err(RedeemRefusal::StaleNonce);
    }
    if let Some(refusal) = &books.no_redemption {
        return Err(refusal.clone());
    }
    let entries = &town.list.record.entries;
    let place = entries.iter().position(|entry| entry.digest() == it.request.entry).ok_or(RedeemRefusal::UnknownKey)?;
    if it.licence.record.key != it.request.key {
        return Err(RedeemRefusal::OtherKey);
    }
    let signature = blind::BlindSignature { randomizer: *it.request.randomizer, signature: *it.request.signature };
    signers()[place].public().verify(&it.request.message(), &signature).map_err(|_| RedeemRefusal::BadRequest)?;
    it.licence.verify(network, &town.world.authority.public()).map_err(|_| RedeemRefusal::BadLicence)?;
    let possession = Possession { content: it.request.content_id(), nonce: it.nonce };
    Signed { record: possession, signature: it.possession }
        .verify(network, &it.request.key)
        .map_err(|_| RedeemRefusal::NotPossessed)?;
    if let Some(issued) = books.redeemed.get(&it.request.content_id()) {
        return Ok(issued.clone());
    }
    if books.claims.contains(&it.request.content_id()) {
        return Err(RedeemRefusal::Void);
    }
    if town.clock.now() > terms().redeem_until {
        return Err(RedeemRefusal::Expired { claim_until: terms().claim_until });
    }
    if books.uncounted > 0 {
        books.uncounted -= 1;
        return Err(RedeemRefusal::NotCounted);
    }
    let issued = town.sign_note(&mut books, &it.licence, FACES[place], it.slot);
    books.redeemed.insert(it.request.content_id(), issued.clone());
    Ok(issued)
}

fn renew(town: &Town, it: Renew) -> Result<Issued, RenewRefusal> {
    let Closing::Single { amount, purpose, signature } = &it.closing else { return Err(RenewRefusal::NotRenewal) };
    let ClosingPurpose::Renewal { licence, .. } = purpose else { return Err(RenewRefusal::NotRenewal) };
    let leaf = town.check_closing(&it.chain, *amount, purpose, signature).ok_or(RenewRefusal::WrongClosing)?;
    let mut books = town.books();
    if let Some(refusal) = &books.no_renewal {
        return Err(refusal.clone());
    }
    if let Some(issued) = books.renewed.get(&leaf) {
        return Ok(issued.clone());
    }
    if !books.closed.insert(leaf) {
        return Err(RenewRefusal::Closed);
    }
    let issued = town.sign_note(&mut books, licence, amount.minor(), it.slot);
    books.renewed.insert(leaf, issued.clone());
    Ok(issued)
}

fn deposit(town: &Town, account: &str, it: Deposit) -> Result<DepositState, DepositRefusal> {
    let to = it.purpose.account().ok_or(DepositRefusal::UnknownChallenge)?;
    let (now, until) = (bank_now(town), terms().deposit_until);
    match it.purpose.is_refund() {
        true if now <= until => return Err(DepositRefusal::TooEarly { item: 0, from: until.plus(1) }),
        false if now > until => return Err(DepositRefusal::Late { item: 0 }),
        _ => {}
    }
    let mut closed = Vec::new();
    for (one, item) in it.items.iter().zip(0..) {
        let leaf = town.check_closing(&one.chain, one.amount, &it.purpose, &one.signature);
        closed.push((leaf.ok_or(DepositRefusal::WrongClosing { item })?, one.amount.minor()));
    }
    town.take_deposit(account, *to.deposit, closed)
}

fn hand_in(town: &Town, account: &str, it: HandInTakings) -> Result<DepositState, DepositRefusal> {
    let (mut closed, mut leaves) = (Vec::new(), Vec::new());
    for (chain, item) in it.chains.iter().zip(0..) {
        let verified = chain.verify(&town.world.roots, &vec![town.list.clone()]);
        let verified = verified.map_err(|_| DepositRefusal::Malformed { item })?;
        let leaf = verified.leaf();
        it.hand_in.verify(town.world.network(), &leaf.holder).map_err(|_| DepositRefusal::WrongClosing { item })?;
        closed.push((leaf.identity, leaf.value.minor()));
        leaves.push(leaf.identity);
    }
    if zeni_note::merkle::root(&leaves) != it.hand_in.record.root {
        return Err(DepositRefusal::WrongClosing { item: 0 });
    }
    town.take_deposit(account, *it.hand_in.record.to.deposit, closed)
}

fn claim(town: &Town, account: &str, it: ClaimRequest) -> Result<ClaimState, ClaimRefusal> {
    let id = it.request.content_id();
    it.claim.verify(town.world.network(), &it.request.key).map_err(|_| ClaimRefusal::NotPossessed)?;
    if town.clock.now() <= terms().redeem_until {
        return Err(ClaimRefusal::TooEarly { from: terms().redeem_until.plus(1) });
    }
    let mut books = town.books();
    if books.redeemed.contains_key(&id) {
        return Ok(ClaimState::Refused);
    }
    if books.claims.insert(id) {
        let place = town.list.record.entries.iter().position(|entry| entry.digest() == it.request.entry);
        *books.balance.entry(account.into()).or_default() += FACES[place.unwrap()];
    }
    Ok(ClaimState::Credited)
}

fn dispute(town: &Town, account: &str, it: DisputeSignature) -> DisputeOutcome {
    let mut books = town.books();
    let (order, reply) = books.orders[&*it.order].clone();
    if !books.spoils_for_good {
        return DisputeOutcome::Signature(reply.signatures[it.item as usize]);
    }
    let entry = order.items[it.item as usize].entry;
    let place = town.list.record.entries.iter().position(|known| known.digest() == entry).unwrap();
    *books.balance.entry(account.into()).or_default() += FACES[place];
    DisputeOutcome::Credited(amount(FACES[place]))
}

fn state(town: &Town, account: &str, it: GetDeposit) -> Result<DepositState, GetDepositRefusal> {
    let books = &mut *town.books();
    let state = books.deposits.get_mut(&*it.deposit).ok_or(GetDepositRefusal::UnknownDeposit)?;
    for item in &mut state.items {
        match (&item, books.not_credited) {
            (ItemState::Held(amount), None) => *item = ItemState::Available(*amount),
            (ItemState::Held(amount), Some(code)) => {
                *books.balance.get_mut(account).unwrap() -= amount.minor();
                *item = ItemState::Refused(code.into());
                // the bank takes the leaves again
                books.closed.clear();
            }
            _ => {}
        }
    }
    Ok(state.clone())
}

/// The bank's time.
fn bank_now(town: &Town) -> Time {
    town.books().bank_time.unwrap_or_else(|| town.clock.now())
}

fn revocations(town: &Town) -> Signed<zeni_note::RevocationList> {
    let mut list = town.world.revocations(town.clock.now());
    list.revoked = town.books().revoked.clone();
    list.revoked.sort();
    list.number += list.revoked.len() as u64;
    Signed::sign(town.world.network(), list, &town.world.authority)
}

fn enrolled(town: &Town, payee_key: Option<zeni_crypto::PublicKey>) -> Enrolled {
    let name = payee_key.map(|key| {
        let record = NameCertificate { name: "TEA SHOP".into(), key, until: START.plus(400 * DAY) };
        Signed::sign(town.world.network(), record, &bank_key())
    });
    Enrolled { chain: "PEM".into(), account_salt: nonce("account salt"), name }
}

serves! {
    GetLicences, |town, ctx, it| licences(town, it);
    GetRevocations, |town, ctx, it| { let _ = it; Ok(revocations(town)) };
    GetSignedKeyLists, |town, ctx, it| {
        let _ = it;
        Ok(vec![town.books().second_list.clone().unwrap_or_else(|| town.list.clone())])
    };
    ReportLost, |town, ctx, it| { let _ = (town, it); Ok(1) };
    Enrol, |town, ctx, it| match it.code.as_str() {
        "code" => {
            let mut books = town.books();
            books.balance.insert(format!("{BANK}/{}", it.account), OPENING);
            books.sealed.account_keys.push((it.account, it.account_key));
            Ok(enrolled(town, it.payee_key))
        }
        _ => Err(EnrolRefusal::UnknownAccount),
    };
    WithdrawSealed, |town, ctx, it| sealed::withdraw(town, ctx.caller_name(), it);
    GetSealedOrders, |town, ctx, it| Ok(sealed::states(town, ctx.caller_name(), &it));
    Withdraw, |town, ctx, it| withdraw(town, ctx.caller_name(), it);
    DisputeSignature, |town, ctx, it| Ok(dispute(town, ctx.caller_name(), it));
    OpenDeposit, |town, ctx, it| {
        let _ = town;
        Ok(DepositChallenge { time: START.plus(DAY), nonce: nonce(&format!("{:?}", it.deposit)) })
    };
    Deposit, |town, ctx, it| deposit(town, ctx.caller_name(), it);
    HandInTakings, |town, ctx, it| hand_in(town, ctx.caller_name(), it);
    GetDeposit, |town, ctx, it| state(town, ctx.caller_name(), it);
    GetStatement, |town, ctx, it| {
        let _ = it;
        let balance = amount(town.books().balance.get(ctx.caller_name()).copied().unwrap_or(0));
        let currency = town.books().cards.currency.unwrap_or_else(jpy);
        Ok::<_, NoRefusal>(Statement { currency, balance, held: amount(0), entries: Vec::new(), now: bank_now(town) })
    };
    ClaimRequest, |town, ctx, it| claim(town, ctx.caller_name(), it);
    ContactCard, |town, ctx, it| cards::contact(town, it);
    GetClearance, |town, ctx, it| cards::clearance(town, it);
    OpenRefund, |town, ctx, it| {
        let _ = town;
        Ok(DepositChallenge { time: START.plus(DAY), nonce: nonce(&format!("{:?}", it.deposit)) })
    };
    GetKeyLists, |town, ctx, it| { let _ = it; Ok::<_, NoRefusal>(vec![town.list.clone()]) };
    GetNonce, |town, ctx, it| {
        let _ = it;
        let mut books = town.books();
        books.number += 1;
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&books.number.to_be_bytes());
        Ok::<_, NoRefusal>(nonce.into())
    };
    Redeem, |town, ctx, it| redeem(town, it);
    Renew, |town, ctx, it| renew(town, it);
}

pub(super) fn routes(town: &Arc<Town>, role: Role) -> Routes {
    let routes = Routes::new(role);
    match role {
        Role::Authority => routes
            .with::<GetLicences, _>(town)
            .with::<GetRevocations, _>(town)
            .with::<GetSignedKeyLists, _>(town)
            .with::<ReportLost, _>(town),
        Role::Bank => routes
            .with::<Enrol, _>(town)
            .with::<Withdraw, _>(town)
            .with::<WithdrawSealed, _>(town)
            .with::<GetSealedOrders, _>(town)
            .with::<DisputeSignature, _>(town)
            .with::<OpenDeposit, _>(town)
            .with::<Deposit, _>(town)
            .with::<HandInTakings, _>(town)
            .with::<GetDeposit, _>(town)
            .with::<GetStatement, _>(town)
            .with::<ClaimRequest, _>(town)
            .with::<ContactCard, _>(town)
            .with::<GetClearance, _>(town)
            .with::<OpenRefund, _>(town),
        _ => {
            routes.with::<GetKeyLists, _>(town).with::<GetNonce, _>(town).with::<Redeem, _>(town).with::<Renew, _>(town)
        }
    }
}
