//! Counts: how many signatures a bank says it has made under each key (DESIGN §4).

pub(crate) mod log;

use zeni_message::{
    Time, encode,
    route::{Ctx, Failure},
};
use zeni_note::messages::issuer::{ReportCounts, ReportCountsRefusal};
use zeni_store::{Caller, JobError, Tx, params, refuse};

use crate::{Issuer, count_value, failure, schema};

impl Issuer {
    pub(crate) async fn report_counts(
        &self,
        ctx: &Ctx,
        message: ReportCounts,
    ) -> Result<u64, Failure<ReportCountsRefusal>> {
        let counts = &message.counts;
        let bank = self.config.bank(ctx.caller_name()).filter(|bank| bank.name == counts.record.bank);
        let Some(bank) = bank else {
            return Err(ReportCountsRefusal::OtherBank.into());
        };
        if counts.verify(self.network(), &bank.key).is_err() {
            return Err(ReportCountsRefusal::BadSignature.into());
        }
        let now = ctx.now;
        self.store.write(Caller::default(), move |tx| take(tx, &message, now)).await.map_err(failure)
    }
}

fn take(tx: &mut Tx<'_>, message: &ReportCounts, now: Time) -> Result<u64, JobError<ReportCountsRefusal>> {
    let counts = &message.counts.record;
    let content = encode(counts);
    let mut last = 0;
    if let Some(row) = tx.row(schema::READ_REPORT, params![&counts.bank])? {
        last = row.u64(0)?;
        if last == counts.number && row.blob(1)? == content {
            return Ok(last);
        }
        if last >= counts.number {
            return refuse(ReportCountsRefusal::Older { last });
        }
    }
    for ((digest, count), entry) in counts.signed.iter().zip(0..) {
        let row = tx.row(schema::READ_KEY_COUNT, params![digest.0])?;
        let Some(row) = row.filter(|row| row.text(0).is_ok_and(|bank| bank == counts.bank)) else {
            return refuse(ReportCountsRefusal::UnknownKey { entry });
        };
        if *count < row.u64(1)? {
            return refuse(ReportCountsRefusal::Older { last });
        }
        tx.execute(schema::SET_REPORTED, &[digest.0.into(), count_value(*count)])?;
    }
    let row = [counts.bank.clone().into(), count_value(counts.number), content.into()];
    tx.execute(schema::PUT_REPORT, &row)?;
    log::mark(tx, &message.counts, now)?;
    Ok(counts.number)
}

#[cfg(test)]
mod tests;
