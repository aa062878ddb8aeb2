//! The instructions of `docs/card.md`.

use super::{Class, word::StatusWord};

macro_rules! instructions {
    ($($(#[$doc:meta])* $name:ident = $class:ident $ins:literal;)*) => {
        /// What a command asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Instruction {
            $($(#[$doc])* $name,)*
        }

        impl Instruction {
            /// All, in the order of the page.
            pub const ALL: &'static [Instruction] = &[$(Instruction::$name),*];

            /// Class and INS.
            pub fn codes(self) -> (Class, u8) {
                match self {
                    $(Instruction::$name => (Class::$class, $ins),)*
                }
            }
        }
    };
}

instructions! {
    /// Chooses the applet; whatever was open in the session is forgotten.
    Select = Interindustry 0xa4;
    /// Shows the PIN.
    Verify = Interindustry 0x20;
    /// CHANGE REFERENCE DATA: replaces the PIN.
    ChangePin = Interindustry 0x24;
    /// RESET RETRY COUNTER: a new PIN by the PUK.
    Unblock = Interindustry 0x2c;
    /// The next part of a long reply.
    GetResponse = Interindustry 0xc0;
    /// Makes a blank card the card of a network.
    Personalise = Zeni 0x10;
    /// Makes a key pair.
    GenerateKey = Zeni 0x12;
    /// Tells a public key by its place.
    GetPublicKey = Zeni 0x14;
    /// Signs what moves no money.
    SignStatement = Zeni 0x16;
    /// Signs a challenge and opens its slot.
    SignChallenge = Zeni 0x18;
    /// Opens a slot for a note.
    OpenLoad = Zeni 0x1a;
    /// Takes over a key that was made elsewhere.
    AdoptKey = Zeni 0x1c;
    /// Takes money in, link by link.
    Load = Zeni 0x20;
    /// Passes money on.
    SignEndorsement = Zeni 0x22;
    /// Ends the open payment: the wallet has it.
    Confirm = Zeni 0x24;
    /// Closes a holding.
    Close = Zeni 0x26;
    /// Closes many holdings under one signature.
    HandIn = Zeni 0x28;
    /// Tells what the card knows.
    GetStatus = Zeni 0x2a;
    /// Shows the operator its token, takes his ticket.
    Contact = Zeni 0x2c;
    /// Takes rules, filters and clearances of the operator.
    SetLimits = Zeni 0x2e;
    /// Tells what outlives the card.
    Export = Zeni 0x30;
    /// Takes over what another card exported.
    Import = Zeni 0x32;
}

impl Instruction {
    /// Finds an instruction by class and INS; `6D00` for one that there is not.
    pub fn find(class: Class, instruction: u8) -> Result<Instruction, StatusWord> {
        let found = Instruction::ALL.iter().find(|it| it.codes() == (class, instruction));
        found.copied().ok_or(StatusWord::UnknownInstruction)
    }
}
