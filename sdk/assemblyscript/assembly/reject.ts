import { MAX_DESCRIPTION, MAX_WARNING, Point } from "./abi";

/** The words a refusal can carry in its error member. */
export enum Code {
  InvalidRedirectUri, // RFC 7591 §3.2.2
  InvalidClientMetadata, // RFC 7591 §3.2.2
  InvalidSoftwareStatement, // RFC 7591 §3.2.2
  UnapprovedSoftwareStatement, // RFC 7591 §3.2.2
  InvalidScope, // RFC 6749 §5.2
  AccessDenied, // RFC 6749 §4.1.2.1
  InvalidClient, // RFC 6749 §5.2; only in certificateCheck
  InvalidGrant, // RFC 6749 §5.2; only in tokenClaims
  InvalidTarget, // RFC 8707 §2; only in tokenClaims
  StaleEvidence, // draft-tschofenig-oauth-attested-dclient-reg; with the nonce that fresh evidence is to have
}

const words: StaticArray<string> = [
  "invalid_redirect_uri", "invalid_client_metadata", "invalid_software_statement", "unapproved_software_statement", "invalid_scope",
  "access_denied", "invalid_client", "invalid_grant", "invalid_target", "stale_evidence",
];

/** The word of a code. */
export function codeWord(code: Code): string {
  return words[<i32>code];
}

/** The code of a word; -1 if there is none. */
export function codeNamed(word: string): i32 {
  for (let i = 0; i < words.length; i++) {
    if (words[i] == word) return i;
  }
  return -1;
}

/** Whether a hook can reject at all: not where what was asked for is done already. */
export function rejects(p: Point): bool {
  return p != Point.PostRegister && p != Point.PostUpdate && p != Point.OnRead;
}

/** Whether a hook can reject with a code. */
export function rejectsWith(p: Point, code: Code): bool {
  switch (p) {
    case Point.CertificateCheck: return code == Code.InvalidClient;
    case Point.TokenClaims: return code == Code.AccessDenied || code == Code.InvalidGrant || code == Code.InvalidScope || code == Code.InvalidTarget;
  }
  return code < Code.InvalidClient || code == Code.StaleEvidence;
}

/** Makes text fit for an error_description. */
export function describable(text: string): string {
  let out = "";
  for (let i = 0; i < text.length && out.length < MAX_DESCRIPTION; i++) {
    const c = text.codePointAt(i);
    if (c >= 0x10000) i++;
    if (c == 0x22) out += "'";
    else if (c == 0x5c) out += "/";
    else if (c < 0x20 || c > 0x7e) out += "?";
    else out += String.fromCharCode(c);
  }
  return out;
}

/** Makes text fit for a warning. */
export function printable(text: string): string {
  let out = "";
  for (let i = 0, kept = 0; i < text.length && kept < MAX_WARNING; i++, kept++) {
    const c = text.codePointAt(i);
    if (c >= 0x10000) i++;
    out += isPrintable(c) ? String.fromCodePoint(c) : "?";
  }
  return out;
}

// What cannot be seen, as pairs of first and last: controls, spaces other than the space, marks of direction and format, halves
// of surrogate pairs, private use, and what is no character.
const unseen: StaticArray<i32> = [
  0x00, 0x1f, 0x7f, 0xa0, 0xad, 0xad, 0x378, 0x379, 0x600, 0x605, 0x61c, 0x61c, 0x6dd, 0x6dd, 0x70f, 0x70f, 0x890, 0x891, 0x8e2, 0x8e2,
  0x1680, 0x1680, 0x180e, 0x180e, 0x2000, 0x200f, 0x2028, 0x202f, 0x205f, 0x206f, 0x3000, 0x3000, 0xd800, 0xf8ff, 0xfdd0, 0xfdef,
  0xfeff, 0xfeff, 0xfff0, 0xfffb, 0xfffe, 0xffff, 0x110bd, 0x110bd, 0x110cd, 0x110cd, 0x13430, 0x1343f, 0x1bca0, 0x1bca3,
  0x1d173, 0x1d17a, 0x1fffe, 0x1ffff, 0x2fffe, 0x2ffff, 0x323b0, 0xe00ff, 0xe01f0, 0x10ffff,
];

function isPrintable(c: i32): bool {
  for (let i = 0; i < unseen.length; i += 2) {
    if (c <= unseen[i + 1]) return c < unseen[i];
  }
  return false;
}
