//! What a suspect is told and what it answers, each behind its length.

use std::io::{self, Read, Write};

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Opaque, Reader, Writer, codec_struct, open_enum};
use cenacle_mls::wire::{LeafIndex, Proposal};

codec_struct! {
    /// Who the suspect is.
    #[derive(Clone, Debug)]
    pub struct Begin {
        /// 1 for the native provider.
        pub native: u8,
        /// The cipher suite.
        pub suite: u16,
        /// Its name.
        pub name: Opaque,
        /// Its signature key, which is no secret here: it is held all the time.
        pub signature_key: Opaque,
        /// 1 if it sends its handshakes in the clear.
        pub public_handshakes: u8,
        /// How many past epochs it keeps.
        pub past_epochs: u32,
        /// How many generations it reserves at once.
        pub reserved_generations: u32,
        /// A pre-shared key called `shared`.
        pub psk: Opaque,
    }
}

open_enum! {
    /// Where a guilty suspect keeps what it should forget.
    pub enum Leak: u8 {
        /// On the heap.
        HEAP = 0,
        /// In memory that was freed.
        FREED = 1,
        /// On the heap, in hexadecimal.
        HEX = 2,
        /// Deep on the stack.
        STACK = 3,
        /// In a row that is not sealed.
        ROW = 4,
        /// In such a row, which was erased since.
        ERASED_ROW = 5,
    }
}

macro_rules! orders {
    ($($(#[$doc:meta])* $number:literal $name:ident($payload:ty);)*) => {
        /// What a suspect is told.
        #[derive(Clone, Debug)]
        pub enum Order { $($(#[$doc])* $name($payload),)* }

        impl Encode for Order {
            fn encode(&self, out: &mut Writer) {
                match self { $(Self::$name(payload) => out.put(&($number as u8)).put(payload),)* };
            }
        }

        impl Decode for Order {
            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let before = from.clone();
                match u8::decode(from)? {
                    $($number => <$payload>::decode(from).map(Self::$name),)*
                    _ => Err(before.error(DecodeErrorKind::UnknownVariant("Order"))),
                }
            }
        }
    };
}

orders! {
    /// Be someone, with the state there is.
    0 Begin(Begin);
    /// Make a key package, of last resort or not.
    1 KeyPackage(u8);
    /// Join by this Welcome, perhaps anew.
    2 Join(Opaque);
    /// Receive this message.
    3 Receive(Opaque);
    /// Open and stage this message, and forget about it.
    4 Look(Opaque);
    /// Say something of so many bytes.
    5 Say(u32);
    /// Propose this, or an Update.
    6 Propose(Option<Proposal>);
    /// Propose the pre-shared key.
    7 ProposePsk(());
    /// Commit these proposals and those that wait, with a path or not.
    8 Commit((Vec<Proposal>, u8));
    /// Give the own commit up.
    9 Discard(());
    /// Make an external commit by this GroupInfo, in place of the leaf if there is one.
    10 JoinFromOutside((Opaque, Option<LeafIndex>));
    /// It was accepted.
    11 Accepted(());
    /// It was not.
    12 Refused(());
    /// Describe the group to those outside.
    13 GroupInfo(());
    /// Export a secret.
    14 Export(());
    /// Open the group without its tree, receive this message, and read the rest.
    15 ReceivePartially(Opaque);
    /// Say which secrets were made and erased.
    16 Census(());
    /// Close the state and end.
    17 End(());
    /// Be guilty: keep a copy of the init secret where it does not belong.
    18 Leak(Leak);
}

/// What the suspect answers: bytes, or why not.
pub type Outcome = Result<Vec<u8>, String>;

/// Writes a value behind its length.
pub(super) fn send<T: Encode>(to: &mut impl Write, value: &T) -> io::Result<()> {
    let bytes = value.to_bytes().map_err(io::Error::other)?;
    to.write_all(&u32::try_from(bytes.len()).map_err(io::Error::other)?.to_be_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads a value behind its length, or nothing at the end.
pub(super) fn receive<T: Decode>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?];
    from.read_exact(&mut bytes)?;
    T::from_bytes(&bytes).map(Some).map_err(io::Error::other)
}

/// An outcome as it travels.
pub(super) fn encoded(outcome: Outcome) -> (u8, Opaque) {
    match outcome {
        Ok(bytes) => (0, bytes.into()),
        Err(refusal) => (1, refusal.into_bytes().into()),
    }
}

/// An outcome that arrived.
pub(super) fn decoded((kind, bytes): (u8, Opaque)) -> Outcome {
    if kind == 0 { Ok(bytes.into_vec()) } else { Err(String::from_utf8_lossy(&bytes).into_owned()) }
}
