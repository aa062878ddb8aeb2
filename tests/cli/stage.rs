//! A copy of the prepared network with its own ports, and the program run in it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// Under this passphrase all wallets of the tests lie.
pub(super) const PASSPHRASE: &str = "a passphrase of the tests";
/// Seconds after which every request of a withdrawal is due, whatever its random delay.
pub(super) const ALL_DUE_S: &str = "172800";
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// Ports that no system hands out by itself.
const PORTS: (u16, u16) = (11_000, 31_000);

/// Customers of the network. Names and accounts are such that a search finds nothing else.
const CUSTOMERS: &str = "\
bank,account,name,balance
aoba,A-1001,Hanako Sato,100000
aoba,A-1002,Taro Suzuki,100000
aoba,A-1003,Mei Kato,250
aoba,A-2001,Cafe Aoba,0
aoba,A-3001,Ren Mori,100000
kita,K-1001,Jiro Tanaka,100000
kita,K-1002,Yuki Ito,100000
kita,K-2001,Kita Books,0
kita,K-3001,Aya Ono,100000
";

/// Who has joined in the prepared network: kind, home, bank, account, privacy.
const JOINED: [(&str, &str, &str, &str, Option<&str>); 5] = [
    ("wallet", "hanako", "aoba", "A-1001", Some("unlinkable")),
    ("wallet", "taro", "aoba", "A-1002", Some("unlinkable")),
    ("wallet", "jiro", "kita", "K-1001", None),
    ("wallet", "yuki", "kita", "K-1002", None),
    ("shop", "cafe", "aoba", "A-2001", None),
];

/// The network that is copied: Hanako holds 12,300 yen in six notes, Jiro one note of 1,000, nobody else anything.
static PREPARED: LazyLock<TempDir> = LazyLock::new(|| {
    let mut stage = Stage::empty();
    stage.serve_with(&["--customers", "customers.csv"]);
    for (kind, home, bank, account, privacy) in JOINED {
        let done = stage.join(kind, home, bank, account, privacy);
        assert_eq!(done.exit, 0, "{done:?}");
    }
    stage.ok("wallet --home hanako withdraw 12300_JPY --now");
    stage.ok("wallet --home jiro withdraw 1000_JPY --now");
    stage.stop();
    let Stage { dir, .. } = &mut stage;
    std::mem::replace(dir, tempfile::tempdir().expect("a temporary directory"))
});

/// A directory with `net`, wallets and shops, and the sandbox's process while it runs.
pub(super) struct Stage {
    dir: TempDir,
    servers: Option<Server>,
}

/// A process that is killed when the test ends.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    pub(super) fn of(output: &Output) -> Ended {
        Ended {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The last line of standard output.
    pub(super) fn json(&self) -> Value {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON at the end ({error}): {self:?}"))
    }
}

impl Stage {
    /// A copy of the prepared network; the servers do not run yet.
    pub(super) fn new() -> Stage {
        let stage = Stage { dir: tempfile::tempdir().expect("a temporary directory"), servers: None };
        copy_dir(PREPARED.path(), stage.dir.path());
        stage.move_ports();
        stage
    }

    /// A directory with nothing but the customers' file.
    pub(super) fn empty() -> Stage {
        let stage = Stage { dir: tempfile::tempdir().expect("a temporary directory"), servers: None };
        stage.write("customers.csv", CUSTOMERS);
        stage
    }

    /// A copy whose servers run.
    pub(super) fn running() -> Stage {
        let mut stage = Stage::new();
        stage.serve();
        stage
    }

    /// A path inside.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The text of a file inside.
    pub(super) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes a file inside.
    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Copies a directory inside, as a cheat copies his wallet.
    pub(super) fn copy(&self, from: &str, to: &str) {
        copy_dir(&self.path(from), &self.path(to));
    }

    /// Gives every listener a port of its own, in all files that name it.
    fn move_ports(&self) {
        let config = self.text("net/zeni.toml");
        let moved: BTreeMap<String, String> = config
            .split('"')
            .filter(|word| word.starts_with("127.0.0.1:"))
            .map(|address| (address.to_owned(), format!("127.0.0.1:{}", free_port())))
            .collect();
        let homes = JOINED.map(|(_, home, ..)| format!("{home}/network.toml"));
        for file in homes.iter().map(String::as_str).chain(["net/zeni.toml", "net/network.toml"]) {
            // quoted, so that no address is the beginning of another; one pass, so that none is moved twice
            let text = self.text(file);
            let parts: Vec<&str> = text.split('"').map(|word| moved.get(word).map_or(word, String::as_str)).collect();
            self.write(file, parts.join("\""));
        }
    }

    /// The address that the configuration gives a listener, e.g. `listen_public`; `nth` of several.
    pub(super) fn address(&self, key: &str, nth: usize) -> String {
        let config = self.text("net/zeni.toml");
        let mut found = config.lines().filter_map(|line| line.strip_prefix(key)?.trim().strip_prefix("= \""));
        found.nth(nth).expect("a listener").trim_end_matches('"').to_owned()
    }

    /// Starts the sandbox and waits until it is ready.
    pub(super) fn serve(&mut self) {
        self.serve_with(&[]);
    }

    /// Starts the sandbox with more arguments and waits until it is ready.
    pub(super) fn serve_with(&mut self, more: &[&str]) {
        let args = [&["sandbox", "--dir", "net"], more].concat();
        self.servers = Some(self.start(&args, "servers"));
        let patience = Instant::now();
        while !self.text("servers.out").lines().any(|line| line == "ready") {
            let child = &mut self.servers.as_mut().expect("just started").child;
            let ended = child.try_wait().expect("a process");
            assert!(ended.is_none(), "the sandbox ended: {}", self.text("servers.err"));
            assert!(patience.elapsed() < PATIENCE, "the sandbox is never ready: {}", self.text("servers.err"));
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Starts the program with its output in `<name>.out` and `<name>.err`.
    pub(super) fn start(&self, args: &[&str], name: &str) -> Server {
        let out = File::create(self.path(&format!("{name}.out"))).expect("a file");
        let err = File::create(self.path(&format!("{name}.err"))).expect("a file");
        let mut command = self.command(args);
        command.env("ZENI_LOG", "debug").stdin(Stdio::null()).stdout(out).stderr(err);
        Server { child: command.spawn().expect("the program") }
    }

    /// SIGTERM: the sandbox finishes what runs and ends with 0.
    pub(super) fn stop(&mut self) {
        let mut server = self.servers.take().expect("the sandbox runs");
        terminate(&mut server);
    }

    /// SIGKILL: the sandbox is gone in the middle of whatever it did.
    pub(super) fn kill(&mut self) {
        drop(self.servers.take().expect("the sandbox runs"));
    }

    /// The program, in this directory.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zeni"));
        command.args(args).current_dir(self.dir.path());
        command.env("ZENI_PASSPHRASE", PASSPHRASE).env_remove("ZENI_LOG").env_remove("ZENI_CLOCK_OFFSET");
        command
    }

    /// Runs the program with these very arguments.
    pub(super) fn raw(&self, args: &[&str]) -> Ended {
        Ended::of(&self.command(args).stdin(Stdio::null()).output().expect("the program"))
    }

    /// Runs the program; words stand apart by spaces, an underscore stands for a space in a word.
    pub(super) fn run(&self, line: &str) -> Ended {
        let words: Vec<String> = line.split_whitespace().map(|word| word.replace('_', " ")).collect();
        self.raw(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs with `input` on standard input.
    pub(super) fn piped(&self, line: &str, input: &[u8]) -> Ended {
        let words: Vec<String> = line.split_whitespace().map(|word| word.replace('_', " ")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = self.command(&words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        // a command that refuses early does not read to the end
        let _cut = child.stdin.take().expect("a pipe").write_all(input);
        Ended::of(&child.wait_with_output().expect("the program"))
    }

    /// Runs with `--json`: it must be done, and the result is told.
    pub(super) fn ok(&self, line: &str) -> Value {
        let ended = self.run(&format!("{line} --json"));
        assert_eq!(ended.exit, 0, "zeni {line}: {ended:?}");
        ended.json()
    }

    /// Runs with `--json`: it must be refused with exit 1, a reason on standard error and this code.
    pub(super) fn refused(&self, line: &str, code: &str) {
        let ended = self.run(&format!("{line} --json"));
        assert_eq!(ended.exit, 1, "zeni {line}: {ended:?}");
        let told = ended.json();
        assert_eq!(told["code"], code, "zeni {line}: {ended:?}");
        assert_eq!((told["ok"].as_bool(), told["exit"].as_i64()), (Some(false), Some(1)), "{ended:?}");
        let reason = told["error"].as_str().expect("a reason");
        assert!(!reason.is_empty() && ended.stderr.contains(&format!("zeni: {reason}")), "{ended:?}");
    }

    /// A `resume` that ends with 0, now or after some tries: the bank may not have counted a signature yet.
    pub(super) fn resumed(&self, line: &str) -> Value {
        let mut told = Value::Null;
        until(line, || {
            let ended = self.run(&format!("{line} --json"));
            assert!(matches!(ended.exit, 0 | 3), "{ended:?}");
            told = ended.json();
            ended.exit == 0
        });
        told
    }

    /// The line of `enrolment.csv` for an account.
    pub(super) fn enrolment(&self, bank: &str, account: &str) -> Vec<String> {
        let text = self.text("net/enrolment.csv");
        let line = text.lines().find(|line| line.starts_with(&format!("{bank},{account},")));
        line.expect("an account").split(',').map(str::to_owned).collect()
    }

    /// Joins with the secrets of the enrolment file.
    pub(super) fn join(&self, kind: &str, home: &str, bank: &str, account: &str, privacy: Option<&str>) -> Ended {
        let line = self.enrolment(bank, account);
        let mut args = vec![kind, "--home", home, "join", "--network", "net/network.toml", "--json"];
        args.extend(["--bank", bank, "--account", account, "--code", &line[3], "--identity", &line[4]]);
        args.extend(privacy.iter().flat_map(|privacy| ["--privacy", privacy]));
        self.raw(&args)
    }

    /// What a wallet or shop can spend, in yen; `kind_home` is e.g. `wallet --home taro`.
    pub(super) fn holds(&self, kind_home: &str) -> u64 {
        self.balance(kind_home, "available")
    }

    /// One figure of a balance, in yen.
    pub(super) fn balance(&self, kind_home: &str, figure: &str) -> u64 {
        let balance = self.ok(&format!("{kind_home} balance"));
        match &balance["balances"][0][figure] {
            Value::Null => 0,
            text => yen(text),
        }
    }

    /// Request, payment and receipt between two homes, without a network; the files are `<name>.request`, `.payment`.
    pub(super) fn pay(&self, payer: &str, payee: &str, amount: u64, name: &str) {
        self.ok(&format!("{payee} request {amount}_JPY --out {name}.request"));
        self.ok(&format!("{payer} pay {name}.request --out {name}.payment"));
        self.ok(&format!("{payee} receive {name}.payment"));
    }

    /// The balance and the held amount of an account, in yen.
    pub(super) fn account(&self, bank: &str, account: &str) -> (u64, u64) {
        let statement = self.ok(&format!("bank --dir net --bank {bank} statement {account}"));
        (yen(&statement["balance"]), yen(&statement["held"]))
    }

    /// Waits until an account shows this balance and holds nothing back.
    pub(super) fn settled(&self, bank: &str, account: &str, balance: u64) {
        until(&format!("{account} at {bank} shows {balance}"), || self.account(bank, account) == (balance, 0));
    }

    /// Every institution's own audit.
    pub(super) fn audits(&self) {
        let issuer = self.ok("issuer --dir net audit");
        assert_eq!(issuer["balanced"], true, "{issuer}");
        for bank in ["aoba", "kita"] {
            let audit = self.ok(&format!("bank --dir net --bank {bank} audit"));
            assert_eq!(audit["violations"], serde_json::json!([]), "{audit}");
        }
    }
}

/// Asks a process to end and waits for it: it must end with 0.
pub(super) fn terminate(server: &mut Server) {
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    let status = server.child.wait().expect("a process");
    assert_eq!(status.code(), Some(0), "ended with {status}");
}

/// Waits until something holds that the processes reach by themselves.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = Instant::now();
    while !holds() {
        assert!(patience.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// `JPY:300` as 300.
pub(super) fn yen(value: &Value) -> u64 {
    let text = value.as_str().and_then(|text| text.strip_prefix("JPY:")).unwrap_or_else(|| panic!("{value}"));
    text.parse().unwrap_or_else(|_| panic!("{value}"))
}

/// A port on which nothing listens, never the same twice in this process.
fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        // two test processes at once begin at different places
        let spread = u16::try_from(std::process::id() % 97).expect("below 97") * 200;
        AtomicU16::new(PORTS.0 + spread)
    });
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(port < PORTS.1 + 5_000, "all ports were tried");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
