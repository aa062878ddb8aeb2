//! The current revocation list for everyone (RN-D22).

use zeni_message::{
    NoRefusal, Signed, Time,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{RevocationList, messages::authority::GetRevocations};
use zeni_store::{Caller, Tx, TxError};

use crate::{
    Authority,
    publication::{Added, Current, Standing, current, standing, store_list},
    settle::{Decision, settle},
};

impl Handle<GetRevocations> for Authority {
    async fn handle(&self, ctx: &Ctx, _: GetRevocations) -> Result<Signed<RevocationList>, Failure<NoRefusal>> {
        self.publish(ctx.now, None).await
    }
}

impl Authority {
    /// The current list; a new one if there is none, or if it was made before `stale`.
    pub(crate) async fn publish<R>(
        &self,
        now: Time,
        stale: Option<Time>,
    ) -> Result<Signed<RevocationList>, Failure<R>> {
        let prepare = |(current, standing): &(Option<Current>, Option<Standing>)| {
            if let Some(current) = current {
                let list = current.list()?;
                if stale.is_none_or(|stale| list.record.time >= stale) {
                    return Ok(Decision::Done(list));
                }
            }
            let standing = standing.as_ref().ok_or(Failure::Internal)?;
            Ok(Decision::Apply(self.next_list(standing, standing.log.head, Added::NONE, now)))
        };
        let view = move |tx: &mut Tx<'_>| view(tx, stale.is_some(), now);
        settle(&self.store, Caller::default(), view, prepare, |tx, _, list| {
            store_list(tx, list)?;
            Ok(list.clone())
        })
        .await
    }
}

/// The list alone, unless a new one may be needed.
fn view(tx: &mut Tx<'_>, renew: bool, now: Time) -> Result<(Option<Current>, Option<Standing>), TxError> {
    let current = current(tx)?;
    let standing = if renew || current.is_none() { Some(standing(tx, now)?) } else { None };
    Ok((current, standing))
}

#[cfg(test)]
mod tests;
