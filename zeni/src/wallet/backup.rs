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
    pub(super) async fn backup(&mut self, file: &Path, moving: bool) -> Result<(), Failure> {
        if file.exists() {
            return Err(Failure::Usage(format!("{} exists: name a new file", file.display())));
        }
        crate::documents::check_path(file)?;
        let mut card = self.home.card()?;
        // a move locks this card before anything else exists that may spend
        let (kind, exported) = if moving {
            (BackupKind::Move, card.export_move().map_err(explain)?)
        } else {
            (BackupKind::Copy, card.export().map_err(explain)?)
        };
        let state = self.holder.backup(kind, &exported.to_bytes()).await.map_err(explain)?;
        let backup =
            BackupFile { network: self.home.network.clone(), secrets: self.home.secrets(), state: hex(&state) };
        let work = if self.home.network.sandbox { WorkFactor::InsecureFast } else { WorkFactor::Standard };
        keys::write(file, &backup, self.home.passphrase(), work).map_err(|error| match moving {
            true => Failure::try_again(
                "not_written",
                format!("{error:#}; the wallet is locked: move it again to another file"),
            ),
            false => Failure::from(error),
        })?;
        let text = if moving {
            "this wallet is locked; restore the file elsewhere, once, and spend there: two wallets made from it overspend each \
             other's money, which names you"
        } else {
            "written; a wallet restored from it receives, resends and claims refunds, but does not spend"
        };
        self.output.result(&json!({"ok": true, "moved": moving}), text)
    }
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
    let home = Home::write_with(args, backup.network, backup.secrets, passphrase, clock).await?;
    let bank = home.network.banks.first().context("the network has no bank")?.name.clone();
    let mut holder = home.holder(&bank)?;
    let state = Backup::from_bytes(&state).map_err(explain)?;
    let exported =
        zeni_card::Backup::from_bytes(state.card()).map_err(|error| Failure::refused("damaged_backup", error))?;
    home.card()?.restore(&exported).map_err(|error| Failure::refused("card", error))?;
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
