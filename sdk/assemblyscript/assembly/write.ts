import { putPoint } from "./scan";
import { Value } from "./value";

/** A Writer makes JSON text, as UTF-8 in memory. */
export class Writer {
  private buffer: ArrayBuffer;
  private from: usize; // where the text begins
  private at: usize; // where the next byte goes
  private end: usize; // of the buffer

  constructor(capacity: i32) {
    this.buffer = new ArrayBuffer(capacity);
    this.from = this.at = changetype<usize>(this.buffer);
    this.end = this.at + capacity;
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.from = this.at = changetype<usize>(this.buffer);
  }

  /** Where the text stands. */
  get start(): usize {
    return this.from;
  }

  /** The text's bytes. */
  get length(): usize {
    return this.at - this.from;
  }

  /** The text as a Value. What is written later is a new text behind it; reset would change it. */
  value(): Value {
    const start = this.from;
    this.from = this.at;
    return new Value(start, this.at, this.buffer);
  }

  /** Gives where so many bytes may be written. */
  @inline
  private room(bytes: usize): usize {
    if (this.at + bytes > this.end) this.grow(bytes);
    return this.at;
  }

  private grow(more: usize): void {
    const length = this.length;
    const capacity = max(length + more, <usize>this.buffer.byteLength * 2);
    const larger = new ArrayBuffer(<i32>capacity);
    const from = changetype<usize>(larger);
    memory.copy(from, this.from, length);
    this.buffer = larger;
    this.from = from;
    this.at = from + length;
    this.end = from + capacity;
  }

  @inline
  byte(c: u8): void {
    const out = this.room(1);
    store<u8>(out, c);
    this.at = out + 1;
  }

  /** Writes plain ASCII as it is. */
  raw(text: string): void {
    const length = <usize>text.length;
    const out = this.room(length);
    put(changetype<usize>(text), length, out, false);
    this.at = out + length;
  }

  /** Writes a value; null when it is absent. */
  json(v: Value): void {
    if (!v.exists()) return this.raw("null");
    const length = v.end - v.start;
    const out = this.room(length);
    memory.copy(out, v.start, length);
    this.at = out + length;
  }

  /** Writes a text as a JSON string. Half a surrogate pair becomes U+FFFD. */
  string(text: string): void {
    const out = this.room(text.length + 2);
    store<u8>(out, 0x22);
    this.at = out + 1;
    this.quoted(text);
    this.byte(0x22);
  }

  /** Writes a text as it stands between quotes. */
  quoted(text: string): void {
    const length = <usize>text.length;
    const out = this.room(length);
    const i = put(changetype<usize>(text), length, out, true);
    this.at = out + i;
    if (i < length) this.marked(text, <i32>i);
  }

  /** Writes the rest of a text, from a character that may need more than itself. */
  private marked(text: string, from: i32): void {
    for (let i = from; i < text.length; i++) {
      const point = text.codePointAt(i);
      if (point >= 0x10000) i++;
      this.point(point);
    }
  }

  private point(point: i32): void {
    if (point == 0x22 || point == 0x5c) {
      this.byte(0x5c);
      this.byte(<u8>point);
    } else if (point == 0x0a) {
      this.raw("\\n");
    } else if (point < 0x20) {
      this.raw("\\u00");
      this.byte(hexDigit(point >> 4));
      this.byte(hexDigit(point & 15));
    } else {
      if ((point & 0xfffff800) == 0xd800) point = 0xfffd;
      const out = this.room(4);
      this.at = out + putPoint(out, 0, point);
    }
  }
}

/** What Values are written with: they share the memory of one Writer, which is never reset. */
export const pad = new Writer(1024);

/** Writes characters as one byte each, up to the first ones that do not stand in a JSON string so, and gives how many there are before
 * these. It goes by as many as there are room for in a vector, and at the end by some that were there before. */
@inline
function put(from: usize, length: usize, out: usize, json: bool): usize {
  if (length >= 16) return putBy(16, from, length, out, json);
  if (length >= 8) return putBy(8, from, length, out, json);
  return putBy(length >= 4 ? 4 : 1, from, length, out, json);
}

@inline
function putBy(step: usize, from: usize, length: usize, out: usize, json: bool): usize {
  let i: usize = 0;
  while (i < length) {
    const at = min(i, length - step);
    const bytes = narrowed(step, from + (at << 1));
    if (json && !plain(bytes)) break;
    if (step == 16) v128.store(out + at, bytes);
    else if (step == 8) v128.store64_lane(out + at, bytes, 0);
    else if (step == 4) v128.store32_lane(out + at, bytes, 0);
    else v128.store8_lane(out + at, bytes, 0);
    i = at + step;
  }
  return i;
}

/** Makes UTF-16 characters bytes, and again as often as there is room. Those that have no room become 0 or 255. */
@inline
function narrowed(count: usize, from: usize): v128 {
  const first = count >= 8 ? v128.load(from) : count == 4 ? v128.load64_splat(from) : v128.load16_splat(from);
  return i8x16.narrow_i16x8_u(first, count == 16 ? v128.load(from, 16) : first);
}

/** Whether characters that were narrowed stand in a JSON string as they are. */
@inline
function plain(bytes: v128): bool {
  const marked = v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c)));
  return !v128.any_true(v128.or(marked, i8x16.lt_s(bytes, i8x16.splat(0x20)))); // 0x80 and more are negative
}

function hexDigit(n: i32): u8 {
  return <u8>(n < 10 ? 0x30 + n : 0x57 + n);
}
