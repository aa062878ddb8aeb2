//! Money passed to a fresh key of one's own: before a deposit, so that no key that withdrew or paid signs to a named
//! account (RN-O19), and before the renewal of a rest.

use zeni_card::CardError;
use zeni_crypto::Digest;
use zeni_message::{Retry, Time};
use zeni_money::{Amount, Money};
use zeni_note::{Hop, KeyList, chain::Endorsement};

use crate::{
    Explain, Holder, Trouble,
    receive::given_at,
    record::{DepositPhase, Holding, HoldingPhase, OwnDeposit, OwnRight, Part, Renewal, RenewalPhase, SelfPayment},
    table::Change,
};

impl Holder {
    /// A payment to the key of `right` at `now` or before: signs the challenge, which opens the card's slot. Nothing is
    /// stored yet.
    pub(crate) async fn plan_move(
        &mut self,
        right: &OwnRight,
        list: &KeyList,
        money: Money,
        parts: Vec<Part>,
        now: Time,
    ) -> Result<SelfPayment, Trouble> {
        let time = self.time_of_move(list, &parts, now).await?;
        let challenge = self.sign_challenge(right, list, money, ("", ""), time)?;
        Ok(SelfPayment { challenge, parts })
    }

    /// TIME of a payment to oneself: chance between the arrival of what it moves and `now`. The TIME of the moment would
    /// tell issuer and bank that the payer deposited it himself, for a payee asks before he is paid and deposits after
    /// (RN-P6, RN-O19).
    ///
    /// The card's time floor is no bound: strangers raise it with every payment, and so would choose the interval.
    async fn time_of_move(&self, list: &KeyList, parts: &[Part], now: Time) -> Result<Time, Trouble> {
        let mut from = list.record.from;
        for part in parts {
            if let Some(holding) = self.get::<Holding>(&part.node.0).await? {
                from = from.max(holding.arrived).max(given_at(&holding.chain));
            }
        }
        let interval = now.since(from).saturating_add(1);
        Ok(now.minus(u64::from_be_bytes(self.entropy.bytes::<8>()) % interval))
    }

    /// Signs the parts, stores what they bring, tells the card so and loads it; the same again gives the same leaves.
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
            let holding = Holding { node, chain, value: part.amount, fresh: true, phase, arrived: challenge.time };
            changes.push(Change::put(&holding));
            leaves.push(node);
            arrived.push(holding);
        }
        self.commit(changes).await?;
        self.card.confirm(&answer)?;
        for holding in arrived {
            match self.card.load_payment(&holding.chain) {
                Ok(_) | Err(CardError::LoadedBefore) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(leaves)
    }

    /// Payments to oneself of deposits and renewals that were begun and may still be signed or loaded.
    pub(crate) async fn begun_moves(&self) -> Result<Vec<SelfPayment>, Trouble> {
        let mut begun = Vec::new();
        for deposit in self.active::<OwnDeposit>().await? {
            if let DepositPhase::Moving { moves, .. } = deposit.phase {
                begun.push(*moves);
            }
        }
        for renewal in self.active::<Renewal>().await? {
            if let RenewalPhase::Moving(moves) = renewal.phase {
                begun.push(*moves);
            }
        }
        Ok(begun)
    }

    /// Whether a plan came to nothing: the card refuses a part for good, and has signed none. The money in it went elsewhere
    /// meanwhile, so the plan goes; what of it was signed would bind it.
    pub(crate) fn is_void(&mut self, moves: &SelfPayment, error: &Trouble) -> Result<bool, Trouble> {
        if !error.is_of_one_request() || error.retry() == Retry::Later {
            return Ok(false);
        }
        let answer = moves.challenge.record.answer(self.config.roots.network);
        Ok(!self.any_signed(&moves.parts, &answer)?)
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
