use std::sync::atomic::{AtomicI64, Ordering};

use ostiary_plugin::{base64, log, reject, Call, Certificate, Code, Fault, Json, Level, Metadata, Object, Outcome, Value};

use crate::shape::shape;

/// Counts calls: a host that resets the module's memory shows 1 every time.
pub static CALLS: AtomicI64 = AtomicI64::new(0);

/// Plays one step of the script. What it gives as a result goes into `given`.
pub fn perform(c: &mut Call, step: Value, given: &mut Json) -> Outcome {
    let (member, text) = (&*step.get("member").text(), &*step.get("text").text());
    match &*step.get("op").text() {
        "set" => c.patch.set(member, step.get("value")),
        "remove" => c.patch.remove(member),
        "set_scope" => c.patch.set_scope(&step.get("value").strings()),
        "warn" => c.warn(text),
        "audit" => c.audit(member, step.get("value")),
        "log" => log(Level::Info, text),
        "reject" => return Err(reject(code(step)?, text)),
        "reject_with" => return Err(reject(code(step)?, text).with(member, step.get("value"))),
        "fail" => return Err(text.into()),
        "count" => c.patch.set(member, CALLS.fetch_add(1, Ordering::Relaxed) + 1),
        "report" => {
            let seen = report(c);
            c.patch.set(member, seen);
        }
        "skip_if_locked" => {
            if !c.locked(member) {
                c.patch.set(member, step.get("value"));
            }
        }
        "give" => *given = step.get("value").into(),
        "give_if_issuer" => {
            if c.signed.is_some_and(|s| s.claims().get("iss").text() == text) {
                *given = step.get("value").into();
            }
        }
        "shape" => return shape(c),
        "about" => {
            let about = about(c);
            c.audit("about", about);
        }
        #[cfg(any(feature = "capabilities", not(target_arch = "wasm32")))]
        op => return crate::uses::perform(c, op, step),
        #[cfg(not(any(feature = "capabilities", not(target_arch = "wasm32"))))]
        op => return Err(format!("the script has no step {op}").into()),
    }
    Ok(())
}

fn code(step: Value) -> Result<Code, Fault> {
    let word = step.get("code").text();
    Code::named(&word).ok_or_else(|| format!("a plugin may not reject with the code {word}").into())
}

/// Says what the plugin was told, through the SDK's accessors.
fn report(c: &Call) -> Object {
    let (x, caller) = (c.context, c.context.caller());
    let token = x.initial_access_token().map(|t| {
        let name = Json::from(format!("{}{}", t.label(), t.profile()));
        if t.terms().is_object() { Json::from(vec![name, t.terms().into()]) } else { name }
    });
    Object::new()
        .with("hook", c.hook)
        .with("decision_id", x.decision_id())
        .with("operation", x.operation())
        .with("channel", x.channel())
        .with("client_id", x.client_id())
        .with("profile", x.profile())
        .with("now", x.now())
        .with("caller", vec![caller.kind(), caller.ip(), caller.origin(), caller.user_agent(), caller.subject(), caller.client_id()])
        .with("scopes", caller.scopes())
        .with("roles", caller.roles())
        .with("token", token.unwrap_or(Json::null()))
        .with("claims", x.software_statement())
        .with("locked", x.locked())
        .with("entropy", base64::encode(&c.entropy()))
        .with("client", described(&c.client))
        .with("before", described(&c.before))
}

fn described(m: &Metadata) -> Object {
    let mut o = Object::new()
        .with("texts", vec![
            m.client_name(), m.client_uri(), m.logo_uri(), m.tos_uri(), m.policy_uri(), m.jwks_uri(), m.software_id(),
            m.software_version(), m.application_type(), m.token_endpoint_auth_method(),
        ])
        .with("lists", vec![m.redirect_uris(), m.grant_types(), m.response_types(), m.contacts(), m.scope()]);
    for (name, v) in [("extra", m.get("extra")), ("nameless", m.get(""))] {
        if v.exists() {
            o.set(name, v);
        }
    }
    o
}

/// Says what the hook is about, through the SDK's accessors.
fn about(c: &Call) -> Object {
    let mut o = Object::new();
    if let Some(s) = c.signed {
        o.set("signed", vec![vec![s.kind(), s.alg(), s.kid()].into(), Json::from(s.claims())]);
    }
    if let Some(t) = c.token {
        o.set("token", vec![Json::from(vec![t.grant_type(), t.subject()]), t.scopes().into(), t.audience().into(), t.claims().into()]);
    }
    if let Some(held) = c.certificate {
        o.set("certificate", certificate(held));
    }
    if let Some(held) = c.context.certificate() {
        o.set("presented", certificate(held));
    }
    o
}

fn certificate(c: Certificate) -> Vec<Json> {
    let san = c.san();
    vec![
        vec![c.subject(), c.issuer(), c.serial(), c.sha256(), c.pem()].into(),
        san.dns().into(), san.uri().into(), san.email().into(), san.ip().into(),
        c.not_before().into(), c.not_after().into(),
    ]
}
