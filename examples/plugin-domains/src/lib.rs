//! Domains keeps clients to a list of domains: every URI of theirs must be on one of them or below it.

use ostiary_plugin::{plugin, reject, Call, Code, Fault, Outcome, Value};

/// The members that hold URIs, with what a wrong one is refused as.
const LISTS: [(&str, Code); 2] =
    [("redirect_uris", Code::InvalidRedirectUri), ("post_logout_redirect_uris", Code::InvalidClientMetadata)];
const TEXTS: [&str; 7] =
    ["client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri", "sector_identifier_uri", "initiate_login_uri"];

/// What the configuration in the manifest says. Its schema has checked it.
pub struct Domains {
    allowed: Vec<String>,
    loopback: bool,
}

impl Domains {
    fn configure(configuration: Value) -> Result<Self, Fault> {
        let allowed: Vec<_> = configuration.get("allowed").strings().iter().map(|d| d.to_ascii_lowercase()).collect();
        if allowed.is_empty() {
            return Err("allowed must list at least one domain".into());
        }
        Ok(Domains { allowed, loopback: configuration.get("loopback").bool() })
    }

    fn check(&self, c: &mut Call) -> Outcome {
        for (member, code) in LISTS {
            for uri in c.client.get(member).strings() {
                self.check_uri(member, &uri, code)?;
            }
        }
        for member in TEXTS {
            let uri = c.client.get(member).text();
            if !uri.is_empty() {
                self.check_uri(member, &uri, Code::InvalidClientMetadata)?;
            }
        }
        Ok(())
    }

    fn check_uri(&self, member: &str, uri: &str, code: Code) -> Outcome {
        match host(uri) {
            Some(host) if self.allows(&host) => Ok(()),
            Some(host) => Err(reject(code, &format!("{member}: {host} is not one of our domains.")).with("allowed_domains", &*self.allowed)),
            None => Err(reject(code, &format!("{member}: {uri} names no host."))),
        }
    }

    fn allows(&self, host: &str) -> bool {
        let below = |domain: &String| host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        self.allowed.iter().any(below) || self.loopback && matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    }
}

/// Gives the host of a URI in lower case; None where there is none, or where two readers might find two of them.
fn host(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") || authority.contains(['@', '\\', '%', ' ']) {
        return None;
    }
    let host = match authority.rfind(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.trim_end_matches('.').to_ascii_lowercase())
}

plugin! {
    state: Domains,
    configure: Domains::configure,
    pre_register: Domains::check,
    pre_update: Domains::check,
}
