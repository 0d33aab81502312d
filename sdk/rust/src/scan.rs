use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chunk::{Chunk, SIZE};
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
    pub(crate) fn space(&mut self) {
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

    /// Goes to the next item or member and tells whether there may be one. At the end it steps over the closing bracket.
    #[inline(always)]
    fn next(&mut self, closing: u8) -> bool {
        if let [b',', ..] = self.rest {
            self.step(1);
            return true;
        }
        self.space();
        match self.rest {
            [] => false,
            [c, ..] if *c == closing => {
                self.step(1);
                false
            }
            [b',', ..] => {
                self.step(1);
                true
            }
            _ => true,
        }
    }

    /// Gives the name of the next member and stands before its value, which must be taken then.
    #[inline(always)]
    pub(crate) fn name(&mut self) -> Option<Value<'a>> {
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
        Some(name)
    }

    /// Gives the next member's name and value.
    #[inline(always)]
    pub(crate) fn member(&mut self) -> Option<(Value<'a>, Value<'a>)> {
        self.name().map(|name| (name, self.take()))
    }

    /// Gives the next member of this name.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn find(mut self, name: &str) -> Option<Value<'a>> {
        while let Some((other, value)) = self.member() {
            if other.is(name) {
                return Some(value);
            }
        }
        None
    }

    /// Gives the strings that are left of an array.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn strings(mut self) -> Vec<Cow<'a, str>> {
        let mut strings = Vec::with_capacity(8);
        while let Some(item) = self.item() {
            if item.is_string() {
                strings.push(item.text());
            }
        }
        strings
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
        if let Some(size) = plain_string_size(self.rest) {
            return self.cut(size, true);
        }
        self.space();
        self.cut(value_size(self.rest), false)
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

/// Gives the length of the array or object at the beginning. It goes by two chunks at a time, and counts brackets outside of strings.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn container_size(bytes: &[u8]) -> usize {
    let mut depth = 0;
    let (mut open, mut escaped) = (0, 0); // what the chunks before tell of these: a string goes on, a backslash was the last
    let mut rest = bytes;
    while !rest.is_empty() {
        let (one, two) = match rest.first_chunk::<PAIR>() {
            Some(pair) => pair_of(pair),
            None => pair_of(&padded(rest)),
        };
        let mut quotes = one.is(b'"') | two.is(b'"') << SIZE;
        let backslashes = one.is(b'\\') | two.is(b'\\') << SIZE;
        if backslashes | escaped != 0 {
            let escapes = escapes(backslashes, escaped);
            quotes &= !(escapes as u32);
            escaped = (escapes >> PAIR) as u32;
        }
        let strings = odd(quotes) ^ open;
        open = 0u32.wrapping_sub(strings >> (PAIR - 1));
        let (one, two) = (one.small(), two.small());
        let opening = (one.is(b'{') | two.is(b'{') << SIZE) & !strings;
        let closing = (one.is(b'}') | two.is(b'}') << SIZE) & !strings;
        if opening | closing != 0 {
            if let Some(last) = last_bracket(opening, closing, &mut depth) {
                return bytes.len() - rest.len() + last + 1;
            }
        }
        rest = rest.get(PAIR..).unwrap_or_default();
    }
    bytes.len()
}

const PAIR: usize = 2 * SIZE;

#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn pair_of(bytes: &[u8; PAIR]) -> (Chunk, Chunk) {
    let (one, two) = bytes.split_at(SIZE);
    (chunk_at(one), chunk_at(two))
}

/// Marks what backslashes escape: the first byte if `escaped` is 1, and one more than there are if the last one is such a backslash.
#[cold]
#[inline(never)]
fn escapes(backslashes: u32, escaped: u32) -> u64 {
    let mut marks = u64::from(escaped);
    for at in 0..PAIR {
        marks |= (u64::from(backslashes) & !marks & 1 << at) << 1;
    }
    marks
}

/// Marks where the marks so far are odd.
#[inline(always)]
fn odd(marks: u32) -> u32 {
    let odd = marks ^ marks << 1;
    let odd = odd ^ odd << 2;
    let odd = odd ^ odd << 4;
    let odd = odd ^ odd << 8;
    odd ^ odd << 16
}

/// Counts brackets up to the one that closes all, and gives where that is.
#[inline(always)]
fn last_bracket(opening: u32, closing: u32, depth: &mut u32) -> Option<usize> {
    let mut left = opening | closing;
    while left != 0 {
        let at = left.trailing_zeros();
        left &= left - 1;
        match opening >> at & 1 {
            1 => *depth += 1,
            _ if *depth <= 1 => return Some(at as usize),
            _ => *depth -= 1,
        }
    }
    None
}

/// Gives the length of the string at the beginning if there is one without escapes.
#[inline(always)]
fn plain_string_size(bytes: &[u8]) -> Option<usize> {
    let [b'"', inside @ ..] = bytes else { return None };
    let mut rest = inside;
    loop {
        let chunk = chunk_at(rest);
        let (quotes, backslashes) = (chunk.is(b'"'), chunk.is(b'\\'));
        if quotes | backslashes != 0 {
            let end = quotes.trailing_zeros();
            return (end < backslashes.trailing_zeros()).then(|| bytes.len() - rest.len() + end as usize + 1);
        }
        rest = rest.get(SIZE..)?;
    }
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
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn word_size(bytes: &[u8]) -> usize {
    before(bytes, |chunk| chunk.is(b',') | chunk.is(b'}') | chunk.is(b']') | chunk.is_below(b' ' + 1))
}

/// Gives how many bytes come before the first space.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(crate) fn until_space(bytes: &[u8]) -> usize {
    before(bytes, |chunk| chunk.is(b' '))
}

/// Gives how many bytes come before the first quote or backslash.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn text_size(bytes: &[u8]) -> usize {
    before(bytes, |chunk| chunk.is(b'"') | chunk.is(b'\\'))
}

/// Gives how many bytes come before the first quote, backslash or control character.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(crate) fn plain_size(bytes: &[u8]) -> usize {
    before(bytes, |chunk| chunk.is(b'"') | chunk.is(b'\\') | chunk.is_below(b' '))
}

/// Gives how many bytes come before the first one that is marked.
#[inline(always)]
fn before(bytes: &[u8], marks: impl Fn(Chunk) -> u32) -> usize {
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let marks = marks(Chunk::of(chunk));
        if marks != 0 {
            return bytes.len() - rest.len() + marks.trailing_zeros() as usize;
        }
        rest = after;
    }
    let (start, chunk) = match bytes.last_chunk() {
        Some(chunk) => (bytes.len() - SIZE, Chunk::of(chunk)), // some of it is looked at once more, and has no marks
        None => (0, Chunk::of(&padded(bytes))),
    };
    bytes.len().min(start + marks(chunk).trailing_zeros() as usize)
}

/// Gives the chunk at the beginning; behind the end are zeros.
#[inline(always)]
fn chunk_at(bytes: &[u8]) -> Chunk {
    match bytes.first_chunk() {
        Some(chunk) => Chunk::of(chunk),
        None => Chunk::of(&padded(bytes)),
    }
}

/// The bytes, and zeros behind them.
#[inline(never)]
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    padded[..bytes.len()].copy_from_slice(bytes);
    padded
}

/// Whether texts are the same. What a module has of memcmp looks at a byte at a time.
#[inline]
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && same_bytes(one.as_bytes(), other.as_bytes())
}

#[inline(never)]
fn same_bytes(mut one: &[u8], mut other: &[u8]) -> bool {
    while let (Some((a, rest)), Some((b, other_rest))) = (one.split_first_chunk::<8>(), other.split_first_chunk::<8>()) {
        if a != b {
            return false;
        }
        (one, other) = (rest, other_rest);
    }
    one.iter().eq(other)
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
    use super::container_size;
    use crate::value::Value;
    use alloc::string::String;

    /// Looks at one byte after the other.
    fn slow_container_size(bytes: &[u8]) -> usize {
        let (mut depth, mut string, mut escaped) = (0, false, false);
        for (at, c) in bytes.iter().enumerate() {
            match c {
                b'"' if !escaped => string = !string,
                b'{' | b'[' if !string => depth += 1,
                b'}' | b']' if !string && depth <= 1 => return at + 1,
                b'}' | b']' if !string => depth -= 1,
                _ => {}
            }
            escaped = *c == b'\\' && !escaped;
        }
        bytes.len()
    }

    /// Wherever quotes, brackets and backslashes stand in the bytes that are looked at at once, they are told.
    #[test]
    fn finds_the_end_of_a_container() {
        let mut seed = 1u64;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let (mut within, mut across) = (0, 0);
        for size in 0..60_000 {
            let dull = draw(40);
            let alphabet = ['{', '[', '"', '\\', '}', ']', ';', '{', '[', 'é'];
            let text: String = (0..size % 150).map(|_| *alphabet.get(draw(10 + dull)).unwrap_or(&'a')).collect();
            let (got, want) = (container_size(text.as_bytes()), slow_container_size(text.as_bytes()));
            assert_eq!(got, want, "{text:?}");
            within += usize::from(got < text.len());
            across += usize::from(got < text.len() && got > 40);
        }
        assert!(within > 10_000 && across > 1_000, "{within} ended, {across} of them late");
    }

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
