//! `backup` and `restore`: everything the holder stores, beside what his card exports.
//!
//! A *copy* brings back no spendable money: the card's part says so, the holder's part only follows it. A *move* is of a
//! card that was retired first; the caller does that, and hands in what the card exported.

use minicbor::bytes::ByteVec;
use zeni_card::BackupKind;
use zeni_message::{Malformed, Network, decode, encode};
use zeroize::Zeroizing;

use crate::{
    Evidence, Holder, Profile, Trouble,
    error::errors,
    record::{
        DepositPhase, Holding, HoldingPhase, LicenceUse, Line, OwnChallenge, OwnDeposit, OwnPayment, OwnRight, Renewal,
        RenewalPhase, Request, SealedOrder, StoredKeyList, StoredRevocations, Withdrawal,
    },
    table::{Change, Stored},
};

/// Bytes of the longest backup that is read.
const BACKUP_BYTES_MAX: usize = 1_024 * 1_024 * 1_024;

/// A backup in the clear: secret keys and secrets included. Whoever writes one to a file encrypts it.
#[derive(Clone, minicbor::Encode, minicbor::Decode)]
pub struct Backup {
    #[n(0)]
    version: u32,
    #[n(1)]
    network: Network,
    #[n(2)]
    kind: BackupKind,
    #[n(3)]
    card: ByteVec,
    #[n(4)]
    identity: Option<String>,
    #[n(5)]
    profile: Profile,
    #[n(6)]
    licences: Vec<OwnRight>,
    #[n(7)]
    key_lists: Vec<StoredKeyList>,
    #[n(8)]
    revocations: Vec<StoredRevocations>,
    #[n(9)]
    evidence: Vec<Evidence>,
    #[n(10)]
    withdrawals: Vec<Withdrawal>,
    #[n(11)]
    requests: Vec<Request>,
    #[n(12)]
    holdings: Vec<Holding>,
    #[n(13)]
    challenges: Vec<OwnChallenge>,
    #[n(14)]
    payments: Vec<OwnPayment>,
    #[n(15)]
    deposits: Vec<OwnDeposit>,
    #[n(16)]
    renewals: Vec<Renewal>,
    #[n(17)]
    history: Vec<Line>,
    #[n(18)]
    sealed_orders: Vec<SealedOrder>,
}

/// Version of the format.
const VERSION: u32 = 1;

/// Shows nothing of its content.
impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Backup({:?} of network {:?})", self.kind, self.network.0)
    }
}

errors! {
    /// Why a backup is not restored; nothing has changed.
    pub enum RestoreError {
        Malformed { cause: Malformed } = Never, "malformed_backup", "this is no backup of a wallet, or it was cut: {cause}";
        Version { found: u32 } = Never, "backup_version", "the backup is of version {found}, which this program does not read";
        OtherNetwork = Never, "other_network", "the backup is of another network";
        NotEmpty = AfterRepair, "not_empty", "a backup is restored into an empty wallet: use another directory";
    } passes {
        Trouble(Trouble);
    }
}

impl Backup {
    /// Reads what [`Holder::backup`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Backup, RestoreError> {
        let backup: Backup = decode(bytes, BACKUP_BYTES_MAX).map_err(|cause| RestoreError::Malformed { cause })?;
        if backup.version != VERSION {
            return Err(RestoreError::Version { found: backup.version });
        }
        Ok(backup)
    }

    /// What it is for.
    pub fn kind(&self) -> BackupKind {
        self.kind
    }

    /// What the card exported; nothing of a card whose keys never leave it, which is then the card of the restored wallet too.
    pub fn card(&self) -> &[u8] {
        &self.card
    }

    /// Short name of the holder's bank.
    pub fn bank(&self) -> &str {
        &self.profile.bank
    }

    /// The authority's secret for the person, if it was unlocked.
    pub fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }
}

impl Holder {
    /// Everything this holder stores together with `card`, what his card exported. For a move the card was retired
    /// before; a move with nothing of the card is a copy of records whose card goes on, and follows them.
    pub async fn backup(&self, kind: BackupKind, card: &[u8]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let backup = Backup {
            version: VERSION,
            network: self.config.roots.network,
            kind,
            card: card.to_vec().into(),
            identity: self.config.identity.clone(),
            profile: self.profile().await?,
            licences: self.all().await?,
            key_lists: self.all().await?,
            revocations: self.all().await?,
            evidence: self.all().await?,
            withdrawals: self.all().await?,
            requests: self.all().await?,
            holdings: self.all().await?,
            challenges: self.all().await?,
            payments: self.all().await?,
            deposits: self.all().await?,
            renewals: self.all().await?,
            history: self.all().await?,
            sealed_orders: self.all().await?,
        };
        Ok(Zeroizing::new(encode(&backup)))
    }

    /// Puts a backup into an empty database; the card was restored from [`Backup::card`] before. Stored payments can be
    /// shown again, orders and requests are carried on, holdings are what the card says they are.
    pub async fn restore(&mut self, backup: &Backup) -> Result<(), RestoreError> {
        if backup.network != self.config.roots.network {
            return Err(RestoreError::OtherNetwork);
        }
        match self.profile().await {
            Err(Trouble::NotJoined) => {}
            Err(trouble) => return Err(trouble.into()),
            Ok(_) => return Err(RestoreError::NotEmpty),
        }
        let mut changes = Vec::new();
        put_all(&mut changes, &backup.key_lists);
        put_all(&mut changes, &backup.revocations);
        put_all(&mut changes, &backup.evidence);
        put_all(&mut changes, &backup.withdrawals);
        put_all(&mut changes, &backup.requests);
        put_all(&mut changes, &backup.sealed_orders);
        put_all(&mut changes, &backup.challenges);
        put_all(&mut changes, &backup.payments);
        put_all(&mut changes, &backup.history);
        match backup.kind {
            BackupKind::Move => {
                put_all(&mut changes, &backup.licences);
                changes.push(Change::put(&backup.profile));
                put_all(&mut changes, &backup.holdings);
                put_all(&mut changes, &backup.deposits);
                put_all(&mut changes, &backup.renewals);
            }
            BackupKind::Copy => {
                // restored keys sign no new request: fresh ones are drawn at the next synchronisation
                changes.extend(backup.licences.iter().map(|it| Change::put(&retired(it))));
                changes.push(Change::put(&Profile { main: None, ..backup.profile.clone() }));
                let holdings = backup.holdings.iter().map(freed).collect::<Vec<_>>();
                put_all(&mut changes, &holdings);
                // what was not closed yet cannot be closed by a restored card: its holdings wait for a refund
                let sent = |it: &&OwnDeposit| !matches!(it.phase, DepositPhase::Moving { .. } | DepositPhase::Fixed(_));
                changes.extend(backup.deposits.iter().filter(sent).map(Change::put));
                let closed = |it: &&Renewal| !matches!(it.phase, RenewalPhase::Moving(_));
                changes.extend(backup.renewals.iter().filter(closed).map(Change::put));
            }
        }
        self.commit(changes).await?;
        if self.config.identity.is_none() {
            self.config.identity = backup.identity.clone();
        }
        Ok(())
    }
}

fn retired(licence: &OwnRight) -> OwnRight {
    OwnRight { used: LicenceUse::Used, ..licence.clone() }
}

fn freed(holding: &Holding) -> Holding {
    match holding.phase {
        HoldingPhase::Committed => holding.with(HoldingPhase::Ours),
        _ => holding.clone(),
    }
}

fn put_all<T: Stored>(changes: &mut Vec<Change>, records: &[T]) {
    changes.extend(records.iter().map(Change::put));
}
