use alloc::format;
use alloc::string::String;

use crate::abi::MAX_DEPTH;
use crate::scan::{hex4, plain_size};

/// Verifies that text is one JSON value (RFC 8259), with nothing around it but spaces. The error says what is wrong, and where.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let mut c = Checker { bytes: text.as_bytes(), text, pos: 0 };
    c.space();
    c.value(1)?;
    c.space();
    if c.pos < c.bytes.len() {
        return c.fail("more data after the end of the JSON value");
    }
    Ok(())
}

struct Checker<'a> {
    bytes: &'a [u8],
    text: &'a str,
    pos: usize,
}

type Checked = Result<(), String>;

impl Checker<'_> {
    fn fail(&self, what: &str) -> Checked {
        Err(format!("json: {what} at byte {}", self.pos))
    }

    fn peek(&self) -> u8 {
        self.bytes.get(self.pos).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.pos += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Checked {
        match self.peek() {
            b'"' => self.string(),
            b'{' => self.container(b'}', depth),
            b'[' => self.container(b']', depth),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.fail("no value"),
        }
    }

    fn word(&mut self, word: &str) -> Checked {
        if !self.bytes[self.pos..].starts_with(word.as_bytes()) {
            return self.fail("no value");
        }
        self.pos += word.len();
        Ok(())
    }

    fn container(&mut self, closing: u8, depth: usize) -> Checked {
        if depth > MAX_DEPTH {
            return self.fail("nested too deep");
        }
        self.pos += 1;
        self.space();
        if self.peek() == closing {
            self.pos += 1;
            return Ok(());
        }
        loop {
            if closing == b'}' {
                self.name()?;
            }
            self.value(depth + 1)?;
            self.space();
            match self.peek() {
                c if c == closing => {
                    self.pos += 1;
                    return Ok(());
                }
                b',' => self.pos += 1,
                _ => return self.fail("no comma"),
            }
            self.space();
        }
    }

    fn name(&mut self) -> Checked {
        if self.peek() != b'"' {
            return self.fail("no member name");
        }
        self.string()?;
        self.space();
        if self.peek() != b':' {
            return self.fail("no colon");
        }
        self.pos += 1;
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Checked {
        self.pos += 1;
        loop {
            self.pos += plain_size(&self.bytes[self.pos..]);
            match self.bytes.get(self.pos) {
                None => return self.fail("no end of a string"),
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return self.fail("a control character in a string"),
            }
        }
    }

    fn escape(&mut self) -> Checked {
        match self.bytes.get(self.pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 2,
            Some(b'u') if hex4(self.text, self.pos + 2).is_some() => self.pos += 6,
            _ => return self.fail("a wrong escape"),
        }
        Ok(())
    }

    /// Verifies -? int frac? exp? (RFC 8259 §6).
    fn number(&mut self) -> Checked {
        if self.peek() == b'-' {
            self.pos += 1;
        }
        if self.peek() == b'0' {
            self.pos += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.pos += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.pos += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.pos += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Checked {
        if !self.peek().is_ascii_digit() {
            return self.fail("no digit");
        }
        while self.peek().is_ascii_digit() {
            self.pos += 1;
        }
        Ok(())
    }
}
