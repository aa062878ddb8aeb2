//! `join`: the bank's enrolment and the first licences.

use zeni_message::peer::SendError;
use zeni_note::messages::bank::{Enrol, EnrolRefusal};

use crate::{
    Holder, Joined, Kind, Privacy, Profile, SyncError, Trouble, error::errors, record::LicenceUse, table::Change,
};

/// What somebody brings who joins. His name comes from the authority's file, never from here.
#[derive(Clone)]
pub struct Enrolment {
    /// Short name of his bank.
    pub bank: String,
    /// His account there.
    pub account: String,
    /// The bank's secret for the account.
    pub code: String,
    /// Certificate signing request for his connections to the bank, DER.
    pub csr: Vec<u8>,
    /// The authority's secret for the person.
    pub identity: String,
}

/// Shows no secret.
impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment").field("bank", &self.bank).finish_non_exhaustive()
    }
}

/// Who joins, and as what.
#[derive(Clone, Debug)]
pub struct Join {
    /// What he brings.
    pub enrolment: Enrolment,
    /// Privacy regime; a shop is always recognised by its one key.
    pub privacy: Privacy,
    /// Person or shop.
    pub kind: Kind,
}

errors! {
    /// Why nobody joins; the same again continues.
    pub enum JoinError {
        AlreadyJoined { name: String } = Never, "already_joined", "this wallet belongs to {name} already: use another directory";
    } passes {
        Trouble(Trouble);
        Bank(SendError<EnrolRefusal>);
        Licences(SyncError);
    }
}

impl Holder {
    /// Enrols at the bank, fetches the lists and draws the first licences (RN-F1, F2.1).
    ///
    /// Recovery after a cut: the same again; the bank certifies anew, the authority licenses new keys.
    pub async fn join(&mut self, join: Join) -> Result<Joined, JoinError> {
        if let Ok(profile) = self.profile().await {
            return Err(JoinError::AlreadyJoined { name: profile.name });
        }
        let Join { enrolment: Enrolment { bank, account, code, csr, identity }, privacy, kind } = join;
        let shop = kind == Kind::Shop;
        self.config.identity = Some(identity);
        self.sync().await?;
        let enrolled = self.peers.bank.send(&Enrol { account: account.clone(), code, csr, shop }).await?;
        let unlinkable = !shop && privacy == Privacy::Unlinkable;
        let (licences, name) = if unlinkable {
            self.draw_licences(self.config.policy.stock_licences.max(1), LicenceUse::Stock, false).await?
        } else {
            let count = self.config.policy.spare_licences.saturating_add(1);
            let (mut drawn, name) = self.draw_licences(count, LicenceUse::Main, shop).await?;
            drawn.iter_mut().skip(1).for_each(|spare| spare.used = LicenceUse::Stock);
            (drawn, name)
        };
        let profile = Profile {
            bank,
            account,
            account_salt: enrolled.account_salt,
            name: name.clone(),
            privacy,
            kind,
            main: (!unlinkable).then(|| licences[0].key()),
            certificates: enrolled.chain,
        };
        let mut changes: Vec<Change> = licences.iter().map(Change::put).collect();
        changes.push(Change::put(&profile));
        self.commit(changes).await?;
        Ok(Joined { name, licences: licences.len() })
    }
}
