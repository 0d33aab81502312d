use alloc::borrow::Cow;
use alloc::string::String;

use crate::value::Value;

/// A scanner walks JSON text that was checked or that the host wrote. On any other text it finds less, and always ends.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    pos: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Scanner { text, pos: 0 }
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.pos).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.pos += 1;
        }
    }

    /// Where the scanner stands.
    pub(crate) fn position(&self) -> usize {
        self.pos
    }

    /// The text from a position to where the scanner stands.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.pos).unwrap_or("")
    }

    /// Steps into the object or array at hand. What is neither is stepped over.
    pub(crate) fn open(&mut self, opening: u8) -> bool {
        if self.peek() != opening {
            self.take();
            return false;
        }
        self.pos += 1;
        true
    }

    /// Goes to the next item or member and tells whether there is one. At the end it steps over the closing bracket.
    fn next(&mut self, closing: u8) -> bool {
        self.space();
        if self.peek() == b',' {
            self.pos += 1;
            self.space();
        }
        match self.peek() {
            0 => false,
            c if c == closing => {
                self.pos += 1;
                false
            }
            _ => true,
        }
    }

    /// Gives the name of the next member and stands at its value, which must be taken then.
    pub(crate) fn key(&mut self) -> Option<Cow<'a, str>> {
        if !self.next(b'}') {
            return None;
        }
        let name = self.take().text();
        self.space();
        self.pos += 1; // the colon
        self.space();
        Some(name)
    }

    /// Gives the next item of an array.
    pub(crate) fn item(&mut self) -> Option<Value<'a>> {
        if !self.next(b']') {
            return None;
        }
        let item = self.take();
        item.exists().then_some(item)
    }

    /// Gives the value at hand and steps over it.
    pub(crate) fn take(&mut self) -> Value<'a> {
        let start = self.pos;
        let bytes = self.text.as_bytes();
        let mut plain = false;
        self.pos = match self.peek() {
            b'"' => {
                let end = plain_end(bytes, start + 1);
                plain = bytes.get(end) == Some(&b'"');
                if plain { end + 1 } else { string_end(bytes, start) }
            }
            b'{' | b'[' => container_end(bytes, start),
            _ => word_end(bytes, start),
        };
        Value::taken(self.since(start), plain)
    }
}

/// Gives the place after the array or object at `start`, looking only at what opens, closes or begins a string.
fn container_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while let Some(c) = bytes.get(at) {
        match c {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    at
}

/// Gives the place after the number or word at `start`.
fn word_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(c) = bytes.get(at) {
        if matches!(c, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') {
            break;
        }
        at += 1;
    }
    at
}

/// Gives the place after the string that begins at `start`.
pub(crate) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// Gives the place of the first byte from `at` on that is a quote, a backslash or a control character; the end if there is none.
/// It looks at eight bytes at a time: most of a document is text.
pub(crate) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = special(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(c) = bytes.get(at) {
        if *c < b' ' || *c == b'"' || *c == b'\\' {
            break;
        }
        at += 1;
    }
    at
}

/// Marks in the highest bit of a byte where a quote, a backslash or a control character stands. Bytes above the first one marked may be
/// marked wrongly, because subtraction borrows from them.
fn special(chunk: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let quote = chunk ^ (ONES * b'"' as u64);
    let escape = chunk ^ (ONES * b'\\' as u64);
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = chunk.wrapping_sub(ONES * b' ' as u64) & !chunk;
    (zero(quote) | zero(escape) | control) & (ONES * 0x80)
}

/// Gives the text of a JSON string. Without escapes it is a piece of the text itself.
pub(crate) fn unquote(quoted: &str) -> Cow<'_, str> {
    let [b'"', .., b'"'] = quoted.as_bytes() else { return Cow::Borrowed("") };
    let inner = &quoted[1..quoted.len() - 1];
    if plain_end(inner.as_bytes(), 0) == inner.len() {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.as_bytes().iter().position(|c| *c == b'\\') {
        out.push_str(&rest[..at]);
        let (c, size) = unescape(&rest[at..]);
        out.push(c);
        rest = &rest[at + size..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Gives what one escape stands for and its length. Half a surrogate pair gives U+FFFD.
fn unescape(text: &str) -> (char, usize) {
    let c = match text.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unicode(text),
        Some(c) if c.is_ascii() => *c as char,
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (c, 2)
}

fn unescape_unicode(text: &str) -> (char, usize) {
    let Some(first) = hex4(text, 2) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if (0xd800..0xdc00).contains(&first) && text.get(6..8) == Some("\\u") {
        if let Some(second @ 0xdc00..=0xdfff) = hex4(text, 8) {
            let pair = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return (char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
        }
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// Reads four hexadecimal digits.
pub(crate) fn hex4(text: &str, at: usize) -> Option<u32> {
    let mut n = 0;
    for c in text.as_bytes().get(at..at + 4)? {
        n = n << 4 | (*c as char).to_digit(16)?;
    }
    Some(n)
}
