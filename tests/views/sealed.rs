//! What bank and issuer may never learn of notes under seal (HC-P1, HC-P3, HC-P4), each with a control.

use zeni_crypto::{seal::SealKeyPair, tagged};
use zeni_holder::Kind;
use zeni_message::{Message, decode};
use zeni_note::{
    messages::bank::WithdrawSealed,
    sealed::{Envelope, SealedContent},
};
use zeni_store::testing::block_on;
use zeni_wire::wrappers::Exchange;

use super::search::{crossed, stored};
use crate::world::{Dump, World, yen};

/// HC-P1, HC-P3, HC-P4, HC-P9, HC-P27, HC-A6, HC-A17, HC-A19: a customer withdraws under seal at one bank and pays a shop of the other. Neither received nor stored by his bank is
/// any N_U, K or S_I; neither received nor stored by the issuer is his name, account or account key; what both have is the digest of E_I, and that leads to him. Controls:
/// the issuer has each N_U and S_I, the request opens to each K, the bank has name and account, the other bank sees the keys of what its shop hands in.
#[test]
fn neither_bank_nor_issuer_sees_both_halves() {
    let world = World::new();
    let taro = world.unregistered("taro", "aoba", Kind::Wallet);
    let shop = world.unregistered("books", "kita", Kind::Shop);
    block_on(taro.open().withdraw(yen(1_600), false)).unwrap();
    let request = shop.request(1_600);
    let paid = taro.pay(&request);
    shop.receive(&paid);
    block_on(shop.open().hand_in()).unwrap();
    world.settle();
    assert_eq!(world.cases(), []);

    let all = world.net.record.exchanges();
    let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<Exchange> {
        all.iter().filter(|one| wanted(&one.peer)).cloned().collect()
    };
    let his_bank = of(&|peer: &str| peer.starts_with("bank aoba") || peer.ends_with("<- aoba"));
    let other_bank = of(&|peer: &str| peer.starts_with("bank kita"));
    let issuer = of(&|peer: &str| peer.starts_with("issuer") || peer.ends_with("<- issuer"));
    let kept = [Dump::of(&world.stores.banks[0]), Dump::of(&world.stores.issuer)];
    let [bank_keeps, issuer_keeps] = &kept;

    let contents = opened(&world, &his_bank);
    assert_eq!((contents.len(), paid.document.answers.len()), (3, 3));
    for (answer, (request, content)) in paid.document.answers.iter().zip(&contents) {
        let (key, signature) = (answer.chain.holder.key(), answer.chain.note.signature);
        for secret in [&key.0[..], &signature.0[..], &content.k[..]] {
            assert!(!crossed(&his_bank, secret) && !stored(bank_keeps, secret));
        }
        assert!(stored(issuer_keeps, &key.0), "control");
        assert!(crossed(&other_bank, &key.0) && crossed(&other_bank, &signature.0), "control");
        let digest = Envelope::digest(request);
        assert!(stored(bank_keeps, &digest.0) && stored(issuer_keeps, &digest.0), "the key that joins the two");
    }
    let account_key = block_on(taro.open().profile()).unwrap().account_key;
    for name in [taro.account().as_bytes(), taro.real_name().as_bytes(), &account_key.0[..]] {
        assert!(!crossed(&issuer, name) && !stored(issuer_keeps, name));
        assert!(stored(bank_keeps, name), "control");
    }
}

/// The requests that customers sent to the bank, opened with the issuer's secret.
pub(crate) fn opened(world: &World, at_bank: &[Exchange]) -> Vec<(Vec<u8>, SealedContent)> {
    let list = block_on(world.person("somebody").open().key_lists()).unwrap().remove(0);
    let seed = tagged("zeni/sealing-key", &[&[6; 32], &list.record.epoch.to_be_bytes()]);
    let pair = SealKeyPair::from_seed(seed.0);
    let envelope = Envelope::new(world.roots.network, list.record.sealing.as_ref().unwrap()).unwrap();
    let sent = at_bank.iter().filter(|one| one.path == WithdrawSealed::PATH);
    let items = sent.flat_map(|one| decode::<WithdrawSealed>(&one.request, usize::MAX).unwrap().items);
    items.map(|item| (item.request.clone(), envelope.open(&pair, &item.request).unwrap())).collect()
}
