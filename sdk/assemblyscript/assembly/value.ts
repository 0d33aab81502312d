import { Checker } from "./check";
import { Scanner, unquote } from "./scan";
import { Writer } from "./write";

/** One named value of an object. */
export class Member {
  constructor(public name: string, public value: Value) {}
}

/**
 * One piece of JSON, kept as its text and read when asked. It may be absent: no value at all. Every reader gives an empty answer when
 * the Value is of another kind, so that members can be walked without a check at each step.
 */
export class Value {
  /** Made by the functions below. The text is the bytes from start to end, which owner keeps alive. */
  constructor(public start: usize, public end: usize, public owner: ArrayBuffer | null) {}

  /** No value. */
  static absent(): Value {
    return new Value(0, 0, null);
  }

  /** Reads one JSON text. What is none gives the absent Value. */
  static parse(text: string): Value {
    return Value.parseBytes(String.UTF8.encode(text));
  }

  /** Reads one JSON text in UTF-8. What is none gives the absent Value. */
  static parseBytes(bytes: ArrayBuffer): Value {
    const start = changetype<usize>(bytes);
    const end = start + bytes.byteLength;
    if (!new Checker(start, end).check()) return Value.absent();
    const s = new Scanner(start, end, bytes);
    s.space();
    return s.take();
  }

  /** JSON's null. */
  static null(): Value {
    return Value.word("null");
  }

  /** True or false. */
  static bool(b: bool): Value {
    return Value.word(b ? "true" : "false");
  }

  /** A whole number. */
  static int(n: i64): Value {
    return Value.word(n.toString());
  }

  private static word(word: string): Value {
    const w = new Writer(word.length);
    w.raw(word);
    return w.value();
  }

  /** A string. */
  static string(text: string): Value {
    const w = new Writer(text.length + 2);
    w.string(text);
    return w.value();
  }

  /** An array of strings. */
  static strings(list: string[]): Value {
    const w = new Writer(32);
    w.byte(0x5b);
    for (let i = 0; i < list.length; i++) {
      if (i > 0) w.byte(0x2c);
      w.string(list[i]);
    }
    w.byte(0x5d);
    return w.value();
  }

  /** An array. Absent items become null. */
  static array(items: Value[]): Value {
    const w = new Writer(64);
    w.byte(0x5b);
    for (let i = 0; i < items.length; i++) {
      if (i > 0) w.byte(0x2c);
      w.json(items[i]);
    }
    w.byte(0x5d);
    return w.value();
  }

  /** An object. Members with an absent value are left out; names must differ. */
  static object(members: Member[]): Value {
    const w = new Writer(128);
    writeObject(w, members);
    return w.value();
  }

  /** The value as JSON text; "null" when it is absent. */
  json(): string {
    return this.exists() ? String.UTF8.decodeUnsafe(this.start, this.end - this.start) : "null";
  }

  private first(): u8 {
    return this.start < this.end ? load<u8>(this.start) : 0;
  }

  /** Whether there is a value at all. Null is one. */
  exists(): bool {
    return this.start < this.end;
  }

  /** Whether it is JSON's null. */
  isNull(): bool {
    return this.first() == 0x6e;
  }

  /** Whether it is a string. */
  isString(): bool {
    return this.first() == 0x22;
  }

  /** Whether it is an array. */
  isArray(): bool {
    return this.first() == 0x5b;
  }

  /** Whether it is an object. */
  isObject(): bool {
    return this.first() == 0x7b;
  }

  /** The text of a string, "" for anything else. */
  text(): string {
    return this.isString() ? unquote(this.start, this.end) : "";
  }

  /** Whether it is a string with this text. It is faster than a comparison with text(). */
  is(text: string): bool {
    if (!this.isString()) return false;
    const length = <usize>text.length;
    const start = this.start + 1;
    const from = changetype<usize>(text);
    if (this.end - this.start == length + 2) {
      let i: usize = 0;
      for (; i < length; i++) {
        const c = load<u8>(start + i);
        if (c == 0x5c || c >= 0x80 || <u16>c != load<u16>(from + (i << 1))) break;
      }
      if (i == length) return true;
    }
    for (let at = start; at < this.end - 1; at++) {
      const c = load<u8>(at);
      if (c == 0x5c || c >= 0x80) return this.text() == text;
    }
    return false;
  }

  /** Whether it is true. */
  bool(): bool {
    return this.first() == 0x74;
  }

  /** Whether it is a whole number within 64 bits. */
  isInt(): bool {
    let at = this.start;
    const negative = this.first() == 0x2d;
    if (negative) at++;
    const size = this.end - at;
    if (size == 0 || size > 19) return false;
    let n: u64 = 0;
    for (; at < this.end; at++) {
      const digit = load<u8>(at) - 0x30;
      if (digit > 9) return false;
      n = n * 10 + digit;
    }
    return n <= <u64>i64.MAX_VALUE + u64(negative);
  }

  /** A whole number; 0 for anything else. */
  int(): i64 {
    if (!this.isInt()) return 0;
    const negative = this.first() == 0x2d;
    let n: i64 = 0;
    for (let at = this.start + usize(negative); at < this.end; at++) n = n * 10 + (load<u8>(at) - 0x30);
    return negative ? -n : n;
  }

  /** The strings of an array, without its other items. */
  strings(): string[] {
    const list: string[] = [];
    const s = new Scanner(this.start, this.end, this.owner);
    if (!s.open(0x5b)) return list;
    while (s.next(0x5d)) {
      const start = s.pos;
      s.skip();
      if (load<u8>(start) == 0x22) list.push(unquote(start, s.pos));
    }
    return list;
  }

  /** The items of an array. */
  items(): Value[] {
    const list: Value[] = [];
    const s = new Scanner(this.start, this.end, this.owner);
    if (!s.open(0x5b)) return list;
    while (s.next(0x5d)) list.push(s.take());
    return list;
  }

  /** The members of an object. */
  members(): Member[] {
    const list: Member[] = [];
    const s = new Scanner(this.start, this.end, this.owner);
    if (!s.open(0x7b)) return list;
    while (s.next(0x7d)) {
      const name = s.take().text();
      s.colon();
      list.push(new Member(name, s.take()));
    }
    return list;
  }

  /** A member of an object; the absent Value if there is none. */
  get(name: string): Value {
    const s = new Scanner(this.start, this.end, this.owner);
    if (!s.open(0x7b)) return Value.absent();
    while (s.next(0x7d)) {
      const key = s.take();
      s.colon();
      if (key.is(name)) return s.take();
      s.skip();
    }
    return Value.absent();
  }
}

/** Writes an object. */
export function writeObject(w: Writer, members: Member[]): void {
  w.byte(0x7b);
  let first = true;
  for (let i = 0; i < members.length; i++) {
    const m = members[i];
    if (!m.value.exists()) continue;
    if (!first) w.byte(0x2c);
    first = false;
    w.string(m.name);
    w.byte(0x3a);
    w.json(m.value);
  }
  w.byte(0x7d);
}

/** Sets a member at its old place, or adds it at the end. An absent value is null. */
export function put(members: Member[], name: string, v: Value): void {
  if (!v.exists()) v = Value.null();
  for (let i = 0; i < members.length; i++) {
    if (members[i].name == name) {
      members[i].value = v;
      return;
    }
  }
  members.push(new Member(name, v));
}
