//! `give_back`: send owed money back to the key that signed it.

use zeni_money::Money;
use zeni_note::challenge::give_back_opening;

use crate::{
    GivenBack, Holder, PayError, Trouble,
    error::errors,
    receive::given_at,
    record::{Holding, HoldingPhase, OwnPayment, Part, PaymentState},
};
use zeni_message::limits::ENDORSEMENTS_IN_CHAIN_MAX;

errors! {
    /// Why money is not given back; what was signed before is stored.
    pub enum GiveBackError {
        Nothing = Never, "nothing_owed", "nothing is owed back";
        Full = Never, "chain_full", "the chain has no room for another endorsement";
        NoGiver = Never, "no_giver", "this money came from the issuer: nobody gave it";
    } passes {
        Trouble(Trouble);
        Pay(PayError);
    }
}

impl Holder {
    /// One payment per holding that is owed back, to the key that endorsed it; no request is needed. Each is stored
    /// before it is returned; later it can be shown again from [`Holder::payments`].
    pub async fn give_back(&mut self) -> Result<Vec<GivenBack>, GiveBackError> {
        self.settle().await?;
        let mut owed = self.active::<Holding>().await?;
        owed.retain(|it| it.phase == HoldingPhase::OwedBack);
        if owed.is_empty() {
            return Err(GiveBackError::Nothing);
        }
        let mut given = Vec::with_capacity(owed.len());
        for holding in owed {
            given.push(self.give_one_back(holding).await?);
        }
        Ok(given)
    }

    async fn give_one_back(&mut self, holding: Holding) -> Result<GivenBack, GiveBackError> {
        let chain = &holding.chain;
        if chain.hops.len() + 1 >= ENDORSEMENTS_IN_CHAIN_MAX {
            return Err(GiveBackError::Full);
        }
        let giver = chain.hops.len().checked_sub(1).and_then(|place| chain.rights().nth(place));
        let giver = giver.ok_or(GiveBackError::NoGiver)?.key();
        let opening = give_back_opening(given_at(chain), &holding.node);
        let answer = opening.answer_for(&giver);
        let money = Money::new(holding.value, holding.currency());
        self.is_newest_card().await?;
        self.within_limits(money).map_err(Trouble::from)?;
        let parts = vec![Part { node: holding.node, amount: holding.value }];
        let payment = OwnPayment { answer, money, asked: None, state: PaymentState::Endorsing(parts) };
        self.put(&payment).await?;
        let document = self.carry_payment(payment).await?;
        Ok(GivenBack { document, money })
    }
}
