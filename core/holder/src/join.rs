//! `join`: the bank's enrolment and the first licences.

use zeni_crypto::PublicKey;
use zeni_message::{Signed, peer::SendError};
use zeni_note::{
    NameCertificate,
    messages::bank::{Enrol, EnrolRefusal},
};

use crate::{
    Holder, Joined, Kind, Privacy, Profile, SyncError, Trouble,
    error::errors,
    record::{LicenceUse, OwnRight},
    table::Change,
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
    /// Makes the certificate signing request for his connections to the bank, DER, which names the key of his orders.
    pub csr: SigningRequest,
    /// The authority's secret for the person; none where nobody is registered.
    pub identity: Option<String>,
}

/// What makes a certificate signing request in DER that names this account key by
/// [`account_key_digest`](zeni_note::sealed::account_key_digest): the card makes the key, the connections' key signs.
pub type SigningRequest = std::sync::Arc<dyn Fn(&PublicKey) -> Vec<u8> + Send + Sync>;

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
    /// Enrols at the bank with a new account key, fetches the lists and draws the first licences (RN-F1, F2.1); without an
    /// identity it draws none and holds as one who is not registered.
    ///
    /// Recovery after a cut: the same again; the bank certifies anew, the authority licenses new keys.
    pub async fn join(&mut self, join: Join) -> Result<Joined, JoinError> {
        if let Ok(profile) = self.profile().await {
            return Err(JoinError::AlreadyJoined { name: profile.name });
        }
        let Join { enrolment: Enrolment { bank, account, code, csr, identity }, privacy, kind } = join;
        let (shop, registered) = (kind == Kind::Shop, identity.is_some());
        self.config.identity = identity;
        self.sync().await?;
        let account_key = self.card.generate_key().map_err(Trouble::from)?;
        let unlinkable = !shop && privacy == Privacy::Unlinkable;
        let mut terminal = match registered || unlinkable {
            true => None,
            false => Some(self.terminal_right().map_err(Trouble::from)?.into_main()),
        };
        let payee_key = terminal.as_ref().filter(|_| shop).map(OwnRight::key);
        let csr = csr(&account_key);
        let enrol = Enrol { account: account.clone(), code, csr, shop, account_key, payee_key };
        let enrolled = self.peers.bank.send(&enrol).await?;
        let (rights, name) = if !registered {
            let certificate = match enrolled.name.filter(|it| payee_key == Some(it.record.key)) {
                Some(name) if self.is_named_by(&bank, &name).await? => Some(name),
                _ => None,
            };
            let name = certificate.as_ref().map_or_else(|| account.clone(), |it| it.record.name.clone());
            if let Some(terminal) = &mut terminal {
                terminal.certificate = certificate;
            }
            (terminal.into_iter().collect(), name)
        } else if unlinkable {
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
            main: if unlinkable { None } else { rights.first().map(OwnRight::key) },
            certificates: enrolled.chain,
            account_key,
            registered,
        };
        let mut changes: Vec<Change> = rights.iter().map(Change::put).collect();
        changes.push(Change::put(&profile));
        self.commit(changes).await?;
        let licences = rights.iter().filter(|it| it.right.licence().is_some()).count();
        Ok(Joined { name, licences })
    }

    /// Whether a name certificate is this bank's word, by the key lists at hand: payers refuse a false one.
    async fn is_named_by(&self, bank: &str, name: &Signed<NameCertificate>) -> Result<bool, Trouble> {
        let lists = self.key_lists().await?;
        let mut entries = lists.iter().flat_map(|list| &list.record.sealed).filter(|entry| entry.bank == bank);
        Ok(entries.any(|entry| name.verify(self.config.roots.network, &entry.key).is_ok()))
    }
}
