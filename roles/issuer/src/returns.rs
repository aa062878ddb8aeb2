//! Returns (還流): what banks bring back, matched off against the register (RN-F6, RN-F7, DESIGN §5 "Return").
//!
//! [`prepare`] follows each chain, computes every hash once and verifies all signatures of the batch together;
//! [`apply`] reads and writes only; [`tree`] holds the balance of one note.

pub(crate) mod apply;
mod checks;
pub(crate) mod origin;
pub(crate) mod prepare;
pub(crate) mod tree;

use zeni_message::{
    Signed,
    route::{Ctx, Failure},
};
use zeni_note::messages::issuer::{Return, ReturnAnswer, ReturnRefusal};
use zeni_store::{Caller, Tx};

use crate::{Issuer, books::PostingIds, failure};

impl Issuer {
    pub(crate) async fn take_return(
        &self,
        ctx: &Ctx,
        message: Return,
    ) -> Result<Signed<ReturnAnswer>, Failure<ReturnRefusal>> {
        let bank = ctx.caller_name().to_owned();
        if self.config.bank(&bank).is_none() {
            return Err(Failure::Forbidden);
        }
        let batch = self.prepare_return(ctx.now, bank, message).await?;
        let ids = PostingIds::new(self.entropy.bytes());
        let clock = self.clock.clone();
        let job = move |tx: &mut Tx<'_>| {
            let mut ids = ids;
            apply::apply(tx, &batch, clock.now(), &mut ids)
        };
        let answer = self.store.write(Caller::default(), job).await.map_err(failure)?;
        // the same answer always has the same signature, so that a repeat gives the same bytes
        Ok(Signed::sign(self.network(), answer, &self.keys.signing))
    }
}

#[cfg(test)]
mod tests;
