//! Sequences of commands as bytes to an applet, fresh or in use.

mod host;
mod model;

use host::Host;

/// Commands as bytes, valid, altered and wild, with power cuts, pulled cards and money from outside among them. After each of
/// them: no panic, no counter rose without a verified load, no more is signed than the counter fell by, nobody got more guesses
/// at the PIN than there are tries, nothing that asks for the PIN was done without it, life went forward, refusals changed
/// nothing.
///
/// The first byte says whether the card is fresh or in use. Each eight bytes after it are a step: what, of which money, an
/// amount, and how its command is altered. Answers how many commands the card carried out.
pub fn apdu(data: &[u8]) -> usize {
    let Some((first, steps)) = data.split_first() else { return 0 };
    let mut host = if first.is_multiple_of(4) { Host::fresh() } else { Host::in_use() };
    steps.chunks_exact(STEP_BYTES).take(STEPS_MAX).map(|step| host.step(step)).sum()
}

/// The control: the same, but the memory forgets the last step, as that of a card must not. The law must see it.
pub fn forgetful_applet(data: &[u8]) {
    let mut host = Host::in_use();
    for step in data.chunks_exact(STEP_BYTES) {
        host.step(step);
    }
    host.forget();
}

/// Bytes of a step.
const STEP_BYTES: usize = 8;
/// Enough to fill a card, spend it and try again.
const STEPS_MAX: usize = 96;
