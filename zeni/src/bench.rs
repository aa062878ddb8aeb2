//! `zeni bench`.

use crate::{
    cli::BenchArgs,
    output::{Failure, Output},
};

/// Runs a scenario and prints its figures.
pub(crate) fn run(args: &BenchArgs, output: Output) -> Result<(), Failure> {
    drop((args, output));
    Ok(())
}
