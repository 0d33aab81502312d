//! What a plugin does beyond its own code, it does through its [`Call`]: `now`, `random`, `kv_get`, `kv_put`, `kv_delete`, `http`,
//! `sign`, `hmac`, `policy`. Each needs its capability in the manifest, and an operator's grant. A method that the plugin never
//! mentions is not in its module, so the module imports what it uses and nothing else.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::abi;
use crate::base64;
use crate::call::Call;
use crate::fault::Fault;
use crate::host::imports;
use crate::json::{Json, Object};
use crate::value::Value;

/// Why a capability did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Not granted: this host, method, key or rule.
    Denied,
    /// What was asked cannot be understood.
    BadArgument,
    /// Over a bound, or the quota is full.
    TooLarge,
    /// It failed, took too long, or this is no hook: `configure` has no capabilities.
    Unavailable,
    /// Nothing goes out of a simulation.
    InSimulation,
    /// This call has used up what it may do.
    Budget,
    /// Nothing can be kept here: only hooks before a client is written may.
    ReadOnly,
    /// A reason that is newer than this crate.
    Other,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Denied => "denied: it was not granted, or the server refuses it",
            Refusal::BadArgument => "it cannot be understood",
            Refusal::TooLarge => "too large, or the quota is full",
            Refusal::Unavailable => "unavailable",
            Refusal::InSimulation => "not in a simulation",
            Refusal::Budget => "the budget of this call is used up",
            Refusal::ReadOnly => "read-only here",
            Refusal::Other => "refused",
        })
    }
}

/// Which use of a capability was refused, and why. With `?` it becomes a failure of the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapabilityError {
    /// The name of the import: kv_put, http.
    pub import: &'static str,
    /// Why.
    pub refusal: Refusal,
}

impl CapabilityError {
    fn new(import: &'static str, code: i32) -> Self {
        let refusal = match code {
            abi::DENIED => Refusal::Denied,
            abi::BAD_ARGUMENT => Refusal::BadArgument,
            abi::TOO_LARGE => Refusal::TooLarge,
            abi::UNAVAILABLE => Refusal::Unavailable,
            abi::IN_SIMULATION => Refusal::InSimulation,
            abi::BUDGET => Refusal::Budget,
            abi::READ_ONLY => Refusal::ReadOnly,
            _ => Refusal::Other,
        };
        CapabilityError { import, refusal }
    }
}

impl fmt::Display for CapabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.import, self.refusal)
    }
}

impl From<CapabilityError> for Fault {
    fn from(e: CapabilityError) -> Self {
        Fault::Failed(e.to_string())
    }
}

type Used<T> = Result<T, CapabilityError>;

fn done(import: &'static str, code: i32) -> Used<()> {
    if code < 0 {
        return Err(CapabilityError::new(import, code));
    }
    Ok(())
}

/// Makes text of an answer, which is JSON that the host wrote.
fn answered(import: &'static str, answer: Result<Vec<u8>, i32>) -> Used<String> {
    let bytes = answer.map_err(|code| CapabilityError::new(import, code))?;
    String::from_utf8(bytes).map_err(|_| CapabilityError::new(import, abi::UNAVAILABLE))
}

impl Call<'_> {
    /// The time of the call in Unix milliseconds. It does not move while the call runs. The capability is `now`; the seconds alone
    /// are in `context.now()` for everybody.
    pub fn now(&self) -> i64 {
        imports::now()
    }

    /// Fills bytes with random ones, at most 1,024. They follow from the entropy, so that a call can be repeated. The capability
    /// is `random`.
    pub fn random(&self, bytes: &mut [u8]) -> Used<()> {
        done("random", imports::random(bytes))
    }

    /// Gives what is kept under a key of at most 1,024 bytes. What the plugin keeps is seen by later calls for the same request at
    /// once, and by all others when the client is written; if the request fails in the end, nothing was kept. The
    /// capability is `kv`.
    pub fn kv_get(&self, key: &str) -> Used<Option<Vec<u8>>> {
        match imports::kv_get(key) {
            Ok(value) => Ok(Some(value)),
            Err(abi::ABSENT) => Ok(None),
            Err(code) => Err(CapabilityError::new("kv_get", code)),
        }
    }

    /// Keeps a value of at most 16,384 bytes for so many seconds; 0 means the manifest's ttl, which is also the longest.
    pub fn kv_put(&self, key: &str, value: impl AsRef<[u8]>, ttl_seconds: i64) -> Used<()> {
        done("kv_put", imports::kv_put(key, value.as_ref(), ttl_seconds))
    }

    /// Takes a value away. One that is not there is no error.
    pub fn kv_delete(&self, key: &str) -> Used<()> {
        done("kv_delete", imports::kv_delete(key))
    }

    /// Sends a request and waits for the answer, 500 ms at most. No redirect is followed. The capability is `http`.
    pub fn http(&self, request: &Request) -> Used<Response> {
        let answer = answered("http", imports::http(Json::from(request.object()).as_str()))?;
        let v = Value::of(&answer);
        let raw = v.get("body_base64");
        let body = match raw.exists() {
            true => base64::decode(&raw.text()).ok_or(CapabilityError::new("http", abi::UNAVAILABLE))?,
            false => v.get("body").text().into_owned().into_bytes(),
        };
        let headers = v.get("headers").members().map(|(name, value)| (name.into_owned(), value.text().into_owned()));
        Ok(Response { status: v.get("status").int().unwrap_or(0), headers: headers.collect(), body })
    }

    /// Signs data with a private key that the operator keeps. The plugin names it and never sees it. Exactly these bytes are
    /// signed. The capability is `secret`.
    pub fn sign(&self, key: &str, data: impl AsRef<[u8]>) -> Used<Signature> {
        signed("sign", key, data.as_ref())
    }

    /// Authenticates data with a shared key, by HMAC-SHA256. The capability is `secret`.
    pub fn hmac(&self, key: &str, data: impl AsRef<[u8]>) -> Used<Signature> {
        signed("hmac", key, data.as_ref())
    }

    /// Has a rule evaluated that the operator wrote for this plugin, in the package `ostiary.plugin.NAME` with the plugin's name:
    /// `c.policy("limits.most", input)` is `data.ostiary.plugin.NAME.limits.most`. None: there is no such rule, or it has
    /// no value for the input. The capability is `policy_eval`.
    pub fn policy(&self, rule: &str, input: impl Into<Json>) -> Used<Option<Json>> {
        let rule = format!("data.ostiary.plugin.{}.{rule}", self.plugin);
        let request = Json::from(Object::new().with("rule", rule).with("input", input));
        let answer = answered("policy_eval", imports::policy_eval(request.as_str()))?;
        let v = Value::of(&answer);
        Ok(v.get("defined").bool().then(|| v.get("result").into()))
    }
}

fn signed(op: &str, key: &str, data: &[u8]) -> Used<Signature> {
    let request = carried(Object::new().with("key", key).with("op", op), "data", data);
    let answer = answered("secret", imports::secret(Json::from(request).as_str()))?;
    let v = Value::of(&answer);
    let text = |name| v.get(name).text().into_owned();
    Ok(Signature { alg: text("alg"), kid: text("kid"), text: text("signature") })
}

/// Puts text or bytes into a member.
fn carried(object: Object, name: &str, data: &[u8]) -> Object {
    match core::str::from_utf8(data) {
        Ok(text) if !text.contains('\0') => object.with(name, text),
        _ => object.with(&format!("{name}_base64"), base64::encode(data)),
    }
}

/// A request to a host that was granted, with a method that was.
#[derive(Clone, Debug, Default)]
pub struct Request {
    method: String,
    url: String,
    headers: Object,
    body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, url: &str) -> Self {
        Request { method: method.to_string(), url: url.to_string(), ..Request::default() }
    }

    /// The request with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.set(name, value);
        self
    }

    /// The request with a body, text or bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn object(&self) -> Object {
        let mut o = Object::new().with("method", &self.method).with("url", &self.url);
        if !self.headers.is_empty() {
            o.set("headers", self.headers.clone());
        }
        if self.body.is_empty() {
            return o;
        }
        carried(o, "body", &self.body)
    }
}

/// What came back, whatever the status.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status.
    pub status: i64,
    /// Names are in lower case; only few headers come through.
    pub headers: Vec<(String, String)>,
    /// Text or bytes.
    pub body: Vec<u8>,
}

impl Response {
    /// A header; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// The body as text. What is not UTF-8 becomes U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// What a key of the operator's made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// Of RFC 7518: EdDSA, ES256, HS256.
    pub alg: String,
    /// The key's RFC 7638 thumbprint; of a shared key its name.
    pub kid: String,
    /// base64url, as RFC 7515 writes it.
    pub text: String,
}
