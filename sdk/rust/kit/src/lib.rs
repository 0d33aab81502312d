//! The kit is the plugin that the tests of SDK and host share: its configuration says what it does in every hook. Steps play a
//! well-behaved plugin (script.rs), misbehave plays a hostile or broken one (hostile.rs). It is `sdk/go/internal/kit` once more.

use ostiary_plugin::{plugin, Call, Fault, Json, Keys, Outcome, Value};

mod hostile;
mod script;
mod shape;
#[cfg(any(feature = "capabilities", not(target_arch = "wasm32")))]
mod uses;

/// What is kept from `ostiary_configure` on.
pub struct Kit(Json);

impl Kit {
    fn start(configuration: Value) -> Result<Self, Fault> {
        hostile::start(configuration)?;
        Ok(Kit(configuration.into()))
    }

    /// Plays the script; what its steps give as a result comes out.
    fn perform(&self, c: &mut Call) -> Result<Json, Fault> {
        let how = self.0.view().get("misbehave").text();
        if !how.is_empty() {
            hostile::misbehave(&how, c)?;
        }
        let mut given = Json::null();
        for step in self.0.view().get("steps").items() {
            script::perform(c, step, &mut given)?;
        }
        Ok(given)
    }

    fn play(&self, c: &mut Call) -> Outcome {
        self.perform(c).map(drop)
    }

    fn mint(&self, c: &mut Call) -> Result<Option<String>, Fault> {
        let given = self.perform(c)?;
        let id = given.view().get("client_id").text();
        Ok((!id.is_empty()).then(|| id.into_owned()))
    }

    fn keys(&self, c: &mut Call) -> Result<Option<Keys>, Fault> {
        let given = self.perform(c)?;
        let (jwks, secret) = (given.view().get("jwks"), given.view().get("secret"));
        Ok(if jwks.exists() {
            Some(Keys::Jwks(jwks.into()))
        } else {
            secret.exists().then(|| Keys::Secret(secret.text().into_owned()))
        })
    }
}

plugin! {
    state: Kit,
    configure: Kit::start,
    pre_register: Kit::play,
    pre_update: Kit::play,
    pre_delete: Kit::play,
    post_register: Kit::play,
    post_update: Kit::play,
    on_read: Kit::play,
    certificate_check: Kit::play,
    token_claims: Kit::play,
    mint_client_id: Kit::mint,
    software_statement_keys: Kit::keys,
    request_keys: Kit::keys,
}
