import { Value } from "./value";

/**
 * A Scanner walks JSON that was checked or that the host wrote. On any other text it finds less, and always ends. Texts are UTF-8 in
 * memory, and are made into strings only when somebody asks for one.
 */
export class Scanner {
  constructor(public pos: usize, public end: usize, public owner: ArrayBuffer | null) {}

  @inline
  peek(): u8 {
    return this.pos < this.end ? load<u8>(this.pos) : 0;
  }

  /** Steps over white space. The host sends none, so the check for it is all that it may cost. */
  @inline
  space(): void {
    while (this.pos < this.end && load<u8>(this.pos) <= 0x20) this.pos++;
  }

  /** Steps into the object or array at hand. What is neither is stepped over. */
  open(opening: u8): bool {
    if (this.peek() != opening) {
      this.skip();
      return false;
    }
    this.pos++;
    return true;
  }

  /** Goes to the next item or member and tells whether there is one. At the end it steps over the closing bracket. */
  next(closing: u8): bool {
    this.space();
    if (this.peek() == 0x2c) { // ,
      this.pos++;
      this.space();
    }
    const c = this.peek();
    if (c == closing) {
      this.pos++;
      return false;
    }
    return c != 0 && c != 0x5d && c != 0x7d; // the other bracket would end nothing
  }

  /** Gives the value at hand and steps over it. */
  take(): Value {
    const start = this.pos;
    this.skip();
    return new Value(start, this.pos, this.owner);
  }

  /** Steps over the colon between a name and its value. */
  @inline
  colon(): void {
    this.space();
    this.pos++;
    this.space();
  }

  /** Steps over the value at hand. */
  skip(): void {
    const c = this.peek();
    if (c == 0x22) { // "
      this.pos = stringEnd(this.pos, this.end);
    } else if (c == 0x7b || c == 0x5b) { // { [
      this.leap();
    } else {
      while (this.pos < this.end) {
        const c = load<u8>(this.pos);
        if (c == 0x2c || c == 0x7d || c == 0x5d || c <= 0x20) break;
        this.pos++;
      }
    }
  }

  /** Steps over an array or object, looking only at what opens, closes or begins a string. */
  private leap(): void {
    let at = this.pos;
    const end = this.end;
    for (let depth = 0; at < end; ) {
      const c = load<u8>(at);
      if (c == 0x22) {
        at = stringEnd(at, end);
        continue;
      }
      at++;
      if ((c | 0x20) == 0x7b) { // { [
        depth++;
      } else if ((c | 0x20) == 0x7d) { // } ]
        if (--depth == 0) break;
      }
    }
    this.pos = at;
  }
}

/** Gives the place after the string that begins at start. */
export function stringEnd(start: usize, end: usize): usize {
  let at = start + 1;
  while (at + 8 <= end) { // eight bytes at a time: most of a document is text
    const found = marks(load<u64>(at));
    if (!found) {
      at += 8;
      continue;
    }
    at += <usize>(ctz(found) >> 3);
    if (load<u8>(at) == 0x22) return at + 1;
    at += 2; // a backslash and what it escapes
  }
  for (; at < end; at++) {
    const c = load<u8>(at);
    if (c == 0x22) return at + 1;
    if (c == 0x5c) at++;
  }
  return end;
}

const ONES: u64 = 0x0101010101010101;

/** Marks in the highest bit of a byte where a quote or a backslash stands. Bytes above the first one marked may be marked wrongly,
 * because subtraction borrows from them. */
@inline
function marks(chunk: u64): u64 {
  const quote = chunk ^ (ONES * 0x22);
  const escape = chunk ^ (ONES * 0x5c);
  return (((quote - ONES) & ~quote) | ((escape - ONES) & ~escape)) & (ONES * 0x80);
}

/** Reads four hexadecimal digits; -1 if they are not there. */
export function hex4(at: usize, end: usize): i32 {
  if (at + 4 > end) return -1;
  let n = 0;
  for (let i: usize = 0; i < 4; i++) {
    const c = <i32>load<u8>(at + i);
    let digit = c - 0x30;
    if (digit < 0 || digit > 9) {
      digit = (c | 0x20) - 0x61 + 10;
      if (digit < 10 || digit > 15) return -1;
    }
    n = (n << 4) | digit;
  }
  return n;
}

/** Gives the text of a JSON string. */
export function unquote(start: usize, end: usize): string {
  start++;
  end--;
  let plain = true;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const chunk = load<u64>(at);
    if (marks(chunk)) break; // a backslash: the quotes are outside
    plain = plain && !(chunk & (ONES * 0x80));
  }
  for (; at < end; at++) {
    const c = load<u8>(at);
    if (c == 0x5c) return unescaped(start, end, at);
    plain = plain && c < 0x80;
  }
  const length = end - start;
  if (!plain) return String.UTF8.decodeUnsafe(start, length);
  const out = __new(length << 1, idof<string>());
  for (let i: usize = 0; i < length; i++) store<u16>(out + (i << 1), <u16>load<u8>(start + i));
  return changetype<string>(out);
}

/** Gives the text of a string whose first backslash is at `at`. */
function unescaped(start: usize, end: usize, at: usize): string {
  const buffer = new ArrayBuffer(<i32>(end - start));
  const out = changetype<usize>(buffer);
  memory.copy(out, start, at - start);
  let size = at - start;
  while (at < end) {
    const c = load<u8>(at++);
    if (c != 0x5c) {
      store<u8>(out + size++, c);
      continue;
    }
    const e = load<u8>(at++);
    switch (e) {
      case 0x62: { store<u8>(out + size++, 0x08); break; }
      case 0x66: { store<u8>(out + size++, 0x0c); break; }
      case 0x6e: { store<u8>(out + size++, 0x0a); break; }
      case 0x72: { store<u8>(out + size++, 0x0d); break; }
      case 0x74: { store<u8>(out + size++, 0x09); break; }
      case 0x75: {
        let point = hex4(at, end);
        at += 4;
        if ((point & 0xf800) == 0xd800) { // half a surrogate pair gives U+FFFD
          let low = -1;
          if (point < 0xdc00 && at + 6 <= end && load<u16>(at) == 0x755c) low = hex4(at + 2, end); // \u
          if (low >= 0xdc00 && low < 0xe000) {
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
          } else {
            point = 0xfffd;
          }
        }
        size = putPoint(out, size, point);
        break;
      }
      default: store<u8>(out + size++, e);
    }
  }
  return String.UTF8.decodeUnsafe(out, size);
}

/** Writes a character as UTF-8 and gives the place after it. */
export function putPoint(out: usize, size: usize, point: i32): usize {
  if (point < 0x80) {
    store<u8>(out + size, <u8>point);
    return size + 1;
  }
  if (point < 0x800) {
    store<u8>(out + size, <u8>(0xc0 | (point >> 6)));
    store<u8>(out + size, <u8>(0x80 | (point & 0x3f)), 1);
    return size + 2;
  }
  if (point < 0x10000) {
    store<u8>(out + size, <u8>(0xe0 | (point >> 12)));
    store<u8>(out + size, <u8>(0x80 | ((point >> 6) & 0x3f)), 1);
    store<u8>(out + size, <u8>(0x80 | (point & 0x3f)), 2);
    return size + 3;
  }
  store<u8>(out + size, <u8>(0xf0 | (point >> 18)));
  store<u8>(out + size, <u8>(0x80 | ((point >> 12) & 0x3f)), 1);
  store<u8>(out + size, <u8>(0x80 | ((point >> 6) & 0x3f)), 2);
  store<u8>(out + size, <u8>(0x80 | (point & 0x3f)), 3);
  return size + 4;
}
