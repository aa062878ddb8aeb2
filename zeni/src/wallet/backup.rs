//! `backup` and `restore`.

use std::{ops::DerefMut, path::Path, sync::Arc};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeni_crypto::{hex, keyfile::WorkFactor};
use zeni_holder::{Backup, BackupKind, Holder, RefundFileError};
use zeni_message::route::Clock;

use super::{Session, explain};
use crate::{
    cli::HomeArgs,
    home::{self, Home, HomeSecrets},
    keys,
    network::NetworkFile,
    output::{Failure, Output},
};

/// What a backup file holds, under the wallet's passphrase.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackupFile<S> {
    /// The network.
    network: NetworkFile,
    /// Secrets of the home.
    secrets: S,
    /// State of card and wallet, hexadecimal.
    state: String,
    /// Refunds of what the card holds, signed for the loss of a card whose keys never leave it, hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    refunds: String,
}

impl<H: DerefMut<Target = Holder>> Session<H> {
    pub(super) async fn backup(self, file: &Path, moving: bool) -> Result<(), Failure> {
        if file.exists() {
            return Err(Failure::Usage(format!("{} exists: name a new file", file.display())));
        }
        crate::documents::check_path(file)?;
        let Session { home, mut holder, output, .. } = self;
        for one in home.further() {
            let name = &one.card.name;
            output.say(&format!("zeni: the card '{name}' is not in this backup: it has its own, --on {name} backup"));
        }
        // a card with a payment open exports nothing
        holder.unknown_payment().await.map_err(explain)?;
        let bank = holder.profile().await.map_err(explain)?.bank;
        let kept = home.keys_stay();
        let refunds = match kept && !moving {
            true => signed_refunds(&mut holder, &output).await?,
            false => Vec::new(),
        };
        // two never have the card
        drop(holder);
        if moving && kept {
            let text = "the keys of this card never leave it: who has the card and a backup has the wallet";
            return Err(Failure::refused("card_unsupported", text));
        }
        let (kind, exported) = if kept { (BackupKind::Move, None) } else { exported(&home, moving).await? };
        let exported = exported.map(|exported| exported.to_bytes()).unwrap_or_default();
        let holder = home.holder(&bank, None).await?;
        let state = holder.backup(kind, &exported).await.map_err(explain)?;
        let refunds = hex(&refunds);
        let backup = BackupFile { network: home.network.clone(), secrets: home.secrets(), state: hex(&state), refunds };
        let work = if home.network.sandbox { WorkFactor::InsecureFast } else { WorkFactor::Standard };
        keys::write(file, &backup, home.passphrase(), work).map_err(|error| match moving {
            true => Failure::try_again(
                "not_written",
                format!("{error:#}; the wallet is locked: move it again to another file"),
            ),
            false => Failure::from(error),
        })?;
        let text = match (moving, kept) {
            (true, _) => {
                "this wallet is locked; restore the file elsewhere, once, and spend there: two wallets made from it \
                 overspend each other's money, which names you"
            }
            (false, true) => {
                "written; the money itself is on the card and cannot be copied: restore the file with this card in the \
                 reader, or join again after its loss and use 'claim-refunds'"
            }
            (false, false) => {
                "written; a wallet restored from it receives, resends and claims refunds, but does not spend"
            }
        };
        output.result(&json!({"ok": true, "moved": moving, "money": !kept}), text)
    }
}

/// Refunds of what the card holds; none where it holds nothing for this account. A bank that cannot be reached leaves the backup
/// without them.
async fn signed_refunds(holder: &mut Holder, output: &Output) -> Result<Vec<u8>, Failure> {
    match holder.refund_file().await {
        Ok(signed) => {
            if let Some(left_out) = signed.left_out {
                output.say(&format!("zeni: not all is in the backup's refunds for the loss of the card: {left_out}"));
            }
            Ok(signed.file)
        }
        Err(RefundFileError::Nothing) => Ok(Vec::new()),
        Err(
            error @ (RefundFileError::Open(_) | RefundFileError::Account(_) | RefundFileError::OtherCurrency { .. }),
        ) => {
            output.say(&format!("zeni: the backup holds no refunds for the loss of the card: {error}"));
            Ok(Vec::new())
        }
        Err(error) => Err(explain(error)),
    }
}

impl<H: DerefMut<Target = Holder>> Session<H> {
    /// Takes over the refunds of a backup's lost card.
    ///
    /// `passphrase` is a file with the passphrase of the wallet that wrote the backup; without it this wallet's own has to open it.
    pub(super) async fn claim_refunds(mut self, file: &Path, passphrase: Option<&Path>) -> Result<(), Failure> {
        let other = passphrase.map(|path| home::passphrase(Some(path), true, false)).transpose()?;
        let passphrase = other.as_ref().map_or_else(|| self.home.passphrase(), |other| other.as_str());
        let backup: BackupFile<serde::de::IgnoredAny> = match keys::read(file, passphrase) {
            Err(error) if other.is_none() && keys::is_wrong_passphrase(&error) => {
                let text = format!(
                    "{error:#}: if the lost wallet had another passphrase, name its file with --backup-passphrase-file"
                );
                return Err(Failure::refused("wrong_passphrase", text));
            }
            read => read?,
        };
        let refunds = unhex(&backup.refunds).context("the backup is damaged")?;
        if refunds.is_empty() {
            return Err(Failure::refused("no_refunds", "this backup holds no refunds: restore it instead"));
        }
        let taken = self.holder.present_refunds(&refunds).await.map_err(explain)?;
        let from = taken.from;
        let text = format!("taken over; 'resume' claims them, the first from {from} on");
        self.output.result(&json!({"ok": true, "batches": taken.batches, "from": from.0}), &text)
    }
}

/// What a card tells whose keys may leave it. A move locks this card before anything else exists that may spend.
async fn exported(home: &Home, moving: bool) -> Result<(BackupKind, Option<zeni_card::Backup>), Failure> {
    let mut card = home.card().await?;
    let (kind, exported) = match moving {
        true => (BackupKind::Move, card.export_move()),
        false => (BackupKind::Copy, card.export()),
    };
    Ok((kind, Some(exported.map_err(explain)?)))
}

/// Makes a wallet from a backup file.
pub(super) async fn restore(
    args: &HomeArgs,
    file: &Path,
    output: Output,
    clock: Arc<dyn Clock>,
) -> Result<(), Failure> {
    if args.home.join("keys.age").exists() {
        return Err(Failure::Usage(format!("{} is a wallet already: name a new directory", args.home.display())));
    }
    if !file.exists() {
        return Err(Failure::Usage(format!("{} is not there", file.display())));
    }
    let passphrase = Home::passphrase_for_restore(args)?;
    let backup: BackupFile<HomeSecrets> = keys::read(file, &passphrase)?;
    let state = unhex(&backup.state).context("the backup is damaged")?;
    let state = Backup::from_bytes(&state).map_err(explain)?;
    let exported = match state.card() {
        [] => None,
        card => Some(zeni_card::Backup::from_bytes(card).map_err(|error| Failure::refused("damaged_backup", error))?),
    };
    let secrets = backup.secrets.restored(state.bank());
    let home = Home::restored(args, backup.network, secrets, passphrase, clock).await?;
    home.make_card(state.bank())?;
    if let Some(exported) = exported {
        home.card().await?.restore(&exported).map_err(|error| Failure::refused("card", error))?;
    }
    let mut holder = home.holder(state.bank(), None).await?;
    holder.restore(&state).await.map_err(explain)?;
    home.finish()?;
    let balance = holder.balance().await.map_err(explain)?;
    output.result(&json!({"ok": true, "balances": balance.balances}), "restored")
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
