// Runs a plugin's module under Node as the host would, for its tests. The host of a test is an object of what the capabilities find:
// now (Unix milliseconds), kv (a Map), http ("GET https://..." to {status, headers, body}), secret (a key's name to its text; HMAC
// only), policy (a rule's path to its value). What is not there is denied.

import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";

const absent = -1, denied = -2, badArgument = -3;

/** Loads a module. Each run of it begins with the memory that setUp left, as with the host. */
export async function load(file, host = {}) {
  const plugin = new Plugin(await WebAssembly.compile(await readFile(file)), host);
  plugin.start();
  return plugin;
}

class Plugin {
  constructor(module, host) {
    this.module = module;
    this.host = { now: 0, kv: new Map(), http: {}, secret: {}, policy: {}, ...host };
    this.logged = [];
  }

  /** Makes the module anew and configures it. Throws what the plugin says against the configuration. */
  setUp(configuration = {}) {
    this.configuration = configuration;
    this.start();
    const hooks = [];
    const answer = this.exchange("ostiary_configure", { v: 1, name: "test", version: "0", hooks, configuration });
    if (answer.action === "reject") throw new Error(answer.error.description);
  }

  /** Asks a hook and gives the answer. Throws what the plugin logged when it fails. */
  run(hook, input) {
    const configuration = this.configuration;
    if (configuration !== undefined) this.setUp(configuration); // nothing of the last call is left
    return this.exchange(hook, { v: 1, ...input });
  }

  start() {
    this.instance = new WebAssembly.Instance(this.module, { ostiary_v1: this.imports() });
    this.exports = this.instance.exports;
  }

  exchange(name, input) {
    const bytes = new TextEncoder().encode(JSON.stringify(input));
    const at = this.exports.ostiary_alloc(bytes.length);
    this.bytes(at, bytes.length).set(bytes);
    let packed;
    try {
      packed = BigInt.asUintN(64, this.exports[name](at, bytes.length));
    } catch (trap) {
      throw new Error(this.logged.at(-1) ?? trap.message);
    }
    if (packed === 0n) throw new Error(this.logged.at(-1));
    return JSON.parse(this.text(Number(packed >> 32n), Number(packed & 0xffffffffn)));
  }

  bytes(ptr, size) {
    return new Uint8Array(this.exports.memory.buffer, ptr >>> 0, size);
  }

  text(ptr, size) {
    return new TextDecoder().decode(this.bytes(ptr, size));
  }

  imports() {
    const host = this.host;
    let pending = new Uint8Array(0);
    const answer = (text) => (pending = new TextEncoder().encode(text)).length;
    const asked = (ptr, size) => JSON.parse(this.text(ptr, size));
    return {
      log: (_level, ptr, size) => void this.logged.push(this.text(ptr, size)),
      take: (ptr, size) => {
        const taken = pending.subarray(0, size);
        this.bytes(ptr, taken.length).set(taken);
        pending = new Uint8Array(0);
        return taken.length;
      },
      now: () => BigInt(host.now),
      random: (ptr, size) => (size > 1024 ? badArgument : (this.bytes(ptr, size).forEach((_, i, all) => (all[i] = (i * 151 + 7) & 255)), 0)),
      kv_get: (ptr, size) => {
        const value = host.kv.get(this.text(ptr, size));
        return value === undefined ? absent : answer(value);
      },
      kv_put: (key, keySize, value, valueSize) => (host.kv.set(this.text(key, keySize), this.text(value, valueSize)), 0),
      kv_delete: (ptr, size) => (host.kv.delete(this.text(ptr, size)), 0),
      http: (ptr, size) => {
        const request = asked(ptr, size);
        const found = host.http[`${request.method || "GET"} ${request.url}`];
        return found ? answer(JSON.stringify({ status: 200, headers: {}, ...found })) : denied;
      },
      secret: (ptr, size) => {
        const request = asked(ptr, size);
        const key = host.secret[request.key];
        if (key === undefined || request.op !== "hmac") return denied;
        const data = request.data ?? Buffer.from(request.data_base64 ?? "", "base64");
        const signature = createHmac("sha256", key).update(data).digest("base64url");
        return answer(JSON.stringify({ alg: "HS256", kid: request.key, signature }));
      },
      policy_eval: (ptr, size) => {
        const result = host.policy[asked(ptr, size).rule];
        return answer(JSON.stringify({ defined: result !== undefined, result }));
      },
    };
  }
}
