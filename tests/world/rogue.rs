//! Somebody whose keys lie open: he signs what no card would, and builds messages by hand.

use curve25519_dalek::{constants::ED25519_BASEPOINT_TABLE, scalar::Scalar};
use sha2::{Digest as _, Sha512};
use zeni_card::Card;
use zeni_crypto::{PublicKey, SecretKey, Signature};
use zeni_holder::{Paid, Requested};
use zeni_message::{
    Signed, Time,
    peer::{Peer, SendError},
};
use zeni_money::Amount;
use zeni_note::{
    Chain, Challenge, ClosingPurpose, Hop, Licence, LicenceRequest, Payment,
    chain::Endorsement,
    closing::ToAccount,
    licence::{Keeper, person_digest},
    messages::{
        authority::{GetLicences, GetLicencesRefusal},
        bank::{ClosedChain, Deposit, DepositRefusal, DepositState, Enrol, OpenDeposit},
    },
    testing::{amount, key, nonce},
};
use zeni_store::testing::block_on;

use super::{BANKS, Person, Place, World, forge};

/// A registered person's key outside any card.
pub(crate) struct Rogue {
    pub(crate) secret: SecretKey,
    pub(crate) licence: Signed<Licence>,
}

impl Rogue {
    /// A key of `person`, licensed by the authority.
    pub(crate) fn of(world: &World, person: &Person) -> Rogue {
        let secret = key(&format!("rogue {}", person.name));
        let licence = license(world, &secret, &person.identity(), &person.identity()).unwrap();
        Rogue { secret, licence }
    }

    /// A request for payment to this key.
    pub(crate) fn challenge(&self, world: &World, total: u64, seed: &str) -> Signed<Challenge> {
        let (epoch, key_list) = current_list(world);
        let right = self.licence.clone().into();
        let made = forge().challenge(&self.secret, total, seed, world.now());
        let challenge = Challenge { epoch, key_list, right, name: String::new(), ..made };
        Signed::sign(world.roots.network, challenge, &self.secret)
    }

    /// A payment of `value` from `chain` in answer to a request.
    pub(crate) fn pay(&self, chain: &Chain, value: u64, request: &Requested) -> Payment {
        forge().payment(chain, &self.secret, value, &request.document.record)
    }

    /// Another valid signature over the endorsement that [`Rogue::pay`] signs: RFC 8032 with another nonce.
    pub(crate) fn second_signature(
        &self,
        world: &World,
        chain: &Chain,
        value: u64,
        challenge: &Challenge,
    ) -> Signature {
        let network = world.roots.network;
        let answer = challenge.answer(network);
        let endorsement = Endorsement { parent: forge().leaf(chain), amount: amount(value), answer };
        let message = zeni_message::sig_structure(network, &endorsement);
        let expanded = Sha512::digest(*self.secret.dangerous_seed());
        let mut secret: [u8; 32] = expanded[..32].try_into().unwrap();
        secret[0] &= 248;
        secret[31] &= 127;
        secret[31] |= 64;
        let secret = Scalar::from_bytes_mod_order(secret);
        let nonce = Scalar::from_bytes_mod_order_wide(&Sha512::digest([b"other nonce", &message[..]].concat()).into());
        let commitment = (&nonce * ED25519_BASEPOINT_TABLE).compress();
        let public = self.secret.public();
        let hash = Sha512::new().chain_update(commitment.as_bytes()).chain_update(public.0).chain_update(&message);
        let hash = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(commitment.as_bytes());
        signature[32..].copy_from_slice((nonce + hash * secret).as_bytes());
        public.verify(&message, &Signature(signature)).unwrap();
        Signature(signature)
    }
}

/// Epoch and identity of the list that the authority shows.
fn current_list(world: &World) -> (u32, zeni_crypto::Digest) {
    let peer = Peer::<zeni_message::Authority>::new(world.net.line(Place::Authority, None));
    let lists = block_on(peer.send(&zeni_note::messages::authority::GetSignedKeyLists { from_epoch: 0 })).unwrap();
    let now = world.now();
    let list = lists.iter().find(|list| list.record.from <= now && now < list.record.until).unwrap();
    (list.record.epoch, list.record.identity(world.roots.network))
}

/// Asks the authority, by `secret`, for a licence of a request that names the person of `claimed`.
pub(crate) fn license(
    world: &World,
    key: &SecretKey,
    secret: &str,
    claimed: &str,
) -> Result<Signed<Licence>, SendError<GetLicencesRefusal>> {
    let (epoch, key_list) = current_list(world);
    let record = LicenceRequest { key: key.public(), person: person_digest(claimed), epoch, key_list };
    let requests = vec![Signed::sign(world.roots.network, record, key)];
    let peer = Peer::<zeni_message::Authority>::new(world.net.line(Place::Authority, None));
    let message = GetLicences { secret: secret.into(), requests, keeper: Keeper::Software, certify_name: false };
    block_on(peer.send(&message)).map(|reply| reply.licences[0].clone())
}

/// The chains that a payment brings to the payee of `request`.
pub(crate) fn chains(world: &World, challenge: &Challenge, payment: &Payment) -> Vec<Chain> {
    let hop = |answer: &zeni_note::payment::Answer| {
        answer.chain.extended(Hop {
            opening: challenge.opening(world.roots.network),
            amount: answer.amount,
            signature: answer.signature,
            payee: challenge.right.clone(),
        })
    };
    payment.answers.iter().map(hop).collect()
}

/// The only chain of a payment.
pub(crate) fn chain(world: &World, request: &Requested, paid: &Paid) -> Chain {
    chains(world, &request.document.record, &paid.document).remove(0)
}

/// An account key that orders nothing.
fn person_key(account: &str) -> PublicKey {
    key(&format!("account key of {account}")).public()
}

/// Deposits a chain by hand: what signs the closing is the caller's business.
pub(crate) fn deposit_by_hand(
    world: &World,
    person: &Person,
    bank: &'static str,
    chain: &Chain,
    id: &str,
    close: impl FnOnce(&ClosingPurpose) -> (Amount, Signature),
) -> Result<DepositState, SendError<DepositRefusal>> {
    assert!(BANKS.contains(&bank));
    let account = person.account();
    let anonymous = Peer::<zeni_message::Bank>::new(world.net.line(Place::Bank(bank), None));
    let joining = Person { bank, ..person.copied() }.joining().enrolment;
    let enrol = Enrol {
        account: account.clone(),
        code: joining.code,
        csr: (joining.csr)(&person_key(&account)),
        shop: false,
        account_key: person_key(&account),
        payee_key: None,
    };
    let salt = block_on(anonymous.send(&enrol)).unwrap().account_salt;
    let caller = zeni_message::route::Caller { role: zeni_message::Role::Wallet, name: format!("{bank}/{account}") };
    let peer = Peer::<zeni_message::Bank>::new(world.net.line(Place::Bank(bank), Some(caller)));
    let deposit = nonce(id);
    let opened = block_on(peer.send(&OpenDeposit { deposit })).unwrap();
    let account = zeni_note::spec::deposit_account(bank, &account, &salt, &deposit);
    let to = ToAccount { time: opened.time, bank: bank.into(), account, deposit, nonce: opened.nonce };
    let purpose = ClosingPurpose::Deposit(to);
    let (amount, signature) = close(&purpose);
    let items = vec![ClosedChain { chain: chain.clone(), amount, signature }];
    block_on(peer.send(&Deposit { purpose, items }))
}

/// The same with the card of a wallet.
pub(crate) fn deposit_by_card(
    world: &World,
    person: &Person,
    bank: &'static str,
    chain: &Chain,
    id: &str,
) -> Result<DepositState, SendError<DepositRefusal>> {
    let leaf = forge().leaf(chain);
    deposit_by_hand(world, person, bank, chain, id, |purpose| person.card().close(&leaf, purpose).unwrap())
}

/// The revocation list that the authority shows.
pub(crate) fn revoked(world: &World, key: &PublicKey) -> bool {
    let peer = Peer::<zeni_message::Authority>::new(world.net.line(Place::Authority, None));
    let list = block_on(peer.send(&zeni_note::messages::authority::GetRevocations {})).unwrap();
    assert!(list.record.time <= Time(world.now().0));
    list.record.revokes(key)
}
