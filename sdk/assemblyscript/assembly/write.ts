import { putPoint } from "./scan";
import { Value } from "./value";

/** A Writer makes JSON text, as UTF-8 in memory. */
export class Writer {
  private buffer: ArrayBuffer;
  private from: usize = 0; // where the text begins
  private size: usize = 0; // where it ends

  constructor(capacity: i32) {
    this.buffer = new ArrayBuffer(capacity);
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.from = 0;
    this.size = 0;
  }

  /** Where the text stands. */
  get start(): usize {
    return changetype<usize>(this.buffer) + this.from;
  }

  /** The text's bytes. */
  get length(): usize {
    return this.size - this.from;
  }

  /** The text as a Value. What is written later is a new text behind it; reset would change it. */
  value(): Value {
    const start = this.start;
    const length = this.length;
    this.from = this.size;
    return new Value(start, start + length, this.buffer);
  }

  @inline
  private room(more: usize): void {
    if (this.size + more > <usize>this.buffer.byteLength) this.grow(more);
  }

  private grow(more: usize): void {
    const length = this.length;
    const larger = new ArrayBuffer(<i32>max(length + more, <usize>this.buffer.byteLength * 2));
    memory.copy(changetype<usize>(larger), this.start, length);
    this.buffer = larger;
    this.from = 0;
    this.size = length;
  }

  /** Where the next byte goes. */
  @inline
  private get next(): usize {
    return changetype<usize>(this.buffer) + this.size;
  }

  @inline
  byte(c: u8): void {
    this.room(1);
    store<u8>(this.next, c);
    this.size++;
  }

  /** Writes plain ASCII as it is. */
  raw(text: string): void {
    const length = <usize>text.length;
    this.room(length);
    const out = this.next;
    const from = changetype<usize>(text);
    let i: usize = 0;
    for (; i + 4 <= length; i += 4) store<u32>(out + i, narrowed(load<u64>(from + (i << 1))));
    for (; i < length; i++) store<u8>(out + i, <u8>load<u16>(from + (i << 1)));
    this.size += length;
  }

  /** Writes a value; null when it is absent. */
  json(v: Value): void {
    if (!v.exists()) return this.raw("null");
    const length = v.end - v.start;
    this.room(length);
    memory.copy(this.next, v.start, length);
    this.size += length;
  }

  /** Writes a text as a JSON string. Half a surrogate pair becomes U+FFFD. */
  string(text: string): void {
    this.room(text.length + 2);
    this.byte(0x22);
    this.quoted(text);
    this.byte(0x22);
  }

  /** Writes a text as it stands between quotes. */
  quoted(text: string): void {
    const length = text.length;
    this.room(length);
    const from = changetype<usize>(text);
    const out = this.next;
    let i = 0;
    for (; i + 8 <= length; i += 8) { // eight characters at a time, as long as they need no escape
      const low = load<u64>(from + (<usize>i << 1));
      const high = load<u64>(from + (<usize>i << 1), 8);
      const eight = <u64>narrowed(low) | (<u64>narrowed(high) << 32);
      if (((low | high) & WIDE) | special(eight)) break;
      store<u64>(out + i, eight);
    }
    for (; i + 4 <= length; i += 4) {
      const four = load<u64>(from + (<usize>i << 1));
      const bytes = narrowed(four);
      if ((four & WIDE) | special(bytes | SPACES)) break;
      store<u32>(out + i, bytes);
    }
    for (; i < length; i++) {
      const c = load<u16>(from + (<usize>i << 1));
      if (c < 0x20 || c >= 0x80 || c == 0x22 || c == 0x5c) break;
      store<u8>(out + i, <u8>c);
    }
    this.size += i;
    for (; i < length; i++) {
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
      this.room(4);
      this.size = putPoint(changetype<usize>(this.buffer), this.size, point);
    }
  }
}

/** What Values are written with: they share the memory of one Writer, which is never reset. */
export const pad = new Writer(1024);

/** The bits that no ASCII character has in UTF-16. */
const WIDE: u64 = 0xff80ff80ff80ff80;
const SPACES: u64 = 0x2020202000000000;
const ONES: u64 = 0x0101010101010101;

/** Tells whether some of eight ASCII characters do not stand in a JSON string as they are: it is not 0. */
@inline
function special(eight: u64): u64 {
  const quote = eight ^ (ONES * 0x22);
  const escape = eight ^ (ONES * 0x5c);
  return ((quote - ONES) | (escape - ONES) | (eight - ONES * 0x20)) & (ONES * 0x80); // ASCII has no highest bit: what has one now was less
}

/** Makes four UTF-16 characters bytes. */
@inline
function narrowed(four: u64): u32 {
  four = (four | (four >> 8)) & 0x0000ffff0000ffff;
  return <u32>(four | (four >> 16));
}

function hexDigit(n: i32): u8 {
  return <u8>(n < 10 ? 0x30 + n : 0x57 + n);
}
