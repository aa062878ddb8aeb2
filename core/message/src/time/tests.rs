use alloc::string::ToString;

use super::Time;

/// People read dates; what no calendar reaches is a number still.
#[test]
fn as_people_read_it() {
    let read = |second: u64| Time(second).to_string();
    assert_eq!(read(0), "1970-01-01T00:00:00Z");
    assert_eq!(read(1_709_251_199), "2024-02-29T23:59:59Z");
    assert_eq!(read(253_402_207_200), "9999-12-30T22:00:00Z");
    assert_eq!(read(1 << 62), "second 4611686018427387904");
    assert_eq!(read(u64::MAX), "second 18446744073709551615");
}
