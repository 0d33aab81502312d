// The module's side of the wire. A plugin's first file says: export * from "../ostiary-sdk/assembly/exports";

import { MINOR, Point } from "./abi";
import { Level, log } from "./host";
import { run, setUp } from "./plugin";
import { Value } from "./value";
import { Writer } from "./write";

let input = new ArrayBuffer(4096);
const output = new Writer(4096);

export function ostiary_abi_v1(): i32 { return MINOR; }

export function ostiary_alloc(size: i32): usize {
  if (input.byteLength < size) input = new ArrayBuffer(size);
  return changetype<usize>(input);
}

export function ostiary_configure(ptr: usize, size: i32): u64 {
  output.reset();
  setUp(received(size), output);
  // Room for a call with much to read. A memory that grows during a call cannot be set back: the host would make a new instance after each.
  memory.grow(4);
  return answer();
}

export function pre_register(ptr: usize, size: i32): u64 { return ask(Point.PreRegister, size); }
export function pre_update(ptr: usize, size: i32): u64 { return ask(Point.PreUpdate, size); }
export function pre_delete(ptr: usize, size: i32): u64 { return ask(Point.PreDelete, size); }
export function post_register(ptr: usize, size: i32): u64 { return ask(Point.PostRegister, size); }
export function post_update(ptr: usize, size: i32): u64 { return ask(Point.PostUpdate, size); }
export function on_read(ptr: usize, size: i32): u64 { return ask(Point.OnRead, size); }
export function certificate_check(ptr: usize, size: i32): u64 { return ask(Point.CertificateCheck, size); }
export function token_claims(ptr: usize, size: i32): u64 { return ask(Point.TokenClaims, size); }
export function mint_client_id(ptr: usize, size: i32): u64 { return ask(Point.MintClientId, size); }
export function software_statement_keys(ptr: usize, size: i32): u64 { return ask(Point.SoftwareStatementKeys, size); }
export function request_keys(ptr: usize, size: i32): u64 { return ask(Point.RequestKeys, size); }

/** What the host wrote: JSON without spaces around it, valid because the host wrote it. */
function received(size: i32): Value {
  const start = changetype<usize>(input);
  return new Value(start, start + min(size, input.byteLength), input);
}

function ask(p: Point, size: i32): u64 {
  output.reset();
  const failure = run(p, received(size), output);
  if (failure !== null) {
    log(Level.Error, failure);
    return 0;
  }
  return answer();
}

/** Where the answer stands. */
function answer(): u64 {
  return (<u64>output.start << 32) | <u64>output.length;
}
