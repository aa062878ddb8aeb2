//! Counts: how many signatures a bank says it has made under each key (DESIGN §4).

use zeni_crypto::tagged;
use zeni_message::{
    Time, encode,
    route::{Ctx, Failure},
};
use zeni_note::messages::issuer::{LogMark, ReportCounts, ReportCountsRefusal};
use zeni_store::{Caller, JobError, Tx, TxError, params, refuse};

use crate::{Issuer, count_value, digest, failure, schema, time_value};

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
    mark_log(tx, message, now)?;
    Ok(counts.number)
}

/// Keeps how far the bank's log of identifications has come, with the bank's signature on it. A log that does not go on from
/// there is an alarm, once per end that was lost, with the bank's other word as evidence; the counts are taken all the same, for
/// customers' notes depend on them.
fn mark_log(tx: &mut Tx<'_>, message: &ReportCounts, now: Time) -> Result<(), TxError> {
    let counts = &message.counts.record;
    let known = log_mark(tx, &counts.bank)?;
    let told = counts.identifications;
    let goes_on = match (&known, &told) {
        (None, _) => true,
        (Some(known), Some(told)) => told.continues(known),
        (Some(known), None) => *known == LogMark::START,
    };
    if !goes_on {
        let lost = known.unwrap_or(LogMark::START);
        tracing::error!(bank = counts.bank, "alarm: a bank's log of identifications was cut off or written anew");
        let id = tagged("zeni/log-cut", &[counts.bank.as_bytes(), &lost.number.to_be_bytes(), &lost.head.0]);
        let row = params![id.0, time_value(now), "identification_log", encode(&message.counts)];
        return tx.execute(schema::INSERT_ALARM, row).map(drop);
    }
    let Some(told) = told.filter(|told| known != Some(told.end)) else { return Ok(()) };
    let row = [
        counts.bank.clone().into(),
        count_value(told.end.number),
        told.end.head.0.into(),
        encode(&message.counts).into(),
    ];
    tx.execute(schema::PUT_LOG_MARK, &row).map(drop)
}

/// How far a bank's log of identifications has come by its reports; none before the first that says so.
pub(crate) fn log_mark(tx: &mut Tx<'_>, bank: &str) -> Result<Option<LogMark>, TxError> {
    let row = tx.row(schema::READ_LOG_MARK, params![bank])?;
    row.map(|row| Ok(LogMark { number: row.u64(0)?, head: digest(&row, 1)? })).transpose()
}

#[cfg(test)]
mod tests;
