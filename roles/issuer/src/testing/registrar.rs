//! The authority of the world.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use zeni_crypto::{Digest, PublicKey, SecretKey, Signature, sha256};
use zeni_message::{
    Authority, Role, Signed,
    peer::Peer,
    route::{Caller, Clock, Ctx, Failure, Handle, MemoryTransport, Routes},
};
use zeni_note::{
    RevocationList,
    keylist::Roots,
    licence::key_digest,
    messages::authority::{
        CosignKeyList, CosignKeyListRefusal, Disclose, DiscloseRefusal, Disclosed, GetRevocations, RevokeSealed,
        RevokeSealedRefusal, SamePerson, SamePersonAnswer,
    },
};

use super::StandingClock;

/// Stands in for the authority: knows persons by their keys, signs key lists, verifies proofs before it answers.
pub struct Registrar {
    roots: Roots,
    signing: SecretKey,
    clock: Arc<StandingClock>,
    persons: Mutex<HashMap<PublicKey, String>>,
    revoked: Mutex<Vec<Digest>>,
    /// Whether it does not answer.
    pub silent: AtomicBool,
    /// How many keys under seal it has listed.
    pub listed: AtomicU64,
    /// How many messages of each kind it has answered.
    pub disclosures: AtomicU64,
    /// Whether it calls every payee another person than the overspender.
    pub says_different: AtomicBool,
    /// How many more payees it compares with overspenders.
    pub comparisons: AtomicU64,
}

impl Registrar {
    pub(super) fn new(roots: Roots, signing: SecretKey, clock: Arc<StandingClock>) -> Arc<Registrar> {
        Arc::new(Registrar {
            roots,
            signing,
            clock,
            persons: Mutex::default(),
            revoked: Mutex::default(),
            silent: AtomicBool::new(false),
            listed: AtomicU64::new(0),
            disclosures: AtomicU64::new(0),
            says_different: AtomicBool::new(false),
            comparisons: AtomicU64::new(u64::MAX),
        })
    }

    pub(super) fn peer(self: &Arc<Self>) -> Peer<Authority> {
        let routes = Routes::new(Role::Authority)
            .with::<CosignKeyList, _>(self)
            .with::<GetRevocations, _>(self)
            .with::<Disclose, _>(self)
            .with::<SamePerson, _>(self)
            .with::<RevokeSealed, _>(self);
        let caller = Caller { role: Role::Issuer, name: "issuer".to_owned() };
        Peer::new(Arc::new(MemoryTransport::new(Arc::new(routes), self.clock.clone(), Some(caller))))
    }

    /// Registers a key to a person.
    pub fn enrol(&self, key: PublicKey, person: &str) {
        self.persons.lock().unwrap_or_else(PoisonError::into_inner).insert(key, person.to_owned());
    }

    /// Revokes a key.
    pub fn revoke(&self, key: &PublicKey) {
        let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.push(key_digest(key));
        revoked.sort_unstable();
    }

    fn person(&self, key: &PublicKey) -> Option<String> {
        self.persons.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

impl Handle<CosignKeyList> for Registrar {
    async fn handle(&self, _: &Ctx, message: CosignKeyList) -> Result<Signature, Failure<CosignKeyListRefusal>> {
        let signed = Signed { record: message.record, signature: message.issuer };
        if signed.verify(self.roots.network, &self.roots.issuer).is_err() {
            return Err(CosignKeyListRefusal::NotIssuer.into());
        }
        Ok(signed.record.sign(self.roots.network, &self.signing))
    }
}

impl Handle<GetRevocations> for Registrar {
    async fn handle(
        &self,
        _: &Ctx,
        _: GetRevocations,
    ) -> Result<Signed<RevocationList>, Failure<zeni_message::NoRefusal>> {
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (number, time) = (1 + revoked.len() as u64, self.clock.now());
        let list = RevocationList { number, time, log_head: Digest([0; 32]), revoked };
        Ok(Signed::sign(self.roots.network, list, &self.signing))
    }
}

impl Handle<Disclose> for Registrar {
    async fn handle(&self, _: &Ctx, message: Disclose) -> Result<Disclosed, Failure<DiscloseRefusal>> {
        let convicted = message.proof.verify(&self.roots).map_err(|_| DiscloseRefusal::NoProof)?;
        let name = self.person(&convicted.key()).ok_or(DiscloseRefusal::UnknownKey)?;
        self.revoke(&convicted.key());
        let number = 1 + self.disclosures.fetch_add(1, Ordering::Relaxed);
        Ok(Disclosed { number, person: sha256(&[name.as_bytes()]), name, revoked: 1 })
    }
}

impl Handle<SamePerson> for Registrar {
    async fn handle(&self, _: &Ctx, message: SamePerson) -> Result<SamePersonAnswer, Failure<DiscloseRefusal>> {
        let convicted = message.proof.verify(&self.roots).map_err(|_| DiscloseRefusal::NoProof)?;
        let guilty = self.person(&convicted.key()).ok_or(DiscloseRefusal::UnknownKey)?;
        let payee = self.person(&message.payee).ok_or(DiscloseRefusal::UnknownKey)?;
        let one_less = |left: u64| left.checked_sub(1);
        let left = self.comparisons.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        left.map_err(|_| DiscloseRefusal::AskedEnough { max: 0 })?;
        let different = self.says_different.load(Ordering::Relaxed);
        Ok(SamePersonAnswer { same: !different && guilty == payee })
    }
}

impl Handle<RevokeSealed> for Registrar {
    async fn handle(&self, _: &Ctx, message: RevokeSealed) -> Result<u64, Failure<RevokeSealedRefusal>> {
        if self.silent.load(Ordering::Relaxed) {
            return Err(Failure::Busy);
        }
        if message.proof.right.licence().is_some() {
            return Err(RevokeSealedRefusal::Licensed.into());
        }
        let convicted = message.proof.verify(&self.roots).map_err(|_| RevokeSealedRefusal::NoProof)?;
        self.revoke(&convicted.key());
        Ok(1 + self.listed.fetch_add(1, Ordering::Relaxed))
    }
}
