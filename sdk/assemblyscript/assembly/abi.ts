// The wire, as sdk/README.md describes it: its version, its hooks and its bounds.

/** The major version; also part of the names ostiary_abi_v1 and ostiary_v1. */
export const MAJOR: i64 = 1;
/** The minor version this SDK was written for. */
export const MINOR: i32 = 0;

/** The hooks, as places in the list of functions. */
export enum Point {
  PreRegister,
  PreUpdate,
  PreDelete,
  PostRegister,
  PostUpdate,
  OnRead,
  CertificateCheck,
  TokenClaims,
  MintClientId,
  SoftwareStatementKeys,
  RequestKeys,
}

/** The hooks' names, in the order of Point. */
export const HOOKS: StaticArray<string> = [
  "pre_register", "pre_update", "pre_delete", "post_register", "post_update", "on_read", "certificate_check", "token_claims",
  "mint_client_id", "software_statement_keys", "request_keys",
];

/** Warnings of one answer. */
export const MAX_WARNINGS: i32 = 8;
/** Characters of one warning. */
export const MAX_WARNING: i32 = 200;
/** Bytes of the description of a refusal. */
export const MAX_DESCRIPTION: i32 = 400;
/** Bytes of the extra members of a refusal, as JSON. */
export const MAX_EXTRA: usize = 1 << 10;
/** Extra members of a refusal. */
export const MAX_EXTRAS: i32 = 8;
/** The members that an error answer has itself: a refusal may have none of them as an extra. */
export const OWN_IN_ERROR: StaticArray<string> = [
  "error", "error_description", "error_uri", "errors", "decision_id", "warnings", "registration_status", "state", "iss", "type",
  "title", "status", "detail", "instance", "code",
];
/** Arrays and objects inside each other, in what Value.parse takes. */
export const MAX_DEPTH: i32 = 16;
