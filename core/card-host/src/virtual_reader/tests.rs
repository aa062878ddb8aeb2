use std::{
    io::{Read, Write},
    net::TcpListener,
};

use super::*;

/// Repeats every command, after how often it was reset.
struct Echo {
    resets: u8,
}

impl VirtualCard for Echo {
    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        match command {
            b"long" => vec![0; 70_000],
            _ => [&[self.resets], command].concat(),
        }
    }

    fn reset(&mut self) {
        self.resets += 1;
    }
}

/// The far side of a slot, as `vpcd` speaks.
fn say(vpcd: &mut TcpStream, message: &[u8]) {
    let len = u16::try_from(message.len()).expect("short");
    vpcd.write_all(&[&len.to_be_bytes(), message].concat()).expect("writes");
}

fn hear(vpcd: &mut TcpStream) -> Vec<u8> {
    let mut len = [0; 2];
    vpcd.read_exact(&mut len).expect("a length");
    let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
    vpcd.read_exact(&mut message).expect("a message");
    message
}

/// A card in the slot answers commands, forgets at each power cycle, and ends when it is pulled.
#[test]
fn a_card_in_a_slot() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let reader = VirtualReader::connect(listener.local_addr().expect("an address").port()).expect("connects");
    let pull = reader.puller().expect("a handle");
    let (mut vpcd, _) = listener.accept().expect("accepts");
    std::thread::scope(|scope| {
        let served = scope.spawn(|| reader.serve(&mut Echo { resets: 0 }));
        say(&mut vpcd, &[4]);
        assert_eq!(hear(&mut vpcd), ATR);
        for control in [1, 2, 0] {
            say(&mut vpcd, &[control]);
        }
        say(&mut vpcd, b"a command");
        assert_eq!(hear(&mut vpcd), b"\x03a command");
        say(&mut vpcd, b"long");
        assert_eq!(hear(&mut vpcd), UNKNOWN_ERROR, "what the line does not carry is no reply");
        pull.pull();
        let error = served.join().expect("ends");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn the_answer_to_reset_checks() {
    assert_eq!(ATR[1..].iter().fold(0, |sum, byte| sum ^ byte), 0);
}
