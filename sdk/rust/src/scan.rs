use alloc::borrow::Cow;
use alloc::string::String;

use crate::value::Value;

/// A scanner walks JSON text that was checked or that the host wrote. On any other text it finds less, and always ends.
pub(crate) struct Scanner<'a> {
    rest: &'a [u8], // what is left of a str; it begins where a character begins, because only ASCII is stepped over by itself
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Scanner { rest: text.as_bytes() }
    }

    #[inline]
    fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    /// Steps over one byte if it is this one.
    #[inline]
    fn step(&mut self, over: u8) {
        if let [c, rest @ ..] = self.rest {
            if *c == over {
                self.rest = rest;
            }
        }
    }

    /// Steps over white space. The host sends none, so the look for it is all that it may cost.
    #[inline]
    fn space(&mut self) {
        if self.peek() <= b' ' {
            self.spaces();
        }
    }

    #[cold]
    #[inline(never)]
    fn spaces(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// The text from here on.
    pub(crate) fn rest(&self) -> &'a str {
        as_text(self.rest)
    }

    /// Steps into the object or array at hand. What is neither is stepped over.
    pub(crate) fn open(&mut self, opening: u8) -> bool {
        if self.peek() != opening {
            self.take();
            return false;
        }
        self.step(opening);
        true
    }

    /// Goes to the next item or member and tells whether there is one. At the end it steps over the closing bracket.
    #[inline]
    fn next(&mut self, closing: u8) -> bool {
        self.space();
        if self.peek() == b',' {
            self.step(b',');
            self.space();
        }
        match self.peek() {
            0 => false,
            c if c == closing => {
                self.step(closing);
                false
            }
            _ => true,
        }
    }

    /// Gives the name of the next member and stands at its value, which must be taken then.
    #[inline]
    pub(crate) fn key(&mut self) -> Option<Cow<'a, str>> {
        if !self.next(b'}') {
            return None;
        }
        let name = self.take().text();
        self.space();
        if self.peek() != b':' {
            self.rest = &[];
            return None;
        }
        self.step(b':');
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
    #[inline]
    pub(crate) fn take(&mut self) -> Value<'a> {
        if let [b'"', inside @ ..] = self.rest {
            let end = text_size(inside);
            if inside.get(end) == Some(&b'"') {
                return self.cut(end + 2, true);
            }
        }
        self.cut(value_size(self.rest), false)
    }

    #[inline]
    fn cut(&mut self, size: usize, plain: bool) -> Value<'a> {
        let (taken, rest) = self.rest.split_at(size);
        self.rest = rest;
        Value::taken(as_text(taken), plain)
    }
}

/// The same bytes as a text.
#[inline]
fn as_text(bytes: &[u8]) -> &str {
    // SAFETY: they were a str, and were cut where a character of ASCII begins or ends.
    unsafe { core::str::from_utf8_unchecked(bytes) }
}

/// Gives the length of the value at the beginning.
#[inline(never)]
fn value_size(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'"') => string_size(bytes),
        Some(b'{' | b'[') => container_size(bytes),
        _ => bytes.iter().position(|c| matches!(c, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(bytes.len()),
    }
}

/// Gives the length of the array or object at the beginning, looking only at what opens, closes or begins a string.
fn container_size(bytes: &[u8]) -> usize {
    let mut depth = 0;
    let mut rest = bytes;
    while let [c, after @ ..] = rest {
        rest = match c {
            b'"' => &rest[string_size(rest)..],
            _ => after,
        };
        match c {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            break;
        }
    }
    bytes.len() - rest.len()
}

/// Gives the length of the string at the beginning.
fn string_size(bytes: &[u8]) -> usize {
    let mut at = 1;
    loop {
        at += text_size(bytes.get(at..).unwrap_or_default());
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b'"') => return at + 1,
            Some(_) => at += 2, // a backslash and what it escapes
        }
    }
}

/// Gives how many bytes come before the first quote or backslash.
fn text_size(bytes: &[u8]) -> usize {
    before(bytes, |chunk| zeros(chunk ^ (ONES * b'"' as u64)) | zeros(chunk ^ (ONES * b'\\' as u64)))
}

/// Gives how many bytes come before the first quote, backslash or control character.
pub(crate) fn plain_size(bytes: &[u8]) -> usize {
    before(bytes, |chunk| {
        zeros(chunk ^ (ONES * b'"' as u64)) | zeros(chunk ^ (ONES * b'\\' as u64)) | chunk.wrapping_sub(ONES * b' ' as u64) & !chunk
    })
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks in the highest bit of a byte where there is a zero. Bytes above the first one marked may be marked wrongly, because
/// subtraction borrows from them.
#[inline]
fn zeros(chunk: u64) -> u64 {
    chunk.wrapping_sub(ONES) & !chunk
}

/// Gives how many bytes come before the first one that is marked in its highest bit. It looks at eight bytes at a time: most of a
/// document is text.
#[inline]
fn before(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let found = marks(u64::from_le_bytes(*chunk)) & (ONES * 0x80);
        if found != 0 {
            return bytes.len() - rest.len() + (found.trailing_zeros() / 8) as usize;
        }
        rest = after;
    }
    let marked = |c: &u8| marks(u64::from(*c)) & 0x80 != 0;
    bytes.len() - rest.len() + rest.iter().position(marked).unwrap_or(rest.len())
}

/// Gives the text of a JSON string. Without escapes it is a piece of the text itself.
pub(crate) fn unquote(quoted: &str) -> Cow<'_, str> {
    let Some(inner) = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return Cow::Borrowed("") };
    if plain_size(inner.as_bytes()) == inner.len() {
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

#[cfg(test)]
mod tests {
    use crate::value::Value;
    use alloc::string::String;

    /// Asks a value for everything and gives how many there are in it. What it gives is text: no character is cut.
    fn walk(v: Value, depth: usize) -> usize {
        assert!(depth < 100 && core::str::from_utf8(v.json().as_bytes()).is_ok() && core::str::from_utf8(v.text().as_bytes()).is_ok());
        let items: usize = v.items().map(|item| walk(item, depth + 1)).sum();
        let members: usize = v.members().map(|(name, value)| walk(value, depth + 1) + usize::from(name.len() < 1000)).sum();
        1 + items + members
    }

    /// Text that nobody checked, cut short and with a character that does not belong there, gives less and no harm.
    #[test]
    fn ends_on_any_text() {
        let text = r#"{"a":["x",1, "é\"ü\\",[],{}] , "longer than eight é":{"é":"\u00e9\ud83d","b":tru},"n":-1.5e3}"#;
        assert_eq!(walk(Value::of(text), 0), 16);
        for (at, _) in text.char_indices() {
            walk(Value::of(&text[..at]), 0);
            for odd in ["", "\"", "\\", "{", "}", "[", "]", ",", ":", " ", "\0", "é", "7"] {
                let next = text[at..].chars().next().map_or(0, char::len_utf8);
                walk(Value::of(&[&text[..at], odd, &text[at + next..]].concat()), 0);
                walk(Value::of(&[&text[..at], odd, &text[at..]].concat()), 0);
            }
        }
        assert_eq!(walk(Value::of(&String::from_utf8(alloc::vec![b'['; 50]).unwrap()), 0), 50);
    }
}
