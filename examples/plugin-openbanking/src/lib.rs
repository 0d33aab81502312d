//! Openbanking registers the clients of an open-banking directory, as Janssen's open-banking sample script does: who registers presents
//! the certificate and the software statement that the directory issued; the client's id comes from the certificate, its scopes
//! and its keys from the statement.

use ostiary_plugin::{plugin, reject, Call, Code, Fault, Outcome, Value};

/// What the configuration in the manifest says: the names of claims, and where the id comes from.
pub struct OpenBanking {
    jwks_claim: String,
    redirects_claim: String,
    scopes_claim: String,
    id_from: String,
}

impl OpenBanking {
    fn configure(configuration: Value) -> Result<Self, Fault> {
        let given = |name, otherwise: &str| match configuration.get(name) {
            v if v.exists() => v.text().into_owned(),
            _ => otherwise.to_owned(),
        };
        Ok(OpenBanking {
            jwks_claim: given("jwks_claim", "org_jwks_endpoint"),
            redirects_claim: given("redirects_claim", "software_redirect_uris"),
            scopes_claim: given("scopes_claim", "software_scopes"),
            id_from: given("client_id_from", "certificate"),
        })
    }

    /// Sees to the metadata of a client that registers or updates.
    fn shape(&self, c: &mut Call) -> Outcome {
        let claims = c.context.software_statement();
        if !claims.exists() {
            return Err(reject(Code::InvalidSoftwareStatement, "A software statement of the directory is needed."));
        }
        same_software(c, claims)?;
        self.check_redirects(c, claims)?;
        match &*c.client.token_endpoint_auth_method() {
            "tls_client_auth" | "private_key_jwt" => {}
            _ => self.set(c, "token_endpoint_auth_method", "tls_client_auth".into()),
        }
        let scopes = words(claims.get(&self.scopes_claim));
        if scopes.is_empty() {
            let text = format!("The statement's {} lists no scope.", self.scopes_claim);
            return Err(reject(Code::InvalidSoftwareStatement, &text));
        }
        self.set(c, "scope", scopes.join(" "));
        let keys = claims.get(&self.jwks_claim).text().into_owned();
        if !keys.starts_with("https://") {
            let text = format!("The statement's {} is no https URL.", self.jwks_claim);
            return Err(reject(Code::InvalidSoftwareStatement, &text));
        }
        if c.client.get("jwks").exists() {
            c.patch.remove("jwks"); // the directory's keys count, and only they
        }
        self.set(c, "jwks_uri", keys);
        Ok(())
    }

    /// Patches a member, unless it is so already or the statement fixed it.
    fn set(&self, c: &mut Call, member: &str, text: String) {
        if !c.locked(member) && c.client.get(member).text() != text {
            c.patch.set(member, text);
        }
    }

    /// Where the statement lists redirects, the client may use no others.
    fn check_redirects(&self, c: &Call, claims: Value) -> Outcome {
        let listed = claims.get(&self.redirects_claim);
        if !listed.exists() {
            return Ok(());
        }
        let listed = listed.strings();
        match c.client.redirect_uris().iter().find(|uri| !listed.contains(uri)) {
            Some(uri) => Err(reject(Code::InvalidRedirectUri, &format!("{uri} is not in the software statement."))),
            None => Ok(()),
        }
    }

    /// Gives the client the id that the directory knows it by.
    fn mint(&self, c: &mut Call) -> Result<Option<String>, Fault> {
        let id = match &*self.id_from {
            "software_id" => c.context.software_statement().get("software_id").text().into_owned(),
            _ => common_name(c).ok_or_else(|| reject(Code::InvalidClientMetadata, "The certificate has no common name."))?,
        };
        if id.is_empty() || id.len() > 128 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
            return Err(reject(Code::InvalidClientMetadata, &format!("{id} cannot be a client_id.")));
        }
        Ok(Some(id))
    }
}

/// Verifies that certificate, statement and request speak of one software.
fn same_software(c: &Call, claims: Value) -> Outcome {
    if c.context.operation() == "update" && c.context.certificate().is_none() {
        return Ok(()); // an update is made with the registration access token
    }
    let Some(name) = common_name(c) else {
        return Err(reject(Code::InvalidClientMetadata, "A client certificate of the directory with a common name is needed."));
    };
    if claims.get("software_id").text() != name {
        return Err(reject(Code::InvalidSoftwareStatement, "The statement's software_id is not the certificate's common name."));
    }
    let asked = c.client.software_id();
    if !asked.is_empty() && asked != name {
        return Err(reject(Code::InvalidClientMetadata, "software_id is not that of the statement."));
    }
    Ok(())
}

/// Gives the common name of the certificate's subject, a distinguished name as RFC 4514 writes it.
fn common_name(c: &Call) -> Option<String> {
    let subject = c.context.certificate()?.subject();
    if subject.contains('\\') {
        return None; // an escape: such a name is no software's
    }
    let name = subject.split([',', '+']).find_map(|part| part.trim().strip_prefix("CN="))?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Gives the words of a claim that is a list, or one text with spaces.
fn words(claim: Value) -> Vec<String> {
    match claim.is_array() {
        true => claim.strings().into_iter().map(|s| s.into_owned()).collect(),
        false => claim.text().split_whitespace().map(str::to_owned).collect(),
    }
}

plugin! {
    state: OpenBanking,
    configure: OpenBanking::configure,
    pre_register: OpenBanking::shape,
    pre_update: OpenBanking::shape,
    mint_client_id: OpenBanking::mint,
}
