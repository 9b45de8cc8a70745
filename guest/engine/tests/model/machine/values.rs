//! Keys by number and values by length.

use std::borrow::Cow;
use std::sync::OnceLock;

use localmap_engine::{Error, KeyFault, Limits, MAX_KEY_LEN, Value};

/// The maximum length of a value, in bytes.
pub(super) const LONGEST: u32 = 100_000;

/// Keys from this number on are not valid.
const INVALID: u16 = 60_000;

/// A value: bytes that show their position, or a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datum {
    /// A number of bytes from this position of a fixed pattern.
    Bytes(u32, u8),
    /// The 8 bytes of a counter.
    Counter(i64),
}

impl Datum {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Bytes(len, _) => len as usize,
            Self::Counter(_) => 8,
        }
    }

    pub(super) fn bytes(self) -> Cow<'static, [u8]> {
        match self {
            Self::Bytes(len, from) => {
                let from = usize::from(from);
                Cow::Borrowed(&pattern()[from..from + len as usize])
            }
            Self::Counter(number) => Cow::Owned(number.to_le_bytes().to_vec()),
        }
    }

    /// Returns the number, if the map would accept it as a counter.
    pub(super) fn counter(self) -> Option<i64> {
        match self {
            Self::Counter(number) => Some(number),
            Self::Bytes(8, _) => Some(i64::from_le_bytes((*self.bytes()).try_into().ok()?)),
            Self::Bytes(..) => None,
        }
    }

    /// Panics unless the map holds exactly this value.
    pub(super) fn check(self, value: Value<'_>) {
        let bytes = self.bytes();
        assert_eq!(value.len(), bytes.len(), "a value of another length");
        assert_eq!(value.is_empty(), bytes.is_empty());
        let mut rest = &bytes[..];
        for chunk in value.chunks() {
            let (own, others) = rest.split_at(chunk.len());
            assert!(own == chunk, "other bytes than {self:?}");
            rest = others;
        }
        assert!(rest.is_empty(), "{} bytes are missing", rest.len());
        if let Some(whole) = value.as_slice() {
            assert!(*whole == bytes[..], "other bytes in one piece");
        }
    }
}

/// Bytes without a period, so that a piece in a wrong place is noticed.
fn pattern() -> &'static [u8] {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    PATTERN.get_or_init(|| {
        let mut random = fastrand::Rng::with_seed(1);
        (0..LONGEST + 256).map(|_| random.u8(..)).collect()
    })
}

/// Returns the bytes of a key. Different numbers have different bytes.
pub(super) fn key(number: u16) -> Cow<'static, [u8]> {
    let [high, low] = number.to_be_bytes();
    Cow::Owned(match number {
        INVALID => Vec::new(),
        _ if number > INVALID => vec![b'k'; MAX_KEY_LEN + 1 + usize::from(low)],
        0 => b"\xff".to_vec(),
        1 => vec![0; 128],
        2 => vec![0; 127],
        3..8 => vec![b'a' + low % 2, low],
        // For a map with an unusually high limit on keys.
        8 => vec![b'b'; 129],
        9 => vec![b'b'; MAX_KEY_LEN],
        // 3 to 30 bytes, with the same beginning.
        _ => [&[b'b'; 28][..usize::from(low % 28)], &[high, low, 0]].concat(),
    })
}

/// Returns the fault of the key with this number, if it has one.
pub(super) fn check_key(number: u16, limits: &Limits) -> Result<(), Error> {
    let key = key(number);
    let fault = match key.len() {
        0 => KeyFault::Empty,
        len if len > limits.max_key as usize => KeyFault::TooLong(len as u64),
        _ if limits.utf8_keys && std::str::from_utf8(&key).is_err() => KeyFault::NotUtf8,
        _ => return Ok(()),
    };
    Err(Error::InvalidKey(fault))
}

/// A key that is not valid.
pub(super) const fn invalid(which: u8) -> u16 {
    INVALID + which as u16 % 3
}
