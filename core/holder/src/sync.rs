//! `sync`: key lists from issuer and authority, the revocation list, the stock of licences.

use zeni_card::Statement;
use zeni_crypto::PublicKey;
use zeni_message::{Signed, Time, limits::BATCH_ITEMS_MAX, peer::SendError};
use zeni_note::{
    KeyList, LicenceRequest, Right,
    keylist::{KeyListFault, TwoKeyLists},
    licence::{Licence, LicenceFault, check_licence, person_digest},
    messages::{
        authority::{GetLicences, GetLicencesRefusal, GetRevocations, GetSignedKeyLists, Licences},
        issuer::GetKeyLists,
    },
};

use crate::{
    Evidence, Explain, Holder, Profile, Synced, Trouble,
    error::errors,
    record::{Kind, LicenceUse, ONLY, OwnRight, StoredKeyList, StoredRevocations},
    table::Change,
};

errors! {
    /// Why a synchronisation stops; what was fetched before is kept.
    pub enum SyncError {
        KeyList { epoch: u32, fault: KeyListFault } = AfterRepair, "bad_key_list", "the key list of epoch {epoch} is not used: {fault}";
        NoKeyList = Later, "no_key_list", "no key list for the present time is published: try again later";
        Revocations = AfterRepair, "bad_revocations", "the revocation list is not signed by this network's authority";
        OlderRevocations { held: u64, found: u64 } = Later, "older_revocations", "the authority showed revocation list {found} although {held} is at hand";
        Licence { fault: LicenceFault } = AfterRepair, "bad_licence", "the authority's licence is not used: {fault}";
        LicenceCount { asked: usize, found: usize } = AfterRepair, "bad_licence", "the authority sent {found} licences for {asked} keys";
        Name = AfterRepair, "bad_name", "the authority's name certificate is false or for another key";
    } passes {
        Trouble(Trouble);
        Refused(SendError<GetLicencesRefusal>);
        Unanswered(SendError<zeni_message::NoRefusal>);
    }
}

impl From<zeni_card::CardError> for SyncError {
    fn from(error: zeni_card::CardError) -> Self {
        SyncError::Trouble(error.into())
    }
}

impl Holder {
    /// The card's contact with its operator; key lists from issuer **and** authority, the revocation list, and for an
    /// unlinkable wallet licences for its stock. Two different lists for one epoch are stored as proof and stop withdrawals
    /// (RN-X9).
    pub async fn sync(&mut self) -> Result<Synced, SyncError> {
        self.contact().await?;
        self.sync_lists().await
    }

    /// As [`Holder::sync`] without the bank: it must not see when a wallet redeems what was bought there (RN-O6).
    pub(crate) async fn sync_lists(&mut self) -> Result<Synced, SyncError> {
        let key_lists = self.sync_key_lists().await?;
        self.sync_revocations().await?;
        if let Ok(profile) = self.profile().await {
            if !profile.registered {
                self.keep_main(&profile).await?;
            } else if self.config.identity.is_some() {
                match self.top_up(&profile).await {
                    // whose licences were revoked still fetches lists, deposits and asks for refunds
                    Err(error) if error.is_suspended() => {}
                    done => done?,
                }
            }
        }
        let lists = self.key_lists().await?;
        Ok(Synced {
            epoch: lists.last().map_or(0, |list| list.record.epoch),
            key_lists,
            revocations: self.revocations().await?.number,
            stock: self.stock().await?.len(),
            stopped: self.stopped().await?,
        })
    }

    /// As [`Holder::sync`] before an operation that needs a connection anyway: that one of the two sources cannot be
    /// reached does not stop it.
    pub(crate) async fn freshen(&mut self) -> Result<(), SyncError> {
        self.contact().await?;
        match self.sync_lists().await {
            Err(error) if !error.is_offline() => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether two key lists for one epoch are known.
    pub async fn stopped(&self) -> Result<bool, Trouble> {
        Ok(self.evidence().await?.iter().any(|it| matches!(it, Evidence::TwoKeyLists(_))))
    }

    /// The key list of the present epoch.
    pub(crate) async fn current_list(&self, now: Time) -> Result<Option<KeyList>, Trouble> {
        let lists = self.key_lists().await?;
        Ok(lists.into_iter().find(|list| list.record.from <= now && now < list.record.until))
    }

    async fn sync_key_lists(&mut self) -> Result<usize, SyncError> {
        let from_epoch = self.key_lists().await?.last().map_or(0, |list| list.record.epoch);
        let of_issuer = self.peers.issuer.fresh().send(&GetKeyLists { from_epoch }).await?;
        let of_authority = self.peers.authority.fresh().send(&GetSignedKeyLists { from_epoch }).await?;
        let mut new = 0;
        for mut lists in [of_issuer, of_authority] {
            lists.sort_by_key(|list| list.record.epoch);
            for list in lists {
                new += usize::from(self.take_key_list(list).await?);
            }
        }
        Ok(new)
    }

    /// Keeps a list that is signed by both, continues the one before and is the only one of its epoch.
    async fn take_key_list(&mut self, list: KeyList) -> Result<bool, SyncError> {
        let roots = self.config.roots;
        let epoch = list.record.epoch;
        let known = self.key_lists().await?;
        if let Some(same) = known.iter().find(|it| it.record.epoch == epoch) {
            if same.record == list.record {
                return Ok(false);
            }
            let proof = TwoKeyLists { one: same.clone(), other: list };
            if !proof.holds(&roots) {
                return Err(SyncError::KeyList { epoch, fault: KeyListFault::Forged });
            }
            tracing::error!(epoch, "two key lists for one epoch: withdrawals stop");
            self.put(&Evidence::TwoKeyLists(proof)).await?;
            return Ok(false);
        }
        let checked = match known.last() {
            None => list.check(&roots),
            Some(last) => list.check_after(last, &roots),
        };
        checked.map_err(|fault| SyncError::KeyList { epoch, fault })?;
        self.put(&StoredKeyList { list }).await?;
        Ok(true)
    }

    async fn sync_revocations(&mut self) -> Result<(), SyncError> {
        let list = self.peers.authority.fresh().send(&GetRevocations {}).await?;
        let roots = self.config.roots;
        list.verify(roots.network, &roots.authority).map_err(|_| SyncError::Revocations)?;
        let held = self.get::<StoredRevocations>(ONLY).await?.map_or(0, |it| it.list.record.number);
        if list.record.number < held {
            return Err(SyncError::OlderRevocations { held, found: list.record.number });
        }
        Ok(self.put(&StoredRevocations { list }).await?)
    }

    /// Draws licences until the stock is full, once it is half empty (RN-O28, P14), and a new long-lived one when the one in
    /// use ends too soon.
    async fn top_up(&mut self, profile: &Profile) -> Result<(), SyncError> {
        let full = if Holder::fresh_receipts(profile) {
            self.config.policy.stock_licences
        } else {
            self.renew_main(profile).await?;
            self.config.policy.spare_licences
        };
        let held = self.stock().await?.len();
        if held * 2 <= full && full > held {
            let drawn = self.draw_licences(full - held, LicenceUse::Stock, false).await?.0;
            self.commit(drawn.iter().map(Change::put).collect()).await?;
        }
        Ok(())
    }

    /// A new long-lived licence once the one in use ends or is revoked, or could end before a note withdrawn or received now: money under
    /// an ended licence can only be deposited (RN-X32). Where the authority's licences are shorter than the notes, one an
    /// epoch.
    async fn renew_main(&mut self, profile: &Profile) -> Result<(), SyncError> {
        let now = self.now();
        let lists = self.key_lists().await?;
        let longest = lists.iter().flat_map(|list| &list.record.series).map(|terms| terms.valid_until).max();
        let epoch = self.current_list(now).await?.map(|list| list.record.epoch);
        let revocations = self.revocations().await?;
        let serves = |main: OwnRight| {
            let Some(until) = main.right.licence().map(|licence| licence.record.until) else { return false };
            let revoked = revocations.revokes(&main.key());
            now <= until && !revoked && (longest.is_none_or(|longest| longest <= until) || main.epoch == epoch)
        };
        if self.main_right(profile).await?.is_some_and(serves) {
            return Ok(());
        }
        let drawn = self.draw_licences(1, LicenceUse::Main, profile.kind == Kind::Shop).await?.0;
        let profile = Profile { main: drawn.first().map(OwnRight::key), ..profile.clone() };
        let mut changes: Vec<Change> = drawn.iter().map(Change::put).collect();
        changes.push(Change::put(&profile));
        Ok(self.commit(changes).await?)
    }

    /// A long-lived key for an untraceable wallet or a shop without licences that has none, as after a restore.
    async fn keep_main(&mut self, profile: &Profile) -> Result<(), SyncError> {
        if Holder::fresh_receipts(profile) || profile.main.is_some() {
            return Ok(());
        }
        let main = self.terminal_right()?.into_main();
        let profile = Profile { main: Some(main.key()), ..profile.clone() };
        Ok(self.commit(vec![Change::put(&main), Change::put(&profile)]).await?)
    }

    /// A fresh key without a licence: what it receives can only be deposited.
    pub(crate) fn terminal_right(&mut self) -> Result<OwnRight, zeni_card::CardError> {
        let right = Right::Unlicensed(self.card.generate_key()?);
        Ok(OwnRight { right, certificate: None, used: LicenceUse::Stock, epoch: None })
    }

    /// `count` keys that can be bound to something new: licensed ones from the stock, drawn at once if it has too few, or
    /// terminal ones where the holder is not registered.
    pub(crate) async fn take_rights(&mut self, count: usize) -> Result<Vec<OwnRight>, SyncError> {
        if !self.profile().await?.registered {
            return (0..count).map(|_| Ok(self.terminal_right()?)).collect();
        }
        let mut stock = self.stock().await?;
        if stock.len() < count {
            let drawn = self.draw_licences(count - stock.len(), LicenceUse::Stock, false).await?.0;
            self.commit(drawn.iter().map(Change::put).collect()).await?;
            stock.extend(drawn);
        }
        stock.truncate(count);
        Ok(stock)
    }

    /// A right for a payment to oneself before a deposit. Whom the authority licenses no more takes one that was revoked: a
    /// revoked holder pays nobody and still deposits (RN-X32).
    pub(crate) async fn right_to_deposit(&mut self) -> Result<Option<OwnRight>, SyncError> {
        match self.take_rights(1).await {
            Err(error) if error.is_suspended() => match self.unended_stock().await?.into_iter().next() {
                None => Err(error),
                revoked => Ok(revoked),
            },
            taken => Ok(taken?.pop()),
        }
    }

    /// Makes keys on the card and has them licensed (RN-F1). Nothing is stored yet.
    pub(crate) async fn draw_licences(
        &mut self,
        count: usize,
        used: LicenceUse,
        certify_name: bool,
    ) -> Result<(Vec<OwnRight>, String), SyncError> {
        let secret = self.config.identity.clone().ok_or(Trouble::Locked)?;
        let now = self.now();
        let list = self.current_list(now).await?.ok_or(SyncError::NoKeyList)?;
        let (epoch, key_list) = (list.record.epoch, list.record.identity(self.config.roots.network));
        let person = person_digest(&secret);
        let (mut own, mut name) = (Vec::with_capacity(count), String::new());
        while own.len() < count {
            let batch = (count - own.len()).min(BATCH_ITEMS_MAX);
            let mut requests = Vec::with_capacity(batch);
            for _ in 0..batch {
                let key = self.card.generate_key()?;
                let record = LicenceRequest { key, person, epoch, key_list };
                let signature = self.card.sign_statement(&key, &Statement::LicenceRequest(&record))?;
                requests.push(Signed { record, signature });
            }
            let keys: Vec<PublicKey> = requests.iter().map(|it| it.record.key).collect();
            let keeper = self.config.keeper;
            let message = GetLicences { secret: secret.clone(), requests, keeper, certify_name };
            let reply = self.peers.authority.fresh().send(&message).await?;
            let drawn = self.check_licences(&keys, &reply, used, certify_name, now)?;
            own.extend(drawn.into_iter().map(|licence| OwnRight { epoch: Some(epoch), ..licence }));
            name = reply.name;
        }
        Ok((own, name))
    }

    /// RN-F1.4: a licence that does not verify is not used.
    fn check_licences(
        &self,
        keys: &[PublicKey],
        reply: &Licences,
        used: LicenceUse,
        certify_name: bool,
        now: Time,
    ) -> Result<Vec<OwnRight>, SyncError> {
        let roots = &self.config.roots;
        if reply.licences.len() != keys.len() {
            return Err(SyncError::LicenceCount { asked: keys.len(), found: reply.licences.len() });
        }
        for (key, licence) in keys.iter().zip(&reply.licences) {
            check_licence(licence, key, roots.network, &roots.authority, now)
                .map_err(|fault| SyncError::Licence { fault })?;
        }
        if certify_name {
            let certificate = reply.certificate.as_ref().ok_or(SyncError::Name)?;
            let fits = keys.first() == Some(&certificate.record.key) && certificate.record.name == reply.name;
            let genuine = certificate.verify(roots.network, &roots.authority).is_ok();
            if !fits || !genuine {
                return Err(SyncError::Name);
            }
        }
        let mut certificate = reply.certificate.clone().filter(|_| certify_name);
        let own = |licence: &Signed<Licence>| OwnRight {
            right: Right::Licensed(licence.clone()),
            certificate: certificate.take(),
            used,
            epoch: None,
        };
        Ok(reply.licences.iter().map(own).collect())
    }
}

impl SyncError {
    /// Whether the authority licenses this person no more.
    pub(crate) fn is_suspended(&self) -> bool {
        matches!(self, SyncError::Refused(SendError::Refused(GetLicencesRefusal::Suspended)))
    }

    /// Whether the cause is that nobody could be reached.
    pub fn is_offline(&self) -> bool {
        matches!(self.code(), "unreachable" | "connection_broken" | "busy")
    }
}
