use proptest::prelude::*;

use super::*;

const MAX: usize = 1000;

#[test]
fn the_form_is_laid_down() {
    let text = encode("PAYMENT", &[0; 49]);
    let line = "A".repeat(64);
    assert_eq!(text, format!("-----BEGIN ZENI PAYMENT-----\n{line}\nAA==\n-----END ZENI PAYMENT-----\n"));
    let armored = Armored { label: "PAYMENT".into(), bytes: vec![0; 49] };
    assert_eq!(decode(&text, MAX), Ok(armored));
}

#[test]
fn mail_may_add_white_space() {
    let text = encode("KEY LIST", b"some content").replace('\n', " \r\n");
    assert_eq!(decode(&format!("\r\n \n{text}\n\n"), MAX).unwrap().bytes, b"some content");
}

#[test]
fn refusals_name_the_first_fault() {
    let good = encode("PAYMENT", &[7; 100]);
    for (text, error) in [
        (String::new(), ArmorError::Begin),
        (good.replace("BEGIN ZENI PAYMENT", "BEGIN ZENI Payment"), ArmorError::Begin),
        (good.replace("BEGIN ZENI", "BEGIN"), ArmorError::Begin),
        (format!("hello\n{good}"), ArmorError::Begin),
        (format!("{good}hello"), ArmorError::End),
        (good.replace("END ZENI PAYMENT", "END ZENI REQUEST"), ArmorError::End),
        ("-----BEGIN ZENI PAYMENT-----".into(), ArmorError::End),
        (good.replacen("Bw", "B!", 1), ArmorError::Line { line: 2 }),
        (good.replacen("Bw", "B\nw", 1), ArmorError::Line { line: 2 }),
        (good.replacen('\n', "\n\n", 1), ArmorError::Line { line: 2 }),
        (encode("PAYMENT", &[0]).replace("AA==", "AB=="), ArmorError::Base64),
        (encode("PAYMENT", &[0]).replace("AA==", "AA"), ArmorError::Base64),
        (encode("PAYMENT", &[0; MAX + 1]), ArmorError::TooLarge { max: MAX }),
        (encode("PAYMENT", &[0; 10 * MAX]), ArmorError::TooLarge { max: MAX }),
    ] {
        assert_eq!(decode(&text, MAX), Err(error), "{text}");
    }
    assert!(decode(&encode("PAYMENT", &[0; MAX]), MAX).is_ok());
}

proptest! {
    #[test]
    fn content_round_trips(bytes in prop::collection::vec(any::<u8>(), 0..MAX), label in "[A-Z]{1,16}( [A-Z]{1,15})?") {
        let text = encode(&label, &bytes);
        prop_assert!(text.lines().all(|line| line.len() <= 64));
        prop_assert_eq!(decode(&text, bytes.len()), Ok(Armored { label, bytes }));
    }

    #[test]
    fn reading_never_panics(text in "(-----BEGIN ZENI A-----\n)?[A-Za-z0-9+/= \n\u{e4}-]{0,200}(\n-----END ZENI A-----)?") {
        if let Ok(armored) = decode(&text, MAX) {
            prop_assert_eq!(decode(&encode(&armored.label, &armored.bytes), MAX), Ok(armored));
        }
    }

    #[test]
    fn cut_text_is_refused(len in 0..170usize) {
        let text = encode("PAYMENT", &[7; 80]);
        let cut = &text[..len.min(text.trim_end().len() - 1)];
        prop_assert!(decode(cut, MAX).is_err());
    }
}
