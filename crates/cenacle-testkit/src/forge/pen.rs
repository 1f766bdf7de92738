//! An encoder of the TLS presentation language that can be told to write badly, at one named place, and a decoder of what
//! genuine clients send. Naive and independent of the library's codec (RFC 9420 §2.1).
//!
//! Every length header, presence octet and number is written under a name such as `Commit.path` or `Sender.sender_type`.
//! A [`Quirk`] names a place and says how it is written instead; all around it is as it must be, so the lengths of the
//! vectors outside still fit.

/// Which place a [`Quirk`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The first place of this name.
    Field(&'static str),
    /// The place of this name with this number, counted from 0.
    FieldNth(&'static str, usize),
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The length header of a vector.
    Length,
    /// The presence octet of an optional value.
    Presence,
    /// A number, of one to eight bytes.
    Number,
}

/// A place in an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Structure and field.
    pub name: &'static str,
    /// What stands there.
    pub kind: Kind,
    /// Bytes before it.
    pub offset: usize,
}

/// How a place is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Twist {
    /// A length header in so many bytes: 1, 2 or 4, whether or not that is the least.
    HeaderBytes(usize),
    /// A length header that claims so many bytes, in its least form; the content is what it is.
    Claims(usize),
    /// These bytes in place of the length header, the presence octet or the number.
    Instead(Vec<u8>),
    /// These bytes behind the vector's content, inside its length.
    Longer(Vec<u8>),
}

/// One place, written in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quirk {
    /// Where.
    pub at: At,
    /// How.
    pub twist: Twist,
}

impl Quirk {
    /// `twist` at the first place of this name.
    #[must_use]
    pub const fn new(name: &'static str, twist: Twist) -> Self {
        Self { at: At::Field(name), twist }
    }

    /// One octet in place of a presence octet or a tag of one byte.
    #[must_use]
    pub fn octet(name: &'static str, octet: u8) -> Self {
        Self::new(name, Twist::Instead(vec![octet]))
    }
}

/// Writes values, and notes where everything stands.
#[derive(Clone, Debug, Default)]
pub struct Pen {
    bytes: Vec<u8>,
    name: &'static str,
    quirks: Vec<Quirk>,
    marks: Vec<Mark>,
}

impl Pen {
    /// A pen with quirks.
    #[must_use]
    pub fn with(quirks: &[Quirk]) -> Self {
        Self { quirks: quirks.to_vec(), ..Self::default() }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Where everything stands.
    #[must_use]
    pub fn into_marks(self) -> Vec<Mark> {
        self.marks
    }

    /// A field of a structure.
    pub fn field<T: Wire>(&mut self, name: &'static str, value: &T) -> &mut Self {
        self.name = name;
        value.write(self);
        self
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn number(&mut self, bytes: &[u8]) {
        match self.mark(Kind::Number) {
            Some(Twist::Instead(instead)) => self.raw(&instead),
            _ => self.raw(bytes),
        };
    }

    /// A vector with this content (RFC 9420 §2.1.2).
    pub fn vector(&mut self, content: impl FnOnce(&mut Self)) {
        let twist = self.mark(Kind::Length);
        let (start, first) = (self.bytes.len(), self.marks.len());
        content(self);
        if let Some(Twist::Longer(more)) = &twist {
            self.bytes.extend_from_slice(more);
        }
        let content = self.bytes.split_off(start);
        let header = match twist {
            Some(Twist::HeaderBytes(width)) => header(content.len(), width),
            Some(Twist::Claims(length)) => header(length, least(length)),
            Some(Twist::Instead(bytes)) => bytes,
            Some(Twist::Longer(_)) | None => header(content.len(), least(content.len())),
        };
        for mark in &mut self.marks[first..] {
            mark.offset += header.len();
        }
        self.raw(&header).raw(&content);
    }

    /// A value that may be missing (RFC 9420 §2.1.1).
    pub fn optional<T: Wire>(&mut self, value: Option<&T>) {
        let octet = match self.mark(Kind::Presence) {
            Some(Twist::Instead(bytes)) => bytes,
            _ => vec![u8::from(value.is_some())],
        };
        self.raw(&octet);
        if let Some(value) = value {
            value.write(self);
        }
    }

    /// Notes the place that is about to be written, and gives its twist.
    fn mark(&mut self, kind: Kind) -> Option<Twist> {
        let name = self.name;
        // Counted only where somebody asks: lists may be long.
        let count = || self.marks.iter().filter(|mark| mark.name == name).count();
        let before = if self.quirks.is_empty() { 0 } else { count() };
        self.marks.push(Mark { name, kind, offset: self.bytes.len() });
        let here = |quirk: &&Quirk| match quirk.at {
            At::Field(field) => field == name && before == 0,
            At::FieldNth(field, nth) => field == name && before == nth,
        };
        self.quirks.iter().find(here).map(|quirk| quirk.twist.clone())
    }
}

/// A length header of `width` bytes.
#[must_use]
pub fn header(length: usize, width: usize) -> Vec<u8> {
    let length = u32::try_from(length).unwrap();
    let [a, b, c, d] = length.to_be_bytes();
    match width {
        1 => vec![d & 0x3f],
        2 => vec![0x40 | (c & 0x3f), d],
        4 => vec![0x80 | (a & 0x3f), b, c, d],
        _ => panic!("no header has {width} bytes"),
    }
}

/// How many bytes a length header takes at least.
#[must_use]
pub const fn least(length: usize) -> usize {
    match length {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        _ => 4,
    }
}

/// Reads what genuine clients wrote; anything else is a fault of the test, which panics.
#[derive(Clone, Debug)]
pub struct Scan<'a>(pub &'a [u8]);

impl<'a> Scan<'a> {
    /// The next bytes.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap()
    }

    /// The content of a vector.
    pub fn vector(&mut self) -> &'a [u8] {
        let first = self.0[0];
        let length = match first >> 6 {
            0 => usize::from(self.array::<1>()[0]),
            1 => usize::from(u16::from_be_bytes(self.array()) & 0x3fff),
            2 => usize::try_from(u32::from_be_bytes(self.array()) & 0x3fff_ffff).unwrap(),
            _ => panic!("a length header with the prefix 11"),
        };
        self.take(length)
    }

    /// A value.
    pub fn read<T: Wire>(&mut self) -> T {
        T::read(self)
    }
}

/// The encoding of what ends with this signature, without it: what the signature is made over.
pub(super) fn unsigned(value: &impl Wire, signature: &Vec<u8>) -> Vec<u8> {
    let mut bytes = value.bytes();
    bytes.truncate(bytes.len() - signature.bytes().len());
    bytes
}

/// What has an encoding.
pub trait Wire: Sized {
    /// Writes it.
    fn write(&self, pen: &mut Pen);

    /// Reads what a genuine client wrote.
    fn read(from: &mut Scan<'_>) -> Self;

    /// Writes the content of a vector.
    fn write_all(items: &[Self], pen: &mut Pen) {
        let name = pen.name;
        for item in items {
            pen.name = name;
            item.write(pen);
        }
    }

    /// Its encoding.
    fn bytes(&self) -> Vec<u8> {
        self.bytes_with(&[])
    }

    /// Its encoding with quirks.
    fn bytes_with(&self, quirks: &[Quirk]) -> Vec<u8> {
        let mut pen = Pen::with(quirks);
        self.write(&mut pen);
        pen.into_bytes()
    }

    /// Where everything stands in its encoding.
    fn marks(&self) -> Vec<Mark> {
        let mut pen = Pen::default();
        self.write(&mut pen);
        pen.into_marks()
    }

    /// Reads a value that takes all bytes.
    fn parse(bytes: &[u8]) -> Self {
        let mut scan = Scan(bytes);
        let value = Self::read(&mut scan);
        assert!(scan.0.is_empty(), "bytes are left over");
        value
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => {$(
        impl Wire for $kind {
            fn write(&self, pen: &mut Pen) {
                pen.number(&self.to_be_bytes());
            }

            fn read(from: &mut Scan<'_>) -> Self {
                Self::from_be_bytes(from.array())
            }
        }
    )*};
}

numbers!(u16 u32 u64);

impl Wire for u8 {
    fn write(&self, pen: &mut Pen) {
        pen.number(&[*self]);
    }

    fn read(from: &mut Scan<'_>) -> Self {
        from.array::<1>()[0]
    }

    fn write_all(items: &[Self], pen: &mut Pen) {
        pen.raw(items);
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, pen: &mut Pen) {
        pen.vector(|pen| T::write_all(self, pen));
    }

    fn read(from: &mut Scan<'_>) -> Self {
        let mut content = Scan(from.vector());
        let mut items = Self::new();
        while !content.0.is_empty() {
            items.push(T::read(&mut content));
        }
        items
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, pen: &mut Pen) {
        pen.optional(self.as_ref());
    }

    fn read(from: &mut Scan<'_>) -> Self {
        match u8::read(from) {
            0 => None,
            1 => Some(T::read(from)),
            other => panic!("a presence octet of {other}"),
        }
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn write(&self, pen: &mut Pen) {
        pen.raw(self);
    }

    fn read(from: &mut Scan<'_>) -> Self {
        from.array()
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self, pen: &mut Pen) {
        T::write(self, pen);
    }

    fn read(from: &mut Scan<'_>) -> Self {
        Self::new(T::read(from))
    }
}

/// Structures whose fields are written one after the other, each under its name.
macro_rules! wire_structs {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $kind:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name { $(pub $field: $kind,)* }

        impl $crate::forge::pen::Wire for $name {
            fn write(&self, pen: &mut $crate::forge::pen::Pen) {
                $(pen.field(concat!(stringify!($name), ".", stringify!($field)), &self.$field);)*
            }

            fn read(from: &mut $crate::forge::pen::Scan<'_>) -> Self {
                Self { $($field: $crate::forge::pen::Wire::read(from),)* }
            }
        }
    )*};
}

pub(crate) use wire_structs;
