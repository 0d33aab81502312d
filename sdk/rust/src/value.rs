use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::check::check;
use crate::scan::{same, unquote, Scanner};

/// One piece of JSON, kept as its text and read when asked. The default Value is absent: no value at all. Every reader gives an
/// empty answer when the Value is of another kind, so that members can be walked without a check at each step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Value<'a> {
    text: &'a str,
    plain: bool, // known to be a string without escapes
}

impl<'a> Value<'a> {
    pub(crate) const fn of(text: &'a str) -> Self {
        Value { text, plain: false }
    }

    pub(crate) const fn taken(text: &'a str, plain: bool) -> Self {
        Value { text, plain }
    }

    /// Reads one JSON text.
    ///
    /// # Errors
    /// What is wrong with it, and at which byte.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        check(text)?;
        Ok(Value::of(text.trim_matches([' ', '\t', '\n', '\r'])))
    }

    /// The value as JSON text; empty when it is absent.
    pub fn json(self) -> &'a str {
        self.text
    }

    /// Whether there is a value at all. Null is one.
    pub fn exists(self) -> bool {
        !self.text.is_empty()
    }

    /// Whether it is JSON's null.
    pub fn is_null(self) -> bool {
        self.text == "null"
    }

    /// Whether it is a string.
    pub fn is_string(self) -> bool {
        self.text.as_bytes().first() == Some(&b'"')
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.text.as_bytes().first() == Some(&b'[')
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.text.as_bytes().first() == Some(&b'{')
    }

    /// The text of a string, empty for anything else.
    #[inline]
    pub fn text(self) -> Cow<'a, str> {
        if self.plain {
            // SAFETY: a plain text begins and ends with a quote.
            return Cow::Borrowed(unsafe { self.text.get_unchecked(1..self.text.len() - 1) });
        }
        unquote(self.text)
    }

    /// Whether it is a string with this text.
    #[inline]
    pub(crate) fn is(self, text: &str) -> bool {
        match self.plain {
            true => self.text.len() == text.len() + 2 && same(&self.text(), text),
            false => self.text() == text,
        }
    }

    /// Whether it is true.
    pub fn bool(self) -> bool {
        self.text == "true"
    }

    /// A whole number; None for anything else.
    pub fn int(self) -> Option<i64> {
        self.text.parse().ok()
    }

    /// The strings of an array, without its other items.
    pub fn strings(self) -> Vec<Cow<'a, str>> {
        let mut scanner = Scanner::new(self.text);
        if scanner.open(b'[') { scanner.strings() } else { Vec::new() }
    }

    /// Walks the items of an array.
    pub fn items(self) -> Items<'a> {
        let mut scanner = Scanner::new(self.text);
        scanner.open(b'[');
        Items { scanner }
    }

    /// Walks the members of an object.
    pub fn members(self) -> Members<'a> {
        let mut scanner = Scanner::new(self.text);
        scanner.open(b'{');
        Members { scanner }
    }

    /// A member of an object; the absent Value if there is none.
    pub fn get(self, name: &str) -> Value<'a> {
        let mut scanner = Scanner::new(self.text);
        scanner.open(b'{');
        scanner.find(name).unwrap_or_default()
    }
}

/// The items of an array; see [`Value::items`].
pub struct Items<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Items<'a> {
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn step(&mut self) -> Option<Value<'a>> {
        self.scanner.item()
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.step()
    }
}

/// The members of an object; see [`Value::members`].
pub struct Members<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Members<'a> {
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn step(&mut self) -> Option<(Value<'a>, Value<'a>)> {
        self.scanner.member()
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map(|(name, value)| (name.text(), value))
    }
}
