//! Reads what `etcdctl get -w json` prints.

use std::collections::BTreeMap;

/// Entries by their keys.
pub(crate) type Entries = BTreeMap<Vec<u8>, Entry>;

/// A value, and the revision at which it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Vec<u8>,
    pub(crate) mod_revision: u64,
}

/// Returns the entries, with keys that begin after the prefix.
pub(crate) fn parse(prefix: &str, json: &[u8]) -> Entries {
    let json: serde_json::Value = serde_json::from_slice(json).expect("JSON");
    // Without entries there is no list.
    let list = json["kvs"].as_array().map_or(&[][..], Vec::as_slice);
    let entry = |found: &serde_json::Value| {
        let bytes = |name: &str| base64(found[name].as_str().unwrap_or_default());
        let key = bytes("key");
        let key = key.strip_prefix(prefix.as_bytes()).expect("the prefix");
        let entry = Entry {
            value: bytes("value"),
            mod_revision: found["mod_revision"].as_u64().expect("a revision"),
        };
        (key.to_vec(), entry)
    };
    list.iter().map(entry).collect()
}

/// Decodes base64 with padding.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let digits = group.iter().map(|letter| {
            let digit = ALPHABET.iter().position(|known| known == letter);
            u32::try_from(digit.expect("a letter of base64")).expect("below 64")
        });
        let bits = digits.fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        decoded.extend(&bytes[..group.len() * 3 / 4]);
    }
    decoded
}

#[test]
fn base64_is_decoded() {
    let cases = [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
    ];
    for (text, bytes) in cases {
        assert_eq!(base64(text), bytes.as_bytes());
    }
    assert_eq!(base64("//79"), [255, 254, 253]);
}
