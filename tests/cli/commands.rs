//! Every command with right and wrong arguments: results, exit codes, JSON.

use super::stage::{PASSPHRASE, Stage};

/// All commands of the command line, each with help that names it.
#[test]
fn help_tells_of_every_command() {
    let stage = Stage::new();
    let help = stage.run("--help");
    assert_eq!(help.exit, 0);
    for command in ["demo", "sandbox", "serve", "wallet", "shop", "issuer", "authority", "bank", "inspect", "bench"] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}: {}", help.stdout);
        let own = stage.run(&format!("{command} --help"));
        assert_eq!(own.exit, 0, "{own:?}");
        assert!(own.stdout.contains("Usage: zeni") && own.stdout.contains("--json"), "{own:?}");
        assert!(!own.stdout.contains("clock-offset"), "drills are no part of the help");
    }
    let wallet = stage.run("wallet --help").stdout;
    for command in [
        "join",
        "withdraw",
        "balance",
        "history",
        "resume",
        "run",
        "request",
        "pay",
        "receive",
        "give-back",
        "deposit",
        "renew",
        "refund",
        "report-lost",
        "backup",
        "restore",
    ] {
        assert!(wallet.contains(&format!("\n  {command} ")), "{command}: {wallet}");
        assert_eq!(stage.run(&format!("wallet {command} --help")).exit, 0);
    }
    assert!(wallet.contains("--passphrase-file") && wallet.contains("--wait"), "{wallet}");
    assert_eq!(stage.run("--version").exit, 0);
}

/// What is not understood ends with 2 and says how it is meant; nothing is done.
#[test]
fn wrong_usage_ends_with_two() {
    let stage = Stage::new();
    for line in [
        "",
        "nothing",
        "wallet",
        "wallet balance",
        "wallet --home jiro",
        "wallet --home jiro nothing",
        "wallet --home jiro withdraw",
        "wallet --home jiro pay",
        "wallet --home jiro deposit",
        "issuer audit",
        "issuer --dir net",
        "issuer --dir net nothing",
        "authority --dir net revoke",
        "bank --dir net statement A-1001",
        "bank --dir net --bank aoba statement",
        "inspect",
        "sandbox",
        "serve",
        "shop --home cafe withdraw 100_JPY",
        "wallet --home jiro --wait soon balance",
        "wallet --home jiro join --privacy none",
        "issuer --dir nowhere audit",
        "wallet --home jiro pay nowhere",
        "wallet --home jiro receive nowhere",
        "inspect nowhere",
        "wallet --home jiro restore nowhere",
        "serve nowhere",
        "wallet --home jiro withdraw much",
        "wallet --home jiro deposit 5",
        "shop --home jiro balance",
        "wallet --home cafe balance",
        "demo --keep net",
    ] {
        let ended = stage.run(line);
        assert_eq!(ended.exit, 2, "zeni {line}: {ended:?}");
        assert!(!ended.stderr.is_empty() || !ended.stdout.is_empty(), "zeni {line} says nothing");
    }
    let told = stage.run("wallet --home jiro deposit 5 --json");
    assert_eq!((told.exit, told.json()["code"].as_str(), told.json()["exit"].as_i64()), (2, Some("usage"), Some(2)));
    assert_eq!(stage.holds("wallet --home jiro"), 1_000);
}

/// The shapes that scripts read, exactly.
#[test]
fn json_is_as_documented() {
    let stage = Stage::new();
    let balance = stage.run("wallet --home jiro balance --json");
    assert_eq!(
        balance.stdout,
        "{\"balances\":[{\"currency\":\"JPY\",\"available\":\"JPY:1000\",\"pending\":\"JPY:0\",\"owed_back\":\"JPY:0\",\
         \"restored\":\"JPY:0\"}]}\n"
    );
    let text = stage.run("wallet --home jiro balance");
    assert_eq!((text.exit, text.stdout.as_str()), (0, "1000 JPY available\n"));
    let statement = stage.ok("bank --dir net --bank aoba statement A-1001");
    assert_eq!((&statement["balance"], &statement["held"]), (&"JPY:87700".into(), &"JPY:0".into()), "{statement}");
    assert_eq!(statement["entries"][1]["kind"], "withdrawal", "{statement}");
    let circulation = stage.ok("issuer --dir net circulation");
    let yen = &circulation["circulation"][0];
    assert_eq!((&yen["currency"], &yen["outstanding"]), (&"JPY".into(), &13_300.into()), "{circulation}");
    assert_eq!(yen["issued"], serde_json::json!([["aoba", 12_300], ["kita", 1_000]]), "{circulation}");
    let cases = stage.ok("issuer --dir net cases");
    assert_eq!(cases, serde_json::json!({"cases": []}));
    stage.refused("issuer --dir net cases --export proof", "no_case");
    let disclosures = stage.ok("authority --dir net disclosures");
    assert_eq!(disclosures["entries"], serde_json::json!([]), "{disclosures}");
    stage.audits();
    stage.refused("bank --dir net --bank aoba statement A-9", "unknown_account");
    stage.refused("bank --dir net --bank umi statement A-1001", "unknown_bank");
    stage.refused("authority --dir net revoke 00", "not_revoked");
    for line in ["bank --dir net --bank aoba statement A-1001", "issuer --dir net audit", "issuer --dir net cases"] {
        let text = stage.run(line);
        assert!(text.exit == 0 && !text.stdout.is_empty(), "{text:?}");
    }
}

/// Without servers what needs them ends with 3, to be tried again; what needs none is done.
#[test]
fn no_connection_is_to_be_tried_again() {
    let stage = Stage::new();
    for line in ["wallet --home jiro withdraw 100_JPY --now", "wallet --home jiro deposit 100_JPY"] {
        let ended = stage.run(&format!("{line} --json"));
        assert_eq!(ended.exit, 3, "{ended:?}");
        assert_eq!((ended.json()["exit"].as_i64(), ended.json()["ok"].as_bool()), (Some(3), Some(false)));
    }
    assert_eq!(stage.join("wallet", "mei", "aoba", "A-1003", None).exit, 3);
}

/// The passphrase comes from a file or the environment; another one, a cut or an altered key file open nothing.
#[test]
fn a_key_file_opens_under_its_passphrase_only() {
    let stage = Stage::new();
    stage.write("right", format!("{PASSPHRASE}\nsecond line\n"));
    stage.write("wrong", "not this one\n");
    assert_eq!(stage.run("wallet --home jiro --passphrase-file right balance").exit, 0);
    let wrong = stage.run("wallet --home jiro --passphrase-file wrong balance");
    assert_eq!(wrong.exit, 1, "{wrong:?}");
    assert!(wrong.stderr.contains("passphrase"), "{wrong:?}");
    assert_eq!(stage.run("wallet --home jiro --passphrase-file nowhere balance").exit, 2);
    let mut other = stage.command(&["wallet", "--home", "jiro", "balance"]);
    assert_eq!(other.env("ZENI_PASSPHRASE", "other").output().unwrap().status.code(), Some(1));
    let whole = std::fs::read(stage.path("jiro/keys.age")).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() - 10] ^= 1;
    for damaged in [&whole[..whole.len() - 20], &whole[..10], &[][..], &altered] {
        stage.write("jiro/keys.age", damaged);
        let ended = stage.run("wallet --home jiro balance");
        assert_eq!(ended.exit, 1, "{ended:?}");
        assert!(ended.stderr.contains("keys.age"), "says which file: {ended:?}");
    }
    stage.write("jiro/keys.age", &whole);
    assert_eq!(stage.holds("wallet --home jiro"), 1_000);
}

/// Whoever reads the output may stop reading: the command ends with a reason, never with a crash.
#[test]
fn a_closed_pipe_is_no_crash() {
    let stage = Stage::new();
    // a request was stored before it could not be shown
    for (line, exit) in [("balance", 1), ("balance --json", 1), ("history", 1), ("request 5_JPY", 3)] {
        let words: Vec<String> = line.split_whitespace().map(|word| word.replace('_', " ")).collect();
        let mut args = vec!["wallet", "--home", "jiro"];
        args.extend(words.iter().map(String::as_str));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = stage.command(&args);
        let output = command.stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{line}: {said}");
        assert!(said.contains("standard output") && !said.contains("panicked"), "{line}: {said}");
    }
}
