//! Voiding of requests that were never redeemed, for one claim each (RN-X14).

use zeni_message::{
    Time,
    route::{Ctx, Failure},
};
use zeni_note::messages::issuer::{VoidRefusal, VoidRequest};
use zeni_store::{Caller, JobError, Tx, params, refuse};

use crate::{Issuer, failure, failure_of_read, keylist::Entry, redeem::request_holds, schema};

impl Issuer {
    pub(crate) async fn void_request(&self, ctx: &Ctx, message: VoidRequest) -> Result<bool, Failure<VoidRefusal>> {
        let (request, claim) = (&message.request, &message.claim);
        let bank = ctx.caller_name();
        let entry = self.key_entry(&request.entry).await.map_err(failure_of_read)?;
        let entry = entry.filter(|entry| entry.entry.bank == bank).ok_or(VoidRefusal::UnknownKey)?;
        if !request_holds(request, &entry) {
            return Err(VoidRefusal::BadRequest.into());
        }
        let ours = claim.record.bank == bank && claim.record.request == request.content_id();
        if !ours || claim.verify(self.network(), &request.key).is_err() {
            return Err(VoidRefusal::NotPossessed.into());
        }
        let identity = claim.identity(self.network());
        let content = request.content_id();
        let digest = request.entry;
        let now = ctx.now;
        let job = move |tx: &mut Tx<'_>| apply(tx, &entry, &content.0, &identity.0, &digest.0, now);
        self.store.write(Caller::default(), job).await.map_err(failure)
    }
}

fn apply(
    tx: &mut Tx<'_>,
    entry: &Entry,
    content: &[u8; 32],
    claim: &[u8; 32],
    digest: &[u8; 32],
    now: Time,
) -> Result<bool, JobError<VoidRefusal>> {
    let (epoch, series) = (entry.entry.epoch, entry.entry.series);
    if let Some(row) = tx.row(schema::READ_REQUEST, params![epoch, series, content])? {
        return match row.opt_array(2)? {
            None => refuse(VoidRefusal::Redeemed),
            Some(before) if before == *claim => Ok(true),
            Some(_) => refuse(VoidRefusal::OtherClaim),
        };
    }
    if now <= entry.terms.redeem_until {
        return refuse(VoidRefusal::TooEarly);
    }
    if now > entry.terms.claim_until {
        return refuse(VoidRefusal::TooLate);
    }
    let row = params![epoch, series, content, None::<Vec<u8>>, None::<Vec<u8>>, claim];
    tx.execute(schema::INSERT_REQUEST, row)?;
    tx.execute(schema::COUNT_VOIDED, params![digest])?;
    Ok(true)
}

#[cfg(test)]
mod tests;
