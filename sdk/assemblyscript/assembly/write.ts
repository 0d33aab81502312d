import { putPoint } from "./scan";
import { Value } from "./value";

/** A Writer makes JSON text, as UTF-8 in memory. */
export class Writer {
  private buffer: ArrayBuffer;
  private size: usize = 0;

  constructor(capacity: i32) {
    this.buffer = new ArrayBuffer(capacity);
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.size = 0;
  }

  /** Where the text stands. */
  get start(): usize {
    return changetype<usize>(this.buffer);
  }

  /** The text's bytes. */
  get length(): usize {
    return this.size;
  }

  /** The text as a Value. What is written later is not part of it; reset would change it. */
  value(): Value {
    return new Value(this.start, this.start + this.size, this.buffer);
  }

  private room(more: usize): void {
    const needed = this.size + more;
    const capacity = <usize>this.buffer.byteLength;
    if (needed <= capacity) return;
    const larger = new ArrayBuffer(<i32>max(needed, capacity * 2));
    memory.copy(changetype<usize>(larger), this.start, this.size);
    this.buffer = larger;
  }

  byte(c: u8): void {
    this.room(1);
    store<u8>(this.start + this.size++, c);
  }

  /** Writes plain ASCII as it is. */
  raw(text: string): void {
    const length = text.length;
    this.room(length);
    const out = this.start + this.size;
    const from = changetype<usize>(text);
    for (let i: usize = 0; i < <usize>length; i++) store<u8>(out + i, <u8>load<u16>(from + (i << 1)));
    this.size += length;
  }

  /** Writes a value; null when it is absent. */
  json(v: Value): void {
    if (!v.exists()) return this.raw("null");
    const length = v.end - v.start;
    this.room(length);
    memory.copy(this.start + this.size, v.start, length);
    this.size += length;
  }

  /** Writes a text as a JSON string. Half a surrogate pair becomes U+FFFD. */
  string(text: string): void {
    const length = text.length;
    this.room(length + 2);
    store<u8>(this.start + this.size++, 0x22);
    const from = changetype<usize>(text);
    let i = 0;
    for (let out = this.start + this.size; i < length; i++) {
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
    this.byte(0x22);
  }

  private point(point: i32): void {
    this.room(8); // and the quote that ends the string
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
      this.size = putPoint(this.start, this.size, point);
    }
  }
}

function hexDigit(n: i32): u8 {
  return <u8>(n < 10 ? 0x30 + n : 0x57 + n);
}
