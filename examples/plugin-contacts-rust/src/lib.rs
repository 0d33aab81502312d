//! Contacts is the example plugin: it gives every client somebody to write to.
//!
//! Before a client is registered or updated it adds a contact address when there is none, and refuses one that is no address.
//! When a client is registered or read it says in the answer who registered it.

use ostiary_plugin::{plugin, reject, Call, Code, Fault, Outcome, Value};

/// What the configuration in the manifest says.
pub struct Contacts {
    domain: String,
    label: String,
}

impl Contacts {
    fn configure(configuration: Value) -> Result<Self, Fault> {
        let given = |name, otherwise: &str| match configuration.get(name) {
            v if v.exists() => v.text().into_owned(),
            _ => otherwise.to_owned(),
        };
        let contacts = Contacts { domain: given("domain", "example.com"), label: given("label", "ostiary-example") };
        if contacts.domain.is_empty() || contacts.domain.contains(['@', ' ']) {
            return Err("domain must be a host name, such as example.com".into());
        }
        Ok(contacts)
    }

    /// Sees to the contacts of a client.
    fn shape(&self, c: &mut Call) -> Outcome {
        let contacts = c.client.contacts();
        if let Some(address) = contacts.iter().find(|address| !plausible(address)) {
            let text = format!("contacts: {address} is no e-mail address; write name@host.");
            return Err(reject(Code::InvalidClientMetadata, &text));
        }
        if contacts.is_empty() && !c.locked("contacts") {
            c.patch.set("contacts", [format!("clients@{}", self.domain)]);
            c.audit("added_contact", true);
        }
        Ok(())
    }

    /// Says in the answer who registered the client.
    fn sign(&self, c: &mut Call) -> Outcome {
        c.patch.set("registered_through", &self.label);
        Ok(())
    }
}

/// Whether a text may be an e-mail address. Whether it is one, only a letter to it would show.
fn plausible(address: &str) -> bool {
    address.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !address.contains([' ', '\t']) && !host.contains('@')
    })
}

plugin! {
    state: Contacts,
    configure: Contacts::configure,
    pre_register: Contacts::shape,
    pre_update: Contacts::shape,
    post_register: Contacts::sign,
    on_read: Contacts::sign,
}
