use zeni_message::{Network, Signed, limits::DOCUMENT_BYTES_MAX};
use zeni_note::{
    Payment,
    keylist::TwoKeyLists,
    testing::{World, key},
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::*;

struct Paying {
    taro: Home,
    jiro: Home,
    payment: Payment,
    network: Network,
}

fn paying() -> Paying {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    let jiro = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    block_on(taro.open().withdraw(yen(500), true)).unwrap();
    let request = block_on(jiro.open().request(yen(200), "tea")).unwrap().document;
    let payment = block_on(taro.open().pay(&request)).unwrap().document;
    Paying { network: town.world.network(), taro, jiro, payment }
}

/// What `zeni wallet receive` does with the bytes of a file.
fn receive(home: &Home, bytes: &[u8]) -> Result<ReceivedReport, &'static str> {
    let payment = Document::parse_payment(bytes).map_err(|fault| fault.code())?;
    block_on(home.open().receive(&payment)).map_err(|error| error.code())
}

fn text(it: &Paying) -> Vec<u8> {
    Document::Payment(it.payment.clone()).to_text(it.network).into_bytes()
}

/// Issue "Bad input": a payment file that is cut at any byte is refused; both balances stay.
#[test]
fn a_payment_cut_at_any_byte_is_refused() {
    let it = paying();
    let whole = text(&it);
    for length in 0..whole.len() - 1 {
        assert!(receive(&it.jiro, &whole[..length]).is_err(), "cut to {length} bytes");
    }
    let binary = Document::Payment(it.payment.clone()).to_bytes(it.network);
    for length in 0..binary.len() {
        assert!(receive(&it.jiro, &binary[..length]).is_err(), "cut to {length} bytes");
    }
    assert_eq!((it.taro.figures(), it.jiro.figures()), ([300, 0, 0, 0], [0; 4]));
    receive(&it.jiro, &whole).unwrap();
}

/// Issue "Bad input", RN-F4.2…F4.6: a payment file with any byte flipped is refused; both balances stay.
#[test]
fn a_payment_with_any_byte_flipped_is_refused() {
    let it = paying();
    let binary = Document::Payment(it.payment.clone()).to_bytes(it.network);
    for place in 0..binary.len() {
        for flip in [0x01, 0x80] {
            let mut altered = binary.clone();
            altered[place] ^= flip;
            assert!(receive(&it.jiro, &altered).is_err(), "byte {place}");
        }
    }
    let whole = text(&it);
    for place in 0..whole.len() - 1 {
        let mut altered = whole.clone();
        altered[place] ^= 0x01;
        assert!(receive(&it.jiro, &altered).is_err(), "byte {place}");
    }
    assert_eq!((it.taro.figures(), it.jiro.figures()), ([300, 0, 0, 0], [0; 4]));
    // control: the unaltered file is taken
    receive(&it.jiro, &binary).unwrap();
    assert_eq!(it.jiro.figures(), [200, 0, 0, 0]);
}

/// Issue "Bad input", RN-X19, X21, X30: oversized, of another network, replayed to the same or another payee: refused.
#[test]
fn oversized_foreign_and_replayed_payments_are_refused() {
    let it = paying();
    let saburo = Home::joined(&it.jiro.town, "saburo", Privacy::Unlinkable, Kind::Wallet);
    assert_eq!(receive(&it.jiro, &vec![b' '; 3 * DOCUMENT_BYTES_MAX]), Err("too_long"));
    assert_eq!(receive(&it.jiro, &vec![0x82; DOCUMENT_BYTES_MAX + 1]), Err("too_long"));
    assert_eq!(receive(&it.jiro, b""), Err("empty"));
    assert_eq!(receive(&it.jiro, b"hello"), Err("unknown_document"));
    let foreign = Payment { network: World::new("elsewhere").network(), ..it.payment.clone() };
    assert_eq!(receive(&it.jiro, &Document::Payment(foreign).to_bytes(it.network)), Err("other_network"));
    assert_eq!(receive(&saburo, &text(&it)), Err("unknown_request"));
    receive(&it.jiro, &text(&it)).unwrap();
    assert_eq!(receive(&it.jiro, &text(&it)), Err("already_received"));
    assert_eq!(receive(&saburo, &text(&it)), Err("unknown_request"));
    assert_eq!((it.taro.figures(), it.jiro.figures(), saburo.figures()), ([300, 0, 0, 0], [200, 0, 0, 0], [0; 4]));
}

/// A request that is cut or altered anywhere is not paid; one of another kind is named.
#[test]
fn an_altered_request_is_not_paid() {
    let it = paying();
    let request = block_on(it.jiro.open().request(yen(100), "tea")).unwrap().document;
    let bytes = Document::Challenge(request).to_bytes(it.network);
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 0x01;
        let paid = Document::parse_challenge(&altered).map(|request| block_on(it.taro.open().pay(&request)));
        assert!(!matches!(paid, Ok(Ok(_))), "byte {place}");
        assert!(Document::parse_challenge(&bytes[..place]).is_err());
    }
    assert_eq!(it.taro.figures(), [300, 0, 0, 0]);
    assert_eq!(Document::parse_challenge(&text(&it)).unwrap_err().code(), "other_document");
}

/// `zeni inspect`: every kind reads back from text and bytes, and what is checked can fail.
#[test]
fn documents_read_back_and_are_checked() {
    let it = paying();
    let town = &it.jiro.town;
    let (roots, now) = (town.world.roots, zeni_message::route::Clock::now(&*town.clock));
    let request = block_on(it.jiro.open().request(yen(100), "tea")).unwrap().document;
    let chain = it.payment.answers[0].chain.clone();
    let lists = [town.list.clone()];
    let mut other = town.list.record.clone();
    other.entries.pop();
    let two = TwoKeyLists { one: town.list.clone(), other: town.world.sign_key_list(other) };
    let revocations = Signed::sign(roots.network, town.world.revocations(now), &town.world.authority);
    let documents = [
        Document::Challenge(request.clone()),
        Document::Payment(it.payment.clone()),
        Document::Note(chain.note.clone()),
        Document::Licence(chain.holder.licence().unwrap().clone()),
        Document::Revocations(revocations),
        Document::KeyList(town.list.clone()),
        Document::TwoKeyLists(two),
    ];
    let elsewhere = World::new("elsewhere").roots;
    for document in documents {
        let read = Document::parse(document.to_text(roots.network).as_bytes()).unwrap();
        assert_eq!(read, document);
        assert_eq!(Document::parse(&document.to_bytes(roots.network)).unwrap(), document, "{}", document.label());
        let inspection = read.inspect(&roots, &lists, now, None);
        assert!(inspection.holds(), "{inspection:?}");
        assert!(!read.inspect(&elsewhere, &lists, now, None).holds(), "{}", document.label());
    }
}

/// HC-D19, RN-X38: a proof with more signatures than fit into other documents is read, in both forms; anything else of that length is not.
#[test]
fn proofs_may_be_long() {
    use zeni_note::{
        OverspendingProof,
        proof::{Child, Equation, Held},
    };
    let world = World::new("long");
    let cheat = key("cheat");
    let chain = world.note(&cheat, 10_000, "n");
    let hop = world.pay(&chain, &cheat, &key("shop"), 1, "one").hops.remove(0);
    let answer = hop.opening.answer_for(&hop.payee.key());
    let endorsement = zeni_note::chain::Endorsement { parent: world.leaf(&chain), amount: hop.amount, answer };
    let child = Child::Endorsement { endorsement, signature: hop.signature, equation: Equation::Strict };
    let proof = OverspendingProof { held: Held::Note(chain.note), children: vec![child; 10_001], right: chain.holder };
    let document = Document::OverspendingProof(Signed::sign(world.network(), proof, &key("issuer")));
    let (bytes, text) = (document.to_bytes(world.network()), document.to_text(world.network()));
    assert!(bytes.len() > DOCUMENT_BYTES_MAX);
    assert!(Document::parse(&bytes).is_ok() && Document::parse(text.as_bytes()).is_ok());
    let other = text.replace("OVERSPENDING PROOF", "PAYMENT");
    assert_ne!(other, text);
    assert_eq!(Document::parse(other.as_bytes()).unwrap_err().code(), "too_long");
    assert_eq!(Document::parse(&vec![0x82; DOCUMENT_BYTES_MAX + 1]).unwrap_err().code(), "too_long");
    assert_eq!(Document::parse_payment(&bytes).unwrap_err().code(), "too_long");
}
