//! Makes a component as large as those of Python, without Python: a small one, with a module that
//! is compiled but never instantiated.

/// The size of the component in bytes.
pub(super) const SIZE: usize = 18 << 20;
/// How much of that is code; the rest is data.
const CODE: usize = 4 << 20;
/// The number of instructions of a function.
const INSTRUCTIONS: usize = 400;

/// The operators of a function: add, sub, mul, and, or, xor, shl, rotl on 32-bit integers.
const OPERATORS: [u8; 8] = [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x77];

/// Adds a module to a component, so that it is [`SIZE`] bytes long.
pub(super) fn padded(mut component: Vec<u8>) -> Vec<u8> {
    let mut random = Random(1);
    let functions = functions(&mut random);
    let count = functions.len();
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // One type, of functions from an `i32` to an `i32`.
    section(&mut module, 1, b"\x01\x60\x01\x7f\x01\x7f");
    section(&mut module, 3, &[leb(count), vec![0; count]].concat());
    section(&mut module, 10, &[leb(count), functions.concat()].concat());
    let rest = SIZE.saturating_sub(component.len() + module.len() + 32);
    let data: Vec<u8> = (0..rest).map(|_| random.byte()).collect();
    // One passive segment, which needs no memory.
    let segment = [vec![1, 1], leb(data.len()), data].concat();
    section(&mut module, 11, &segment);
    // A core module in a component.
    section(&mut component, 1, &module);
    component
}

/// Returns the functions of the module, each with its length before it.
fn functions(random: &mut Random) -> Vec<Vec<u8>> {
    let mut functions = Vec::new();
    let mut len = 0;
    while len < CODE {
        // No locals; the parameter.
        let mut body = vec![0, 0x20, 0];
        for _ in 0..INSTRUCTIONS {
            // A constant of one byte, or the parameter.
            match random.byte() {
                byte @ 0..0x40 => body.extend([0x41, byte]),
                _ => body.extend([0x20, 0]),
            }
            body.push(OPERATORS[usize::from(random.byte()) % OPERATORS.len()]);
        }
        body.push(0x0b);
        let function = [leb(body.len()), body].concat();
        len += function.len();
        functions.push(function);
    }
    functions
}

fn section(to: &mut Vec<u8>, id: u8, bytes: &[u8]) {
    to.push(id);
    to.extend(leb(bytes.len()));
    to.extend_from_slice(bytes);
}

/// Encodes a number as WebAssembly does: seven bits a byte, the least first.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let [byte, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(byte & 0x7f);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// Xorshift, so that each run makes the same component.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let [.., byte] = self.0.to_le_bytes();
        byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_valid_and_has_its_size() {
        let component = wat::parse_str("(component)").expect("it is valid");
        let padded = padded(component);
        assert!(padded.len().abs_diff(SIZE) < 64, "{}", padded.len());
        let found = localmap::inspect(&padded).expect("it is valid");
        assert_eq!(found.size, padded.len());
    }
}
