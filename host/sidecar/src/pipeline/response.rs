//! The response of a pipeline, written result by result: the same bytes as those of the generated types.
//! It never grows beyond the limit of a message: a result that does not fit is not written.

use crate::options::MAX_MESSAGE_LEN;
use localmap_sidecar_proto::Rejection;
use prost::Message;

/// The keys of fields: their number, and how they are encoded.
const RESULT: u8 = bytes(1);
const ABSENT: u8 = number(1);
const VALUE: u8 = bytes(2);
const ENTRY: u8 = bytes(3);
const STORED: u8 = number(4);
const SUM: u8 = number(5);
const PRESENT: u8 = number(6);
const REJECTED: u8 = bytes(7);
const ENTRY_KEY: u8 = bytes(1);
const ENTRY_VALUE: u8 = bytes(2);
const ENTRY_VERSION: u8 = number(3);
const ENTRY_EXPIRES_IN: u8 = number(4);

/// The length of the longest encoding of a number, and of a key with it.
const MAX_NUMBER: usize = 10;
const MAX_FIELD: usize = 1 + MAX_NUMBER;

/// The room for a result that is no value and no entry, even for a rejection with its text.
const MAX_OUTCOME: usize = 4 << 10;

const fn number(field: u8) -> u8 {
    field << 3
}

const fn bytes(field: u8) -> u8 {
    field << 3 | 2
}

/// The results of a request.
#[derive(Debug)]
pub(super) struct Results {
    encoded: Vec<u8>,
    count: usize,
}

impl Results {
    /// Creates an empty list, with memory for this number of bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            encoded: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// Returns the number of results.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns `true` if there is room for any result that is no value and no entry.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.fits(MAX_OUTCOME)
    }

    #[inline]
    fn fits(&self, len: usize) -> bool {
        self.encoded.len() + len <= MAX_MESSAGE_LEN
    }

    /// Returns the response as bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.encoded
    }

    pub(super) fn absent(&mut self) {
        self.number(ABSENT, 1);
    }

    /// Writes a value, if it fits.
    #[inline]
    #[must_use]
    pub(super) fn value(&mut self, value: &[u8]) -> bool {
        let len = field_len(value.len());
        if !self.fits(field_len(len)) {
            return false;
        }
        self.begin(len);
        self.bytes(VALUE, value);
        true
    }

    /// Writes an entry, if it fits. `expires_in` is in nanoseconds.
    #[must_use]
    pub(super) fn entry(
        &mut self,
        key: &[u8],
        value: &[u8],
        version: u64,
        expires_in: Option<u64>,
    ) -> bool {
        let (key_len, value_len) = (default_len(key), default_len(value));
        let version_len = if version == 0 {
            0
        } else {
            1 + number_len(version)
        };
        let expires_len = expires_in.map_or(0, |nanos| 1 + number_len(nanos));
        let len = key_len + value_len + version_len + expires_len;
        if !self.fits(field_len(field_len(len))) {
            return false;
        }
        self.begin(field_len(len));
        self.encoded.push(ENTRY);
        put_number(&mut self.encoded, len as u64);
        // A field that has its default value is left out, unless it is optional.
        if !key.is_empty() {
            self.bytes(ENTRY_KEY, key);
        }
        if !value.is_empty() {
            self.bytes(ENTRY_VALUE, value);
        }
        if version != 0 {
            self.encoded.push(ENTRY_VERSION);
            put_number(&mut self.encoded, version);
        }
        if let Some(nanos) = expires_in {
            self.encoded.push(ENTRY_EXPIRES_IN);
            put_number(&mut self.encoded, nanos);
        }
        true
    }

    #[inline]
    pub(super) fn stored(&mut self, version: u64) {
        self.number(STORED, version);
    }

    pub(super) fn sum(&mut self, sum: i64) {
        let zigzag = (sum << 1) ^ (sum >> 63);
        self.number(SUM, zigzag.cast_unsigned());
    }

    pub(super) fn present(&mut self, present: bool) {
        self.number(PRESENT, present.into());
    }

    pub(super) fn rejected(&mut self, rejection: &Rejection) {
        self.begin(field_len(rejection.encoded_len()));
        self.bytes(REJECTED, &rejection.encode_to_vec());
    }

    /// Writes a result that is a number.
    #[inline]
    fn number(&mut self, key: u8, value: u64) {
        self.begin(1 + number_len(value));
        self.encoded.push(key);
        put_number(&mut self.encoded, value);
    }

    /// Begins a result of this length.
    #[inline]
    fn begin(&mut self, len: usize) {
        self.encoded.reserve(MAX_FIELD + len);
        self.encoded.push(RESULT);
        put_number(&mut self.encoded, len as u64);
        self.count += 1;
    }

    #[inline]
    fn bytes(&mut self, key: u8, bytes: &[u8]) {
        self.encoded.push(key);
        put_number(&mut self.encoded, bytes.len() as u64);
        self.encoded.extend_from_slice(bytes);
    }
}

/// Returns the length of a field of `len` bytes, with its key.
fn field_len(len: usize) -> usize {
    1 + number_len(len as u64) + len
}

/// Returns the length of a field of bytes that is left out if it is empty.
fn default_len(bytes: &[u8]) -> usize {
    match bytes.len() {
        0 => 0,
        len => field_len(len),
    }
}

/// Returns the length of a number in bytes, of which each has seven bits.
#[inline]
fn number_len(value: u64) -> usize {
    (value | 1).ilog2() as usize / 7 + 1
}

#[inline]
fn put_number(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        to.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    to.push(low);
}
