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
        let name = unquote(self.take().json());
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
        match self.peek() {
            b'"' => self.pos = string_end(bytes, start),
            b'{' | b'[' => self.leap(),
            _ => {
                while let Some(c) = bytes.get(self.pos) {
                    if matches!(c, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') {
                        break;
                    }
                    self.pos += 1;
                }
            }
        }
        Value::of(self.since(start))
    }

    /// Steps over an array or object, looking only at what opens, closes or begins a string.
    fn leap(&mut self) {
        let bytes = self.text.as_bytes();
        let mut depth = 0;
        while let Some(c) = bytes.get(self.pos) {
            match c {
                b'"' => {
                    self.pos = string_end(bytes, self.pos);
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.pos += 1;
            if depth == 0 {
                return;
            }
        }
    }
}

/// Gives the place after the string that begins at `start`.
pub(crate) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(c) = bytes.get(at) {
        match c {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Gives the text of a JSON string. Without escapes it is a piece of the text itself.
pub(crate) fn unquote(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or("");
    if !inner.as_bytes().contains(&b'\\') {
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
