use alloc::borrow::Cow;
use alloc::string::String;

use crate::value::Value;

/// A scanner walks JSON text that was checked or that the host wrote. On any other text it finds less, and always ends.
pub(crate) struct Scanner<'a> {
    rest: &'a [u8], // what is left of a str; it begins where a character begins, because only ASCII is stepped over by itself
}

impl<'a> Scanner<'a> {
    #[inline]
    pub(crate) fn new(text: &'a str) -> Self {
        Scanner { rest: text.as_bytes() }
    }

    /// The text from here on.
    #[inline]
    pub(crate) fn rest(&self) -> &'a str {
        as_text(self.rest)
    }

    /// Steps over so many bytes. Only ASCII is stepped over by itself.
    #[inline(always)]
    fn step(&mut self, size: usize) {
        self.rest = &self.rest[size..];
    }

    /// Steps over white space. The host sends none, so the look for it is all that it may cost.
    #[inline(always)]
    fn space(&mut self) {
        if let [..=b' ', ..] = self.rest {
            self.step(spaces(self.rest));
        }
    }

    /// Steps into the object or array at hand. What is neither is stepped over.
    #[inline(always)]
    pub(crate) fn open(&mut self, opening: u8) -> bool {
        let opens = self.rest.first() == Some(&opening);
        self.step(if opens { 1 } else { value_size(self.rest) });
        opens
    }

    /// Goes to the next item or member and tells whether there is one. At the end it steps over the closing bracket.
    #[inline(always)]
    fn next(&mut self, closing: u8) -> bool {
        if let [b',', b'"', ..] = self.rest {
            self.step(1); // as the host writes it
            return true;
        }
        self.space();
        if let [b',', ..] = self.rest {
            self.step(1);
            self.space();
        }
        match self.rest {
            [] | [0, ..] => false,
            [c, ..] if *c == closing => {
                self.step(1);
                false
            }
            _ => true,
        }
    }

    /// Goes to the next member, gives its name as a value and stands at its own, which must be taken then.
    #[inline(always)]
    fn name(&mut self) -> Option<Value<'a>> {
        if !self.next(b'}') {
            return None;
        }
        let name = self.take();
        self.space();
        let [b':', ..] = self.rest else {
            self.rest = &[];
            return None;
        };
        self.step(1);
        self.space();
        Some(name)
    }

    /// Gives the name of the next member and stands at its value, which must be taken then.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Option<Cow<'a, str>> {
        self.name().map(Value::text)
    }

    /// Gives the next member of this name.
    pub(crate) fn find(mut self, name: &str) -> Option<Value<'a>> {
        while let Some(other) = self.name() {
            let value = self.take();
            if other.is(name) {
                return Some(value);
            }
        }
        None
    }

    /// Gives the next item of an array.
    #[inline(always)]
    pub(crate) fn item(&mut self) -> Option<Value<'a>> {
        if !self.next(b']') {
            return None;
        }
        let item = self.take();
        item.exists().then_some(item)
    }

    /// Gives the value at hand and steps over it.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Value<'a> {
        match plain_string_size(self.rest) {
            Some(size) => self.cut(size, true),
            None => self.cut(value_size(self.rest), false),
        }
    }

    #[inline(always)]
    fn cut(&mut self, size: usize, plain: bool) -> Value<'a> {
        let (taken, rest) = self.rest.split_at(size);
        self.rest = rest;
        Value::taken(as_text(taken), plain)
    }
}

/// Gives the length of the white space at the beginning.
#[cold]
#[inline(never)]
fn spaces(bytes: &[u8]) -> usize {
    bytes.iter().position(|c| !matches!(c, b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(bytes.len())
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
        _ => word_size(bytes),
    }
}

/// Gives the length of the array or object at the beginning, looking only at what opens, closes or begins a string.
fn container_size(bytes: &[u8]) -> usize {
    let mut depth = 0;
    let mut rest = bytes;
    loop {
        if let Some(size) = plain_string_size(rest) {
            rest = &rest[size..];
            if let [b',' | b':', after @ ..] = rest {
                rest = after;
            }
            continue;
        }
        let [c, after @ ..] = rest else { break };
        match c {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                rest = &rest[string_size(rest)..];
                continue;
            }
            _ => {}
        }
        rest = after;
        if depth == 0 {
            break;
        }
    }
    bytes.len() - rest.len()
}

/// Gives the length of the string at the beginning if there is one without escapes.
#[inline(always)]
fn plain_string_size(bytes: &[u8]) -> Option<usize> {
    let [b'"', inside @ ..] = bytes else { return None };
    let end = text_size(inside);
    (inside.get(end) == Some(&b'"')).then_some(end + 2)
}

/// Gives the length of the string at the beginning.
#[cold]
#[inline(never)]
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

/// Gives the length of the number, boolean or null at the beginning.
fn word_size(bytes: &[u8]) -> usize {
    before(bytes, |chunk| is(chunk, b',') | is(chunk, b'}') | is(chunk, b']') | is_below(chunk, b' ' + 1))
}

/// Gives how many bytes come before the first space.
pub(crate) fn until_space(bytes: &[u8]) -> usize {
    before(bytes, |chunk| is(chunk, b' '))
}

/// Gives how many bytes come before the first quote or backslash.
#[inline(always)]
fn text_size(bytes: &[u8]) -> usize {
    before(bytes, |chunk| is(chunk, b'"') | is(chunk, b'\\'))
}

/// Gives how many bytes come before the first quote, backslash or control character.
pub(crate) fn plain_size(bytes: &[u8]) -> usize {
    before(bytes, |chunk| is(chunk, b'"') | is(chunk, b'\\') | is_below(chunk, b' '))
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks in the highest bit of a byte where it is this one. Bytes above the first one marked may be marked wrongly, because subtraction
/// borrows from them.
#[inline(always)]
fn is(chunk: u64, byte: u8) -> u64 {
    let zero = chunk ^ (ONES * u64::from(byte));
    zero.wrapping_sub(ONES) & !zero
}

/// Marks likewise where it is less than this one, which is at most 128.
#[inline(always)]
fn is_below(chunk: u64, byte: u8) -> u64 {
    chunk.wrapping_sub(ONES * u64::from(byte)) & !chunk
}

/// Gives where the first byte is that is marked.
#[inline(always)]
fn first(marks: u64) -> Option<usize> {
    let marks = marks & (ONES * 0x80);
    (marks != 0).then(|| (marks.trailing_zeros() / 8) as usize)
}

/// Gives how many bytes come before the first one that is marked. It looks at sixteen bytes at a time: most of a document is text, and
/// a loop costs fuel.
#[inline(always)]
fn before(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<16>() {
        if let Some(at) = first_in(chunk, &marks) {
            return bytes.len() - rest.len() + at;
        }
        rest = after;
    }
    match bytes.last_chunk::<16>() {
        // Some of it is looked at once more, and has no marks.
        Some(chunk) => first_in(chunk, &marks).map_or(bytes.len(), |at| bytes.len() - 16 + at),
        None => before_in_few(bytes, marks),
    }
}

/// Gives where the first byte is that is marked.
#[inline(always)]
fn first_in(chunk: &[u8; 16], marks: impl Fn(u64) -> u64) -> Option<usize> {
    let both = u128::from_le_bytes(*chunk);
    first(marks(both as u64)).or_else(|| Some(8 + first(marks((both >> 64) as u64))?))
}

/// Is [`before`] for less than sixteen bytes.
#[inline(never)]
fn before_in_few(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let of = |chunk: &[u8; 8]| first(marks(u64::from_le_bytes(*chunk)));
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(begin), Some(end)) => of(begin).or_else(|| Some(bytes.len() - 8 + of(end)?)).unwrap_or(bytes.len()),
        _ => bytes.iter().position(|c| first(marks(u64::from(*c))) == Some(0)).unwrap_or(bytes.len()),
    }
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
