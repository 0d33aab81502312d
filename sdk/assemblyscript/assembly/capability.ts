// What a plugin does beyond its own code, it does through capabilities: now, random, kvGet, kvPut, kvDelete, http, sign, hmac, policy.
// Each needs its capability in the manifest, and an operator's grant. A function that the plugin never mentions is not in its module,
// so the module imports what it uses and nothing else. None of them can be used in configure.

import { decode, encode } from "./base64";
import { pluginName } from "./plugin";
import { Member, Value } from "./value";

@external("ostiary_v1", "take") declare function hostTake(ptr: usize, size: i32): i32;
@external("ostiary_v1", "now") declare function hostNow(): i64;
@external("ostiary_v1", "random") declare function hostRandom(ptr: usize, size: i32): i32;
@external("ostiary_v1", "kv_get") declare function hostKvGet(key: usize, size: i32): i32;
@external("ostiary_v1", "kv_put") declare function hostKvPut(key: usize, keySize: i32, value: usize, valueSize: i32, ttl: i64): i32;
@external("ostiary_v1", "kv_delete") declare function hostKvDelete(key: usize, size: i32): i32;
@external("ostiary_v1", "http") declare function hostHttp(ptr: usize, size: i32): i32;
@external("ostiary_v1", "secret") declare function hostSecret(ptr: usize, size: i32): i32;
@external("ostiary_v1", "policy_eval") declare function hostPolicy(ptr: usize, size: i32): i32;

/** What the use of a capability came to. Look at failed first. */
export class Used {
  /** The value or the body, in bytes. */
  bytes: ArrayBuffer = new ArrayBuffer(0);
  /** Whether there is something: a value under the key, a value of the rule. */
  found: bool = false;

  constructor(
    /** The name of the import: kv_put, http. */
    public name: string,
    private code: i32,
  ) {}

  /** Whether it was refused: not granted, over a quota, not in a simulation, ... */
  get failed(): bool { return this.code < -1; }

  /** Why: `if (used.failed) return c.fail(used.problem);` */
  get problem(): string { return this.name + ": " + reason(this.code); }

  /** The value or the body as text. */
  get text(): string { return String.UTF8.decode(this.bytes); }

  /** The value or the body as JSON; absent if it is none. */
  get json(): Value { return Value.parseBytes(this.bytes); }
}

/** What came back of a request, whatever the status. */
export class Response extends Used {
  status: i32 = 0;
  /** An object; names are in lower case, and only few headers come through. */
  headers: Value = Value.absent();
}

/** What a key of the operator's made. */
export class Signature extends Used {
  /** Of RFC 7518: EdDSA, ES256, HS256. */
  alg: string = "";
  /** The key's RFC 7638 thumbprint; of a shared key its name. */
  kid: string = "";
  /** base64url, as RFC 7515 writes it. */
  signature: string = "";
}

function reason(code: i32): string {
  switch (code) {
    case -2: return "denied: it was not granted, or the server refuses it";
    case -3: return "it cannot be understood";
    case -4: return "too large, or the quota is full";
    case -5: return "unavailable";
    case -6: return "not in a simulation";
    case -7: return "the budget of this call is used up";
    case -8: return "read-only here";
  }
  return "refused";
}

/** Fetches the answer of so many bytes into used. */
function fetch(used: Used, size: i32): void {
  if (size < 0) return;
  used.found = true;
  used.bytes = new ArrayBuffer(size);
  if (size > 0) hostTake(changetype<usize>(used.bytes), size);
}

/** The time of the call in Unix milliseconds. It does not move while the call runs. The capability is now; the seconds alone are in
 * c.context.now for everybody. */
export function now(): i64 {
  return hostNow();
}

/** Gives so many random bytes, at most 1,024, as bytes. They follow from the call's entropy, so that a call can be repeated. The
 * capability is random. */
export function random(size: i32): Used {
  const bytes = new ArrayBuffer(size);
  const used = new Used("random", hostRandom(changetype<usize>(bytes), size));
  used.bytes = bytes;
  return used;
}

/** Gives what is kept under a key of at most 1,024 bytes; found tells whether something is. What the plugin keeps is seen by later calls
 * for the same request at once, and by all others when the client is written; if the request fails in the end, nothing was kept. The
 * capability is kv. */
export function kvGet(key: string): Used {
  const k = String.UTF8.encode(key);
  const size = hostKvGet(changetype<usize>(k), k.byteLength);
  const used = new Used("kv_get", size);
  fetch(used, size);
  return used;
}

/** Keeps a value of at most 16,384 bytes for so many seconds; 0 means the manifest's ttl, which is also the longest. */
export function kvPut(key: string, value: string, ttlSeconds: i64 = 0): Used {
  const k = String.UTF8.encode(key);
  const v = String.UTF8.encode(value);
  return new Used("kv_put", hostKvPut(changetype<usize>(k), k.byteLength, changetype<usize>(v), v.byteLength, ttlSeconds));
}

/** Takes a value away. One that is not there is no error. */
export function kvDelete(key: string): Used {
  const k = String.UTF8.encode(key);
  return new Used("kv_delete", hostKvDelete(changetype<usize>(k), k.byteLength));
}

/** Sends a request to a host that was granted and waits for the answer, 500 ms at most. No redirect is followed. headers is an object or
 * absent. The capability is http. */
export function http(method: string, url: string, headers: Value = Value.absent(), body: ArrayBuffer = new ArrayBuffer(0)): Response {
  const request = [new Member("method", Value.string(method)), new Member("url", Value.string(url)), new Member("headers", headers)];
  if (body.byteLength > 0) request.push(new Member("body_base64", Value.string(encode(body))));
  const v = Value.object(request);
  const size = hostHttp(v.start, <i32>(v.end - v.start));
  const response = new Response("http", size);
  fetch(response, size);
  if (response.failed) return response;
  const answer = response.json;
  response.status = <i32>answer.get("status").int();
  response.headers = answer.get("headers");
  const raw = answer.get("body_base64");
  response.bytes = raw.exists() ? decode(raw.text()) : String.UTF8.encode(answer.get("body").text());
  return response;
}

/** Signs a text with a private key that the operator keeps. The plugin names it and never sees it. The capability is secret. */
export function sign(key: string, data: string): Signature {
  return made("sign", key, data);
}

/** Authenticates a text with a shared key, by HMAC-SHA256. The capability is secret. */
export function hmac(key: string, data: string): Signature {
  return made("hmac", key, data);
}

function made(op: string, key: string, data: string): Signature {
  const v = Value.object([new Member("key", Value.string(key)), new Member("op", Value.string(op)), new Member("data", Value.string(data))]);
  const size = hostSecret(v.start, <i32>(v.end - v.start));
  const s = new Signature("secret", size);
  fetch(s, size);
  if (s.failed) return s;
  const answer = s.json;
  s.alg = answer.get("alg").text();
  s.kid = answer.get("kid").text();
  s.signature = answer.get("signature").text();
  return s;
}

/** Has a rule evaluated that the operator wrote for this plugin, in the package ostiary.plugin.NAME with the plugin's name:
 * policy("limits.most", input) is data.ostiary.plugin.NAME.limits.most. json is its value; found is false when there is no such rule,
 * or it has no value for the input. The capability is policy_eval. */
export function policy(rule: string, input: Value): Used {
  const v = Value.object([
    new Member("rule", Value.string("data.ostiary.plugin." + pluginName() + "." + rule)),
    new Member("input", input.exists() ? input : Value.object([])),
  ]);
  const size = hostPolicy(v.start, <i32>(v.end - v.start));
  const used = new Used("policy_eval", size);
  fetch(used, size);
  if (used.failed) return used;
  const answer = used.json;
  used.found = answer.get("defined").bool();
  used.bytes = String.UTF8.encode(answer.get("result").json());
  return used;
}
