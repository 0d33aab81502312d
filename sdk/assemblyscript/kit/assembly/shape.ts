import { Call, Code } from "../../assembly";

/** The job that the benchmarks measure: what a plugin usually does, on most of a registration. */
export function shape(c: Call): bool {
  const uris = c.client.redirectUris;
  for (let i = 0; i < uris.length; i++) {
    if (!uris[i].startsWith("https://")) {
      c.reject(Code.InvalidRedirectUri, uris[i] + " is not https");
      return false;
    }
  }
  if (c.client.tokenEndpointAuthMethod != "private_key_jwt") c.patch.setString("token_endpoint_auth_method", "private_key_jwt");
  c.patch.setScope(c.client.scope.filter((scope) => scope != "offline_access"));
  const contacts = c.client.contacts;
  const profile = c.context.profile;
  contacts.push("ops@" + profile + ".example");
  c.patch.setStrings("contacts", contacts);
  if (profile.includes("fapi")) c.patch.setBool("require_pushed_authorization_requests", true);
  return true;
}
