use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::scan::Scanner;
use crate::value::Value;

/// A client's metadata, as RFC 7591 §2 and OpenID Connect Dynamic Client Registration 1.0 §2 name it. An absent member reads as an
/// empty one; `get` tells absent from empty.
#[derive(Clone, Debug, Default)]
pub struct Metadata<'a> {
    value: Value<'a>,
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

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
    /// Finds the members once, so that each `get` need not walk the text.
    pub(crate) fn read(s: &mut Scanner<'a>) -> Self {
        let mut members = Vec::new();
        let start = s.rest();
        if s.open(b'{') {
            members.reserve(24);
            while let Some(name) = s.key() {
                members.push((name, s.take()));
            }
        }
        Metadata { value: Value::of(&start[..start.len() - s.rest().len()]), members }
    }

    /// The whole object.
    pub fn value(&self) -> Value<'a> {
        self.value
    }

    /// A member; the absent Value if there is none.
    pub fn get(&self, name: &str) -> Value<'a> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, value)| *value).unwrap_or_default()
    }

    /// Its members, in order.
    pub fn members(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        self.members.iter().map(|(name, value)| (&**name, *value))
    }

    texts! {
        client_name client_uri logo_uri tos_uri policy_uri jwks_uri software_id software_version application_type
        token_endpoint_auth_method
    }

    lists! { redirect_uris grant_types response_types contacts }

    /// The member `scope`, split at its spaces.
    pub fn scope(&self) -> Vec<Cow<'a, str>> {
        match self.get("scope").text() {
            Cow::Borrowed(text) => text.split_ascii_whitespace().map(Cow::Borrowed).collect(),
            Cow::Owned(text) => text.split_ascii_whitespace().map(|s| Cow::Owned(String::from(s))).collect(),
        }
    }
}
