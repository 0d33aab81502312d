// Steps over JSON that was checked or that the host wrote. On any other text these functions find less, and always end. Places are
// addresses, `end` is the one behind the text. Texts are UTF-8 in memory, and are made into strings only when somebody asks for one.
// What looks at many bytes at a time takes, where fewer are left, the last ones of the text and may begin before it: the first addresses are
// the compiler's own, no text is there.

/** Gives the place of the first item of the array at hand, or of the first name of the object; 0: there is none, or it is neither. */
@inline
export function first(at: usize, end: usize, opening: u8): usize {
  return at < end && load<u8>(at) == opening ? begun(at + 1, end) : 0;
}

/** Gives the place of the item or name after the one that ended at `at`; 0: that was the last one. */
@inline
export function next(at: usize, end: usize): usize {
  return at + 2 < end && load<u16>(at) == 0x222c ? at + 1 : nextAnyhow(at, end); // ," as the host writes it
}

function nextAnyhow(at: usize, end: usize): usize {
  at = space(at, end);
  if (at < end && load<u8>(at) == 0x2c) at++; // ,
  return begun(at, end);
}

/** Gives the place of what begins here or after white space; 0: nothing does. */
@inline
function begun(at: usize, end: usize): usize {
  at = space(at, end);
  return at + 1 < end && (load<u8>(at) | 0x20) != 0x7d ? at : 0; // ] }
}

/** Gives the place of the value whose name ended at `at`. */
@inline
export function behindColon(at: usize, end: usize): usize {
  return at + 2 <= end && load<u8>(at) == 0x3a && load<u8>(at, 1) > 0x20 ? at + 1 : space(space(at, end) + 1, end);
}

/** Steps over white space. The host sends none, so the look for it is all that it may cost. */
@inline
export function space(at: usize, end: usize): usize {
  return at < end && load<u8>(at) <= 0x20 ? spaces(at, end) : at;
}

function spaces(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) <= 0x20) at++;
  return at;
}

/** Gives the place after the value at hand. */
@inline
export function valueEnd(at: usize, end: usize): usize {
  return at < end && load<u8>(at) == 0x22 ? stringEnd(at, end) : otherEnd(at, end); // "
}

/** Gives the place after what is no string. */
function otherEnd(at: usize, end: usize): usize {
  if (at >= end) return end;
  if ((load<u8>(at) | 0x20) == 0x7b) return containerEnd(at, end); // { [
  for (; at < end; at++) {
    const c = load<u8>(at);
    if (c == 0x2c || (c | 0x20) == 0x7d || c <= 0x20) break;
  }
  return at;
}

/** Gives the place after an array or object. It looks at sixty-four bytes at a time, and counts brackets outside of strings. */
function containerEnd(at: usize, end: usize): usize {
  let depth = 0;
  let open: u64 = 0; // all bits: what was looked at ends within a string
  let escaped = false; // it ends with a backslash that escapes
  for (; at < end; at += 64) {
    const from = at + 64 <= end ? at : end - 64; // the last ones, without those before at
    const before = <u64>(at - from);
    const d = v128.load(from, 48); // first, so that the engine knows that all are there
    const a = v128.load(from);
    const b = v128.load(from, 16);
    const c = v128.load(from, 32);
    let quotes = together(are(a, 0x22), are(b, 0x22), are(c, 0x22), are(d, 0x22)) >> before;
    const backslashes = together(are(a, 0x5c), are(b, 0x5c), are(c, 0x5c), are(d, 0x5c)) >> before;
    if (backslashes || escaped) {
      const inert = escapes(backslashes, escaped);
      quotes &= ~inert;
      escaped = <bool>((backslashes & ~inert) >> 63);
    }
    const strings = unpaired(quotes) ^ open;
    open = 0 - (strings >> 63);
    let brackets = together(areBrackets(a), areBrackets(b), areBrackets(c), areBrackets(d)) >> before & ~strings;
    for (; brackets; brackets &= brackets - 1) {
      const place = at + <usize>ctz(brackets);
      if (!(load<u8>(place) & 4)) depth++; // [ {
      else if (--depth == 0) return place + 1;
    }
  }
  return end;
}

/** Marks which of sixteen bytes are this one: the first with the lowest bit. */
@inline
function are(chunk: v128, byte: u8): u32 {
  return <u32>i8x16.bitmask(i8x16.eq(chunk, i8x16.splat(byte)));
}

/** Puts the marks of four times sixteen bytes together. */
@inline
function together(first: u32, second: u32, third: u32, fourth: u32): u64 {
  return <u64>(first | second << 16) | <u64>(third | fourth << 16) << 32;
}

/** Marks which are [ ] { or }. */
@inline
function areBrackets(chunk: v128): u32 {
  return are(v128.and(i8x16.sub(chunk, i8x16.splat(0x5b)), i8x16.splat(~0x22)), 0);
}

/** Marks what backslashes escape. The first byte is, if escaped says so. */
function escapes(backslashes: u64, escaped: bool): u64 {
  let marks = <u64>escaped;
  for (let left = backslashes; left; left &= left - 1) {
    const bit = left & (0 - left);
    if (!(marks & bit)) marks |= bit << 1;
  }
  return marks;
}

/** Marks where the marks so far are an odd number. */
@inline
function unpaired(marks: u64): u64 {
  marks ^= marks << 1;
  marks ^= marks << 2;
  marks ^= marks << 4;
  marks ^= marks << 8;
  marks ^= marks << 16;
  return marks ^ (marks << 32);
}

/** Gives the place after the string that begins at start. Most are short, and a function costs fuel. */
@inline
export function stringEnd(start: usize, end: usize): usize {
  const quotes = start + 17 <= end ? are(v128.load(start, 1), 0x22) : 0;
  const at = start + <usize>ctz(quotes);
  return quotes && load<u8>(at) != 0x5c ? at + 2 : longEnd(start, end);
}

/** Does so where it is long or has escapes, or where the document ends soon. It looks at sixteen bytes at a time: most of a document is
 * text, and a loop costs fuel, too. */
function longEnd(start: usize, end: usize): usize {
  for (let at = start + 1; at < end; at += 16) {
    const quotes = quotesAt(at, end);
    if (quotes) return quoteEnd(start, at + <usize>ctz(quotes), end);
  }
  return end;
}

/** Marks where quotes stand in the sixteen bytes at hand, or in those that are left: the first byte with the lowest bit. */
@inline
function quotesAt(at: usize, end: usize): u32 {
  const from = at + 16 <= end ? at : end - 16;
  return are(v128.load(from), 0x22) >> <u32>(at - from); // of the last sixteen bytes without those before at
}

/** Marks spaces and backslashes likewise. */
@inline
function spacesAt(at: usize, end: usize): u32 {
  const from = at + 16 <= end ? at : end - 16;
  const chunk = v128.load(from);
  return (are(chunk, 0x20) | are(chunk, 0x5c)) >> <u32>(at - from);
}

/** Gives the place after the string that begins at start, whose first quote after that is at `at`. */
@inline
function quoteEnd(start: usize, at: usize, end: usize): usize {
  return load<u8>(at - 1) == 0x5c ? escapedEnd(start, end) : at + 1;
}

/** Gives the place after a string with escapes. */
function escapedEnd(start: usize, end: usize): usize {
  for (let at = start + 1; at < end; at++) {
    const c = load<u8>(at);
    if (c == 0x22) return at + 1;
    if (c == 0x5c) at++;
  }
  return end;
}

/** Gives so many bytes, again as often as there is room in a vector: 1, 4, 8 or 16. */
@inline
function bytesAt(count: usize, at: usize): v128 {
  if (count == 16) return v128.load(at);
  return count == 8 ? v128.load64_splat(at) : count == 4 ? v128.load32_splat(at) : v128.load8_splat(at);
}

/** Whether one of them is a backslash or no ASCII. */
@inline
function odd(bytes: v128): bool {
  return i8x16.bitmask(v128.or(bytes, i8x16.eq(bytes, i8x16.splat(0x5c)))) != 0;
}

/** Whether a JSON string has this text. It makes no string of it, and most often sees at the first character that it has not. */
@inline
export function reads(start: usize, end: usize, text: string): bool {
  const c = load<u8>(start, 1);
  return (<u16>c == load<u16>(changetype<usize>(text)) || c == 0x5c || c == 0x22 || c >= 0x80) && readsAll(start, end, text);
}

/** Does so without the look at the first character. */
export function readsAll(start: usize, end: usize, text: string): bool {
  const units = <usize>text.length;
  if (end < start + 2 + units) return false; // a JSON string has at least as many bytes as its text has units
  return units >= 8 ? readsBy(8, start, end, text) : readsBy(units >= 4 ? 4 : 1, start, end, text);
}

/** Compares so many bytes at a time, at the end some that were compared before. */
@inline
function readsBy(step: usize, start: usize, end: usize, text: string): bool {
  const from = changetype<usize>(text);
  const units = <usize>text.length;
  for (let i: usize = 0; i < units; i += step) {
    const at = min(i, units - step);
    const bytes = bytesAt(step, start + 1 + at);
    if (odd(bytes)) return unquote(start, end) == text;
    const want = step == 8 ? v128.load(from + (at << 1)) : step == 4 ? v128.load64_splat(from + (at << 1)) : v128.load16_splat(from + (at << 1));
    if (v128.any_true(v128.xor(i16x8.extend_low_i8x16_u(bytes), want))) return false;
  }
  return end - start - 2 == units;
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
  return start + 2 < end ? text(start + 1, end - 1) : "";
}

/** Gives the text between the quotes of a JSON string, or a part of it. */
function text(start: usize, end: usize): string {
  const length = end - start;
  const out = __new(length << 1, idof<string>());
  const plain = length >= 16 ? widenBy(16, start, length, out) : length >= 8 ? widenBy(8, start, length, out) : widenBy(length >= 4 ? 4 : 1, start, length, out);
  return plain ? changetype<string>(out) : decoded(start, end);
}

/** Makes ASCII UTF-16, so many bytes at a time, at the end some that were there before; false: it has a backslash or is no ASCII. */
@inline
function widenBy(step: usize, start: usize, length: usize, out: usize): bool {
  for (let i: usize = 0; i < length; i += step) {
    const at = min(i, length - step);
    const bytes = bytesAt(step, start + at);
    if (odd(bytes)) return false;
    const low = i16x8.extend_low_i8x16_u(bytes);
    if (step == 1) v128.store16_lane(out + (at << 1), low, 0);
    else if (step == 4) v128.store64_lane(out + (at << 1), low, 0);
    else v128.store(out + (at << 1), low);
    if (step == 16) v128.store(out + (at << 1), i16x8.extend_high_i8x16_u(bytes), 16);
  }
  return true;
}

/** Gives the text of what is not plain ASCII. */
function decoded(start: usize, end: usize): string {
  for (let at = start; at < end; at++) {
    if (load<u8>(at) == 0x5c) return unescaped(start, end, at);
  }
  return String.UTF8.decodeUnsafe(start, end - start);
}

/** Gives the words of a JSON string that spaces part. */
export function words(start: usize, end: usize): string[] {
  const list = new Array<string>();
  const last = end - 1;
  for (let word = start + 1, at = word; at <= last; ) {
    const found = at < last ? spacesAt(at, last) : 1; // as if one stood where the quote is
    if (!found) {
      at = min(at + 16, last);
      continue;
    }
    at += <usize>ctz(found);
    if (load<u8>(at) == 0x5c) return written(unquote(start, end)); // it may be an escaped space
    if (at > word) list.push(text(word, at));
    word = ++at;
  }
  return list;
}

function written(text: string): string[] {
  return text.split(" ").filter((word) => word != "");
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
