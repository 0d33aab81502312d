//! Standard base64 (RFC 4648 §4), as the wire has it.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes, with padding.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            out.push(if i <= group.len() { DIGITS[(n >> (18 - 6 * i)) as usize & 63] as char } else { '=' });
        }
    }
    out
}

/// Reads what [`encode`] writes; None for anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if text.len() % 4 != 0 || digits.len() % 4 == 1 {
        return None;
    }
    let mut out = vec![0; digits.len() * 3 / 4];
    read(digits.as_bytes(), &mut out).then_some(out)
}

/// Reads what [`encode`] writes of so many bytes, and tells whether that is what it is.
pub(crate) fn decode_into(text: &str, out: &mut [u8; 32]) -> bool {
    match text.as_bytes().split_last_chunk() {
        Some((digits, b"=")) if digits.len() == (out.len() * 4).div_ceil(3) => read(digits, out),
        _ => false,
    }
}

/// Reads digits into as many bytes as they hold whole ones.
fn read(digits: &[u8], out: &mut [u8]) -> bool {
    let mut wrong = 0;
    for (four, three) in digits.chunks(4).zip(out.chunks_mut(3)) {
        let mut bits = 0;
        for i in 0..4 {
            let n = four.get(i).map_or(0, |c| VALUES[usize::from(*c)]);
            wrong |= n;
            bits = bits << 6 | u32::from(n);
        }
        let bytes = (bits << 8).to_be_bytes();
        for (to, from) in three.iter_mut().zip(bytes) {
            *to = from;
        }
    }
    wrong < 64
}

/// What each digit stands for; 64 where there is none.
const VALUES: [u8; 256] = {
    let mut values = [64; 256];
    let mut i = 0;
    while i < DIGITS.len() {
        values[DIGITS[i] as usize] = i as u8;
        i += 1;
    }
    values
};
