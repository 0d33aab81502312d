import { Checker } from "./check";
import { behindColon, first, next, reads, space, unquote, valueEnd } from "./scan";
import { Writer, pad } from "./write";

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
  constructor(public readonly start: usize, public readonly end: usize, public readonly owner: ArrayBuffer | null) {}

  /** No value. */
  static absent(): Value {
    return nothing;
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
    const at = space(start, end);
    return new Value(at, valueEnd(at, end), bytes);
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
    pad.raw(word);
    return pad.value();
  }

  /** A string. */
  static string(text: string): Value {
    pad.string(text);
    return pad.value();
  }

  /** An array of strings. */
  static strings(list: string[]): Value {
    pad.byte(0x5b);
    for (let i = 0; i < list.length; i++) {
      if (i > 0) pad.byte(0x2c);
      pad.string(unchecked(list[i]));
    }
    pad.byte(0x5d);
    return pad.value();
  }

  /** An array. Absent items become null. */
  static array(items: Value[]): Value {
    pad.byte(0x5b);
    for (let i = 0; i < items.length; i++) {
      if (i > 0) pad.byte(0x2c);
      pad.json(unchecked(items[i]));
    }
    pad.byte(0x5d);
    return pad.value();
  }

  /** An object. Members with an absent value are left out; names must differ. */
  static object(members: Member[]): Value {
    writeObject(pad, members);
    return pad.value();
  }

  /** The value as JSON text; "null" when it is absent. */
  json(): string {
    return this.exists() ? String.UTF8.decodeUnsafe(this.start, this.end - this.start) : "null";
  }

  private opening(): u8 {
    return this.start < this.end ? load<u8>(this.start) : 0;
  }

  /** Whether there is a value at all. Null is one. */
  exists(): bool {
    return this.start < this.end;
  }

  /** Whether it is JSON's null. */
  isNull(): bool {
    return this.opening() == 0x6e;
  }

  /** Whether it is a string. */
  isString(): bool {
    return this.opening() == 0x22;
  }

  /** Whether it is an array. */
  isArray(): bool {
    return this.opening() == 0x5b;
  }

  /** Whether it is an object. */
  isObject(): bool {
    return this.opening() == 0x7b;
  }

  /** The text of a string, "" for anything else. */
  text(): string {
    return this.isString() ? unquote(this.start, this.end) : "";
  }

  /** Whether it is a string with this text. It is faster than a comparison with text(). */
  is(text: string): bool {
    return this.isString() && reads(this.start, this.end, text);
  }

  /** Whether it is true. */
  bool(): bool {
    return this.opening() == 0x74;
  }

  /** Whether it is a whole number within 64 bits. */
  isInt(): bool {
    let at = this.start;
    const negative = this.opening() == 0x2d;
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
    const negative = this.opening() == 0x2d;
    let n: i64 = 0;
    for (let at = this.start + usize(negative); at < this.end; at++) n = n * 10 + (load<u8>(at) - 0x30);
    return negative ? -n : n;
  }

  /** The strings of an array, without its other items. */
  strings(): string[] {
    const list = new Array<string>();
    const end = this.end;
    for (let at = first(this.start, end, 0x5b), stop: usize = 0; at; at = next(stop, end)) {
      stop = valueEnd(at, end);
      if (load<u8>(at) == 0x22) list.push(unquote(at, stop));
    }
    return list;
  }

  /** The items of an array. */
  items(): Value[] {
    const list = new Array<Value>();
    const end = this.end;
    for (let at = first(this.start, end, 0x5b), stop: usize = 0; at; at = next(stop, end)) {
      stop = valueEnd(at, end);
      list.push(new Value(at, stop, this.owner));
    }
    return list;
  }

  /** The members of an object. */
  members(): Member[] {
    const list = new Array<Member>();
    const end = this.end;
    for (let name = first(this.start, end, 0x7b), stop: usize = 0; name; name = next(stop, end)) {
      const behind = valueEnd(name, end);
      const at = behindColon(behind, end);
      stop = valueEnd(at, end);
      list.push(new Member(unquote(name, behind), new Value(at, stop, this.owner)));
    }
    return list;
  }

  /** A member of an object; the absent Value if there is none. */
  get(name: string): Value {
    const end = this.end;
    for (let at = first(this.start, end, 0x7b), stop: usize = 0; at; at = next(stop, end)) {
      const behind = valueEnd(at, end);
      const value = behindColon(behind, end);
      stop = valueEnd(value, end);
      if (reads(at, behind, name)) return new Value(value, stop, this.owner);
    }
    return nothing;
  }
}

const nothing = new Value(0, 0, null);

/** Writes an object. */
export function writeObject(w: Writer, members: Member[]): void {
  w.byte(0x7b);
  let first = true;
  for (let i = 0; i < members.length; i++) {
    const m = unchecked(members[i]);
    if (!m.value.exists()) continue;
    if (!first) w.byte(0x2c);
    first = false;
    w.string(m.name);
    w.byte(0x3a);
    w.json(m.value);
  }
  w.byte(0x7d);
}

/** Gives one string, with spaces between the words. */
export function spaced(words: string[]): Value {
  pad.byte(0x22);
  for (let i = 0; i < words.length; i++) {
    if (i > 0) pad.byte(0x20);
    pad.quoted(unchecked(words[i]));
  }
  pad.byte(0x22);
  return pad.value();
}

/** Sets a member at its old place, or adds it at the end, of a list that begins with it if there is none. An absent value is null. */
export function put(members: Member[] | null, name: string, v: Value): Member[] {
  if (!v.exists()) v = Value.null();
  if (!members) return [new Member(name, v)];
  for (let i = 0; i < members.length; i++) {
    if (unchecked(members[i]).name == name) {
      unchecked(members[i]).value = v;
      return members;
    }
  }
  members.push(new Member(name, v));
  return members;
}
