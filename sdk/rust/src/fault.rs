use alloc::format;
use alloc::string::{String, ToString};

use crate::abi::{MAX_DESCRIPTION, MAX_EXTRA, MAX_EXTRAS, MAX_WARNING, OWN_IN_ERROR};
use crate::json::{Json, Object};

/// What a function for a hook gives: nothing, or why it stopped.
pub type Outcome = Result<(), Fault>;

/// Why a function for a hook stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It refuses what was asked for. The client reads why. Made by [`reject`].
    Reject(Rejection),
    /// The plugin failed: the client is told that the server failed, the operator's log says this text. Any text becomes one
    /// with `?`.
    Failed(String),
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Fault::Failed(text)
    }
}

impl From<&str> for Fault {
    fn from(text: &str) -> Self {
        Fault::Failed(text.to_string())
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The word for programs.
    pub code: Code,
    /// The text for people.
    pub description: String,
    /// More members for the error answer: at most 8 in 1 KiB, none that the answer has itself.
    pub extra: Object,
}

/// Refuses what was asked for. The client reads code and text; say what is wrong and what to do. What RFC 6749 §5.2 does not allow
/// in an `error_description` (quotes, backslashes, anything but ASCII) is replaced.
pub fn reject(code: Code, text: &str) -> Fault {
    Fault::Reject(Rejection { code, description: describable(text), extra: Object::new() })
}

impl Fault {
    /// Adds a member to the error answer of a rejection; see [`Rejection::extra`]. A failure stays as it is.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        if let Fault::Reject(r) = &mut self {
            r.extra.set(name, value);
        }
        self
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// The word a refusal carries in its `error` member.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $word,)* }
            }

            /// The code with a word.
            pub fn named(word: &str) -> Option<Code> {
                match word { $($word => Some(Code::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    /// RFC 7591 §3.2.2.
    InvalidRedirectUri = "invalid_redirect_uri",
    /// RFC 7591 §3.2.2.
    InvalidClientMetadata = "invalid_client_metadata",
    /// RFC 7591 §3.2.2.
    InvalidSoftwareStatement = "invalid_software_statement",
    /// RFC 7591 §3.2.2.
    UnapprovedSoftwareStatement = "unapproved_software_statement",
    /// RFC 6749 §5.2.
    InvalidScope = "invalid_scope",
    /// RFC 6749 §4.1.2.1.
    AccessDenied = "access_denied",
    /// RFC 6749 §5.2; only in `certificate_check`.
    InvalidClient = "invalid_client",
    /// RFC 6749 §5.2; only in `token_claims`.
    InvalidGrant = "invalid_grant",
    /// RFC 8707 §2; only in `token_claims`.
    InvalidTarget = "invalid_target",
    /// draft-tschofenig-oauth-attested-dclient-reg; with the nonce that fresh evidence is to have.
    StaleEvidence = "stale_evidence",
}

impl Rejection {
    /// Verifies that a hook can answer with this rejection.
    pub(crate) fn check(&self, hook: &str) -> Result<(), String> {
        use Code::*;
        let allowed = match hook {
            "post_register" | "post_update" | "on_read" => {
                return Err(format!("the hook {hook} cannot reject: what was asked for is done already"));
            }
            "certificate_check" => matches!(self.code, InvalidClient),
            "token_claims" => matches!(self.code, AccessDenied | InvalidGrant | InvalidScope | InvalidTarget),
            _ => !matches!(self.code, InvalidClient | InvalidGrant | InvalidTarget),
        };
        if !allowed {
            return Err(format!("a plugin may not reject with the code {} in {hook}", self.code.as_str()));
        }
        if let Some(name) = self.extra.names().find(|name| OWN_IN_ERROR.contains(name)) {
            return Err(format!("the error answer has a member {name} itself"));
        }
        if self.extra.names().count() > MAX_EXTRAS || Json::from(self.extra.clone()).as_str().len() > MAX_EXTRA {
            return Err(String::from("the extra members of a rejection are too many or too long"));
        }
        Ok(())
    }
}

/// Makes text fit for an `error_description`.
pub(crate) fn describable(text: &str) -> String {
    let fit = |c| match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().take(MAX_DESCRIPTION).map(fit).collect()
}

/// Makes text fit for a warning.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(MAX_WARNING).map(|c| if is_printable(c) { c } else { '?' }).collect()
}

/// Whether a character can be seen. Those that Rust shows as they are when it prints a string for programmers can; quotes and
/// backslash are the exceptions that the first line covers. The letter stands before it because a combining mark is
/// shown as it is only after one.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    let mut after_letter = [b'a'; 5];
    let end = 1 + c.encode_utf8(&mut after_letter[1..]).len();
    core::str::from_utf8(&after_letter[..end]).is_ok_and(|s| s.escape_debug().count() == 2)
}
