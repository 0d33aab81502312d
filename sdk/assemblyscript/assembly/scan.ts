// Steps over JSON that was checked or that the host wrote. On any other text these functions find less, and always end. Places are
// addresses, `end` is the one behind the text. Texts are UTF-8 in memory, and are made into strings only when somebody asks for one.

/** Gives the place of the first item of the array at hand, or of the first name of the object; 0: there is none, or it is neither. */
export function first(at: usize, end: usize, opening: u8): usize {
  return at < end && load<u8>(at) == opening ? nextAnyhow(at + 1, end) : 0;
}

/** Gives the place of the item or name after the one that ended at `at`; 0: that was the last one. */
@inline
export function next(at: usize, end: usize): usize {
  return at + 2 <= end && load<u16>(at) == 0x222c ? at + 1 : nextAnyhow(at, end); // ," as the host writes it
}

function nextAnyhow(at: usize, end: usize): usize {
  at = space(at, end);
  if (at < end && load<u8>(at) == 0x2c) at = space(at + 1, end); // ,
  return at < end && (load<u8>(at) | 0x20) != 0x7d ? at : 0; // ] }
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

/** Gives the place after an array or object, looking only at what opens, closes or begins a string. */
function containerEnd(at: usize, end: usize): usize {
  for (let depth = 0; at < end; ) {
    const c = load<u8>(at);
    if (c == 0x22) {
      at = stringEnd(at, end);
      if (at < end && (load<u8>(at) == 0x2c || load<u8>(at) == 0x3a)) at++; // , :
      continue;
    }
    at++;
    if ((c | 0x20) == 0x7b) {
      depth++;
    } else if ((c | 0x20) == 0x7d) {
      if (--depth == 0) break;
    }
  }
  return at;
}

/** Gives the place after the string that begins at start. */
export function stringEnd(start: usize, end: usize): usize {
  let at = start + 1;
  for (; at + 16 <= end; at += 16) { // sixteen bytes at a time: most of a document is text, and a loop costs fuel
    const second = load<u64>(at, 8); // first, so that the engine knows that both are there
    const quotes = quotesIn(load<u64>(at));
    if (quotes) return quoteEnd(start, at + <usize>(ctz(quotes) >> 3), end);
    const more = quotesIn(second);
    if (more) return quoteEnd(start, at + 8 + <usize>(ctz(more) >> 3), end);
  }
  return shortEnd(start, at, end);
}

/** Does so where fewer than sixteen bytes are left. */
function shortEnd(start: usize, at: usize, end: usize): usize {
  if (at + 8 <= end) {
    const quotes = quotesIn(load<u64>(at));
    if (quotes) return quoteEnd(start, at + <usize>(ctz(quotes) >> 3), end);
    at += 8;
  }
  if (at >= end) return end;
  const quotes = quotesIn(load<u64>(end - 8) >> (64 - ((end - at) << 3))); // the last eight bytes without those before at
  return quotes ? quoteEnd(start, at + <usize>(ctz(quotes) >> 3), end) : end;
}

/** Marks in the highest bit of a byte where a quote stands; see zeros. */
@inline
function quotesIn(chunk: u64): u64 {
  return zeros(chunk ^ (ONES * 0x22)) & HIGH;
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

const ONES: u64 = 0x0101010101010101;
const HIGH: u64 = 0x8080808080808080;

/** Marks in the highest bit of a byte where there is a zero. Bytes above the first one marked may be marked wrongly, because subtraction
 * borrows from them. */
@inline
function zeros(chunk: u64): u64 {
  return (chunk - ONES) & ~chunk;
}

/** Marks likewise where a backslash stands or what is not ASCII. */
@inline
function odd(chunk: u64): u64 {
  return (zeros(chunk ^ (ONES * 0x5c)) | chunk) & HIGH;
}

/** Makes four ASCII characters of a chunk UTF-16. */
@inline
function widened(four: u64): u64 {
  four = (four | (four << 16)) & 0x0000ffff0000ffff;
  return (four | (four << 8)) & 0x00ff00ff00ff00ff;
}

/** Whether a JSON string has this text. It makes no string of it, and most often sees at the first character that it has not. */
@inline
export function reads(start: usize, end: usize, text: string): bool {
  const c = load<u8>(start, 1);
  return (<u16>c == load<u16>(changetype<usize>(text)) || c == 0x5c || c == 0x22 || c >= 0x80) && readsAll(start, end, text);
}

function readsAll(start: usize, end: usize, text: string): bool {
  const units = <usize>text.length;
  const bytes = end - start - 2; // at least as many as the text would have units
  if (bytes < units) return false;
  const from = changetype<usize>(text);
  const at = start + 1;
  let i: usize = 0;
  for (; i + 8 <= units; i += 8) { // eight characters at a time, as long as they are plain and the same
    const chunk = load<u64>(at + i);
    if (odd(chunk)) break;
    if (widened(chunk & 0xffffffff) != load<u64>(from + (i << 1)) || widened(chunk >> 32) != load<u64>(from + (i << 1), 8)) return false;
  }
  for (; i < units; i++) {
    const c = load<u8>(at + i);
    const want = load<u16>(from + (i << 1));
    if (c == 0x5c || (c >= 0x80 && want >= 0x80)) return unquote(start, end) == text;
    if (<u16>c != want) return false;
  }
  return bytes == units;
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
  return text(start + 1, end - 1);
}

/** Gives the text between the quotes of a JSON string, or a part of it. */
function text(start: usize, end: usize): string {
  const length = end - start;
  const out = __new(length << 1, idof<string>());
  let i: usize = 0;
  for (; i + 8 <= length; i += 8) { // eight characters at a time, as long as they are plain
    const chunk = load<u64>(start + i);
    if (odd(chunk)) return decoded(start, end);
    store<u64>(out + (i << 1), widened(chunk >> 32), 8);
    store<u64>(out + (i << 1), widened(chunk & 0xffffffff));
  }
  while (i < length) {
    if (length >= 4) { // four, of which some were there before
      i = min(i, length - 4);
      const chunk = <u64>load<u32>(start + i);
      if (odd(chunk)) return decoded(start, end);
      store<u64>(out + (i << 1), widened(chunk));
      i += 4;
    } else {
      const c = load<u8>(start + i);
      if (c == 0x5c || c >= 0x80) return decoded(start, end);
      store<u16>(out + (i << 1), c);
      i++;
    }
  }
  return changetype<string>(out);
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
  let word = start + 1;
  for (let at = word; at <= last; ) {
    if (at + 8 <= last) { // eight bytes at a time, as long as they are letters
      const chunk = load<u64>(at);
      const found = (zeros(chunk ^ (ONES * 0x20)) | zeros(chunk ^ (ONES * 0x5c))) & HIGH;
      if (!found) {
        at += 8;
        continue;
      }
      at += <usize>(ctz(found) >> 3);
    }
    const c = load<u8>(at);
    if (c == 0x5c) return written(unquote(start, end)); // it may be an escaped space
    if (c == 0x20 || at == last) {
      if (at > word) list.push(text(word, at));
      word = at + 1;
    }
    at++;
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
