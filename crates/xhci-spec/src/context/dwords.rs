//! Structures of dwords in guest memory, with fields by name.

/// Declares a structure of `N` dwords and the getters and `with_...` setters of its fields
/// (`[dword] low bit, width`), its bytes, and a `Debug` that lists the fields.
macro_rules! dword_struct {
    (
        $(#[$meta:meta])*
        pub struct $name:ident[$count:literal] {
            $( $(#[$doc:meta])* $get:ident / $with:ident : $ty:tt = [$dword:literal] $low:literal, $width:literal; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name(pub [u32; $count]);

        impl $name {
            /// Size in bytes, without the reserved half of a 64-byte context.
            pub const BYTES: usize = 4 * $count;

            /// All fields 0.
            #[must_use]
            pub const fn new() -> Self {
                Self([0; $count])
            }

            /// As it stands in memory.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 4 * $count] {
                let mut bytes = [0; 4 * $count];
                let mut i = 0;
                while i < bytes.len() {
                    bytes[i] = (self.0[i / 4] >> (8 * (i % 4))) as u8;
                    i += 1;
                }
                bytes
            }

            /// Reads it from memory.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 4 * $count]) -> Self {
                let mut dwords = [0; $count];
                let mut i = 0;
                while i < bytes.len() {
                    dwords[i / 4] |= (bytes[i] as u32) << (8 * (i % 4));
                    i += 1;
                }
                Self(dwords)
            }

            $(
                $(#[$doc])*
                #[inline]
                #[must_use]
                pub const fn $get(self) -> $ty {
                    let raw = self.0[$dword] >> $low & (u32::MAX >> (32 - $width));
                    dword_struct!(@from $ty, raw)
                }

                $(#[$doc])*
                #[inline]
                #[must_use]
                pub const fn $with(mut self, value: $ty) -> Self {
                    let mask = (u32::MAX >> (32 - $width)) << $low;
                    let raw: u32 = dword_struct!(@into $ty, value);
                    self.0[$dword] = self.0[$dword] & !mask | raw << $low & mask;
                    self
                }
            )*
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name))
                    $( .field(stringify!($get), &self.$get()) )*
                    .finish_non_exhaustive()
            }
        }
    };
    (@from bool, $raw:ident) => { $raw != 0 };
    (@from u8, $raw:ident) => { $raw as u8 };
    (@from u16, $raw:ident) => { $raw as u16 };
    (@from u32, $raw:ident) => { $raw };
    (@from InterrupterId, $raw:ident) => { InterrupterId($raw as u16) };
    (@from $ty:ident, $raw:ident) => { $ty($raw as u8) };
    (@into bool, $value:ident) => { $value as u32 };
    (@into u8, $value:ident) => { $value as u32 };
    (@into u16, $value:ident) => { $value as u32 };
    (@into u32, $value:ident) => { $value };
    (@into $ty:ident, $value:ident) => { $value.0 as u32 };
}
