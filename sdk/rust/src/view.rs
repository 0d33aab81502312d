//! What a call is about: each type is a piece of the host's JSON with a name for each member, which is found when it is asked for. A
//! plugin asks for few of them.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::value::Value;

/// What a [`Value`] is read as. An absent one reads as an empty one.
pub(crate) trait View<'a>: Sized {
    fn of(v: Value<'a>) -> Self;
}

impl<'a> View<'a> for Value<'a> {
    fn of(v: Value<'a>) -> Self {
        v
    }
}

impl<'a> View<'a> for Cow<'a, str> {
    fn of(v: Value<'a>) -> Self {
        v.text()
    }
}

impl<'a> View<'a> for Vec<Cow<'a, str>> {
    fn of(v: Value<'a>) -> Self {
        v.strings()
    }
}

impl View<'_> for i64 {
    fn of(v: Value<'_>) -> Self {
        v.int().unwrap_or(0)
    }
}

impl<'a, T: View<'a>> View<'a> for Option<T> {
    fn of(v: Value<'a>) -> Self {
        v.is_object().then(|| T::of(v))
    }
}

/// Makes types that look at an object, with a method for each of its members.
macro_rules! views {
    ($($(#[$about:meta])* pub struct $view:ident<$a:lifetime> { $($(#[$doc:meta])* $member:ident: $kind:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $view<$a>(Value<$a>);

        impl<$a> $view<$a> {
            $(
                $(#[$doc])*
                pub fn $member(self) -> $kind {
                    View::of(self.0.get(stringify!($member)))
                }
            )*

            /// The whole object.
            pub fn value(self) -> Value<$a> {
                self.0
            }
        }

        impl<$a> View<$a> for $view<$a> {
            fn of(v: Value<$a>) -> Self {
                $view(v)
            }
        }
    )*};
}

views! {
    /// What surrounds a call. Texts are empty where there is nothing to say.
    pub struct Context<'a> {
        /// The decision that this call is part of.
        decision_id: Cow<'a, str>,
        /// register, update, read, delete, token.
        operation: Cow<'a, str>,
        /// dcr, manage, operator; empty in `token_claims`.
        channel: Cow<'a, str>,
        /// Empty before there is one.
        client_id: Cow<'a, str>,
        /// The client's profile.
        profile: Cow<'a, str>,
        /// Unix seconds.
        now: i64,
        /// Who is at the desk.
        caller: Caller<'a>,
        /// None: none was presented.
        initial_access_token: Option<InitialAccessToken<'a>>,
        /// None: the caller presented none.
        certificate: Option<Certificate<'a>>,
        /// Members that no patch may touch.
        locked: Vec<Cow<'a, str>>,
    }

    /// Who is at the desk.
    pub struct Caller<'a> {
        /// What the caller showed: initial_access_token, registration_access_token, open, ...
        kind: Cow<'a, str>,
        /// The address.
        ip: Cow<'a, str>,
        /// The Origin header.
        origin: Cow<'a, str>,
        /// The User-Agent header.
        user_agent: Cow<'a, str>,
        /// The person, if it is one.
        subject: Cow<'a, str>,
        /// The client, if it is one.
        client_id: Cow<'a, str>,
        /// What the caller's token allows.
        scopes: Vec<Cow<'a, str>>,
        /// What the caller is.
        roles: Vec<Cow<'a, str>>,
    }

    /// What a plugin may know of the token a client registers with.
    pub struct InitialAccessToken<'a> {
        /// What the operator called it.
        label: Cow<'a, str>,
        /// Empty: any.
        profile: Cow<'a, str>,
        /// What it lays down: scopes, redirect_hosts, software_ids, origins, policy_data. Absent: nothing.
        terms: Value<'a>,
    }

    /// A JWT whose keys are asked for. Nothing of it is verified yet.
    pub struct Signed<'a> {
        /// software_statement or request.
        kind: Cow<'a, str>,
        /// The algorithm.
        alg: Cow<'a, str>,
        /// The key it names; empty: none.
        kid: Cow<'a, str>,
        /// An object.
        claims: Value<'a>,
    }

    /// What there is to know of a client's X.509 certificate.
    pub struct Certificate<'a> {
        /// The distinguished name (RFC 4514).
        subject: Cow<'a, str>,
        /// The distinguished name of who issued it.
        issuer: Cow<'a, str>,
        /// In hexadecimal.
        serial: Cow<'a, str>,
        /// Of the DER form, in hexadecimal.
        sha256: Cow<'a, str>,
        /// Other names (RFC 5280 §4.2.1.6).
        san: AlternativeNames<'a>,
        /// Unix seconds.
        not_before: i64,
        /// Unix seconds.
        not_after: i64,
        /// Only in `certificate_check`.
        pem: Cow<'a, str>,
    }

    /// A certificate's other names, by kind.
    pub struct AlternativeNames<'a> {
        /// Host names.
        dns: Vec<Cow<'a, str>>,
        /// URIs.
        uri: Vec<Cow<'a, str>>,
        /// Mail addresses.
        email: Vec<Cow<'a, str>>,
        /// IP addresses.
        ip: Vec<Cow<'a, str>>,
    }

    /// An access token that is about to be minted.
    pub struct Token<'a> {
        /// How it was asked for.
        grant_type: Cow<'a, str>,
        /// Whom it is for.
        subject: Cow<'a, str>,
        /// What it allows.
        scopes: Vec<Cow<'a, str>>,
        /// Where it is valid.
        audience: Vec<Cow<'a, str>>,
        /// What it says so far, an object.
        claims: Value<'a>,
    }
}

impl<'a> Context<'a> {
    /// The claims of the verified software statement; absent if there was none.
    pub fn software_statement(self) -> Value<'a> {
        self.0.get("software_statement").get("claims")
    }
}
