// Standard base64 (RFC 4648 §4), as the wire has it.

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Writes bytes, with padding. */
export function encode(bytes: ArrayBuffer): string {
  const from = changetype<usize>(bytes);
  const length = bytes.byteLength;
  let out = "";
  for (let i = 0; i < length; i += 3) {
    let n = <u32>load<u8>(from + i) << 16;
    if (i + 1 < length) n |= <u32>load<u8>(from + i + 1) << 8;
    if (i + 2 < length) n |= load<u8>(from + i + 2);
    out += digits.charAt(n >> 18) + digits.charAt((n >> 12) & 63);
    out += i + 1 < length ? digits.charAt((n >> 6) & 63) : "=";
    out += i + 2 < length ? digits.charAt(n & 63) : "=";
  }
  return out;
}

/** Reads what encode writes; anything else gives no bytes. */
export function decode(text: string): ArrayBuffer {
  let length = text.length;
  if (length % 4 != 0) return new ArrayBuffer(0);
  while (length > 0 && text.charCodeAt(length - 1) == 0x3d) length--;
  const out = new ArrayBuffer((length * 3) / 4);
  let bits: u32 = 0;
  let held = 0;
  let at = changetype<usize>(out);
  for (let i = 0; i < length; i++) {
    const digit = digits.indexOf(text.charAt(i));
    if (digit < 0) return new ArrayBuffer(0);
    bits = (bits << 6) | digit;
    held += 6;
    if (held >= 8) {
      held -= 8;
      store<u8>(at++, <u8>(bits >> held));
    }
  }
  return out;
}
