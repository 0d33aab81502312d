// What a plugin for Ostiary is written with, in AssemblyScript. See README.md.
//
// The road of a call: exports.ts takes the bytes, plugin.ts reads them into a Call, asks the function that the plugin registered
// and writes the answer. JSON is looked at where it stands (scan.ts, value.ts) and made into strings only when somebody asks. A call
// keeps nothing: the host resets the module's memory after each one, so that nothing need be freed ("runtime": "stub").

export * from "./call";
export * from "./capability";
export * from "./host";
export { Metadata } from "./metadata";
export {
  Setup, configure, preRegister, preUpdate, preDelete, postRegister, postUpdate, onRead, certificateCheck, tokenClaims, mintClientId,
  softwareStatementKeys, requestKeys,
} from "./plugin";
export { Code, codeNamed } from "./reject";
export { Member, Value } from "./value";
