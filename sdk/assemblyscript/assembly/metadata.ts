import { behindColon, first, next, reads, readsAll, space, valueEnd, words } from "./scan";
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

/** Where the members of an object stand: of each a mark of its name, the place of the name, that of the value and that behind it. */
class Places {
  /** The place behind the object. */
  readonly end: usize;
  private list: StaticArray<usize>;
  private size: usize; // in bytes

  constructor(start: usize, end: usize) {
    let list = new StaticArray<usize>(4 * 32);
    let into = changetype<usize>(list);
    let full = into + (<usize>list.length << 2);
    let stop: usize = 0;
    for (let name = first(start, end, 0x7b); name; name = next(stop, end)) {
      const behind = valueEnd(name, end);
      const value = behindColon(behind, end);
      stop = valueEnd(value, end);
      if (into == full) {
        const size = into - changetype<usize>(list);
        list = list.concat<StaticArray<usize>>(new StaticArray<usize>(list.length));
        into = changetype<usize>(list) + size;
        full = into + size;
      }
      store<usize>(into, stop, 12); // the last one first: then the engine knows that there is room for the others
      store<usize>(into, value, 8);
      store<usize>(into, name, 4);
      store<usize>(into, markOf(behind - name, load<u8>(name, 1)));
      into += 16;
    }
    this.list = list;
    this.size = into - changetype<usize>(list);
    this.end = stop ? min(space(stop, end) + 1, end) : valueEnd(start, end);
  }

  /** Gives a member. First it looks for a name as long as this one, then for one with escapes or what is not ASCII, which is longer. */
  get(name: string, owner: ArrayBuffer | null): Value {
    const from = changetype<usize>(this.list);
    const end = from + this.size;
    const size = <usize>name.length + 2; // with its quotes
    const mark = markOf(size, load<u8>(changetype<usize>(name)));
    for (let at = from; at < end; at += 16) {
      const stop = load<usize>(at, 12);
      const start = load<usize>(at, 4);
      if (load<usize>(at) == mark && readsAll(start, start + size, name)) return new Value(load<usize>(at, 8), stop, owner);
    }
    return this.getWritten(size, name, owner);
  }

  private getWritten(least: usize, name: string, owner: ArrayBuffer | null): Value {
    const from = changetype<usize>(this.list);
    const end = from + this.size;
    for (let at = from; at < end; at += 16) {
      const start = load<usize>(at, 4);
      const size = load<usize>(at) >> 8;
      if (size >= least && reads(start, start + size, name)) return new Value(load<usize>(at, 8), load<usize>(at, 12), owner);
    }
    return Value.absent();
  }
}

/** Marks a name by its size, which is less than 16 MiB, and its first byte. */
@inline
function markOf(size: usize, first: u8): usize {
  return size << 8 | first;
}
