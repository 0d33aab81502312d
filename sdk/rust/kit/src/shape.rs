use std::borrow::Cow;

use ostiary_plugin::{reject, Call, Code, Outcome};

/// The job that the benchmarks measure: what a plugin usually does, on most of a registration.
pub fn shape(c: &mut Call) -> Outcome {
    for uri in c.client.redirect_uris() {
        if !uri.starts_with("https://") {
            return Err(reject(Code::InvalidRedirectUri, &format!("{uri} is not https")));
        }
    }
    if c.client.token_endpoint_auth_method() != "private_key_jwt" {
        c.patch.set("token_endpoint_auth_method", "private_key_jwt");
    }
    let mut scopes = c.client.scope();
    scopes.retain(|scope| scope != "offline_access");
    c.patch.set_scope(&scopes);
    let mut contacts = c.client.contacts();
    contacts.push(Cow::Owned(format!("ops@{}.example", c.context.profile())));
    c.patch.set("contacts", contacts);
    if c.context.profile().contains("fapi") {
        c.patch.set("require_pushed_authorization_requests", true);
    }
    Ok(())
}
