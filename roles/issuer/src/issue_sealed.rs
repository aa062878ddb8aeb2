//! Issue through a bank under seal: HC-F2.8…F2.16, HC-F6.
//!
//! Everything that is computed comes before the transaction: the bank's signatures in one batch, the opening, the re-sealing that
//! shows the coins, note, ticket and reply. The transaction registers the note with its origin and books what the bank now
//! holds; only then does the reply leave.
//!
//! A note's number, its signatures and its reply follow from the request alone, so that an origin row is all it takes to answer
//! the same request again, byte for byte (HC-X5, HC-X9). What is refused for the time being is marked void in the transaction
//! that refuses it: no delayed copy of it can still be issued. Before any refusal a request is looked up by bank and digest
//! (`stored`): what has its note is answered with it.

mod apply;
mod made;
mod prepare;
mod stored;

use zeni_message::route::{Ctx, Failure};
use zeni_note::messages::{
    bank::SEALED_ITEMS_MAX,
    issuer::{IssueSealed, IssueSealedRefusal, SealedAnswer},
};
use zeni_store::{Caller, Tx, WriteError};

use crate::{
    Issuer,
    books::PostingIds,
    issue_sealed::prepare::{Prepared, Work},
};

impl Issuer {
    pub(crate) async fn issue_sealed(
        &self,
        ctx: &Ctx,
        message: IssueSealed,
    ) -> Result<Vec<SealedAnswer>, Failure<IssueSealedRefusal>> {
        let Some(bank) = self.config.bank(ctx.caller_name()) else { return Err(Failure::Forbidden) };
        let (found, max) = (message.items.len(), SEALED_ITEMS_MAX);
        if found == 0 || found > max {
            let (found, max) = (u32::try_from(found).unwrap_or(u32::MAX), u32::try_from(max).unwrap_or(u32::MAX));
            return Err(IssueSealedRefusal::BatchSize { found, max }.into());
        }
        let prepared = self.prepare_sealed(ctx.now, bank, &message.items).await?;
        let asked: Vec<Work> = prepared.iter().filter_map(Prepared::work).cloned().collect();
        if asked.is_empty() {
            return Ok(prepared.into_iter().map(|item| item.answer(None)).collect());
        }
        let payer = apply::Payer { bank: bank.clone(), slice: self.config.limits.slice };
        let ids = PostingIds::new(self.entropy.bytes());
        let job = move |tx: &mut Tx<'_>| {
            let mut ids = ids;
            apply::apply(tx, &payer, &asked, &mut ids)
        };
        let refused = self.store.write(Caller::default(), job).await.map_err(|error| match error {
            WriteError::Damaged | WriteError::Internal => Failure::Internal,
            // also overtaken: asked again it finds the answer
            WriteError::Refused(apply::Overtaken) | WriteError::Busy | WriteError::TryAgain | WriteError::Stopped => {
                Failure::Busy
            }
        })?;
        let mut refused = refused.into_iter();
        let answer = |item: Prepared| {
            let refusal = if item.work().is_some() { refused.next().flatten() } else { None };
            item.answer(refusal)
        };
        Ok(prepared.into_iter().map(answer).collect())
    }
}

#[cfg(test)]
mod tests;
