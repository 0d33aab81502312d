use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::abi::MAX_WARNINGS;
use crate::fault::printable;
use crate::host::{log, Level};
use crate::json::{Json, Object};
use crate::metadata::Metadata;
use crate::value::Value;

/// One question to the plugin and, piece by piece, its answer.
#[derive(Default)]
pub struct Call<'a> {
    /// The hook's name.
    pub hook: Cow<'a, str>,
    /// What surrounds the call.
    pub context: Context<'a>,
    /// What is to be registered so far, or what is stored, or the answer without credentials; only what the manifest `reads`.
    pub client: Metadata<'a>,
    /// What is stored, on an update; else empty.
    pub before: Metadata<'a>,
    /// New for every call: a module's own random numbers would repeat, because its memory is reset.
    pub entropy: [u8; 32],
    /// What should change.
    pub patch: Patch,
    /// What keys are asked for, in `software_statement_keys` and `request_keys`.
    pub signed: Option<Signed<'a>>,
    /// In `certificate_check`; [`Context::certificate`] is there in all hooks.
    pub certificate: Option<Certificate<'a>>,
    /// In `token_claims`.
    pub token: Option<Token<'a>>,

    pub(crate) plugin: &'a str,
    pub(crate) warnings: Vec<String>,
    pub(crate) audit: Object,
    pub(crate) result: Option<Object>,
}

impl Call<'_> {
    /// Adds a warning that the client reads in the answer. What cannot be printed becomes "?"; of the text 200 characters are
    /// kept, of the warnings 8.
    pub fn warn(&mut self, text: &str) {
        if self.warnings.len() == MAX_WARNINGS {
            log(Level::Warn, "a ninth warning was dropped");
            return;
        }
        self.warnings.push(printable(text));
    }

    /// Notes a value in the ledger entry of this decision, for the operator.
    pub fn audit(&mut self, key: &str, value: impl Into<Json>) {
        self.audit.set(key, value);
    }

    /// Whether a trusted software statement fixed a member, so that patching it would be refused.
    pub fn locked(&self, member: &str) -> bool {
        self.context.locked.iter().any(|m| m == member)
    }
}

/// What surrounds a call. Texts are empty where there is nothing to say.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    /// The decision that this call is part of.
    pub decision_id: Cow<'a, str>,
    /// register, update, read, delete, token.
    pub operation: Cow<'a, str>,
    /// dcr, manage, operator; empty in `token_claims`.
    pub channel: Cow<'a, str>,
    /// Empty before there is one.
    pub client_id: Cow<'a, str>,
    /// The client's profile.
    pub profile: Cow<'a, str>,
    /// Unix seconds.
    pub now: i64,
    /// Who is at the desk.
    pub caller: Caller<'a>,
    /// None: none was presented.
    pub initial_access_token: Option<InitialAccessToken<'a>>,
    /// The claims of the verified software statement; absent if there was none.
    pub software_statement: Value<'a>,
    /// None: the caller presented none.
    pub certificate: Option<Certificate<'a>>,
    /// Members that no patch may touch.
    pub locked: Vec<Cow<'a, str>>,
}

/// Who is at the desk.
#[derive(Clone, Debug, Default)]
pub struct Caller<'a> {
    /// What the caller showed: initial_access_token, registration_access_token, open, ...
    pub kind: Cow<'a, str>,
    /// The address.
    pub ip: Cow<'a, str>,
    /// The Origin header.
    pub origin: Cow<'a, str>,
    /// The User-Agent header.
    pub user_agent: Cow<'a, str>,
    /// The person, if it is one.
    pub subject: Cow<'a, str>,
    /// The client, if it is one.
    pub client_id: Cow<'a, str>,
    /// What the caller's token allows.
    pub scopes: Vec<Cow<'a, str>>,
    /// What the caller is.
    pub roles: Vec<Cow<'a, str>>,
}

/// What a plugin may know of the token a client registers with.
#[derive(Clone, Debug, Default)]
pub struct InitialAccessToken<'a> {
    /// What the operator called it.
    pub label: Cow<'a, str>,
    /// Empty: any.
    pub profile: Cow<'a, str>,
    /// What it lays down: scopes, redirect_hosts, software_ids, origins, policy_data. Absent: nothing.
    pub terms: Value<'a>,
}

/// A JWT whose keys are asked for. Nothing of it is verified yet.
#[derive(Clone, Debug, Default)]
pub struct Signed<'a> {
    /// software_statement or request.
    pub kind: Cow<'a, str>,
    /// The algorithm.
    pub alg: Cow<'a, str>,
    /// The key it names; empty: none.
    pub kid: Cow<'a, str>,
    /// An object.
    pub claims: Value<'a>,
}

/// What there is to know of a client's X.509 certificate.
#[derive(Clone, Debug, Default)]
pub struct Certificate<'a> {
    /// The distinguished name (RFC 4514).
    pub subject: Cow<'a, str>,
    /// The distinguished name of who issued it.
    pub issuer: Cow<'a, str>,
    /// In hexadecimal.
    pub serial: Cow<'a, str>,
    /// Of the DER form, in hexadecimal.
    pub sha256: Cow<'a, str>,
    /// Other names (RFC 5280 §4.2.1.6).
    pub san: AlternativeNames<'a>,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    /// Only in `certificate_check`.
    pub pem: Cow<'a, str>,
}

/// A certificate's other names, by kind.
#[derive(Clone, Debug, Default)]
pub struct AlternativeNames<'a> {
    /// Host names.
    pub dns: Vec<Cow<'a, str>>,
    /// URIs.
    pub uri: Vec<Cow<'a, str>>,
    /// Mail addresses.
    pub email: Vec<Cow<'a, str>>,
    /// IP addresses.
    pub ip: Vec<Cow<'a, str>>,
}

/// An access token that is about to be minted.
#[derive(Clone, Debug, Default)]
pub struct Token<'a> {
    /// How it was asked for.
    pub grant_type: Cow<'a, str>,
    /// Whom it is for.
    pub subject: Cow<'a, str>,
    /// What it allows.
    pub scopes: Vec<Cow<'a, str>>,
    /// Where it is valid.
    pub audience: Vec<Cow<'a, str>>,
    /// What it says so far, an object.
    pub claims: Value<'a>,
}

/// A change of metadata in the terms of RFC 7396. Of two changes of one member the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub(crate) members: Object,
}

impl Patch {
    /// Sets a member.
    pub fn set(&mut self, member: &str, value: impl Into<Json>) {
        self.members.set(member, value);
    }

    /// Sets the member `scope`, which is one string with spaces.
    pub fn set_scope<T: AsRef<str>>(&mut self, scopes: &[T]) {
        let mut text = String::with_capacity(scopes.iter().map(|scope| scope.as_ref().len() + 1).sum());
        for scope in scopes {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(scope.as_ref());
        }
        self.set("scope", text);
    }

    /// Takes a member away.
    pub fn remove(&mut self, member: &str) {
        self.members.set(member, Json::null());
    }

    /// What the patch sets a member to so far; null if it removes it, absent if it leaves it alone.
    pub fn get(&self, member: &str) -> Value<'_> {
        self.members.get(member)
    }
}

/// Keys verify a signature: what `software_statement_keys` and `request_keys` give.
#[derive(Clone, Debug)]
pub enum Keys {
    /// A JWK Set (RFC 7517).
    Jwks(Json),
    /// A secret for HS256, HS384 and HS512.
    Secret(String),
}
