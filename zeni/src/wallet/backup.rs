//! `backup` and `restore`.

use std::{ops::DerefMut, path::Path, sync::Arc};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeni_crypto::keyfile::WorkFactor;
use zeni_holder::{Backup, BackupKind, Holder};
use zeni_message::route::Clock;

use super::{Session, explain};
use crate::{
    cli::HomeArgs,
    home::{Home, HomeSecrets},
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
}

impl<H: DerefMut<Target = Holder>> Session<H> {
    pub(super) async fn backup(self, file: &Path, moving: bool) -> Result<(), Failure> {
        if file.exists() {
            return Err(Failure::Usage(format!("{} exists: name a new file", file.display())));
        }
        crate::documents::check_path(file)?;
        let Session { home, holder, output } = self;
        let bank = holder.profile().await.map_err(explain)?.bank;
        // two never have the card
        drop(holder);
        let kept = home.keys_stay();
        if moving && kept {
            let text = "the keys of this card never leave it: who has the card and a backup has the wallet";
            return Err(Failure::refused("card_unsupported", text));
        }
        let (kind, exported) = if kept { (BackupKind::Move, None) } else { exported(&home, moving).await? };
        let exported = exported.map(|exported| exported.to_bytes()).unwrap_or_default();
        let holder = home.holder(&bank, None).await?;
        let state = holder.backup(kind, &exported).await.map_err(explain)?;
        let backup = BackupFile { network: home.network.clone(), secrets: home.secrets(), state: hex(&state) };
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
                "written; the money itself is on the card and cannot be copied: restore the file with this card in the reader"
            }
            (false, false) => {
                "written; a wallet restored from it receives, resends and claims refunds, but does not spend"
            }
        };
        output.result(&json!({"ok": true, "moved": moving, "money": !kept}), text)
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
