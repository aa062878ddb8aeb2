use alloc::vec::Vec;

use proptest::prelude::*;
use zeni_crypto::{SeededEntropy, SharedEntropy, seal::SealKeyPair};
use zeni_message::Signed;

use super::*;
use crate::{
    keylist::Way,
    testing::{EPOCH, SERIES, World, amount, jpy, key, nonce},
};

fn content(holder: KeyMaker) -> SealedContent {
    SealedContent {
        series: SERIES,
        epoch: EPOCH,
        currency: jpy(),
        face: amount(1_000),
        k: [7; 32],
        holder,
        tm: nonce("tm"),
        slot: nonce("slot"),
    }
}

fn user() -> KeyMaker {
    KeyMaker::User(key("hanako").public())
}

struct Office {
    world: World,
    pair: SealKeyPair,
    envelope: Envelope,
}

fn office(seed: u8) -> Office {
    let world = World::new("sealed");
    let pair = SealKeyPair::from_seed([seed; 32]);
    let envelope = Envelope::new(world.network(), &(*pair.public().as_bytes()).into()).expect("a real key");
    Office { world, pair, envelope }
}

/// HC-D4, HC-A5, HC-O25: what is sealed opens at the issuer alone, is of one length, and a bit of change spoils it (HC-X4).
#[test]
fn only_the_issuer_opens_a_request() {
    let office_ = office(1);
    let sealed = office_.envelope.seal(&content(user()));
    assert_eq!(sealed.len(), Envelope::LEN);
    assert_eq!(office_.envelope.seal(&content(KeyMaker::Issuer)).len(), Envelope::LEN);
    assert_eq!(office_.envelope.open(&office_.pair, &sealed).expect("ours"), content(user()));
    assert_eq!(office_.envelope.open(&office(2).pair, &sealed), Err(SealedFault::Sealed));
    for at in [0, 10, sealed.len() - 1] {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert_eq!(office_.envelope.open(&office_.pair, &altered), Err(SealedFault::Sealed), "byte {at}");
    }
    assert_eq!(office_.envelope.open(&office_.pair, &sealed[..sealed.len() - 1]), Err(SealedFault::Sealed));
}

/// HC-O2, HC-F5.4: a request sealed with other coins than its content's is refused, since nobody could seal it again to compare;
/// as a control, the same bytes open where coins are not looked at.
#[test]
fn coins_are_those_of_the_content() {
    let office = office(1);
    let bytes = content(user()).to_bytes();
    let entropy = SharedEntropy::new(SeededEntropy::new([3; 32]));
    let random =
        office.pair.public().seal(b"zeni/sealed-request", &office.world.network().0.0, &bytes, &mut Draw(entropy));
    assert_eq!(office.envelope.open(&office.pair, &random), Err(SealedFault::Coins));
    let opened = office.pair.open(b"zeni/sealed-request", &office.world.network().0.0, &random);
    assert_eq!(opened.expect("control: it opens").to_vec(), bytes.to_vec());
    assert_eq!(office.envelope.seal(&content(user())), office.envelope.seal(&content(user())));
}

struct Draw(SharedEntropy);

impl zeni_crypto::Entropy for Draw {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let bytes = self.0.bytes::<32>();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// HC-F2.16…F2.18, HC-P9, HC-X10: the reply opens under the K of its request alone; a flipped bit or another request's reply is
/// nothing.
#[test]
fn replies_open_under_their_own_k() {
    let office = office(1);
    let (network, content) = (office.world.network(), content(user()));
    let request = Envelope::digest(&office.envelope.seal(&content));
    let note = content.note(Way::Sealed, &key("hanako").public());
    let ticket = crate::LoadTicket { note: zeni_message::identity(network, &note), nonce: content.slot };
    let reply = Reply {
        note: Signed::sign(network, note.clone(), &office.world.issuer).signature,
        ticket: Signed::sign(network, ticket, &office.world.issuer).signature,
        key: None,
    };
    let sent = reply.encipher(&content.k, &request);
    assert_eq!(sent, reply.encipher(&content.k, &request));
    let read = Reply::decipher(&content.k, &request, &sent).expect("ours");
    let (holder, issued) = content.issued(network, Way::Sealed, &read).expect("for a key of the user's");
    assert_eq!((holder, &issued.note.record), (key("hanako").public(), &note));
    assert!(issued.note.verify(network, &office.world.roots.issuer).is_ok());
    assert!(issued.ticket.verify(network, &office.world.roots.issuer).is_ok());

    assert!(Reply::decipher(&[8; 32], &request, &sent).is_none(), "another K");
    assert!(Reply::decipher(&content.k, &Digest([1; 32]), &sent).is_none(), "another request");
    let mut altered = sent;
    altered[20] ^= 1;
    assert!(Reply::decipher(&content.k, &request, &altered).is_none());
}

/// HC-F6.7, HC-F6.8: where the issuer made the key the reply brings it, and a reply without it, or with one not asked for, is none.
#[test]
fn keys_made_by_the_issuer_come_in_the_reply() {
    let office = office(1);
    let network = office.world.network();
    let asked = content(KeyMaker::Issuer);
    let secret = [9; 32];
    let none = zeni_crypto::Signature([0; 64]);
    let reply = Reply { note: none, ticket: none, key: Some(Zeroizing::new(secret)) };
    let request = Envelope::digest(&office.envelope.seal(&asked));
    let read = Reply::decipher(&asked.k, &request, &reply.encipher(&asked.k, &request)).expect("ours");
    let (holder, issued) = asked.issued(network, Way::Sealed, &read).expect("with a key");
    assert_eq!(holder, zeni_crypto::SecretKey::from_seed(secret).public());
    assert!(issued.note.record.is_made_out_to(&holder));
    assert!(asked.issued(network, Way::Sealed, &Reply { note: none, ticket: none, key: None }).is_none());
    assert!(content(user()).issued(network, Way::Sealed, &read).is_none());
}

/// HC-V1…V3, HC-O18: a note that hides its holder's key is still made out to that key for that face value, and to nothing else.
#[test]
fn hidden_keys_are_checked_through_g() {
    let holder = key("hanako").public();
    // a seal over g(X, N) does not make the note one of N, whom its bank would not find
    let to_g = content(user()).note(Way::Sealed, &crate::spec::g(amount(1_000), &holder));
    assert!(!to_g.is_made_out_to(&holder));
    assert!(
        crate::Note { way: Way::SealedHidden, ..to_g }.is_made_out_to(&holder),
        "control: the form is what differs"
    );
    for way in [Way::Sealed, Way::SealedHidden] {
        let note = content(user()).note(way, &holder);
        assert_eq!(note.holder == holder, way == Way::Sealed);
        assert!(note.is_made_out_to(&holder));
        assert!(!note.is_made_out_to(&key("taro").public()));
        let dearer = crate::Note { face: amount(10_000), ..note };
        assert_eq!(dearer.is_made_out_to(&holder), way == Way::Sealed, "g binds the face value");
    }
}

/// HC-D3: what holds K wipes it when it is dropped: the memory in which it stood holds zeros. Control: before it holds K.
#[test]
#[expect(unsafe_code, reason = "looks at the memory of what was dropped")]
fn k_is_wiped_on_drop() {
    let mut place = core::mem::MaybeUninit::new(content(user()));
    let look = |place: &core::mem::MaybeUninit<SealedContent>| -> Vec<u8> {
        // SAFETY: the bytes of K have been written, are never padding and stay in place; no reference to them is made.
        let k = unsafe { &raw const (*place.as_ptr()).k }.cast::<u8>();
        (0..32).map(|at| unsafe { k.add(at).read_volatile() }).collect()
    };
    assert_eq!(look(&place), [7; 32]);
    // SAFETY: it was initialised above and is not used again.
    unsafe { place.assume_init_drop() };
    assert_eq!(look(&place), [0; 32]);
}

/// HC-V7, HC-V8, HC-O16: several notes of one X and one N_U differ by TM; without it they are the same number.
#[test]
fn tm_tells_notes_of_one_key_apart() {
    let holder = key("hanako").public();
    let one = content(user());
    let other = SealedContent { tm: nonce("later"), k: [8; 32], ..one.clone() };
    let same = SealedContent { k: [8; 32], ..one.clone() };
    assert_ne!(one.serial(&holder), other.serial(&holder));
    assert_eq!(one.serial(&holder), same.serial(&holder));
    assert_ne!(one.serial(&holder), one.serial(&key("taro").public()));
}

/// HC-D6, HC-O6: a bank's order says that it answers for keys which the issuer makes only where it does; without that it is what it was
/// before there was anything to say, byte for byte.
#[test]
fn an_order_says_what_the_bank_answers_for() {
    let of = content(user()).ordered(zeni_crypto::sha256(&[b"request"]));
    let order = |policy| IssuanceOrder::new("aoba".into(), of, policy);
    let (plain, accepted) = (order(IssuerMadeKeys::Refused), order(IssuerMadeKeys::Accepted));
    assert_eq!((plain.issuer_made(), accepted.issuer_made()), (IssuerMadeKeys::Refused, IssuerMadeKeys::Accepted));
    let bytes = [&plain, &accepted].map(zeni_message::encode);
    assert_eq!(bytes.each_ref().map(|bytes| bytes[0]), [0x82, 0x83], "an array of two, of three");
    assert_eq!(bytes[1][1..bytes[0].len()], bytes[0][1..]);
    assert_eq!(zeni_message::decode(&bytes[0], 512), Ok(plain));
    assert_eq!(zeni_message::decode(&bytes[1], 512), Ok(accepted));
}

proptest! {
    /// HC-O25, HC-X4: contents are read back as they were written; whatever else is read writes itself again.
    #[test]
    fn contents_have_one_form(bytes in proptest::collection::vec(any::<u8>(), 0..2 * CONTENT_LEN), cut in 0..CONTENT_LEN, to: u8) {
        let mut own: Vec<u8> = content(user()).to_bytes().to_vec();
        own[cut] = to;
        for bytes in [bytes, own] {
            if let Ok(read) = SealedContent::from_bytes(&bytes) {
                prop_assert_eq!(read.to_bytes().to_vec(), bytes);
            }
        }
        prop_assert!(SealedContent::from_bytes(&content(user()).to_bytes()[..cut]).is_err());
    }
}
