use super::*;

fn quick(scenario: Scenario) -> Section {
    let settings = Settings { size: Size::Quick, directory: std::env::temp_dir() };
    let section = scenario.run(&settings).expect("a scenario runs");
    for figure in &section.figures {
        // a difference of two short runs may come out below nil; an archive may be empty
        let may_be_nil = figure.name.starts_with("each further")
            || figure.name.contains(": archive")
            || figure.name.starts_with("after all terms");
        assert!(figure.median.is_finite() && (may_be_nil || figure.median > 0.0), "{figure:?}");
        assert!(figure.min <= figure.median && figure.median <= figure.max, "{figure:?}");
        assert_eq!(figure.target.is_some(), figure.ratio.is_some());
    }
    assert_eq!(section.text().lines().count(), 1 + section.figures.len());
    section
}

#[test]
fn blind_signatures_run() {
    assert_eq!(quick(Scenario::Blind).figures.len(), 4);
}

/// docs/card.md: a payment of one holding takes at most 12 exchanges of extended length. What a tap takes is an estimate, and told.
#[test]
fn a_payment_fits_a_tap() {
    let section = quick(Scenario::Card);
    let of = |name: &str| section.figures.iter().find(|figure| figure.name == name).map(|figure| figure.median);
    let exchanges = |what: &str| of(&format!("{what}: exchanges")).unwrap_or(f64::MAX);
    assert!(exchanges("payment of 1 holding") <= 12.0, "{:?}", exchanges("payment of 1 holding"));
    // an endorsement each, and nothing else, for every further holding
    assert_eq!(exchanges("payment of 4 holdings") - exchanges("payment of 2 holdings"), 2.0);
    // a link each, and nothing else, for every further endorsement
    let load = |links: u32| exchanges(&format!("load of a payment, chain of {links}"));
    assert_eq!((load(5) - load(1), load(16) - load(5)), (4.0, 11.0));
    assert!(of("hand-in of 64, short lengths: exchanges") > of("hand-in of 64: exchanges"));
    let applet = section.figures.iter().filter(|figure| figure.name.starts_with("applet: ")).count();
    assert_eq!(applet, 13);
}

#[test]
fn redeeming_runs() {
    assert_eq!(quick(Scenario::Redeem).figures.len(), 2);
}

/// DESIGN §6: issue under seal is measured against its targets.
#[test]
fn issue_under_seal_runs() {
    assert_eq!(quick(Scenario::Sealed).figures.iter().filter(|figure| figure.target.is_some()).count(), 2);
}

/// HC-N10, HC-P20, HC-P21: with as much in circulation the register stays level in rows and bytes; the archive rises with what
/// came back, stays level once as much goes as comes, and is empty after all terms; a list of spent notes would rise for ever.
#[test]
fn the_register_stays_level() {
    let section = quick(Scenario::Register);
    let all = |what: &str| -> Vec<f64> {
        let of = section.figures.iter().filter(|figure| figure.name.ends_with(what));
        of.map(|figure| figure.median).collect()
    };
    let (rows, bytes) = (all("register, rows"), all("register, bytes"));
    let (archived, archive_bytes) = (all("archive, rows"), all("archive, bytes"));
    let epochs = rows.len() - 1;
    assert!(rows[..epochs].iter().all(|rows| *rows == 20.0), "{rows:?}");
    assert!(bytes[..epochs].iter().all(|level| *level == bytes[0]), "{bytes:?}");
    assert_eq!((rows[epochs], bytes[epochs], archived[epochs], archive_bytes[epochs]), (0.0, 0.0, 0.0, 0.0));
    let settled = &archived[epochs - 3..epochs];
    assert!(archived[0] < archived[2] && settled.iter().all(|rows| *rows == settled[0]), "{archived:?}");
    assert_eq!(all("spent notes, rows"), [400.0]);
    assert!(settled[0] < 400.0);
}

#[test]
fn the_payee_checks() {
    assert_eq!(quick(Scenario::Payee).figures.len(), 3);
}

#[test]
fn returns_run() {
    assert_eq!(quick(Scenario::Return).figures.iter().filter(|figure| figure.target.is_some()).count(), 4);
}

#[test]
fn the_store_commits() {
    assert_eq!(quick(Scenario::Store).figures.len(), 6);
}

/// RN-P10, HC-N4…N9, HC-N11, HC-P19: what a payment adds to its chain, and what an endorsement adds to it, stay within their targets; a payer
/// signs once, a payee's work grows by two signatures a hop.
#[test]
fn sizes_are_within_their_targets() {
    let section = quick(Scenario::Sizes);
    let targets: Vec<_> = section.figures.iter().filter_map(|figure| figure.ratio).collect();
    assert_eq!(targets.len(), 5);
    assert!(targets.iter().all(|ratio| *ratio <= 1.0), "{targets:?}");
    let of = |name: &str| section.figures.iter().find(|figure| figure.name == name).map(|figure| figure.median);
    assert_eq!(of("for comparison: Chaum, Fiat, Naor with hashes of 128 bits"), Some(11_520.0));
    assert_eq!(of("for comparison: Chaum, Fiat, Naor with hashes of 256 bits"), Some(23_040.0));
    assert_eq!(of("signatures made by the payer"), Some(1.0));
    for (endorsements, checked) in [(1, 3.0), (5, 11.0), (16, 33.0)] {
        let name = format!("signatures checked by the payee, {endorsements} endorsements");
        assert_eq!(of(&name), Some(checked));
    }
}

#[test]
fn every_scenario_is_found_by_its_name() {
    for scenario in Scenario::ALL {
        assert_eq!(Scenario::named(scenario.name()), Some(scenario));
    }
    assert_eq!(Scenario::named("all"), None);
}

/// A control: a batch whose outcome is not the expected one gives no figure.
#[test]
fn wrong_outcomes_are_not_measured() {
    let settings = Settings { size: Size::Quick, directory: std::env::temp_dir() };
    let mut returns = Returns::open(&settings).expect("an issuer");
    // more than the note is worth was passed on: every item is malformed
    let shape = Shape { value: 2_000, ..Shape::sound(4, 1) };
    assert!(matches!(returns.measure(shape, Cache::Cold), Err(BenchError::Outcome { .. })));
}
