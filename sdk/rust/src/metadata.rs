use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::scan::{until_space, Scanner};
use crate::value::{Members, Value};

/// A client's metadata, as RFC 7591 §2 and OpenID Connect Dynamic Client Registration 1.0 §2 name it. An absent member reads as an
/// empty one; `get` tells absent from empty.
#[derive(Clone, Debug, Default)]
pub struct Metadata<'a> {
    value: Value<'a>,
    members: Vec<(Value<'a>, Value<'a>)>,
}

/// Members that most clients have no more of.
const USUAL: usize = 24;

macro_rules! texts {
    ($($name:ident)*) => {$(
        #[doc = concat!("The member `", stringify!($name), "`.")]
        pub fn $name(&self) -> Cow<'a, str> {
            self.get(stringify!($name)).text()
        }
    )*};
}

macro_rules! lists {
    ($($name:ident)*) => {$(
        #[doc = concat!("The member `", stringify!($name), "`.")]
        pub fn $name(&self) -> Vec<Cow<'a, str>> {
            self.get(stringify!($name)).strings()
        }
    )*};
}

impl<'a> Metadata<'a> {
    /// Finds the members of the object at hand, and gives what stands behind it. To step over the object takes as long, and each `get`
    /// is spared the way to its member.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn read(mut s: Scanner<'a>) -> (Self, Scanner<'a>) {
        s.space();
        let start = s.rest();
        let mut members = Vec::new();
        if s.open(b'{') {
            members = Vec::with_capacity(USUAL);
            while let Some(member) = s.member() {
                members.push(member);
            }
        }
        (Metadata { value: Value::of(&start[..start.len() - s.rest().len()]), members }, s)
    }

    /// The whole object.
    pub fn value(&self) -> Value<'a> {
        self.value
    }

    /// A member; the absent Value if there is none.
    pub fn get(&self, name: &str) -> Value<'a> {
        self.members.iter().find(|(n, _)| n.is(name)).map(|(_, value)| *value).unwrap_or_default()
    }

    /// Its members, in order.
    pub fn members(&self) -> Members<'a> {
        self.value.members()
    }

    texts! {
        client_name client_uri logo_uri tos_uri policy_uri jwks_uri software_id software_version application_type
        token_endpoint_auth_method
    }

    lists! { redirect_uris grant_types response_types contacts }

    /// The member `scope`, split at its spaces.
    pub fn scope(&self) -> Vec<Cow<'a, str>> {
        match self.get("scope").text() {
            Cow::Borrowed(text) => words(text, Cow::Borrowed),
            Cow::Owned(text) => words(&text, |word| Cow::Owned(String::from(word))),
        }
    }
}

/// Splits a text at its spaces.
fn words<'t, T>(text: &'t str, make: impl Fn(&'t str) -> T) -> Vec<T> {
    let mut words = Vec::with_capacity(8);
    let mut start = 0;
    while start < text.len() {
        let end = start + until_space(&text.as_bytes()[start..]);
        if start < end {
            words.push(make(&text[start..end]));
        }
        start = end + 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each word is found, whatever it is made of.
    #[test]
    fn splits_at_spaces() {
        let mut seed = 1u64;
        for size in 0..2000 {
            let text: String = (0..size % 70)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    [' ', ' ', '\t', '!', '\u{1f}', 'a', 'é', '€'][(seed >> 33) as usize % 8]
                })
                .collect();
            assert_eq!(words(&text, |word| word), text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>(), "{text:?}");
        }
    }
}
