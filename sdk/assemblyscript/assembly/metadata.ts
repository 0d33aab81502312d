import { Scanner } from "./scan";
import { Value } from "./value";

/**
 * A client's metadata, as RFC 7591 §2 and OpenID Connect Dynamic Client Registration 1.0 §2 name it. An absent member reads as an
 * empty one; get tells absent from empty.
 */
export class Metadata {
  private names: Value[] | null = null; // of value's members, found when first asked
  private values: Value[] = [];

  constructor(public value: Value) {}

  /** A member; the absent Value if there is none. */
  get(name: string): Value {
    let names = this.names;
    if (!names) names = this.index();
    for (let i = 0; i < names.length; i++) {
      if (unchecked(names[i]).is(name)) return unchecked(this.values[i]);
    }
    return Value.absent();
  }

  private index(): Value[] {
    const names: Value[] = [];
    this.names = names;
    const s = new Scanner(this.value.start, this.value.end, this.value.owner);
    if (!s.open(0x7b)) return names;
    while (s.next(0x7d)) {
      names.push(s.take());
      s.colon();
      this.values.push(s.take());
    }
    return names;
  }

  get clientName(): string { return this.get("client_name").text(); }
  get clientUri(): string { return this.get("client_uri").text(); }
  get logoUri(): string { return this.get("logo_uri").text(); }
  get tosUri(): string { return this.get("tos_uri").text(); }
  get policyUri(): string { return this.get("policy_uri").text(); }
  get jwksUri(): string { return this.get("jwks_uri").text(); }
  get softwareId(): string { return this.get("software_id").text(); }
  get softwareVersion(): string { return this.get("software_version").text(); }
  get applicationType(): string { return this.get("application_type").text(); }
  get tokenEndpointAuthMethod(): string { return this.get("token_endpoint_auth_method").text(); }
  get redirectUris(): string[] { return this.get("redirect_uris").strings(); }
  get grantTypes(): string[] { return this.get("grant_types").strings(); }
  get responseTypes(): string[] { return this.get("response_types").strings(); }
  get contacts(): string[] { return this.get("contacts").strings(); }

  /** The member scope, split at its spaces. */
  get scope(): string[] {
    const list = this.get("scope").text().split(" ");
    const words: string[] = [];
    for (let i = 0; i < list.length; i++) {
      if (list[i] != "") words.push(list[i]);
    }
    return words;
  }
}
