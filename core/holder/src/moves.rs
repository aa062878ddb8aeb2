//! Money passed to a fresh key of one's own: before a deposit, so that no key that withdrew or paid signs to a named
//! account (RN-O19), and before the renewal of a rest.

use zeni_card::CardError;
use zeni_crypto::Digest;
use zeni_money::{Amount, Money};
use zeni_note::{Hop, KeyList, chain::Endorsement};

use crate::{
    Holder, Trouble,
    record::{Holding, HoldingPhase, OwnRight, Part, SelfPayment},
    table::Change,
};

impl Holder {
    /// A payment to the key of `right`: signs the challenge, which opens the card's slot. Nothing is stored yet.
    pub(crate) fn plan_move(
        &mut self,
        right: &OwnRight,
        list: &KeyList,
        money: Money,
        parts: Vec<Part>,
    ) -> Result<SelfPayment, Trouble> {
        let challenge = self.sign_challenge(right, list, money, "", "")?;
        Ok(SelfPayment { challenge, parts })
    }

    /// Signs the parts, stores what they bring and loads it; the same again gives the same leaves.
    pub(crate) async fn carry_move(&mut self, moves: &SelfPayment) -> Result<Vec<Digest>, Trouble> {
        let network = self.config.roots.network;
        let challenge = &moves.challenge.record;
        let (answer, opening) = (challenge.answer(network), challenge.opening(network));
        let answers = self.endorse(&answer, &moves.parts).await?;
        let mut leaves = Vec::with_capacity(answers.len());
        let mut changes = self.used_up(&moves.parts).await?;
        let mut arrived = Vec::with_capacity(answers.len());
        for (part, given) in moves.parts.iter().zip(answers) {
            let endorsement = Endorsement { parent: part.node, amount: part.amount, answer };
            let node = zeni_message::identity(network, &endorsement);
            let payee = challenge.right.clone();
            let hop = Hop { opening, amount: part.amount, signature: given.signature, payee };
            let chain = given.chain.extended(hop);
            let phase = HoldingPhase::Committed;
            let holding = Holding { node, chain, value: part.amount, fresh: true, phase };
            changes.push(Change::put(&holding));
            leaves.push(node);
            arrived.push(holding);
        }
        self.commit(changes).await?;
        for holding in arrived {
            match self.card.load_payment(&holding.chain) {
                Ok(_) | Err(CardError::LoadedBefore) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(leaves)
    }

    /// These holdings with another phase.
    pub(crate) async fn rephased(&self, nodes: &[Digest], phase: HoldingPhase) -> Result<Vec<Change>, Trouble> {
        let mut changes = Vec::with_capacity(nodes.len());
        for node in nodes {
            if let Some(holding) = self.get::<Holding>(&node.0).await? {
                changes.push(Change::put(&holding.with(phase.clone())));
            }
        }
        Ok(changes)
    }

    /// Sum of what came in with these holdings.
    pub(crate) fn sum(parts: &[Part]) -> Amount {
        Amount::sum(parts.iter().map(|part| part.amount)).unwrap_or(Amount::MAX)
    }
}
