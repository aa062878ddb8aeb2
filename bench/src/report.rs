//! Figures and how they are told.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{Scenario, measure::Rounds};

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Microseconds of processor time.
    #[serde(rename = "us")]
    Micros,
    /// Milliseconds, estimated.
    #[serde(rename = "ms")]
    Millis,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// Bits.
    #[serde(rename = "bits")]
    Bits,
    /// A quotient.
    #[serde(rename = "ratio")]
    Ratio,
    /// A number of things.
    #[serde(rename = "count")]
    Count,
    /// Per second of real time.
    #[serde(rename = "per_second")]
    PerSecond,
}

impl Unit {
    fn sign(self) -> &'static str {
        match self {
            Unit::Micros => "µs",
            Unit::Millis => "ms",
            Unit::Bytes => "bytes",
            Unit::Bits => "bits",
            Unit::Ratio => "",
            Unit::Count => "",
            Unit::PerSecond => "/s",
        }
    }
}

/// One measured figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// In what.
    pub unit: Unit,
    /// Middle of the rounds.
    pub median: f64,
    /// The least round.
    pub min: f64,
    /// The greatest round.
    pub max: f64,
    /// How many rounds.
    pub rounds: usize,
    /// The most that the median may be, where there is a target.
    pub target: Option<f64>,
    /// Median ÷ target: met up to 1.
    pub ratio: Option<f64>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: Unit, rounds: &Rounds) -> Figure {
        Figure {
            name: name.into(),
            unit,
            median: rounds.median(),
            min: rounds.min(),
            max: rounds.max(),
            rounds: rounds.len(),
            target: None,
            ratio: None,
        }
    }

    /// A figure that does not vary.
    pub(crate) fn exact(name: impl Into<String>, unit: Unit, value: f64) -> Figure {
        let mut rounds = Rounds::default();
        rounds.add(value);
        Figure::new(name, unit, &rounds)
    }

    #[must_use]
    pub(crate) fn at_most(self, target: f64) -> Figure {
        Figure { target: Some(target), ratio: Some(self.median / target), ..self }
    }
}

/// The figures of one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// The scenario.
    pub scenario: Scenario,
    /// What the figures include and what not.
    pub includes: &'static str,
    /// The figures.
    pub figures: Vec<Figure>,
}

impl Section {
    /// As lines for people.
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}\n", self.scenario.name(), self.includes);
        let width = self.figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        for figure in &self.figures {
            let sign = figure.unit.sign();
            let place = match figure.unit {
                Unit::Micros => 1,
                Unit::Ratio => 3,
                _ => 0,
            };
            let pad = width - figure.name.chars().count();
            write!(text, "  {}{:pad$}  {:>9.place$} {sign:<5}", figure.name, "", figure.median)
                .expect("writing to a string cannot fail");
            let spread = if figure.rounds > 1 {
                format!("  ({:.place$} to {:.place$}, {} rounds)", figure.min, figure.max, figure.rounds)
            } else {
                String::new()
            };
            let target = match (figure.target, figure.ratio) {
                (Some(target), Some(ratio)) => {
                    let verdict = if ratio <= 1.0 { "met" } else { "MISSED" };
                    format!("  target {target} {sign}: {ratio:.2} of it, {verdict}")
                }
                _ => String::new(),
            };
            text.push_str(&target);
            text.push_str(&spread);
            text.push('\n');
        }
        text
    }
}
