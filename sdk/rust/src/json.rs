use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::scan::plain_size;
use crate::value::Value;

/// Bytes of an item that most have no more of.
const USUAL: usize = 40;

/// JSON that a plugin makes. Texts, numbers, booleans, lists of them, and [`Value`]s become one with `into()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// JSON's null.
    pub fn null() -> Self {
        Json(String::from("null"))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Looks at it as at any other JSON.
    pub fn view(&self) -> Value<'_> {
        Value::of(&self.0)
    }
}

/// An object that a plugin makes, member by member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    members: Vec<(String, Json)>,
}

impl Object {
    /// An object without members.
    pub const fn new() -> Self {
        Object { members: Vec::new() }
    }

    /// Sets a member, at its old place if it has one.
    pub fn set(&mut self, name: &str, value: impl Into<Json>) {
        let value = value.into();
        match self.members.iter_mut().find(|(n, _)| n == name) {
            Some(member) => member.1 = value,
            None => {
                if self.members.is_empty() {
                    self.members.reserve(8);
                }
                self.members.push((name.to_string(), value));
            }
        }
    }

    /// The object with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.set(name, value);
        self
    }

    /// What a member is set to; the absent Value if there is none.
    pub fn get(&self, name: &str) -> Value<'_> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, value)| value.view()).unwrap_or_default()
    }

    /// The members' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn write(&self, out: &mut String) {
        out.push('{');
        for (i, (name, value)) in self.members.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            write_string(out, name);
            out.push(':');
            out.push_str(&value.0);
        }
        out.push('}');
    }
}

/// Writes a text as a JSON string.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let (plain, Some(c)) = split(rest) {
        out.push_str(plain);
        write_escape(out, c);
        rest = &rest[plain.len() + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Splits a text before the first character that a JSON string has only as an escape.
fn split(text: &str) -> (&str, Option<u8>) {
    let at = plain_size(text.as_bytes());
    (&text[..at], text.as_bytes().get(at).copied())
}

#[cold]
fn write_escape(out: &mut String, c: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match c {
        b'\n' => out.push_str("\\n"),
        b'"' | b'\\' => {
            out.push('\\');
            out.push(c as char);
        }
        _ => {
            out.push_str("\\u00");
            out.push(HEX[usize::from(c >> 4)] as char);
            out.push(HEX[usize::from(c & 15)] as char);
        }
    }
}

/// Writes an array.
pub(crate) fn write_array(out: &mut String, items: impl Iterator<Item = Json>) {
    out.push('[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&item.0);
    }
    out.push(']');
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        let mut out = String::with_capacity(text.len() + 2);
        write_string(&mut out, text);
        Json(out)
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::from(text.as_str())
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Json::from(text.as_str())
    }
}

impl From<Cow<'_, str>> for Json {
    fn from(text: Cow<'_, str>) -> Self {
        Json::from(&*text)
    }
}

impl From<&Cow<'_, str>> for Json {
    fn from(text: &Cow<'_, str>) -> Self {
        Json::from(&**text)
    }
}

impl From<bool> for Json {
    fn from(b: bool) -> Self {
        Json(String::from(if b { "true" } else { "false" }))
    }
}

impl From<i64> for Json {
    fn from(n: i64) -> Self {
        Json(n.to_string())
    }
}

impl From<i32> for Json {
    fn from(n: i32) -> Self {
        Json::from(i64::from(n))
    }
}

/// An absent Value becomes null.
impl From<Value<'_>> for Json {
    fn from(value: Value<'_>) -> Self {
        if value.exists() {
            Json(String::from(value.json()))
        } else {
            Json::null()
        }
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        let mut out = String::new();
        object.write(&mut out);
        Json(out)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        let mut out = String::with_capacity(items.len() * USUAL);
        write_array(&mut out, items.into_iter().map(Into::into));
        Json(out)
    }
}

impl<T: Into<Json>, const N: usize> From<[T; N]> for Json {
    fn from(items: [T; N]) -> Self {
        let mut out = String::with_capacity(N * USUAL);
        write_array(&mut out, items.into_iter().map(Into::into));
        Json(out)
    }
}

impl<T: Clone + Into<Json>> From<&[T]> for Json {
    fn from(items: &[T]) -> Self {
        let mut out = String::with_capacity(items.len() * USUAL);
        write_array(&mut out, items.iter().cloned().map(Into::into));
        Json(out)
    }
}
