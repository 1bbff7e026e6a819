//! What is kept of a run while it is read, in few bytes: the model of the capture takes memory then. It is taken out again
//! when the report is written and that memory is free.
//!
//! A value is its fields one after the other: numbers in as many bytes as they need, texts with their length. Texts that
//! diagnoses say alike of many failures are kept once.

mod finding;
mod session;
mod text;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(super) use finding::PackedFinding;
pub(super) use session::Sessions;
use text::Texts;

/// A value that can be packed.
trait Pack: Sized {
    fn pack(&self, to: &mut Store);
    /// What was packed; `None` where it is something else.
    fn unpack(from: &mut Unpacker<'_>) -> Option<Self>;
}

/// Packed values. They are in one piece, so that they lie between nothing that is freed before them.
#[derive(Debug, Default)]
pub(super) struct Store {
    bytes: Vec<u8>,
    texts: Texts,
}

/// Packed values, what is not taken out yet.
struct Unpacker<'a> {
    bytes: &'a [u8],
    texts: &'a Texts,
}

impl Store {
    /// Packs a value: where it is.
    fn add(&mut self, value: &impl Pack) -> usize {
        let at = self.bytes.len();
        value.pack(self);
        at
    }

    /// The value that was packed there.
    fn get<T: Pack>(&self, at: usize) -> io::Result<T> {
        let bytes = self.bytes.get(at..).unwrap_or_default();
        let value = T::unpack(&mut Unpacker { bytes, texts: &self.texts });
        value.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "cannot unpack what was kept of the run"))
    }
}

impl<'a> Unpacker<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
}

/// Seven bits a byte, the lowest first; all but the last byte have the highest bit.
impl Pack for u64 {
    fn pack(&self, to: &mut Store) {
        let mut rest = *self;
        while rest >= 0x80 {
            to.bytes.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        to.bytes.push(rest.to_le_bytes()[0]);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = from.array()?;
            value |= Self::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

/// As [`u64`].
macro_rules! pack_as_u64 {
    ($($type:ty)*) => { $(
        impl Pack for $type {
            fn pack(&self, to: &mut Store) {
                // No number of ours has more than 64 bits.
                u64::try_from(*self).unwrap_or(u64::MAX).pack(to);
            }

            fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
                Self::try_from(u64::unpack(from)?).ok()
            }
        }
    )* };
}
pack_as_u64!(u16 u32 usize);

impl Pack for i64 {
    fn pack(&self, to: &mut Store) {
        to.bytes.extend(self.to_le_bytes());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.array().map(Self::from_le_bytes)
    }
}

impl Pack for bool {
    fn pack(&self, to: &mut Store) {
        to.bytes.push(u8::from(*self));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.array().map(|[byte]| byte != 0)
    }
}

impl Pack for String {
    fn pack(&self, to: &mut Store) {
        self.len().pack(to);
        to.bytes.extend(self.as_bytes());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        let length = usize::unpack(from)?;
        Self::from_utf8(from.take(length)?.to_vec()).ok()
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, to: &mut Store) {
        self.is_some().pack(to);
        if let Some(value) = self {
            value.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        if bool::unpack(from)? { T::unpack(from).map(Some) } else { Some(None) }
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, to: &mut Store) {
        self.len().pack(to);
        for value in self {
            value.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        let length = usize::unpack(from)?;
        // Not one place more than is needed; nothing has less than a byte.
        let mut all = Self::with_capacity(length.min(from.bytes.len()));
        for _ in 0..length {
            all.push(T::unpack(from)?);
        }
        Some(all)
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn pack(&self, to: &mut Store) {
        self.0.pack(to);
        self.1.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        Some((A::unpack(from)?, B::unpack(from)?))
    }
}

impl Pack for IpAddr {
    fn pack(&self, to: &mut Store) {
        self.is_ipv6().pack(to);
        match self {
            Self::V4(address) => to.bytes.extend(address.octets()),
            Self::V6(address) => to.bytes.extend(address.octets()),
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        Some(if bool::unpack(from)? {
            Ipv6Addr::from(from.array::<16>()?).into()
        } else {
            Ipv4Addr::from(from.array::<4>()?).into()
        })
    }
}

/// Without flow label and scope, which no socket of ours has.
impl Pack for SocketAddr {
    fn pack(&self, to: &mut Store) {
        self.ip().pack(to);
        self.port().pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        Some(Self::new(Pack::unpack(from)?, Pack::unpack(from)?))
    }
}

/// How a type is packed: `T { a, b }` field by field, those behind a semicolon as texts that many values share, without those
/// that are kept beside it; `T(_)` as the value in it; `T [A, B]` as the place of its variant.
macro_rules! pack {
    ($type:ident { $($field:ident),* $(; $($text:ident),*)? } $(without $($beside:ident: $none:expr),*)?) => {
        impl Pack for $type {
            fn pack(&self, to: &mut Store) {
                let Self { $($field,)* $($($text,)*)? $($($beside: _,)*)? } = self;
                $($field.pack(to);)*
                $($(
                    let number = to.texts.number($text);
                    number.pack(to);
                )*)?
            }

            fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
                Some(Self {
                    $($field: Pack::unpack(from)?,)*
                    $($($text: {
                        let number = Pack::unpack(from)?;
                        from.texts.of(number)?.to_owned()
                    },)*)?
                    $($($beside: $none,)*)?
                })
            }
        }
    };
    ($type:ident (_)) => {
        impl Pack for $type {
            fn pack(&self, to: &mut Store) {
                self.0.pack(to);
            }

            fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
                Pack::unpack(from).map(Self)
            }
        }
    };
    ($type:ident [$($variant:ident),*]) => {
        impl Pack for $type {
            fn pack(&self, to: &mut Store) {
                // None can be forgotten.
                match self {
                    $(Self::$variant)|* => {}
                }
                let place = [$(Self::$variant),*].iter().position(|variant| variant == self);
                place.unwrap_or_default().pack(to);
            }

            fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
                [$(Self::$variant),*].get(usize::unpack(from)?).copied()
            }
        }
    };
}
use pack;

#[cfg(test)]
mod tests {
    use super::{Pack, Store};

    fn comes_back<T: Pack + PartialEq + std::fmt::Debug>(value: &T) {
        let mut store = Store::default();
        let places = [store.add(&String::from("before")), store.add(value)];
        assert_eq!(store.get::<T>(places[1]).expect("it was packed"), *value);
        assert_eq!(store.get::<String>(places[0]).expect("it was packed"), "before");
        store.bytes.pop();
        assert!(store.get::<T>(places[1]).is_err(), "{value:?} without its end");
    }

    #[test]
    fn values_come_back() {
        for number in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            comes_back(&number);
        }
        [i64::MIN, -1, 0, i64::MAX].iter().for_each(comes_back);
        comes_back(&vec![Some(String::from("\u{fdd0}é\0")), None, Some(String::new())]);
        for socket in ["10.0.0.1:21", "[2001:db8::1]:65535", "[::ffff:10.0.0.1]:0"] {
            comes_back(&socket.parse::<std::net::SocketAddr>().expect("a socket"));
        }
    }
}
