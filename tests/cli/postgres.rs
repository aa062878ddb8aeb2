//! The institutions on PostgreSQL.

use zeni_store::testing::postgres;

use super::stage::Stage;

/// DESIGN §6: moving all roles to PostgreSQL is configuration. Money goes out, is paid and comes back, a SIGKILL in
/// between loses nothing, and every audit balances.
#[test]
fn all_roles_run_on_postgresql() {
    let Some(database) = postgres() else { return };
    let mut stage = Stage::empty();
    stage.serve_with(&["--customers", "customers.csv"]);
    stage.stop();
    let key = format!("database = {:?}\n", database.address);
    let text = stage.text("net/zeni.toml");
    let moved: String = text
        .lines()
        .map(|line| {
            let last_listener = line.starts_with("listen = ") || line.starts_with("listen_members = ");
            format!("{line}\n{}", if last_listener { key.as_str() } else { "" })
        })
        .collect();
    assert_eq!(moved.matches("database = ").count(), 4, "authority, issuer and two banks: {moved}");
    stage.write("net/zeni.toml", moved);
    stage.serve();
    assert_eq!(stage.join("wallet", "hanako", "aoba", "A-1001", None).exit, 0);
    let (before, _) = stage.account("aoba", "A-1001");
    stage.ok("wallet --home hanako withdraw 1600_JPY --now");
    stage.kill();
    stage.serve();
    stage.ok("wallet --home hanako deposit 600_JPY");
    stage.settled("aoba", "A-1001", before - 1_000);
    assert_eq!(stage.holds("wallet --home hanako"), 1_000);
    stage.audits();
}
