//! What wallet and card say to each other, and what the card computes for it (docs/card.md).

mod clock;
mod flows;

use zeni_card::element::testing::tally::{Lengths, Traffic};

use crate::{
    BenchError, Scenario, Section, Settings,
    measure::count,
    report::{Figure, Unit},
};
use flows::Bench;

const INCLUDES: &str = "commands of a card (exchanges) and their bytes with those of the replies, through the driver; the session is begun \
     anew in each tap: SELECT and VERIFY are in it. Processor time is that of the applet alone over a memory in RAM, one core \
     of this machine. Times of a tap are estimates: bytes at the rate of the field, 10 bits each with framing of blocks of 253, \
     and 5 ms an exchange for reader and operating system, without the card's own computing.";

/// Exchanges of a payment of one holding (issue 4).
const EXCHANGES_MAX: f64 = 12.0;
/// A contactless tap.
const TAP_MS: f64 = 500.0;
/// What reader, its driver and PC/SC add to each exchange: assumed.
const EXCHANGE_MS: f64 = 5.0;
/// Data bytes of a block of ISO 14443-4 whose frame has 256.
const BLOCK_BYTES: usize = 253;
/// Prologue and check of a block.
const BLOCK_FRAMING: usize = 3;
/// On the air a byte has its parity bit and a guard.
const BITS_PER_BYTE: f64 = 10.0;
/// Rates of ISO 14443 in kbit/s.
const RATES: [f64; 2] = [106.0, 424.0];

pub(crate) fn run(settings: &Settings) -> Result<Section, BenchError> {
    let mut figures = Vec::new();
    for lengths in [Lengths::Extended, Lengths::Short] {
        let mut bench = Bench::new(lengths)?;
        for (name, traffic) in bench.flows()? {
            figures.extend(of(&name, lengths, traffic));
        }
    }
    let rounds = settings.pick(40, 2);
    for (name, times) in clock::commands(rounds)? {
        figures.push(Figure::new(format!("applet: {name}"), Unit::Micros, &times));
    }
    Ok(Section { scenario: Scenario::Card, includes: INCLUDES, figures })
}

/// The figures of one tap.
fn of(name: &str, lengths: Lengths, traffic: Traffic) -> Vec<Figure> {
    let short = if lengths == Lengths::Short { ", short lengths" } else { "" };
    let one_holding = name == flows::ONE_HOLDING && lengths == Lengths::Extended;
    let exact = |what: &str, unit, value| Figure::exact(format!("{name}{short}: {what}"), unit, value);
    let targeted = |figure: Figure, most| if one_holding { figure.at_most(most) } else { figure };
    let mut figures = vec![
        targeted(exact("exchanges", Unit::Count, count(traffic.exchanges)), EXCHANGES_MAX),
        exact("bytes", Unit::Bytes, count(traffic.sent + traffic.received)),
    ];
    for rate in RATES {
        let estimate = exact(&format!("a tap at {rate} kbit/s, estimated"), Unit::Millis, tap_ms(traffic, rate));
        figures.push(targeted(estimate, TAP_MS));
    }
    figures
}

/// Milliseconds that a reader needs for it at `rate` kbit/s.
fn tap_ms(traffic: Traffic, rate: f64) -> f64 {
    let bytes = traffic.sent + traffic.received;
    // at least one block there and one back in each exchange
    let blocks = 2 * traffic.exchanges + bytes / BLOCK_BYTES;
    let bits = count(bytes + blocks * BLOCK_FRAMING) * BITS_PER_BYTE;
    bits / rate + count(traffic.exchanges) * EXCHANGE_MS
}
