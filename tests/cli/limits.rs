//! What a bank does as operator of its customers' cards, from its command line to theirs.

use super::stage::Stage;

/// docs/card.md: limits from the command line and from the configuration reach a wallet's card when it connects; a payment beyond them says
/// what to do; cards are listed; a card that the bank froze says so and refunds.
#[test]
fn limits_of_cards() {
    let mut stage = Stage::running();
    let bank = "bank --dir net --bank aoba";
    let none = stage.ok(&format!("{bank} card-limits"));
    assert_eq!(none["limits"].as_array().map(Vec::len), Some(0), "{none}");
    let set = stage.ok(&format!("{bank} card-limits --currency JPY --payment 500_JPY --payments 3"));
    assert_eq!((set["limits"]["number"].as_u64(), set["limits"]["payment"].as_str()), (Some(1), Some("JPY:500")));
    stage.resumed("wallet --home hanako resume");
    stage.ok("wallet --home taro request 600_JPY --out more.request");
    let refused = stage.run("wallet --home hanako pay more.request --yes");
    assert_eq!(refused.exit, 1, "{refused:?}");
    assert!(refused.stderr.contains("one payment is at most 500 JPY"), "{refused:?}");
    stage.refused("wallet --home hanako pay more.request --yes", "card_limit");
    stage.pay("wallet --home hanako", "wallet --home taro", 400, "less");

    let wrong = stage.run(&format!("{bank} card-limits --currency JPY --payment 5.00_USD"));
    assert_eq!(wrong.exit, 2, "{wrong:?}");
    assert_eq!(stage.run(&format!("{bank} card-limits --payment 500_JPY")).exit, 2);
    assert_eq!(stage.run(&format!("{bank} card-limits --currency ABC --payments 1")).exit, 2);
    let nobodys = "--card 00112233445566778899aabbccddeeff";
    stage.refused(&format!("{bank} card-limits --currency JPY --payments 1 {nobodys}"), "unknown_card");
    stage.refused(&format!("{bank} cards A-9999"), "unknown_account");
    let cards = stage.ok(&format!("{bank} cards A-1001"));
    let card = cards["cards"][0]["card"].as_str().expect("a card was in contact").to_owned();
    assert_eq!(cards["cards"].as_array().map(Vec::len), Some(1), "{cards}");

    for wrong in ["31.3.2027", "20270331", "9999-12-31"] {
        let wrong = stage.run(&format!("{bank} card-limits --currency JPY --until {wrong}"));
        assert!(wrong.exit == 2 && wrong.stderr.contains("neither a day such as"), "{wrong:?}");
    }
    for (said, meant) in
        [("1580515199", 1_580_515_199), ("2020-01-31T12:00:00Z", 1_580_472_000), ("2020-01-31", 1_580_515_199)]
    {
        let ended = stage.ok(&format!("{bank} card-limits --currency JPY --until {said}"));
        assert_eq!(ended["limits"]["until"].as_u64(), Some(meant), "{ended}");
    }
    let told = stage.run(&format!("{bank} card-limits"));
    assert!(told.stdout.contains("\"until\": \"2020-01-31T23:59:59Z\""), "{told:?}");
    let told = stage.run(&format!("{bank} cards A-1001"));
    let contact = cards["cards"][0]["contact"].as_u64().expect("seconds").to_string();
    assert!(
        told.stdout.contains(&format!("{card}  20")) && told.stdout.contains("Z") && !told.stdout.contains(&contact),
        "{told:?}"
    );
    stage.resumed("wallet --home hanako resume");
    let refused = stage.run("wallet --home hanako pay more.request --yes");
    assert!(refused.exit == 1 && refused.stderr.contains("the card paid until 2020-01-31T23:59:59Z"), "{refused:?}");

    stage.stop();
    let configured = stage.text("net/zeni.toml");
    let with =
        configured.replacen("name = \"aoba\"\n", "name = \"aoba\"\ncards.JPY = { payment = 700, payments = 9 }\n", 1);
    assert_ne!(with, configured);
    stage.write("net/zeni.toml", with);
    stage.serve();
    stage.resumed("wallet --home hanako resume");
    let rules = stage.ok(&format!("{bank} card-limits"));
    assert_eq!(rules["limits"][0]["payments"].as_u64(), Some(9), "{rules}");
    stage.ok("wallet --home hanako pay more.request --yes --out more.payment");
    stage.ok("wallet --home taro receive more.payment");

    stage.refused(&format!("{bank} freeze-card 00112233445566778899aabbccddeeff"), "unknown_card");
    assert_eq!(stage.run(&format!("{bank} freeze-card nonsense")).exit, 2);
    stage.ok(&format!("{bank} freeze-card {card}"));
    assert_eq!(stage.ok(&format!("{bank} cards A-1001"))["cards"][0]["frozen"].as_bool(), Some(true));
    let told = stage.run("wallet --home hanako resume --json");
    assert!(told.stdout.contains("\"frozen\""), "{told:?}");
    let balance = stage.run("wallet --home hanako balance");
    assert!(balance.stdout.contains("refundable only"), "{balance:?}");
    stage.refused("wallet --home hanako withdraw 100_JPY", "card_frozen");
    stage.audits();
}

/// docs/card.md: a configuration with limits in more currencies than a card is held to is refused, read or started, and so is one that
/// has too many with those of the command line; currencies without limits do not count.
#[test]
fn limits_in_too_many_currencies() {
    let mut stage = Stage::running();
    let bank = "bank --dir net --bank aoba";
    stage.ok(&format!("{bank} card-limits --currency CHF --payments 3"));
    stage.stop();
    let configured = stage.text("net/zeni.toml");
    let with = |limited: usize, free: usize| {
        let of = |place: usize| if place < limited { "payment = 700" } else { "" };
        let code = |place: usize| format!("XX{}", char::from(b'A' + u8::try_from(place).expect("few")));
        let cards: String = (0..limited + free).map(|it| format!("cards.{} = {{ {} }}\n", code(it), of(it))).collect();
        configured.replacen("name = \"aoba\"\n", &format!("name = \"aoba\"\n{cards}"), 1)
    };
    let told = |text: &str, found| text.contains("bank 'aoba'") && text.contains(found) && text.contains("at most 16");
    stage.write("net/zeni.toml", with(18, 0));
    for command in ["serve net/zeni.toml --check", "serve net/zeni.toml", &format!("{bank} card-limits")] {
        let refused = stage.run(command);
        assert!(refused.exit == 2 && told(&refused.stderr, "in 18 currencies"), "{command}: {refused:?}");
    }
    stage.write("net/zeni.toml", with(16, 2));
    assert_eq!(stage.run("serve net/zeni.toml --check").exit, 0);
    let refused = stage.run("serve net/zeni.toml");
    assert!(refused.exit == 1 && told(&refused.stderr, "in 17 currencies"), "{refused:?}");
    stage.refused(&format!("{bank} card-limits --currency EUR --payments 3"), "too_many_currencies");
    stage.ok(&format!("{bank} card-limits --currency CHF"));
    stage.serve();
    stage.resumed("wallet --home hanako resume");
    let rules = stage.ok(&format!("{bank} card-limits"));
    assert_eq!(rules["limits"].as_array().map(Vec::len), Some(16), "{rules}");
    stage.write("net/zeni.toml", configured.replacen("name = \"aoba\"\n", "name = \"aoba\"\ncards.YEN = 1\n", 1));
    assert_eq!(stage.run("serve net/zeni.toml --check").exit, 2);
}

/// docs/card.md "CONTACT": a card too many is told when it joins, by `resume` and by `balance`, and nothing is withdrawn to it; once
/// another makes room it is taken.
#[test]
fn a_card_that_the_bank_does_not_take() {
    const CARDS_MAX: usize = 16;
    let stage = Stage::running();
    let cards = |stage: &Stage| stage.ok("bank --dir net --bank aoba cards A-1002")["cards"].clone();
    let before = cards(&stage).as_array().map_or(0, Vec::len);
    for place in before..CARDS_MAX {
        let joined = stage.join("wallet", &format!("card{place}"), "aoba", "A-1002", Some("untraceable"));
        assert_eq!((joined.exit, &joined.json()["card_refused"]), (0, &serde_json::Value::Null), "{joined:?}");
    }
    let joined = stage.join("wallet", "last", "aoba", "A-1002", Some("untraceable"));
    assert_eq!(joined.json()["card_refused"]["code"], "too_many_cards", "{joined:?}");
    let debited = stage.account("aoba", "A-1002");
    stage.refused("wallet --home last withdraw 100_JPY --now", "card_contact");
    assert_eq!(stage.account("aoba", "A-1002"), debited);
    stage.refused("wallet --home last resume", "card_contact");
    let told = stage.run("wallet --home last resume");
    assert!(told.stdout.contains("too_many_cards") && told.stderr.contains("speak to the bank"), "{told:?}");
    assert_eq!(stage.ok("wallet --home last balance")["card_refused"]["code"], "too_many_cards");

    let card = cards(&stage)[0]["card"].as_str().expect("a card").to_owned();
    stage.ok(&format!("bank --dir net --bank aoba freeze-card {card}"));
    stage.resumed("wallet --home last resume");
    stage.ok("wallet --home last withdraw 100_JPY --now");
    assert_eq!(stage.ok("wallet --home last balance")["card_refused"], serde_json::Value::Null);
}

/// docs/card.md: a home that was copied is found at its next connection: both are frozen, and nobody is named for it.
#[test]
fn a_copied_home_is_frozen() {
    let stage = Stage::running();
    stage.resumed("wallet --home hanako resume");
    stage.copy("hanako", "copy");
    stage.resumed("wallet --home hanako resume");
    let told = stage.run("wallet --home copy resume --json");
    assert!(told.stdout.contains("\"frozen\""), "{told:?}");
    let balance = stage.ok("wallet --home copy balance");
    assert_eq!(balance["frozen"].as_bool(), Some(true), "{balance}");
    stage.run("wallet --home hanako resume --json");
    assert_eq!(stage.ok("wallet --home hanako balance")["frozen"].as_bool(), Some(true));
    assert_eq!(stage.holds("wallet --home hanako"), 0);
    let cases = stage.ok("issuer --dir net cases");
    assert_eq!(cases["cases"].as_array().map(Vec::len), Some(0), "{cases}");
    stage.refused("wallet --home hanako confirm-by-force", "nothing_open");
    stage.ok("wallet --home jiro backup jiro.backup");
    stage.refused("wallet --home taro claim-refunds jiro.backup", "no_refunds");
}
