// Contacts is the example plugin: it gives every client somebody to write to.
//
// Before a client is registered or updated it adds a contact address when there is none, and refuses one that is no address.
// When a client is registered or read it says in the answer who registered it.

import { Call, Code, Setup, Value, configure, onRead, postRegister, preRegister, preUpdate } from "../../../sdk/assemblyscript/assembly";

export * from "../../../sdk/assemblyscript/assembly/exports";

// What the configuration says; the values here are those without one.
let domain = "example.com";
let label = "ostiary-example";

configure((s: Setup) => {
  const d = s.configuration.get("domain");
  if (d.exists()) domain = d.text();
  const l = s.configuration.get("label");
  if (l.exists()) label = l.text();
  if (domain == "" || domain.includes("@") || domain.includes(" ")) s.refuse("domain must be a host name, such as example.com");
});
preRegister(shape);
preUpdate(shape);
postRegister(sign);
onRead(sign);

/** Sees to the contacts of a client. */
function shape(c: Call): void {
  const contacts = c.client.contacts;
  for (let i = 0; i < contacts.length; i++) {
    if (!plausible(contacts[i])) {
      return c.reject(Code.InvalidClientMetadata, "contacts: " + contacts[i] + " is no e-mail address; write name@host.");
    }
  }
  if (contacts.length > 0 || c.locked("contacts")) return;
  c.patch.setStrings("contacts", ["clients@" + domain]);
  c.audit("added_contact", Value.bool(true));
}

/** Says in the answer who registered the client. */
function sign(c: Call): void {
  c.patch.setString("registered_through", label);
}

/** Whether a text may be an e-mail address. Whether it is one, only a letter to it would show. */
function plausible(address: string): bool {
  const at = address.indexOf("@");
  return at > 0 && at < address.length - 1 && !address.includes(" ") && !address.includes("\t") && address.indexOf("@", at + 1) < 0;
}
