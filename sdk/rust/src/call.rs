use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::abi::{MAJOR, MAX_WARNINGS};
use crate::base64;
use crate::fault::printable;
use crate::host::{log, Level};
use crate::json::{Json, Object};
use crate::metadata::Metadata;
use crate::scan::Scanner;
use crate::value::Value;
use crate::view::{Certificate, Context, Signed, Token, View};

/// One question to the plugin and, piece by piece, its answer.
#[derive(Default)]
pub struct Call<'a> {
    /// The hook's name.
    pub hook: &'a str,
    /// What surrounds the call.
    pub context: Context<'a>,
    /// What is to be registered so far, or what is stored, or the answer without credentials; only what the manifest `reads`.
    pub client: Metadata<'a>,
    /// What is stored, on an update; else empty.
    pub before: Metadata<'a>,
    /// What should change.
    pub patch: Patch,
    /// What keys are asked for, in `software_statement_keys` and `request_keys`.
    pub signed: Option<Signed<'a>>,
    /// In `certificate_check`; [`Context::certificate`] is there in all hooks.
    pub certificate: Option<Certificate<'a>>,
    /// In `token_claims`.
    pub token: Option<Token<'a>>,

    pub(crate) plugin: &'a str,
    entropy: Value<'a>,
    pub(crate) warnings: Vec<String>,
    pub(crate) audit: Object,
    pub(crate) result: Option<Object>,
}

impl<'a> Call<'a> {
    /// Finds what a hook is given, in one pass; what stands in it is read when asked for. Members it does not know are newer than this
    /// crate and left alone.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn read(plugin: &'a str, hook: &'a str, input: Value<'a>) -> Result<Self, String> {
        let mut s = Scanner::new(input.json());
        if !s.open(b'{') {
            return Err(String::from("the host sent no object"));
        }
        let mut c = Call { plugin, hook, ..Call::default() };
        while let Some(name) = s.name() {
            match &*name.text() {
                "client" => (c.client, s) = Metadata::read(s),
                "before" => (c.before, s) = Metadata::read(s),
                name => c.keep(name, s.take())?,
            }
        }
        Ok(c)
    }

    /// Keeps the value of a member.
    fn keep(&mut self, name: &str, v: Value<'a>) -> Result<(), String> {
        match name {
            "v" if v.int() != Some(MAJOR) => return Err(format!("the host speaks version {} of the wire", v.json())),
            "context" => self.context = View::of(v),
            "signed" => self.signed = View::of(v),
            "certificate" => self.certificate = View::of(v),
            "token" => self.token = View::of(v),
            "entropy" => self.entropy = v,
            _ => {}
        }
        Ok(())
    }

    /// New for every call: a module's own random numbers would repeat, because its memory is reset. Zeros where a test gives none.
    ///
    /// # Panics
    /// When the host sends anything but 32 bytes in base64, so that nothing secret is made of less.
    pub fn entropy(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        assert!(!self.entropy.exists() || base64::decode_into(&self.entropy.text(), &mut bytes), "entropy is not 32 bytes in base64");
        bytes
    }

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
        self.context.value().get("locked").items().any(|m| m.is(member))
    }
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
