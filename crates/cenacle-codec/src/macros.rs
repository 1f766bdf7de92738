//! One line per field: the macros that keep structures and their codecs from drifting apart.

/// Defines a structure whose fields are encoded and decoded in the order they are written.
#[macro_export]
macro_rules! codec_struct {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$fmeta:meta])* $fvis:vis $field:ident: $ty:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        $vis struct $name { $($(#[$fmeta])* $fvis $field: $ty),* }

        impl $crate::Encode for $name {
            fn encode(&self, out: &mut $crate::Writer) {
                $($crate::Encode::encode(&self.$field, out);)*
            }
        }

        impl $crate::Decode for $name {
            fn decode(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeError> {
                $(let $field = <$ty as $crate::Decode>::decode(from)?;)*
                Ok(Self { $($field),* })
            }

            fn skip(from: &mut $crate::Reader<'_>) -> Result<(), $crate::DecodeError> {
                $(<$ty as $crate::Decode>::skip(from)?;)*
                Ok(())
            }
        }
    )*};
}

/// Defines a code point type: a number with named values, which carries unknown values through untouched.
#[macro_export]
macro_rules! open_enum {
    ($($(#[$meta:meta])* $vis:vis enum $name:ident: $int:ty { $($(#[$vmeta:meta])* $value:ident = $number:expr),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(pub $int);

        impl $name {
            $($(#[$vmeta])* pub const $value: Self = Self($number);)*

            /// The registered name, or `None` for a value this version does not know.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($value)),)*
                    _ => None,
                }
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($name), "({:#06x})"), self.0),
                }
            }
        }

        impl $crate::Encode for $name {
            fn encode(&self, out: &mut $crate::Writer) {
                $crate::Encode::encode(&self.0, out);
            }
        }

        impl $crate::Decode for $name {
            fn decode(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeError> {
                <$int as $crate::Decode>::decode(from).map(Self)
            }

            fn skip(from: &mut $crate::Reader<'_>) -> Result<(), $crate::DecodeError> {
                <$int as $crate::Decode>::skip(from)
            }
        }
    )*};
}

/// Defines a newtype over a value, with the same encoding.
#[macro_export]
macro_rules! codec_newtype {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident($fvis:vis $ty:ty);)*) => {$(
        $(#[$meta])*
        $vis struct $name($fvis $ty);

        impl $crate::Encode for $name {
            fn encode(&self, out: &mut $crate::Writer) {
                $crate::Encode::encode(&self.0, out);
            }
        }

        impl $crate::Decode for $name {
            fn decode(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeError> {
                <$ty as $crate::Decode>::decode(from).map(Self)
            }

            fn skip(from: &mut $crate::Reader<'_>) -> Result<(), $crate::DecodeError> {
                <$ty as $crate::Decode>::skip(from)
            }
        }
    )*};
}
