import { Call, Member, Used, Value, http, hmac, kvDelete, kvGet, kvPut, now, policy, random, sign } from "../../assembly";
import { decode, encode } from "../../assembly/base64";

/** Plays one step that needs a capability. What comes of it, a refusal too, is patched into the member. It is there only in the build
 * with its own first file, capabilities.ts: a module that mentions a capability imports it. */
export function use(c: Call, op: string, step: Value): bool {
  let got = Value.bool(true);
  let used = new Used("", 0);
  const key = step.get("key").text();
  const text = step.get("text").text();
  if (op == "now") got = Value.int(now());
  else if (op == "random") {
    used = random(<i32>step.get("size").int());
    got = Value.string(encode(used.bytes));
  } else if (op == "kv_get") {
    used = kvGet(key);
    got = used.found ? Value.string(used.text) : Value.null();
  } else if (op == "kv_put") used = kvPut(key, text, step.get("ttl").int());
  else if (op == "kv_delete") used = kvDelete(key);
  else if (op == "kv_count") {
    used = kvGet(key);
    const n = (used.found ? i64.parse(used.text) : 0) + 1;
    if (!used.failed) used = kvPut(key, n.toString());
    got = Value.int(n);
  } else if (op == "http") {
    const r = step.get("request");
    const raw = decode(r.get("body_base64").text());
    const body = raw.byteLength > 0 ? raw : String.UTF8.encode(r.get("body").text());
    const response = http(r.get("method").text(), r.get("url").text(), r.get("headers"), body);
    used = response;
    got = Value.object([
      new Member("status", Value.int(response.status)),
      new Member("type", Value.string(response.headers.get("content-type").text())),
      new Member("body", Value.string(encode(response.bytes))),
    ]);
  } else if (op == "sign" || op == "hmac") {
    const s = op == "sign" ? sign(key, text) : hmac(key, text);
    used = s;
    got = Value.strings([s.alg, s.kid, s.signature]);
  } else if (op == "policy") {
    used = policy(step.get("rule").text(), step.get("input"));
    got = used.found ? used.json : Value.string("undefined");
  } else {
    c.fail("the script has no step " + op);
    return false;
  }
  if (used.failed && step.get("must").bool()) {
    c.fail(used.problem);
    return false;
  }
  const member = step.get("member").text();
  if (member != "") c.patch.set(member, used.failed ? Value.string(used.problem) : got);
  return true;
}
