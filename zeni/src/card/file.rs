//! `zeni card`: a software card of its own, for a reader of the system.
//!
//! Its key lies beside it in `FILE.key`, under a passphrase: the PIN keeps others from using the card, the passphrase from
//! reading its file. Keys never leave such a card: it stands for one of hardware.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeni_card::{ApduCard, Applet, InProcess};
use zeni_card_host::{FileMemory, VirtualReader};
use zeni_crypto::{OsEntropy, SharedEntropy, keyfile::WorkFactor};

use super::{care::told, file_failure};
use crate::{
    cli::{CardFileArgs, CardFileCommand},
    home,
    keys::{self, Secret32},
    output::{Failure, Output},
};

/// What the key file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardKey {
    /// Encrypts the card's file and the keys in it.
    master: Secret32,
}

/// `zeni card …`.
pub(crate) async fn run(args: CardFileArgs, output: Output) -> Result<(), Failure> {
    match args.command {
        CardFileCommand::New => new(&args, output),
        CardFileCommand::Serve { port } => serve(&args, port, output).await,
        CardFileCommand::Status => status(&args, output),
    }
}

fn new(args: &CardFileArgs, output: Output) -> Result<(), Failure> {
    let key_path = key_path(&args.file);
    if args.file.symlink_metadata().is_ok() {
        return Err(Failure::Usage(format!("{} exists: name a new file", args.file.display())));
    }
    // the key first: a card without its key is nothing, and a key without its card is that of a card which was not finished
    let begun = key_path.exists();
    let passphrase = home::passphrase(args.passphrase_file.as_deref(), false, !begun)?;
    let key = match begun {
        true => keys::read(&key_path, &passphrase)?,
        false => {
            let key = CardKey { master: Secret32::new(SharedEntropy::os().bytes()) };
            keys::write(&key_path, &key, &passphrase, WorkFactor::Standard)?;
            key
        }
    };
    FileMemory::create(&args.file, &*key.master.bytes()?, OsEntropy).map_err(file_failure)?;
    let text = "a blank card: 'serve' puts it into the virtual reader, 'wallet join --card pcsc' makes it yours";
    output.result(&json!({"ok": true}), text)
}

fn open(args: &CardFileArgs) -> Result<Applet<FileMemory>, Failure> {
    if !args.file.exists() {
        return Err(Failure::Usage(format!("{} is not there: make a card with 'new'", args.file.display())));
    }
    let passphrase = home::passphrase(args.passphrase_file.as_deref(), false, false)?;
    let key: CardKey = keys::read(&key_path(&args.file), &passphrase)?;
    let master = key.master.bytes()?;
    let memory = FileMemory::open(&args.file, &master, OsEntropy).map_err(file_failure)?;
    Ok(Applet::new(memory, master, OsEntropy))
}

async fn serve(args: &CardFileArgs, port: u16, output: Output) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut applet = open(args)?;
    let reader = VirtualReader::connect(port).map_err(|error| {
        let text =
            format!("no virtual reader listens on port {port} ({error}): install vsmartcard-vpcd and start pcscd");
        Failure::try_again("no_virtual_reader", text)
    })?;
    let pull = reader.puller().context("the virtual reader")?;
    let mut stop = signal(SignalKind::terminate()).context("signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals")?;
    output.result(&json!({"ok": true, "port": port}), "the card is in the reader")?;
    let mut served = tokio::task::spawn_blocking(move || reader.serve(&mut applet));
    tokio::select! {
        ended = &mut served => {
            let error = ended.context("the card")?;
            return Err(Failure::try_again("reader_gone", format!("the virtual reader has gone ({error}): start pcscd again")));
        }
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    // the command under way is carried out; then the card is out of the reader
    pull.pull();
    served.await.context("the card")?;
    Ok(())
}

fn status(args: &CardFileArgs, output: Output) -> Result<(), Failure> {
    let (value, text) = told(&mut ApduCard::new(InProcess(open(args)?), None))?;
    output.result(&value, &text)
}

fn key_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}
