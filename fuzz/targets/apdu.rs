#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    zeni_fuzz::apdu(data);
});
