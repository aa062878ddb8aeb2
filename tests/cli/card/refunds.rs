//! A card in a reader is lost: what it held comes back from the backup of its wallet.

use std::fs;

use super::{
    bench::{Bench, home},
    refusal,
};
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

/// docs/card.md "Frozen", RN-X31: a card in a reader that its bank froze pays nobody, and gives what it holds back to the account: asked for
/// after the deposit limit, paid at the end of retention.
#[test]
fn a_frozen_card_in_a_reader_is_refunded() {
    let mut bench = Bench::new();
    bench.joined();
    let ren = home("wallet", "ren", 0);
    bench.stage.ok(&format!("{ren} withdraw 1000_JPY --via registered --now"));
    let bank = "bank --dir net --bank aoba";
    let cards = bench.stage.ok(&format!("{bank} cards A-3001"));
    let card = cards["cards"][0]["card"].as_str().expect("its number");
    bench.stage.ok(&format!("{bank} freeze-card {card}"));
    let told = bench.stage.run(&format!("{ren} resume --json"));
    assert!(told.stdout.contains("\"frozen\""), "{told:?}");
    bench.stage.ok("wallet --home taro request 100_JPY --out tea.request");
    bench.stage.refused(&format!("{ren} pay tea.request"), "card_frozen");
    let early = bench.stage.run(&format!("{ren} refund --json"));
    assert_eq!(refusal(&early), (3, "too_early".into()), "{early:?}");
    for (days, command) in [(430, "refund"), (731, "resume")] {
        let offset = (days * DAY).to_string();
        bench.stage.stop();
        bench.stage.serve_with(&["--clock-offset", &offset]);
        bench.stage.run(&format!("--clock-offset {offset} {ren} {command}"));
        until("the refund goes on", || {
            let ended = bench.stage.run(&format!("--clock-offset {offset} {ren} resume --json"));
            assert!(matches!(ended.exit, 0 | 3), "{ended:?}");
            let paid = bench.stage.account("aoba", "A-3001") == (100_000, 0);
            assert!(!paid || days > 430, "not before the end of retention");
            // the issuer has it by then
            if days == 430 { ended.stdout.contains("\"waiting\"") } else { paid }
        });
    }
    bench.stage.audits();
}
