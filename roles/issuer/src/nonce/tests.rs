use super::*;

/// RN-O5: a nonce is good for its term and for no other issuer's secret.
#[test]
fn a_nonce_is_good_for_its_term_only() {
    let nonces = Nonces::new([7; 32]);
    let nonce = nonces.at(Time(1_000), 60);
    assert!(nonces.is_fresh(&nonce, Time(1_000), 60));
    assert!(nonces.is_fresh(&nonce, Time(1_030), 60));
    assert!(!nonces.is_fresh(&nonce, Time(1_060), 60));
    assert!(!nonces.is_fresh(&nonce, Time(900), 60));
    assert!(nonces.is_own(&nonce, Time(5_000), 60));
    assert!(!nonces.is_own(&nonce, Time(900), 60), "a window that is still to come");
    assert!(!Nonces::new([8; 32]).is_own(&nonce, Time(5_000), 60));
    assert!(!Nonces::new([8; 32]).is_fresh(&nonce, Time(1_000), 60));
}

/// RN-O5: whoever does not know the secret cannot make the nonce of a later window.
#[test]
fn a_nonce_cannot_be_carried_to_another_window() {
    let nonces = Nonces::new([7; 32]);
    let mut forged = nonces.at(Time(1_000), 60);
    let later = nonces.at(Time(2_000), 60);
    forged[..WINDOW_BYTES].copy_from_slice(&later[..WINDOW_BYTES]);
    assert!(!nonces.is_fresh(&forged, Time(2_000), 60));
    assert!(!nonces.is_own(&forged, Time(2_000), 60));
}
