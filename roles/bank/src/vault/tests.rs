use zeni_crypto::{Digest, blind::generate_key};

use super::Vault;

/// RN-R3: a stored signing key opens only under its own entry, modulus and master key, and only unaltered.
#[test]
fn a_sealed_key_opens_only_where_it_belongs() {
    let key = generate_key().expect("a key");
    let (entry, other) = (Digest([1; 32]), Digest([2; 32]));
    let modulus = *key.public().modulus();
    let vault = Vault::new(&[3; 32]);
    let sealed = vault.seal(&entry, key.dangerous_pkcs8(), [4; 12]);
    let needle = &key.dangerous_pkcs8()[100..132];
    assert!(!sealed.windows(needle.len()).any(|window| window == needle));
    assert!(vault.find(&entry).is_none());
    assert!(vault.open(&other, &modulus, &sealed).is_none());
    assert!(Vault::new(&[5; 32]).open(&entry, &modulus, &sealed).is_none());
    assert!(vault.open(&entry, &[0xff; 256], &sealed).is_none());
    let mut altered = sealed.clone();
    altered[40] ^= 1;
    assert!(vault.open(&entry, &modulus, &altered).is_none());
    assert!(vault.open(&entry, &modulus, &sealed[..5]).is_none());
    assert!(vault.open(&entry, &modulus, &sealed).is_some());
    assert!(vault.find(&entry).is_some());
}
