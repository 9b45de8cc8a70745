//! Writes random requests in all ways that the encoding allows: fields in any order, repeated and unknown,
//! numbers with superfluous bytes, and messages in parts.

use fastrand::Rng;

/// What a field holds.
#[derive(Clone, Copy)]
enum Content {
    Tenant,
    Key,
    Value,
    Bool,
    Number,
    Message(&'static [(u32, Content)]),
}

use Content::{Bool, Key, Message, Number, Tenant, Value};

const REQUEST: &[(u32, Content)] = &[
    (1, Tenant),
    (2, Message(OPERATION)),
    (2, Message(OPERATION)),
];
const OPERATION: &[(u32, Content)] = &[
    (1, Key),
    (2, Message(SET)),
    (2, Message(SET)),
    (3, Message(INCREMENT)),
    (4, Message(TOUCH)),
    (5, Key),
    (6, Message(DELETE)),
    (7, Key),
    (8, Key),
];
const SET: &[(u32, Content)] = &[
    (1, Key),
    (1, Key),
    (2, Value),
    (3, Message(TTL)),
    (4, Message(CONDITION)),
];
const INCREMENT: &[(u32, Content)] = &[(1, Key), (1, Key), (2, Number), (3, Message(TTL))];
const TOUCH: &[(u32, Content)] = &[(1, Key), (1, Key), (2, Message(TTL))];
const DELETE: &[(u32, Content)] = &[(1, Key), (1, Key), (2, Number)];
const TTL: &[(u32, Content)] = &[(1, Bool), (2, Number)];
const CONDITION: &[(u32, Content)] = &[(1, Bool), (2, Bool), (3, Number)];

/// Returns a random request.
pub(super) fn request(rng: &mut Rng) -> Vec<u8> {
    message(rng, REQUEST)
}

/// Changes some bytes.
pub(super) fn mutated(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(1..3) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.u8(..)),
            2 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ if at < bytes.len() => bytes[at] = rng.u8(..),
            _ => {}
        }
    }
}

/// Returns a random message of a type.
fn message(rng: &mut Rng, fields: &[(u32, Content)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(..6) {
        if rng.u8(..8) == 0 {
            unknown(rng, &mut bytes, 0);
            continue;
        }
        let (number, content) = fields[rng.usize(..fields.len())];
        let wire_type = match content {
            Bool | Number => 0,
            _ => 2,
        };
        put_number(rng, &mut bytes, u64::from(number << 3 | wire_type));
        let content = match content {
            Bool => {
                let value = u64::from(rng.u8(..8) > 0);
                put_number(rng, &mut bytes, value);
                continue;
            }
            Number => {
                let value = rng
                    .choice([0, 1, 2, 3, 5, 300, u64::MAX])
                    .unwrap_or(rng.u64(..));
                put_number(rng, &mut bytes, value);
                continue;
            }
            Tenant => b"t".to_vec(),
            Key => match rng.u8(..20) {
                0 => Vec::new(),
                1 => vec![b'x'; 600],
                number => format!("key-{number}").into(),
            },
            Value => {
                let len = rng
                    .choice([0, 1, 8, 118, 119, 127, 128, 300, 401])
                    .unwrap_or(0);
                vec![0; len]
            }
            Message(fields) => message(rng, fields),
        };
        put_number(rng, &mut bytes, content.len() as u64);
        bytes.extend(content);
    }
    bytes
}

/// Appends a field that no message has.
fn unknown(rng: &mut Rng, bytes: &mut Vec<u8>, depth: u32) {
    let number = rng.u64(20..40);
    let wire_type = rng.choice([0, 1, 2, 3, 5]).unwrap_or(0);
    put_number(rng, bytes, number << 3 | wire_type);
    match wire_type {
        0 => {
            let value = rng.u64(..);
            put_number(rng, bytes, value);
        }
        1 => bytes.extend([0xff; 8]),
        2 => bytes.extend(b"\x02ab"),
        3 => {
            for _ in 0..rng.usize(..3) {
                if depth < 50 {
                    unknown(rng, bytes, depth + 1);
                }
            }
            put_number(rng, bytes, number << 3 | 4);
        }
        _ => bytes.extend([0xff; 4]),
    }
}

/// Appends a number, sometimes with superfluous bytes.
fn put_number(rng: &mut Rng, bytes: &mut Vec<u8>, mut value: u64) {
    let start = bytes.len();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push((value & 0x7f) as u8);
    let len = bytes.len() - start;
    if rng.u8(..8) == 0 && len < 9 {
        let last = bytes.len() - 1;
        bytes[last] |= 0x80;
        let more = rng.usize(..9 - len);
        bytes.extend(vec![0x80; more]);
        bytes.push(0);
    }
}
