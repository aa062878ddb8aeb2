use std::sync::LazyLock;

use super::*;
use crate::SharedEntropy;
use crate::blind::generate_key;

static KEY: LazyLock<RsaSecretKey> = LazyLock::new(|| generate_key().unwrap());

fn signer() -> BlindSigner {
    BlindSigner::from_pkcs8(KEY.dangerous_pkcs8()).unwrap()
}

fn below_modulus(entropy: &SharedEntropy) -> [u8; RSA_LEN] {
    let mut value = entropy.bytes();
    value[0] &= 0x7f;
    value
}

/// An independent implementation gives the same result.
#[test]
fn agrees_with_another_library() {
    use blind_rsa_signatures::BlindRsaSecretKey;
    use blind_rsa_signatures::{PSS, Randomized, Sha384};

    let other = BlindRsaSecretKey::<Sha384, PSS, Randomized>::from_der(KEY.dangerous_pkcs8()).unwrap();
    let entropy = SharedEntropy::seeded([1; 32]);
    for _ in 0..4 {
        let value = below_modulus(&entropy);
        assert_eq!(signer().sign_blinded(&value).unwrap()[..], other.blind_sign(value).unwrap().0);
    }
}

#[test]
fn values_out_of_range_are_refused() {
    let modulus = *signer().public().modulus();
    let with_last = |mut value: [u8; RSA_LEN], last: u8| {
        value[RSA_LEN - 1] = last;
        value
    };
    let last = modulus[RSA_LEN - 1];
    for value in [[0; RSA_LEN], with_last([0; RSA_LEN], 1), with_last(modulus, last - 1), modulus, [0xff; RSA_LEN]] {
        assert_eq!(signer().sign_blinded(&value), Err(SignError::OutOfRange));
    }
    assert!(signer().sign_blinded(&with_last([0; RSA_LEN], 2)).is_ok());
    let mut largest = with_last(modulus, last - 1);
    let borrow = largest.iter().rposition(|byte| *byte != 0).unwrap();
    largest[borrow] -= 1;
    largest[borrow + 1..].fill(0xff);
    assert!(signer().sign_blinded(&largest).is_ok(), "n − 2");
}

#[test]
fn many_threads_share_a_key() {
    let signer = signer();
    let entropy = SharedEntropy::seeded([2; 32]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (signer, entropy) = (&signer, &entropy);
            scope.spawn(move || {
                for _ in 0..20 {
                    let value = below_modulus(entropy);
                    let signature = signer.sign_blinded(&value).unwrap();
                    assert_eq!(signer.sign_blinded(&value), Ok(signature));
                }
            });
        }
    });
}

#[test]
fn other_bytes_are_no_key() {
    assert!(BlindSigner::from_pkcs8(&[]).is_err());
    assert!(BlindSigner::from_pkcs8(&KEY.dangerous_pkcs8()[1..]).is_err());
    assert!(BlindSigner::from_pkcs8(&[KEY.dangerous_pkcs8(), &[0]].concat()).is_err());
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(format!("{:?}", signer()), format!("BlindSigner(of {:?})", KEY.public()));
}
