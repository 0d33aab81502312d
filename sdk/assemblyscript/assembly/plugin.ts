import { HOOKS, MAJOR, MAX_EXTRA, MAX_EXTRAS, OWN_IN_ERROR, Point } from "./abi";
import { Call, Certificate, Context, Keys, Signed, Token } from "./call";
import { Metadata } from "./metadata";
import { codeWord, describable, rejects, rejectsWith } from "./reject";
import { behindColon, first, next, reads, valueEnd } from "./scan";
import { Member, Value, writeObject } from "./value";
import { Writer } from "./write";

/** What a plugin is configured with. */
export class Setup {
  problem: string | null = null;

  constructor(
    /** The manifest's configuration: an object, empty when there is none. */
    public configuration: Value,
  ) {}

  /** Keeps the plugin from going live: `return s.refuse(...)`. The operator reads why. */
  refuse(text: string): void {
    if (this.problem === null) this.problem = text;
  }
}

/** A plugin's function for a hook. It looks at the Call and says what should change: c.patch, c.warn, c.audit, c.reject, c.fail. */
type Hook = (c: Call) => void;
type Mint = (c: Call) => string;
type FindKeys = (c: Call) => Keys | null;

const hooks = new StaticArray<Hook | null>(HOOKS.length);
let minting: Mint | null = null;
let requestFinder: FindKeys | null = null;
let statementFinder: FindKeys | null = null;
let configuring: ((s: Setup) => void) | null = null;

/** Serves the hook pre_register: it may patch or reject a client that is about to be registered. */
export function preRegister(f: (c: Call) => void): void { hooks[Point.PreRegister] = f; }

/** Serves the hook pre_update: it may patch or reject an update of a client; c.before is what is stored. */
export function preUpdate(f: (c: Call) => void): void { hooks[Point.PreUpdate] = f; }

/** Serves the hook pre_delete: c.client is what is stored; a rejection keeps the client. */
export function preDelete(f: (c: Call) => void): void { hooks[Point.PreDelete] = f; }

/** Serves the hook post_register: c.client is the answer, c.patch adds members to it that are not client metadata. */
export function postRegister(f: (c: Call) => void): void { hooks[Point.PostRegister] = f; }

/** Serves the hook post_update: c.client is the answer, c.patch adds members to it that are not client metadata. */
export function postUpdate(f: (c: Call) => void): void { hooks[Point.PostUpdate] = f; }

/** Serves the hook on_read: c.client is the answer, c.patch adds members to it that are not client metadata. */
export function onRead(f: (c: Call) => void): void { hooks[Point.OnRead] = f; }

/** Serves the hook certificate_check: a rejection with Code.InvalidClient refuses c.certificate. */
export function certificateCheck(f: (c: Call) => void): void { hooks[Point.CertificateCheck] = f; }

/** Serves the hook token_claims: c.patch adds claims to the access token c.token. */
export function tokenClaims(f: (c: Call) => void): void { hooks[Point.TokenClaims] = f; }

/** Serves the hook mint_client_id: it gives the new client its id, of 1 to 128 of A-Z a-z 0-9 - . _ ~, or "" to leave it to the server. */
export function mintClientId(f: (c: Call) => string): void { minting = f; }

/** Serves the hook software_statement_keys: it gives the keys of the issuer of the statement c.signed, or null. */
export function softwareStatementKeys(f: (c: Call) => Keys | null): void { statementFinder = f; }

/** Serves the hook request_keys: it gives the keys of who signed the request c.signed, or null. */
export function requestKeys(f: (c: Call) => Keys | null): void { requestFinder = f; }

/** Gives the function that takes the manifest's configuration. It runs once, when the plugin is loaded; what it keeps in variables is
 * there in every call. */
export function configure(f: (s: Setup) => void): void { configuring = f; }

let name = "";

/** The plugin's name, as the manifest has it. */
export function pluginName(): string { return name; }

function serves(p: i32): bool {
  switch (p) {
    case Point.MintClientId: return minting !== null;
    case Point.RequestKeys: return requestFinder !== null;
    case Point.SoftwareStatementKeys: return statementFinder !== null;
  }
  return hooks[p] !== null;
}

/** Asks the function of a hook. What it gives as a result comes back. */
function ask(c: Call): Member | null {
  if (c.point == Point.MintClientId) {
    const mint = minting;
    const id = mint ? mint(c) : "";
    return id == "" ? null : new Member("client_id", Value.string(id));
  }
  if (c.point == Point.SoftwareStatementKeys || c.point == Point.RequestKeys) {
    const find = c.point == Point.RequestKeys ? requestFinder : statementFinder;
    const keys = find ? find(c) : null;
    return keys ? new Member(keys.name, keys.value) : null;
  }
  const hook = hooks[c.point];
  if (hook) hook(c);
  return null;
}

/** Answers one hook into w. The string says why the plugin failed; null: it did not. */
export function run(p: Point, input: Value, w: Writer): string | null {
  if (!serves(p)) return "no function is registered for the hook " + HOOKS[p];
  const c = new Call(p);
  const wrong = readCall(c, input);
  if (wrong !== null) return wrong;
  const result = ask(c);
  if (c.failure !== null) return c.failure;
  if (c.rejected) return refusal(c, w);
  const patch = c.patch.members;
  if (result) {
    begin(w, "result");
    w.raw(',"result":');
    writeObject(w, [result]);
  } else if (!patch || patch.length == 0) {
    begin(w, "continue");
  } else if (p == Point.PreDelete || p == Point.CertificateCheck || p >= Point.MintClientId) {
    return "the hook " + HOOKS[p] + " has no patch";
  } else {
    begin(w, "patch");
    w.raw(',"patch":');
    writeObject(w, patch);
  }
  end(c, w);
  return null;
}

function refusal(c: Call, w: Writer): string | null {
  if (!rejects(c.point)) return "the hook " + HOOKS[c.point] + " cannot reject: what was asked for is done already";
  if (!rejectsWith(c.point, c.code)) return "a plugin may not reject with the code " + codeWord(c.code) + " in " + HOOKS[c.point];
  const members = c.extra || [];
  for (let i = 0; i < members.length; i++) {
    if (OWN_IN_ERROR.includes(members[i].name)) return "the error answer has a member " + members[i].name + " itself";
  }
  const extra = Value.object(members);
  if (members.length > MAX_EXTRAS || extra.end - extra.start > MAX_EXTRA) return "the extra members of a rejection are too many or too long";
  begin(w, "reject");
  writeError(w, codeWord(c.code), c.description, members);
  end(c, w);
  return null;
}

function begin(w: Writer, action: string): void {
  w.raw('{"v":1,"action":"');
  w.raw(action);
  w.byte(0x22);
}

function writeError(w: Writer, code: string, description: string, extra: Member[]): void {
  w.raw(',"error":{"code":"');
  w.raw(code);
  w.raw('","description":');
  w.string(description);
  if (extra.length > 0) {
    w.raw(',"extra":');
    writeObject(w, extra);
  }
  w.byte(0x7d);
}

function end(c: Call, w: Writer): void {
  const notes = c.notes;
  if (notes && notes.length > 0) {
    w.raw(',"audit":');
    writeObject(w, notes);
  }
  const warnings = c.warnings;
  if (warnings && warnings.length > 0) {
    w.raw(',"warnings":');
    w.json(Value.strings(warnings));
  }
  w.byte(0x7d);
}

/** Takes what ostiary_configure is given. A hook that the manifest asks for and nothing serves is refused here, before the plugin goes
 * live. */
export function setUp(input: Value, w: Writer): void {
  const problem = configured(input);
  if (problem === null) {
    begin(w, "continue");
  } else {
    begin(w, "reject");
    writeError(w, "invalid_client_metadata", describable(problem), []);
  }
  w.byte(0x7d);
}

function configured(input: Value): string | null {
  name = input.get("name").text();
  const asked = input.get("hooks").strings();
  for (let i = 0; i < asked.length; i++) {
    const p = HOOKS.indexOf(asked[i]);
    if (p < 0 || !serves(p)) return "the manifest asks for the hook " + asked[i] + ", but the plugin registers no function for it";
  }
  const f = configuring;
  if (!f) return null;
  const configuration = input.get("configuration");
  const setup = new Setup(Value.parse(configuration.exists() ? configuration.json() : "{}")); // a copy: it may be kept
  f(setup);
  return setup.problem;
}

/** Reads what a hook is given, in one pass. Members it does not know are newer than this SDK and left alone. */
function readCall(c: Call, input: Value): string | null {
  const end = input.end;
  const owner = input.owner;
  if (!input.isObject()) return "the host sent no object";
  for (let name = first(input.start, end, 0x7b), stop: usize = 0; name; name = next(stop, end)) {
    const behind = valueEnd(name, end);
    const at = behindColon(behind, end);
    if (reads(name, behind, "client")) {
      c.client = Metadata.read(at, end, owner);
      stop = c.client.value.end;
      continue;
    }
    if (reads(name, behind, "before")) {
      c.before = Metadata.read(at, end, owner);
      stop = c.before.value.end;
      continue;
    }
    stop = valueEnd(at, end);
    const v = new Value(at, stop, owner);
    if (reads(name, behind, "v")) {
      if (!v.isInt() || v.int() != MAJOR) return "the host speaks version " + v.json() + " of the wire";
    } else if (reads(name, behind, "hook")) c.hookValue = v;
    else if (reads(name, behind, "context")) c.context = new Context(v);
    else if (reads(name, behind, "entropy")) {
      if (!v.isString() || v.end - v.start != 46) return "entropy is not 32 bytes in base64";
      c.entropyValue = v;
    } else if (reads(name, behind, "signed")) c.signed = new Signed(v);
    else if (reads(name, behind, "certificate")) c.certificate = new Certificate(v);
    else if (reads(name, behind, "token")) c.token = new Token(v);
  }
  return null;
}
