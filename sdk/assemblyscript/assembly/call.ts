import { MAX_WARNINGS, Point } from "./abi";
import { Level, log } from "./host";
import { Metadata } from "./metadata";
import { Code, describable, printable } from "./reject";
import { Member, put, spaced, Value } from "./value";

const noMetadata = new Metadata(Value.absent());

/** One question to the plugin and, piece by piece, its answer. */
export class Call {
  /** What is to be registered so far, or what is stored, or the answer without credentials; only what the manifest reads. */
  client: Metadata = noMetadata;
  /** What is stored, on an update; else empty. */
  before: Metadata = noMetadata;
  /** What surrounds the call. */
  context: Context = noContext;
  /** What should change. */
  patch: Patch = new Patch();
  /** What keys are asked for, in softwareStatementKeys and requestKeys. */
  signed: Signed | null = null;
  /** In certificateCheck; context.certificate is there in all hooks. */
  certificate: Certificate | null = null;
  /** In tokenClaims. */
  token: Token | null = null;

  /** The hook's name, as the host gives it. */
  hookValue: Value = Value.absent();
  /** 32 random bytes in base64, new for every call: a module's own random numbers would repeat, because its memory is reset. */
  entropyValue: Value = Value.absent();

  warnings: string[] | null = null;
  notes: Member[] | null = null;
  rejected: bool = false;
  code: Code = Code.AccessDenied;
  description: string = "";
  extra: Member[] | null = null;
  failure: string | null = null;

  constructor(public point: Point) {}

  /** The hook's name. */
  get hook(): string { return this.hookValue.text(); }

  /** 32 random bytes in base64, new for every call: a module's own random numbers would repeat, because its memory is reset. */
  get entropy(): string { return this.entropyValue.text(); }

  /**
   * Refuses what was asked for: `return c.reject(...)`. The client reads code and text; say what is wrong and what to do. What
   * RFC 6749 §5.2 does not allow in an error_description (quotes, backslashes, anything but ASCII) is replaced.
   */
  reject(code: Code, text: string): void {
    this.rejected = true;
    this.code = code;
    this.description = describable(text);
  }

  /** Adds a member to the error answer of a rejection: at most 8 in 1 KiB, none that the answer has itself. */
  addToError(name: string, value: Value): void {
    this.extra = put(this.extra, name, value);
  }

  /** Gives up: `return c.fail(...)`. The client is told that the server failed, the operator's log says the text. */
  fail(text: string): void {
    if (this.failure === null) this.failure = text;
  }

  /** Adds a warning that the client reads in the answer. What cannot be printed becomes "?"; of the text 200 characters are kept, of
   * the warnings 8. */
  warn(text: string): void {
    const warnings = this.warnings;
    if (!warnings) this.warnings = [printable(text)];
    else if (warnings.length < MAX_WARNINGS) warnings.push(printable(text));
    else log(Level.Warn, "a ninth warning was dropped: " + text);
  }

  /** Notes a value in the ledger entry of this decision, for the operator. */
  audit(key: string, value: Value): void {
    this.notes = put(this.notes, key, value);
  }

  /** Whether a trusted software statement fixed a member, so that patching it would be refused. */
  locked(member: string): bool {
    const list = this.context.value.get("locked").items();
    for (let i = 0; i < list.length; i++) {
      if (list[i].is(member)) return true;
    }
    return false;
  }
}

/** What surrounds a call, read when asked. Texts are empty where there is nothing to say. */
export class Context {
  constructor(public value: Value) {}

  get decisionId(): string { return this.value.get("decision_id").text(); }
  /** register, update, read, delete, token */
  get operation(): string { return this.value.get("operation").text(); }
  /** dcr, manage, operator; empty in tokenClaims */
  get channel(): string { return this.value.get("channel").text(); }
  /** Empty before there is one. */
  get clientId(): string { return this.value.get("client_id").text(); }
  get profile(): string { return this.value.get("profile").text(); }
  /** Unix seconds. */
  get now(): i64 { return this.value.get("now").int(); }
  /** Who is at the desk. */
  get caller(): Caller { return new Caller(this.value.get("caller")); }
  /** null: none was presented. */
  get initialAccessToken(): InitialAccessToken | null {
    const v = this.value.get("initial_access_token");
    return v.isObject() ? new InitialAccessToken(v) : null;
  }
  /** The claims of the verified software statement; absent if there was none. */
  get softwareStatement(): Value { return this.value.get("software_statement").get("claims"); }
  /** null: the caller presented none. */
  get certificate(): Certificate | null {
    const v = this.value.get("certificate");
    return v.isObject() ? new Certificate(v) : null;
  }
  /** Members that no patch may touch. */
  get locked(): string[] { return this.value.get("locked").strings(); }
}

const noContext = new Context(Value.absent());

/** Who is at the desk. */
export class Caller {
  constructor(public value: Value) {}

  /** What the caller showed: initial_access_token, registration_access_token, open, ... */
  get kind(): string { return this.value.get("kind").text(); }
  get ip(): string { return this.value.get("ip").text(); }
  get origin(): string { return this.value.get("origin").text(); }
  get userAgent(): string { return this.value.get("user_agent").text(); }
  get subject(): string { return this.value.get("subject").text(); }
  get clientId(): string { return this.value.get("client_id").text(); }
  get scopes(): string[] { return this.value.get("scopes").strings(); }
  get roles(): string[] { return this.value.get("roles").strings(); }
}

/** What a plugin may know of the token a client registers with. */
export class InitialAccessToken {
  constructor(public value: Value) {}

  get label(): string { return this.value.get("label").text(); }
  /** Empty: any. */
  get profile(): string { return this.value.get("profile").text(); }
  /** What it lays down: scopes, redirect_hosts, software_ids, origins, policy_data. Absent: nothing. */
  get terms(): Value { return this.value.get("terms"); }
}

/** A JWT whose keys are asked for. Nothing of it is verified yet. */
export class Signed {
  constructor(public value: Value) {}

  /** software_statement or request */
  get kind(): string { return this.value.get("kind").text(); }
  get alg(): string { return this.value.get("alg").text(); }
  /** Empty: it names none. */
  get kid(): string { return this.value.get("kid").text(); }
  /** An object. */
  get claims(): Value { return this.value.get("claims"); }
}

/** What there is to know of a client's X.509 certificate. */
export class Certificate {
  constructor(public value: Value) {}

  /** The distinguished name (RFC 4514). */
  get subject(): string { return this.value.get("subject").text(); }
  get issuer(): string { return this.value.get("issuer").text(); }
  /** In hexadecimal. */
  get serial(): string { return this.value.get("serial").text(); }
  /** Of the DER form, in hexadecimal. */
  get sha256(): string { return this.value.get("sha256").text(); }
  /** Its other names (RFC 5280 §4.2.1.6) of a kind: dns, uri, email or ip. */
  san(kind: string): string[] { return this.value.get("san").get(kind).strings(); }
  /** Unix seconds. */
  get notBefore(): i64 { return this.value.get("not_before").int(); }
  /** Unix seconds. */
  get notAfter(): i64 { return this.value.get("not_after").int(); }
  /** Only in certificateCheck. */
  get pem(): string { return this.value.get("pem").text(); }
}

/** An access token that is about to be minted. */
export class Token {
  constructor(public value: Value) {}

  get grantType(): string { return this.value.get("grant_type").text(); }
  get subject(): string { return this.value.get("subject").text(); }
  get scopes(): string[] { return this.value.get("scopes").strings(); }
  get audience(): string[] { return this.value.get("audience").strings(); }
  /** What it says so far, an object. */
  get claims(): Value { return this.value.get("claims"); }
}

/** A change of metadata in the terms of RFC 7396. Of two changes of one member the last one counts. */
export class Patch {
  members: Member[] | null = null;

  /** Sets a member to any value. */
  set(member: string, value: Value): void { this.members = put(this.members, member, value); }

  /** Sets a member to a string. */
  setString(member: string, text: string): void { this.set(member, Value.string(text)); }

  /** Sets a member to an array of strings. */
  setStrings(member: string, list: string[]): void { this.set(member, Value.strings(list)); }

  /** Sets a member to a whole number. */
  setInt(member: string, n: i64): void { this.set(member, Value.int(n)); }

  /** Sets a member to true or false. */
  setBool(member: string, b: bool): void { this.set(member, Value.bool(b)); }

  /** Sets the member scope, which is one string with spaces. */
  setScope(scopes: string[]): void { this.set("scope", spaced(scopes)); }

  /** Takes a member away. */
  remove(member: string): void { this.set(member, Value.null()); }

  /** What the patch sets a member to so far; null if it removes it, absent if it leaves it alone. */
  get(member: string): Value {
    const members = this.members;
    for (let i = 0; members && i < members.length; i++) {
      if (members[i].name == member) return members[i].value;
    }
    return Value.absent();
  }
}

/** Keys verify a signature: what softwareStatementKeys and requestKeys give. */
export class Keys {
  private constructor(public name: string, public value: Value) {}

  /** A JWK Set (RFC 7517). */
  static jwks(set: Value): Keys { return new Keys("jwks", set); }

  /** A secret for HS256, HS384 and HS512. */
  static secret(text: string): Keys { return new Keys("secret", Value.string(text)); }
}
