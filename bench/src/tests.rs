use super::*;

fn quick(scenario: Scenario) -> Section {
    let settings = Settings { size: Size::Quick, directory: std::env::temp_dir() };
    let section = scenario.run(&settings).expect("a scenario runs");
    for figure in &section.figures {
        // a difference of two short runs may come out below nil
        let difference = figure.name.starts_with("each further");
        assert!(figure.median.is_finite() && (difference || figure.median > 0.0), "{figure:?}");
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

#[test]
fn redeeming_runs() {
    assert_eq!(quick(Scenario::Redeem).figures.len(), 2);
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

/// RN-P10, HC-N8: what a payment adds to its chain, and what an endorsement adds to it, stay within their targets; a payer
/// signs once, a payee's work grows by two signatures a hop.
#[test]
fn sizes_are_within_their_targets() {
    let section = quick(Scenario::Sizes);
    let targets: Vec<_> = section.figures.iter().filter_map(|figure| figure.ratio).collect();
    assert_eq!(targets.len(), 3);
    assert!(targets.iter().all(|ratio| *ratio <= 1.0), "{targets:?}");
    let of = |name: &str| section.figures.iter().find(|figure| figure.name == name).map(|figure| figure.median);
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
