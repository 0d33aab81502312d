use alloc::format;
use alloc::string::String;

use crate::abi::MAJOR;
use crate::call::{Call, Keys};
use crate::fault::{describable, Fault, Outcome, Rejection};
use crate::json::{write_array, write_string, Json, Object};
use crate::scan::same;
use crate::value::Value;

/// A function for one hook, made by [`plugin!`](crate::plugin).
pub type Serve<S> = fn(&S, &mut Call<'_>) -> Outcome;

/// A plugin, made by [`plugin!`](crate::plugin): what it keeps between calls is an `S`.
pub struct Plugin<S: 'static> {
    #[doc(hidden)]
    pub configure: fn(Value<'_>) -> Result<S, Fault>,
    #[doc(hidden)]
    pub hooks: &'static [(&'static str, Serve<S>)],
}

/// A plugin that took its configuration.
pub struct Running<S: 'static> {
    plugin: &'static Plugin<S>,
    name: String,
    state: S,
}

impl<S> Plugin<S> {
    /// Configures the plugin as the host does after loading it, with the `configuration` of the manifest. For tests; they may
    /// leave it out as `"{}"`.
    ///
    /// # Errors
    /// Why the plugin would not go live.
    pub fn set_up(&'static self, configuration: &str) -> Result<Running<S>, String> {
        self.start("test", Value::parse(configuration)?)
    }

    /// Takes what `ostiary_configure` is given. A hook that the manifest asks for and nothing serves is refused here, before
    /// the plugin goes live.
    pub(crate) fn take(&'static self, setup: Value<'_>) -> Result<Running<S>, String> {
        for hook in setup.get("hooks").items() {
            let hook = hook.text();
            if self.serves(&hook).is_none() {
                return Err(format!("the manifest asks for the hook {hook}, but the plugin registers no function for it"));
            }
        }
        let configuration = setup.get("configuration");
        self.start(&setup.get("name").text(), if configuration.exists() { configuration } else { Value::of("{}") })
    }

    fn start(&'static self, name: &str, configuration: Value<'_>) -> Result<Running<S>, String> {
        match (self.configure)(configuration) {
            Ok(state) => Ok(Running { plugin: self, name: String::from(name), state }),
            Err(fault) => Err(text_of(fault)),
        }
    }

    fn serves(&self, hook: &str) -> Option<Serve<S>> {
        self.hooks.iter().find(|(name, _)| same(name, hook)).map(|(_, serve)| *serve)
    }
}

/// Why a plugin refuses its configuration. The code of a rejection says nothing here.
fn text_of(fault: Fault) -> String {
    match fault {
        Fault::Failed(text) => describable(&text),
        Fault::Reject(r) => r.description,
    }
}

impl<S> Running<S> {
    /// Asks the plugin as the host does: `input` is what the wire sends, and a test may leave out members that it has no use for.
    ///
    /// # Errors
    /// Why the plugin failed.
    pub fn run(&self, hook: &str, input: &str) -> Result<String, String> {
        self.answer(hook, Value::parse(input)?)
    }

    /// What the plugin keeps.
    pub fn state(&self) -> &S {
        &self.state
    }

    pub(crate) fn answer(&self, hook: &str, input: Value<'_>) -> Result<String, String> {
        let serve = self.plugin.serves(hook).ok_or_else(|| format!("no function is registered for the hook {hook}"))?;
        let mut c = Call::read(&self.name, hook, input)?;
        let answer = match serve(&self.state, &mut c) {
            Ok(()) => envelope(&c),
            Err(Fault::Reject(r)) => r.check(c.hook).map(|()| refusal(&r, &c)),
            Err(Fault::Failed(text)) => Err(text),
        };
        if cfg!(target_arch = "wasm32") {
            core::mem::forget(c); // the host sets everything back
        }
        answer
    }
}

/// The hooks that may answer with a patch.
fn patches(hook: &str) -> bool {
    matches!(hook, "pre_register" | "pre_update" | "post_register" | "post_update" | "on_read" | "token_claims")
}

fn begin(action: &str) -> String {
    let mut out = String::with_capacity(512);
    out.push_str("{\"v\":");
    out.push((b'0' + MAJOR as u8) as char);
    out.push_str(",\"action\":\"");
    out.push_str(action);
    out.push('"');
    out
}

/// The answer of a call that was served.
fn envelope(c: &Call<'_>) -> Result<String, String> {
    let (action, name, members) = match &c.result {
        Some(result) => ("result", ",\"result\":", result),
        None if c.patch.members.is_empty() => ("continue", "", &c.patch.members),
        None if !patches(c.hook) => return Err(format!("the hook {} has no patch", c.hook)),
        None => ("patch", ",\"patch\":", &c.patch.members),
    };
    let mut out = begin(action);
    if !name.is_empty() {
        out.push_str(name);
        members.write(&mut out);
    }
    Ok(end(out, c))
}

/// The answer of a call that ended with a refusal.
fn refusal(r: &Rejection, c: &Call<'_>) -> String {
    let mut out = begin("reject");
    out.push_str(",\"error\":{\"code\":");
    write_string(&mut out, r.code.as_str());
    out.push_str(",\"description\":");
    write_string(&mut out, &r.description);
    if !r.extra.is_empty() {
        out.push_str(",\"extra\":");
        r.extra.write(&mut out);
    }
    out.push('}');
    end(out, c)
}

fn end(mut out: String, c: &Call<'_>) -> String {
    if !c.audit.is_empty() {
        out.push_str(",\"audit\":");
        c.audit.write(&mut out);
    }
    if !c.warnings.is_empty() {
        out.push_str(",\"warnings\":");
        write_array(&mut out, c.warnings.iter().map(Json::from));
    }
    out.push('}');
    out
}

/// The answer to a configuration.
pub(crate) fn accepted() -> String {
    let mut out = begin("continue");
    out.push('}');
    out
}

/// The answer to a configuration that is refused.
pub(crate) fn refused(text: &str) -> String {
    let mut out = begin("reject");
    out.push_str(",\"error\":{\"code\":\"invalid_client_metadata\",\"description\":");
    write_string(&mut out, &describable(text));
    out.push_str("}}");
    out
}

/// What each hook's function gives, and how it becomes an answer. [`plugin!`](crate::plugin) finds a hook here by its name.
#[doc(hidden)]
pub mod hooks {
    use super::{Call, Fault, Keys, Object, Outcome};

    macro_rules! plain {
        ($($hook:ident)*) => {$(
            pub fn $hook(outcome: Outcome, _: &mut Call<'_>) -> Outcome {
                outcome
            }
        )*};
    }

    plain! { pre_register pre_update pre_delete post_register post_update on_read certificate_check token_claims }

    pub fn mint_client_id(id: Result<Option<super::String>, Fault>, c: &mut Call<'_>) -> Outcome {
        c.result = id?.map(|id| Object::new().with("client_id", id));
        Ok(())
    }

    pub fn software_statement_keys(keys: Result<Option<Keys>, Fault>, c: &mut Call<'_>) -> Outcome {
        c.result = keys?.map(|keys| match keys {
            Keys::Jwks(set) => Object::new().with("jwks", set),
            Keys::Secret(text) => Object::new().with("secret", text),
        });
        Ok(())
    }

    pub fn request_keys(keys: Result<Option<Keys>, Fault>, c: &mut Call<'_>) -> Outcome {
        software_statement_keys(keys, c)
    }
}

/// Makes a plugin of functions. What it keeps between calls is a `state`, made from the manifest's configuration:
///
/// ```
/// use ostiary_plugin::{plugin, reject, Call, Code, Fault, Outcome, Value};
///
/// pub struct Hosts(Vec<String>);
///
/// impl Hosts {
///     fn configure(configuration: Value) -> Result<Self, Fault> {
///         let allowed = configuration.get("allowed").strings();
///         if allowed.is_empty() {
///             return Err("allowed must list at least one host".into());
///         }
///         Ok(Hosts(allowed.into_iter().map(String::from).collect()))
///     }
///
///     fn check(&self, c: &mut Call) -> Outcome {
///         for uri in c.client.redirect_uris() {
///             if !self.0.iter().any(|host| uri.starts_with(&format!("https://{host}/"))) {
///                 return Err(reject(Code::InvalidRedirectUri, &format!("{uri} is not on a host of ours.")));
///             }
///         }
///         Ok(())
///     }
/// }
///
/// plugin! {
///     state: Hosts,
///     configure: Hosts::configure,
///     pre_register: Hosts::check,
///     pre_update: Hosts::check,
/// }
/// # fn main() {}
/// ```
///
/// Without a configuration the functions stand alone: `plugin! { pre_register: check }` with `fn check(c: &mut Call) -> Outcome`.
///
/// The macro defines a static `PLUGIN`, which tests use, and the module's exports. `mint_client_id` gives a
/// `Result<Option<String>, Fault>`, `software_statement_keys` and `request_keys` a `Result<Option<Keys>, Fault>`, the others an
/// [`Outcome`].
#[macro_export]
macro_rules! plugin {
    (state: $state:ty, configure: $configure:expr, $($hook:ident: $serve:expr),+ $(,)?) => {
        /// The plugin, for its tests.
        pub static PLUGIN: $crate::Plugin<$state> = $crate::Plugin {
            configure: |v| $configure(v),
            hooks: &[$((stringify!($hook), |state, c| {
                let outcome = $serve(state, c);
                $crate::hooks::$hook(outcome, c)
            })),+],
        };
        $crate::exports! { $state, $($hook)+ }
    };
    ($($hook:ident: $serve:expr),+ $(,)?) => {
        /// The plugin, for its tests.
        pub static PLUGIN: $crate::Plugin<()> = $crate::Plugin {
            configure: |_| Ok(()),
            hooks: &[$((stringify!($hook), |_, c| {
                let outcome = $serve(c);
                $crate::hooks::$hook(outcome, c)
            })),+],
        };
        $crate::exports! { (), $($hook)+ }
    };
}
