//! `zeni bench`.

use serde::Serialize;
use zeni_bench::{BenchError, Scenario, Section, Settings, Size};

use crate::{
    cli::BenchArgs,
    output::{Failure, Output},
};

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    /// Whether the program was built with optimisation; figures of one that was not say nothing about the targets.
    optimised: bool,
    quick: bool,
    sections: Vec<Section>,
}

/// Runs one scenario or all and prints the figures.
///
/// The scenarios block their thread for long, so they have one of their own: inside one poll of a task the runtime's budget
/// would run out and their futures would never be ready.
pub(crate) async fn run(args: BenchArgs, output: Output) -> Result<(), Failure> {
    let measured = tokio::task::spawn_blocking(move || measure(&args, output)).await;
    measured.map_err(anyhow::Error::from)?
}

fn measure(args: &BenchArgs, output: Output) -> Result<(), Failure> {
    let scenarios = chosen(&args.scenario)?;
    let directory = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let settings = Settings { size: if args.quick { Size::Quick } else { Size::Full }, directory };
    let optimised = !cfg!(debug_assertions);
    if !optimised {
        output.say("this program was built without optimisation: its figures say nothing about the targets");
    }
    let mut sections = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        output.say(&format!("measuring {} ...", scenario.name()));
        let section = scenario.run(&settings).map_err(failed)?;
        if !output.json {
            output.result(&section, &section.text())?;
        }
        sections.push(section);
    }
    let report = Report { optimised, quick: args.quick, sections };
    if output.json { output.result(&report, "") } else { Ok(()) }
}

fn chosen(word: &str) -> Result<Vec<Scenario>, Failure> {
    if word == "all" {
        return Ok(Scenario::ALL.to_vec());
    }
    let names = || Scenario::ALL.map(Scenario::name).join(", ");
    let one = Scenario::named(word);
    let one = one.ok_or_else(|| Failure::Usage(format!("no scenario {word}: there are all, {}", names())))?;
    Ok(vec![one])
}

fn failed(error: BenchError) -> Failure {
    match error {
        BenchError::Directory(_) | BenchError::Open(_) => Failure::refused("no_store", error),
        error => Failure::from(anyhow::Error::from(error)),
    }
}
