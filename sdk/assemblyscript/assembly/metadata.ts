import { behindColon, first, next, reads, space, valueEnd, words } from "./scan";
import { Value } from "./value";

/**
 * A client's metadata, as RFC 7591 §2 and OpenID Connect Dynamic Client Registration 1.0 §2 name it. An absent member reads as an
 * empty one; get tells absent from empty.
 */
export class Metadata {
  constructor(public readonly value: Value, private members: Places | null = null) {}

  /** Reads the value that begins at `at`; its members are found on the way to its end. */
  static read(at: usize, end: usize, owner: ArrayBuffer | null): Metadata {
    const members = new Places(at, end);
    return new Metadata(new Value(at, members.end, owner), members);
  }

  /** A member; the absent Value if there is none. */
  get(name: string): Value {
    let members = this.members;
    if (!members) {
      members = new Places(this.value.start, this.value.end);
      this.members = members;
    }
    return members.get(name, this.value.owner);
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
    const scope = this.get("scope");
    return scope.isString() ? words(scope.start, scope.end) : [];
  }
}

/** Where the members of an object stand: of each the name and the value, each from its first place to that behind it. */
class Places {
  /** The place behind the object. */
  readonly end: usize;
  private list: StaticArray<usize>;
  private size: i32;

  constructor(start: usize, end: usize) {
    let list = new StaticArray<usize>(4 * 32);
    let n = 0;
    let stop: usize = 0;
    for (let name = first(start, end, 0x7b); name; name = next(stop, end)) {
      const behind = valueEnd(name, end);
      const value = behindColon(behind, end);
      stop = valueEnd(value, end);
      if (n == list.length) list = list.concat<StaticArray<usize>>(new StaticArray<usize>(n));
      unchecked(list[n + 3] = stop); // the last one first: then the engine knows that there is room for the others
      unchecked(list[n + 2] = value);
      unchecked(list[n + 1] = behind);
      unchecked(list[n] = name);
      n += 4;
    }
    this.list = list;
    this.size = n;
    this.end = stop ? space(stop, end) + 1 : valueEnd(start, end);
  }

  get(name: string, owner: ArrayBuffer | null): Value {
    const list = this.list;
    const size = this.size;
    for (let n = 0; n < size; n += 4) {
      if (reads(unchecked(list[n]), unchecked(list[n + 1]), name)) return new Value(unchecked(list[n + 2]), unchecked(list[n + 3]), owner);
    }
    return Value.absent();
  }
}
