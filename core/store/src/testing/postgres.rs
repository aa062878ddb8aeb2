//! A PostgreSQL cluster for the tests of one process.

#![expect(clippy::disallowed_macros, reason = "says to the developer what to install")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, NoTls};

use crate::{Options, Schema, Store};

/// Starts the cluster in $1 with the binaries in $2, says so, and removes both when standard input
/// ends, which it does with the test process however that dies.
const CLUSTER: &str = r#"
cd "$1" || exit 1
"$2/initdb" -D "$1/data" -U postgres -A trust --no-sync -E UTF8 --locale=C >"$1/log" 2>&1 || exit 1
"$2/pg_ctl" -D "$1/data" -l "$1/log" -w start >/dev/null -o \
    "-k $1 -c listen_addresses='' -c max_connections=400 -c fsync=off -c shared_buffers=32MB" || exit 1
echo ready
read -r line
"$2/pg_ctl" -D "$1/data" -m immediate stop >/dev/null 2>&1
rm -rf "$1"
"#;

struct Cluster {
    directory: PathBuf,
    /// Its standard input keeps the cluster alive.
    _script: Child,
}

/// A database of its own in the cluster of this test process.
#[derive(Debug)]
pub struct PgDatabase {
    /// Its address, for [`Store::open_postgres`].
    pub address: String,
}

impl PgDatabase {
    /// Opens a store in the database schema named like `schema`.
    ///
    /// # Panics
    /// When it does not open.
    #[must_use]
    pub fn open(&self, schema: &Schema, options: Options) -> Store {
        Store::open_postgres(&self.address, schema.name, schema, options).expect("a new database opens")
    }
}

/// A fresh database; the first call starts the cluster. `None`, after saying what to install, where
/// PostgreSQL is missing.
///
/// # Panics
/// When the cluster does not start, and on a CI machine (variable `CI`) when PostgreSQL is missing.
#[must_use]
pub fn postgres() -> Option<PgDatabase> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let cluster = CLUSTER.get_or_init(|| {
        let binaries = binaries();
        if binaries.is_none() {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
            eprintln!("PostgreSQL is not installed (Debian: apt install postgresql): not tested");
        }
        Some(start(&binaries?))
    });
    let directory = cluster.as_ref()?.directory.display();
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let address = |name: &str| format!("host={directory} user=postgres dbname={name}");
    let create = || {
        let mut client = Client::connect(&address("postgres"), NoTls).expect("the cluster runs");
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("the name is new");
    };
    // the client must not run on a thread of a runtime
    std::thread::scope(|scope| scope.spawn(create).join()).expect("the database was made");
    Some(PgDatabase { address: address(&name) })
}

fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        places.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    places.into_iter().find(|place| place.join("initdb").is_file() && place.join("pg_ctl").is_file())
}

fn start(binaries: &Path) -> Cluster {
    let directory = std::env::temp_dir().join(format!("zeni-pg-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&directory));
    std::fs::create_dir(&directory).expect("a temporary directory can be made");
    let mut command = if is_root(&directory) {
        // PostgreSQL refuses to run as root
        let owned = Command::new("chown").arg("postgres").arg(&directory).status();
        assert!(owned.is_ok_and(|status| status.success()), "there is a user postgres");
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", CLUSTER, "sh"]).arg(&directory).arg(binaries);
    let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("there is a shell");
    let mut line = String::new();
    let output = script.stdout.take().expect("standard output is a pipe");
    BufReader::new(output).read_line(&mut line).expect("the script's output can be read");
    assert_eq!(line, "ready\n", "the cluster did not start, see {}/log", directory.display());
    Cluster { directory, _script: script }
}

fn is_root(own: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(own).is_ok_and(|metadata| metadata.uid() == 0)
}
