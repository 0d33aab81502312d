import { MAX_DEPTH } from "./abi";
import { hex4 } from "./scan";

/** A Checker verifies that bytes are one JSON value (RFC 8259), with nothing around it but spaces. */
export class Checker {
  /** What is wrong, and where; empty: nothing. */
  problem: string = "";
  private at: usize;

  constructor(private start: usize, private end: usize) {
    this.at = start;
  }

  /** Checks the whole. */
  check(): bool {
    this.space();
    if (!this.value(1)) return false;
    this.space();
    return this.at == this.end || this.fail("more data after the end of the JSON value");
  }

  private fail(what: string): bool {
    if (this.problem == "") this.problem = "json: " + what + " at byte " + (this.at - this.start).toString();
    return false;
  }

  private peek(): u8 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  private space(): void {
    for (; ; this.at++) {
      const c = this.peek();
      if (c != 0x20 && c != 0x09 && c != 0x0a && c != 0x0d) return;
    }
  }

  private value(depth: i32): bool {
    const c = this.peek();
    switch (c) {
      case 0x22: return this.text();
      case 0x7b: return this.container(0x7d, depth);
      case 0x5b: return this.container(0x5d, depth);
      case 0x74: return this.word("true");
      case 0x66: return this.word("false");
      case 0x6e: return this.word("null");
    }
    return c == 0x2d || isDigit(c) ? this.number() : this.fail("no value");
  }

  private word(word: string): bool {
    for (let i = 0; i < word.length; i++) {
      if (this.peek() != <u8>word.charCodeAt(i)) return this.fail("no value");
      this.at++;
    }
    return true;
  }

  private container(closing: u8, depth: i32): bool {
    if (depth > MAX_DEPTH) return this.fail("nested too deep");
    this.at++;
    this.space();
    if (this.peek() == closing) {
      this.at++;
      return true;
    }
    while (true) {
      if (closing == 0x7d && !this.name()) return false;
      if (!this.value(depth + 1)) return false;
      this.space();
      const c = this.peek();
      if (c != closing && c != 0x2c) return this.fail("no comma");
      this.at++;
      if (c == closing) return true;
      this.space();
    }
  }

  private name(): bool {
    if (this.peek() != 0x22) return this.fail("no member name");
    if (!this.text()) return false;
    this.space();
    if (this.peek() != 0x3a) return this.fail("no colon");
    this.at++;
    this.space();
    return true;
  }

  private text(): bool {
    for (this.at++; this.at < this.end; this.at++) {
      const c = load<u8>(this.at);
      if (c == 0x22) {
        this.at++;
        return true;
      }
      if (c < 0x20) return this.fail("a control character in a string");
      if (c == 0x5c && !this.escape()) return false;
    }
    return this.fail("no end of a string");
  }

  /** Stands at the last byte of the escape afterwards. */
  private escape(): bool {
    this.at++;
    switch (this.peek()) {
      case 0x22: case 0x5c: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74: return true;
      case 0x75: {
        if (hex4(this.at + 1, this.end) >= 0) {
          this.at += 4;
          return true;
        }
      }
    }
    return this.fail("a wrong escape");
  }

  /** Verifies -? int frac? exp? (RFC 8259 §6). */
  private number(): bool {
    if (this.peek() == 0x2d) this.at++;
    if (this.peek() == 0x30) this.at++;
    else if (!this.digits()) return false;
    if (this.peek() == 0x2e) {
      this.at++;
      if (!this.digits()) return false;
    }
    if ((this.peek() | 0x20) == 0x65) {
      this.at++;
      if (this.peek() == 0x2b || this.peek() == 0x2d) this.at++;
      return this.digits();
    }
    return true;
  }

  private digits(): bool {
    if (!isDigit(this.peek())) return this.fail("no digit");
    while (isDigit(this.peek())) this.at++;
    return true;
  }
}

function isDigit(c: u8): bool {
  return c >= 0x30 && c <= 0x39;
}
