//! The stage of the demo: a directory, a sandbox process, and this program's own commands.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    customers::{self, Enrolment},
    output::{Failure, Output},
};

/// How often a state that the servers reach by themselves is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long it may take.
const LOOKS_MAX: u32 = 300;
/// The demo's wallets have no passphrase that matters.
const PASSPHRASE: &str = "demo";

/// Where the demo plays.
pub(super) struct Stage {
    dir: PathBuf,
    keep: bool,
    output: Output,
    servers: Option<Child>,
    enrolments: Vec<Enrolment>,
}

impl Stage {
    /// Makes the directory and starts the sandbox.
    pub(super) async fn open(keep: Option<PathBuf>, output: Output) -> Result<Stage, Failure> {
        let dir = match &keep {
            Some(dir) => dir.clone(),
            None => std::env::temp_dir().join(format!("zeni-demo-{}", std::process::id())),
        };
        if dir.exists() && fs::read_dir(&dir).context("cannot read the directory")?.next().is_some() {
            return Err(Failure::Usage(format!("{} is not empty", dir.display())));
        }
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let mut stage = Stage { dir, keep: keep.is_some(), output, servers: None, enrolments: Vec::new() };
        stage.title("Four institutions start: a registration authority, an issuer, the banks Aoba and Kita.");
        stage.start_servers().await?;
        stage.enrolments = customers::read_enrolments(&stage.dir.join("net/enrolment.csv"))?;
        Ok(stage)
    }

    /// Stops the servers and removes the directory unless it is to be kept.
    pub(super) async fn close(mut self) -> Result<(), Failure> {
        self.stop_servers().await?;
        if !self.keep {
            fs::remove_dir_all(&self.dir).with_context(|| format!("cannot remove {}", self.dir.display()))?;
        }
        Ok(())
    }

    /// Announces a scene.
    pub(super) fn title(&self, text: &str) {
        self.output.say(&format!("\n── {text}"));
    }

    /// A condition of the story.
    pub(super) fn expect(&self, holds: bool, claim: &str, seen: &Value) -> Result<(), Failure> {
        if holds {
            self.output.say(&format!("   ✓ {claim}"));
            return Ok(());
        }
        Err(Failure::refused("demo", format!("the demo expected that {claim}, but saw {seen}")))
    }

    /// Starts the sandbox and waits until it is ready.
    pub(super) async fn start_servers(&mut self) -> Result<(), Failure> {
        let mut child =
            self.command(&["sandbox", "--dir", "net"])?.stdout(Stdio::piped()).spawn().context("sandbox")?;
        let stdout = child.stdout.take().context("the sandbox has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await.context("sandbox")? {
            if line == "ready" {
                self.servers = Some(child);
                return Ok(());
            }
        }
        Err(Failure::refused("demo", "the sandbox ended before it was ready"))
    }

    /// Stops the sandbox in an orderly way.
    pub(super) async fn stop_servers(&mut self) -> Result<(), Failure> {
        if let Some(mut child) = self.servers.take() {
            let id = child.id().context("the sandbox has ended by itself")?.to_string();
            let asked =
                Command::new("kill").args(["-TERM", &id]).status().await.context("cannot signal the sandbox")?;
            let ended = child.wait().await.context("sandbox")?;
            if !asked.success() || !ended.success() {
                return Err(Failure::refused("demo", format!("the sandbox ended with {ended}")));
            }
        }
        Ok(())
    }

    /// Joins a person or shop with the secrets of the enrolment file.
    pub(super) async fn join(
        &self,
        kind: &str,
        home: &str,
        bank: &str,
        account: &str,
        privacy: Option<&str>,
    ) -> Result<Value, Failure> {
        let one = self
            .enrolments
            .iter()
            .find(|one| one.bank == bank && one.account == account)
            .with_context(|| format!("no account {account} at {bank}"))?;
        let mut args = vec![kind, "--home", home, "join", "--network", "net/network.toml", "--bank", bank];
        args.extend(["--account", account, "--code", &one.code, "--identity", &one.identity]);
        args.extend(privacy.iter().flat_map(|privacy| ["--privacy", privacy]));
        self.output.say(&format!("   $ zeni {kind} --home {home} join --bank {bank} --account {account} …"));
        self.quiet(&args).await
    }

    /// Joins a person as a customer of a bank alone, without an identity at the authority.
    pub(super) async fn join_unregistered(&self, home: &str, bank: &str, account: &str) -> Result<Value, Failure> {
        let one = self.enrolments.iter().find(|one| one.bank == bank && one.account == account);
        let one = one.with_context(|| format!("no account {account} at {bank}"))?;
        let mut args = vec!["wallet", "--home", home, "join", "--network", "net/network.toml", "--bank", bank];
        args.extend(["--account", account, "--code", &one.code]);
        self.output.say(&format!("   $ zeni wallet --home {home} join --bank {bank} --account {account} …"));
        self.quiet(&args).await
    }

    /// A command of a wallet.
    pub(super) async fn wallet(&self, home: &str, args: &[&str]) -> Result<Value, Failure> {
        self.run(&[&["wallet", "--home", home], args].concat()).await
    }

    /// A command of a shop.
    pub(super) async fn shop(&self, home: &str, args: &[&str]) -> Result<Value, Failure> {
        self.run(&[&["shop", "--home", home], args].concat()).await
    }

    /// A command that looks into an institution.
    pub(super) async fn admin(&self, role: &str, args: &[&str]) -> Result<Value, Failure> {
        self.run(&[&[role, "--dir", "net"], args].concat()).await
    }

    /// Request, payment, receipt, each a file named after `name`.
    pub(super) async fn pay(
        &self,
        payer: &str,
        kind: &str,
        payee: &str,
        amount: &str,
        name: &str,
    ) -> Result<(), Failure> {
        let (request, payment) = (format!("{name}.request"), format!("{name}.payment"));
        self.run(&[kind, "--home", payee, "request", amount, "--memo", name, "--out", &request]).await?;
        self.wallet(payer, &["pay", &request, "--yes", "--out", &payment]).await?;
        self.run(&[kind, "--home", payee, "receive", &payment]).await?;
        Ok(())
    }

    /// Copies a wallet's directory, as a cheat would.
    pub(super) fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.output.say(&format!("   $ cp -r {from} {to}"));
        copy_dir(&self.dir.join(from), &self.dir.join(to))?;
        Ok(())
    }

    /// Waits until an account shows a balance and nothing is held.
    pub(super) async fn settled(&self, bank: &str, account: &str, balance: &str) -> Result<Value, Failure> {
        let args = ["bank", "--dir", "net", "--bank", bank, "statement", account];
        let mut seen = Value::Null;
        for _ in 0..LOOKS_MAX {
            seen = self.quiet(&args).await?;
            if seen["balance"] == balance {
                self.expect(true, &format!("account {account} at {bank} shows {balance}"), &seen)?;
                return Ok(seen);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.expect(false, &format!("account {account} at {bank} shows {balance}"), &seen)?;
        Ok(seen)
    }

    /// Waits until the issuer's newest case has a name.
    pub(super) async fn case_closed(&self) -> Result<Value, Failure> {
        for _ in 0..LOOKS_MAX {
            let cases = self.quiet(&["issuer", "--dir", "net", "cases"]).await?;
            if let Some(case) = cases["cases"].as_array().and_then(|cases| cases.last())
                && case["name"].is_string()
            {
                return Ok(case.clone());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Failure::refused("demo", "no case was opened and disclosed in time"))
    }

    /// Waits until the issuer has a case in a state.
    pub(super) async fn case_in(&self, state: &str) -> Result<Value, Failure> {
        for _ in 0..LOOKS_MAX {
            let cases = self.quiet(&["issuer", "--dir", "net", "cases"]).await?;
            let found = cases["cases"].as_array().and_then(|cases| cases.iter().find(|case| case["state"] == state));
            if let Some(case) = found {
                return Ok(case.clone());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Failure::refused("demo", format!("no case came to be {state} in time")))
    }

    /// A command that must be refused; tells its JSON.
    pub(super) async fn refused(&self, kind: &str, home: &str, args: &[&str]) -> Result<Value, Failure> {
        let args = [&[kind, "--home", home], args].concat();
        self.output.say(&format!("   $ zeni {}", args.join(" ")));
        match self.call(&args).await? {
            (true, seen) => Err(Failure::refused("demo", format!("this should have been refused: {seen}"))),
            (false, seen) => {
                self.output.say(&format!("   ✓ refused: {}", seen["error"].as_str().unwrap_or_default()));
                Ok(seen)
            }
        }
    }

    /// A command that is shown.
    pub(super) async fn run(&self, args: &[&str]) -> Result<Value, Failure> {
        let shown: Vec<String> =
            args.iter().map(|arg| if arg.contains(' ') { format!("\"{arg}\"") } else { (*arg).to_owned() }).collect();
        self.output.say(&format!("   $ zeni {}", shown.join(" ")));
        self.quiet(args).await
    }

    async fn quiet(&self, args: &[&str]) -> Result<Value, Failure> {
        match self.call(args).await? {
            (true, value) => Ok(value),
            (false, value) => Err(Failure::refused("demo", format!("zeni {}: {value}", args.join(" ")))),
        }
    }

    async fn call(&self, args: &[&str]) -> Result<(bool, Value)> {
        let output = self.command(args)?.arg("--json").stderr(Stdio::piped()).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        match serde_json::from_str(text.lines().last().unwrap_or("null")) {
            Ok(value) => Ok((output.status.success(), value)),
            Err(_) => bail!("zeni {} said: {text}{}", args.join(" "), String::from_utf8_lossy(&output.stderr)),
        }
    }

    fn command(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("this program has no file")?);
        command.args(args).current_dir(&self.dir).env("ZENI_PASSPHRASE", PASSPHRASE).stdin(Stdio::null());
        command.kill_on_drop(true);
        Ok(command)
    }
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
