import { Call, Certificate, Code, InitialAccessToken, Level, Member, Metadata, Value, codeNamed, log } from "../../assembly";
import { shape } from "./shape";

/** Plays the steps that need capabilities, in the build that has them. */
let using: ((c: Call, op: string, step: Value) => bool) | null = null;

export function setUse(f: (c: Call, op: string, step: Value) => bool): void { using = f; }

/** Counts calls: a host that resets the module's memory shows 1 every time. */
let calls: i64 = 0;

let gift: Value = Value.absent();

/** What the steps of this call give as a result. */
export function given(): Value { return gift; }

/** Plays one step of the script, and tells whether the next one should be played. */
export function perform(c: Call, step: Value): bool {
  const op = step.get("op").text();
  if (op == "shape") return shape(c); // first, for it is measured
  const member = step.get("member").text();
  const text = step.get("text").text();
  const value = step.get("value");
  if (op == "set") c.patch.set(member, value);
  else if (op == "remove") c.patch.remove(member);
  else if (op == "set_scope") c.patch.setScope(value.strings());
  else if (op == "warn") c.warn(text);
  else if (op == "audit") c.audit(member, value);
  else if (op == "log") log(Level.Info, text);
  else if (op == "reject" || op == "reject_with") return reject(c, step);
  else if (op == "fail") {
    c.fail(text);
    return false;
  } else if (op == "count") c.patch.setInt(member, ++calls);
  else if (op == "report") c.patch.set(member, report(c));
  else if (op == "skip_if_locked") {
    if (!c.locked(member)) c.patch.set(member, value);
  } else if (op == "give") gift = value;
  else if (op == "give_if_issuer") {
    const signed = c.signed;
    if (signed && signed.claims.get("iss").text() == text) gift = value;
  } else if (op == "about") c.audit("about", about(c));
  else {
    const use = using;
    if (use) return use(c, op, step);
    c.fail("the script has no step " + op);
    return false;
  }
  return true;
}

function reject(c: Call, step: Value): bool {
  const word = step.get("code").text();
  const code = codeNamed(word);
  if (code < 0) c.fail("a plugin may not reject with the code " + word);
  else c.reject(<Code>code, step.get("text").text());
  if (step.get("op").is("reject_with")) c.addToError(step.get("member").text(), step.get("value"));
  return false;
}

/** Says what the plugin was told, through the SDK's accessors. */
function report(c: Call): Value {
  const x = c.context;
  const token = x.initialAccessToken;
  const claims = x.softwareStatement;
  return Value.object([
    new Member("hook", Value.string(c.hook)),
    new Member("decision_id", Value.string(x.decisionId)),
    new Member("operation", Value.string(x.operation)),
    new Member("channel", Value.string(x.channel)),
    new Member("client_id", Value.string(x.clientId)),
    new Member("profile", Value.string(x.profile)),
    new Member("now", Value.int(x.now)),
    new Member("caller", Value.strings([x.caller.kind, x.caller.ip, x.caller.origin, x.caller.userAgent, x.caller.subject, x.caller.clientId])),
    new Member("scopes", Value.strings(x.caller.scopes)),
    new Member("roles", Value.strings(x.caller.roles)),
    new Member("token", token ? tokenOf(token) : Value.null()),
    new Member("claims", claims.exists() ? claims : Value.null()),
    new Member("locked", Value.strings(x.locked)),
    new Member("entropy", Value.string(c.entropy)),
    new Member("client", described(c.client)),
    new Member("before", described(c.before)),
  ]);
}

function tokenOf(t: InitialAccessToken): Value {
  const name = Value.string(t.label + t.profile);
  return t.terms.isObject() ? Value.array([name, t.terms]) : name;
}

function described(m: Metadata): Value {
  return Value.object([
    new Member("texts", Value.strings([m.clientName, m.clientUri, m.logoUri, m.tosUri, m.policyUri, m.jwksUri, m.softwareId,
      m.softwareVersion, m.applicationType, m.tokenEndpointAuthMethod])),
    new Member("lists", Value.array([Value.strings(m.redirectUris), Value.strings(m.grantTypes), Value.strings(m.responseTypes),
      Value.strings(m.contacts), Value.strings(m.scope)])),
    new Member("extra", m.get("extra")),
    new Member("nameless", m.get("")),
  ]);
}

/** Says what the hook is about, through the SDK's accessors. */
function about(c: Call): Value {
  const members: Member[] = [];
  const s = c.signed;
  if (s) members.push(new Member("signed", Value.array([Value.strings([s.kind, s.alg, s.kid]), s.claims])));
  const t = c.token;
  if (t) {
    members.push(new Member("token", Value.array([Value.strings([t.grantType, t.subject]), Value.strings(t.scopes),
      Value.strings(t.audience), t.claims])));
  }
  const held = c.certificate;
  if (held) members.push(new Member("certificate", certificate(held)));
  const presented = c.context.certificate;
  if (presented) members.push(new Member("presented", certificate(presented)));
  return Value.object(members);
}

function certificate(c: Certificate): Value {
  return Value.array([Value.strings([c.subject, c.issuer, c.serial, c.sha256, c.pem]), Value.strings(c.san("dns")),
    Value.strings(c.san("uri")), Value.strings(c.san("email")), Value.strings(c.san("ip")), Value.int(c.notBefore), Value.int(c.notAfter)]);
}
