//! A card in a reader is lost: what it held comes back from the backup of its wallet.

use std::fs;

use super::bench::{Bench, home};
use crate::cli::stage::until;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// RN-X31, FX-F9: the backup of a wallet whose card keeps its keys holds signed refunds: after the loss of both, a wallet with another
/// card claims them, and is paid what was left at the end of retention; what was passed on after the backup is not paid.
#[test]
fn a_lost_card_is_refunded_from_the_backup() {
    let mut bench = Bench::new();
    bench.joined();
    let ren = home("wallet", "ren", 0);
    bench.stage.ok(&format!("{ren} withdraw 1000_JPY --via registered --now"));
    bench.stage.ok(&format!("{ren} backup ren.backup"));
    bench.stage.pay(&ren, "shop --home cafe", 300, "meal");
    bench.stage.ok("shop --home cafe deposit");
    bench.stage.settled("aoba", "A-2001", 300);
    fs::remove_dir_all(bench.stage.path("ren")).expect("the home is lost");
    bench.remove(0);

    let joined = bench.stage.join("wallet", "new", "aoba", "A-3001", None);
    assert_eq!(joined.exit, 0, "{joined:?}");
    let taken = bench.stage.ok("wallet --home new claim-refunds ren.backup");
    assert_eq!(taken["batches"].as_u64(), Some(1), "{taken}");
    assert_eq!(bench.stage.ok("wallet --home new claim-refunds ren.backup")["batches"].as_u64(), Some(0));
    let early = bench.stage.run("wallet --home new resume --json");
    assert!(early.exit == 0 && early.stdout.contains("\"too_early\""), "{early:?}");
    for (days, reached) in [(430, "\"waiting\""), (731, "")] {
        let offset = (days * DAY).to_string();
        bench.stage.stop();
        bench.stage.serve_with(&["--clock-offset", &offset]);
        until("the refund goes on", || {
            let resumed = bench.stage.run(&format!("--clock-offset {offset} wallet --home new resume --json"));
            assert!(matches!(resumed.exit, 0 | 3), "{resumed:?}");
            let paid = bench.stage.account("aoba", "A-3001") == (99_700, 0);
            assert!(!paid || days > 430, "not before the end of retention");
            paid || (!reached.is_empty() && resumed.stdout.contains(reached))
        });
    }
    bench.stage.audits();
}
