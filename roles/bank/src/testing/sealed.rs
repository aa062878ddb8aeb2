//! Customers who withdraw under seal: their account keys, requests, orders and what they make of the answers.

use zeni_crypto::{Digest, PublicKey, SecretKey};
use zeni_identity::{AccountKeyName, Csr, PartyName, TlsKey};
use zeni_message::{
    Role, Signed,
    peer::SendError,
    route::{Caller, Clock},
};
use zeni_note::{
    Chain, Hop, Note, OverspendingProof, Right,
    chain::Endorsement,
    keylist::Way,
    messages::bank::{
        Enrol, Enrolled, Identification, IdentifyOverspender, IdentifyRefusal, SealedItem, SealedOutcome, SealedState,
        WithdrawSealed, WithdrawSealedRefusal,
    },
    messages::issuer::Transfer,
    proof::{Child, Equation, Held},
    sealed::{IssuerMadeKeys, KeyMaker, Reply, SealedContent, WithdrawalOrder},
    testing::{EPOCH, amount, jpy, key, nonce},
};
use zeni_store::Value;

use super::{BANK, NETWORK, SEALED, Town, issuer, now};
use crate::CasesReport;

/// The key of an account's orders.
pub(crate) fn account_secret(account: &str) -> SecretKey {
    key(&format!("account key of {account}"))
}

/// Its public half.
pub(crate) fn account_key(account: &str) -> PublicKey {
    account_secret(account).public()
}

/// A settlement cycle's order to the bank.
pub(crate) fn transfer(number: u64, cycle: &str, value: u64, pays: bool, returned: u64) -> Transfer {
    let (amount, returned) = (amount(value), amount(returned));
    Transfer { number, cycle: nonce(cycle), currency: jpy(), amount, pays, returned }
}

/// What a wallet keeps of one order under seal.
#[derive(Clone)]
pub(crate) struct Purse {
    seed: String,
    pub(crate) content: SealedContent,
    pub(crate) item: SealedItem,
}

impl Purse {
    /// SS_U.
    pub(crate) fn user(&self) -> SecretKey {
        key(&format!("{} sealed user", self.seed))
    }

    /// Digest of E_I.
    pub(crate) fn request(&self) -> Digest {
        self.item.order.record.of.request
    }
}

/// A signing request that names the key of the customer's orders.
pub(crate) fn signing_request(key: &TlsKey, name: &PartyName, account_key: &PublicKey) -> Vec<u8> {
    let digest = zeni_note::sealed::account_key_digest(account_key).0;
    Csr::make(key, name, &AccountKeyName::new(NETWORK, digest).expect("a name"))
}

impl Town {
    pub(super) fn enrol_all(&self) {
        for account in ["A-1", "A-2"] {
            self.enrol(account, account_key(account));
        }
    }

    /// Enrols a key for an account's orders.
    pub(crate) fn enrol(&self, account: &str, account_key: PublicKey) -> Enrolled {
        let name = PartyName::new(NETWORK, Role::Wallet, &format!("{BANK}/{account}")).expect("a name");
        let csr = signing_request(&TlsKey::generate(), &name, &account_key);
        let (account, code) = (account.into(), format!("code {account}"));
        let message = Enrol { account, code, csr, shop: false, account_key, payee_key: None };
        now(self.as_caller(None).send(&message)).expect("enrolled")
    }

    /// A wallet's order for one note of that face value.
    pub(crate) fn purse(&self, account: &str, seed: &str, face: u64) -> Purse {
        let user = key(&format!("{seed} sealed user"));
        let content = SealedContent {
            series: SEALED,
            epoch: EPOCH,
            currency: jpy(),
            face: amount(face),
            k: zeni_crypto::sha256(&[b"K", seed.as_bytes()]).0,
            holder: KeyMaker::User(user.public()),
            tm: [0; 16].into(),
            slot: nonce(&format!("{seed} slot")),
        };
        let item = self.ordered(account, seed, &content);
        Purse { seed: seed.to_owned(), content, item }
    }

    /// The signed order over a content, with its E_I.
    pub(crate) fn ordered(&self, account: &str, seed: &str, content: &SealedContent) -> SealedItem {
        let request = self.seal(content);
        let order = WithdrawalOrder {
            bank: BANK.into(),
            account: account.into(),
            order: nonce(&format!("{seed} order")),
            time: self.clock.now(),
            of: content.ordered(zeni_note::sealed::Envelope::digest(&request)),
        };
        SealedItem { order: self.signed(order, account), request }
    }

    /// E_I.
    pub(crate) fn seal(&self, content: &SealedContent) -> Vec<u8> {
        issuer::envelope(&self.world).seal(content)
    }

    pub(crate) fn signed(&self, order: WithdrawalOrder, account: &str) -> Signed<WithdrawalOrder> {
        Signed::sign(self.world.network(), order, &account_secret(account))
    }

    pub(crate) fn withdraw_sealed(
        &self,
        account: &str,
        purses: &[Purse],
    ) -> Result<Vec<SealedState>, SendError<WithdrawSealedRefusal>> {
        let items = purses.iter().map(|purse| purse.item.clone()).collect();
        self.send(account, &WithdrawSealed { items })
    }

    /// What the wallet makes of an answer: the note, if it is one for it (HC-F2.18).
    pub(crate) fn opened(&self, purse: &Purse, state: &SealedState) -> Option<Signed<Note>> {
        let SealedOutcome::Issued(reply) = &state.outcome else { return None };
        let reply = Reply::decipher(&purse.content.k, &purse.request(), &reply[..])?;
        let (holder, issued) = purse.content.issued(self.world.network(), Way::Sealed, &reply)?;
        let good = holder == purse.user().public()
            && issued.note.verify(self.world.network(), &self.world.roots.issuer).is_ok()
            && issued.ticket.verify(self.world.network(), &self.world.roots.issuer).is_ok();
        good.then_some(issued.note)
    }

    /// Face values reserved on an account.
    pub(crate) fn reserved(&self, account: &str) -> u64 {
        self.credit(format!("reserved/{account}"))
    }

    /// What the bank holds for sealed notes that are out.
    pub(crate) fn outstanding(&self) -> u64 {
        self.credit("sealed outstanding/JPY".to_owned())
    }

    fn credit(&self, name: String) -> u64 {
        let read = move |tx: &mut zeni_store::Tx<'_>| {
            Ok::<_, zeni_store::JobError<()>>(zeni_ledger::balance(tx, &name)?.unwrap_or_default())
        };
        let balance = self.bank.store.read_blocking(read).expect("a read");
        balance.amount().expect("on the right side").minor()
    }
}

impl Town {
    /// An order that was issued: the wallet with its chain.
    pub(crate) fn issued(&self, account: &str, seed: &str, face: u64) -> (Purse, Chain) {
        let purse = self.purse(account, seed, face);
        let states = self.withdraw_sealed(account, std::slice::from_ref(&purse)).expect("a withdrawal");
        let chain = self.chain(&purse, &states[0]);
        (purse, chain)
    }

    /// What the wallet holds after an answer.
    pub(crate) fn chain(&self, purse: &Purse, state: &SealedState) -> Chain {
        let note = self.opened(purse, state).expect("a note");
        Chain { note, holder: Right::Unlicensed(purse.user().public()), hops: Vec::new() }
    }

    /// `chain` with `value` endorsed by `payer` to a payee without licence.
    pub(crate) fn pay_unlicensed(
        &self,
        chain: &Chain,
        payer: &SecretKey,
        payee: &SecretKey,
        value: u64,
        seed: &str,
    ) -> Chain {
        let mut challenge = self.world.challenge(payee, value, seed, self.clock.now());
        challenge.right = Right::Unlicensed(payee.public());
        // made by hand: nobody endorses what he may not
        let parent = match chain.hops.len() {
            0 => self.world.leaf(chain),
            _ => {
                let hop = chain.hops.last().expect("there is one");
                let before = Chain { hops: chain.hops[..chain.hops.len() - 1].to_vec(), ..chain.clone() };
                let (parent, payee) = (self.world.leaf(&before), hop.payee.key());
                let endorsement = Endorsement { parent, amount: hop.amount, answer: hop.opening.answer_for(&payee) };
                zeni_message::identity(self.world.network(), &endorsement)
            }
        };
        let answer = challenge.answer(self.world.network());
        let endorsement = Endorsement { parent, amount: amount(value), answer };
        let signature = Signed::sign(self.world.network(), endorsement, payer).signature;
        let opening = challenge.opening(self.world.network());
        chain.extended(Hop { opening, amount: amount(value), signature, payee: challenge.right })
    }

    /// That `signer` passed on `value` of a chain.
    pub(crate) fn child(&self, chain: &Chain, signer: &SecretKey, value: u64, seed: &str) -> Child {
        let challenge = self.world.challenge(&key(seed), value, seed, self.clock.now());
        let answer = challenge.answer(self.world.network());
        let endorsement = Endorsement { parent: self.world.leaf(chain), amount: amount(value), answer };
        let signature = Signed::sign(self.world.network(), endorsement, signer).signature;
        Child::Endorsement { endorsement, signature, equation: Equation::Strict }
    }

    /// The issuer's question about the holder of a chain, with what he signed away of it.
    pub(crate) fn question(&self, purse: &Purse, chain: &Chain, values: &[u64]) -> IdentifyOverspender {
        let children = values.iter().enumerate();
        let children = children.map(|(n, value)| self.child(chain, &purse.user(), *value, &format!("shop {n}")));
        let proof = OverspendingProof {
            held: Held::Note(chain.note.clone()),
            children: children.collect(),
            right: chain.holder.clone(),
        };
        IdentifyOverspender { proof, content: purse.content.to_bytes().into() }
    }

    pub(crate) fn identify(
        &self,
        question: &IdentifyOverspender,
    ) -> Result<Identification, SendError<IdentifyRefusal>> {
        let issuer = Caller { role: Role::Issuer, name: "issuer".into() };
        now(self.as_caller(Some(issuer)).send(question))
    }

    /// Starts the bank again with this policy about keys that the issuer made.
    pub(crate) fn accept_issuer_made(&mut self, policy: IssuerMadeKeys) {
        self.desk().believed = policy == IssuerMadeKeys::Accepted;
        self.restart();
    }

    pub(crate) fn cases(&self) -> CasesReport {
        now(self.bank.cases()).expect("a report")
    }

    /// Whether these bytes stand anywhere in the bank's store.
    pub(crate) fn knows(&self, needle: &[u8]) -> bool {
        let has = |value: &Value| match value {
            Value::Blob(bytes) => bytes.windows(needle.len()).any(|window| window == needle),
            Value::Text(text) => text.as_bytes().windows(needle.len()).any(|window| window == needle),
            _ => false,
        };
        self.rows().iter().flatten().flatten().any(has)
    }

    /// Alters the bank's store behind its back.
    pub(crate) fn sabotage(&self, sql: &'static str, values: Vec<Value>) -> u64 {
        let job = move |tx: &mut zeni_store::Tx<'_>| Ok::<_, zeni_store::JobError<()>>(tx.execute(sql, &values)?);
        self.bank.store.write_blocking(zeni_store::Caller::default(), job).expect("sabotage")
    }
}
