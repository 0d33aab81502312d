use ostiary_plugin::{base64, Json, Object, Value};

#[test]
fn reads() {
    let text = " {\"text\":\"a\\\"\\u00e9\\ud83d\\ude00\\ud83d\\n\",\"list\":[\"x\",1, \"y\" ],\"n\":-12,\"f\":1.5,\"yes\":true,\"nil\":null,\"o\":{\"p\":[{},[]]}} ";
    let v = Value::parse(text).unwrap();
    assert_eq!(v.get("text").text(), "a\"é😀\u{fffd}\n");
    assert_eq!(v.get("list").strings(), ["x", "y"]);
    assert_eq!((v.get("n").int(), v.get("f").int()), (Some(-12), None));
    assert!(v.get("yes").bool() && !v.get("nil").bool() && v.get("nil").is_null());
    assert_eq!(v.get("o").get("p").json(), "[{},[]]");
    assert!(!v.get("o").get("p").get("q").exists() && v.get("none").text().is_empty() && !v.get("text").get("x").exists());
}

#[test]
fn refuses() {
    let deep = "[".repeat(40) + &"]".repeat(40);
    for text in [
        "", " ", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\n\"", "01", "1.", "1e", "-", "tru",
        "nul", "{} {}", "'a'", "{1:2}", &deep,
    ] {
        assert!(Value::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn builds() {
    let o = Object::new().with("s", "<\"\\\u{1}\u{7f}é").with("l", Vec::<String>::new()).with("n", i64::MIN).with("s2", [true, false]);
    assert_eq!(Json::from(o).as_str(), "{\"s\":\"<\\\"\\\\\\u0001\u{7f}é\",\"l\":[],\"n\":-9223372036854775808,\"s2\":[true,false]}");
}

#[test]
fn base64_round_trip() {
    for size in 0..70 {
        let bytes: Vec<u8> = (0..size).map(|i| (i * 37) as u8).collect();
        assert_eq!(base64::decode(&base64::encode(&bytes)).as_deref(), Some(&bytes[..]));
    }
    for wrong in ["A", "AA", "AAA", "A===", "AA-A", "AAAA="] {
        assert_eq!(base64::decode(wrong), None, "{wrong}");
    }
}

/// A value that the test knows, to compare with what is read.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Word(String),
    Text(String),
    List(Vec<Tree>),
    Members(Vec<(String, Tree)>),
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn tree(&mut self, depth: usize) -> Tree {
        let size = self.below(5);
        match self.below(if depth > 4 { 2 } else { 4 }) {
            0 => Tree::Word(["0", "-12", "1.5e+3", "true", "false", "null", "18446744073709551616"][self.below(7)].into()),
            1 => Tree::Text(self.text()),
            2 => Tree::List((0..size).map(|_| self.tree(depth + 1)).collect()),
            _ => Tree::Members((0..size).map(|n| (format!("{n}{}", self.text()), self.tree(depth + 1))).collect()),
        }
    }

    fn text(&mut self) -> String {
        let size = [0, 1, 7, 8, 9, 15, 16, 17, 40][self.below(9)] + self.below(3);
        (0..size).map(|_| ['a', 'b', ' ', ',', ':', '{', '}', '[', ']', '"', '\\', '\n', '\u{1}', 'é', '€', '😀'][self.below(if self.0 % 3 == 0 { 16 } else { 9 })]).collect()
    }

    /// Writes it in one of the many ways that JSON has.
    fn write(&mut self, tree: &Tree, out: &mut String) {
        self.space(out);
        match tree {
            Tree::Word(word) => out.push_str(word),
            Tree::Text(text) => self.quote(text, out),
            Tree::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    out.push_str(if n > 0 { "," } else { "" });
                    self.write(item, out);
                }
                self.space(out);
                out.push(']');
            }
            Tree::Members(members) => {
                out.push('{');
                for (n, (name, value)) in members.iter().enumerate() {
                    out.push_str(if n > 0 { "," } else { "" });
                    self.space(out);
                    self.quote(name, out);
                    self.space(out);
                    out.push(':');
                    self.write(value, out);
                }
                self.space(out);
                out.push('}');
            }
        }
        self.space(out);
    }

    fn space(&mut self, out: &mut String) {
        if self.below(6) == 0 {
            out.push_str([" ", "\n\t", "\r "][self.below(3)]);
        }
    }

    fn quote(&mut self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                _ if c < ' ' || self.below(20) == 0 => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| *out += &format!("\\u{unit:04x}")),
                _ => out.push(c),
            }
        }
        out.push('"');
    }
}

/// Reads everything there is to read of a value.
fn read(v: Value) -> Tree {
    if v.is_string() {
        return Tree::Text(v.text().into_owned());
    }
    if v.is_array() {
        return Tree::List(v.items().map(read).collect());
    }
    if v.is_object() {
        for (name, value) in v.members() {
            assert_eq!(v.get(&name).json(), value.json(), "{name:?} in {v:?}");
            assert!(!v.get(&format!("{name}x")).exists());
        }
        return Tree::Members(v.members().map(|(name, value)| (name.into_owned(), read(value))).collect());
    }
    Tree::Word(v.json().into())
}

/// Whatever is written, however it is written, is what is read.
#[test]
fn reads_what_was_written() {
    let mut draw = Draw(1);
    for _ in 0..3000 {
        let (tree, mut text) = (draw.tree(0), String::new());
        draw.write(&tree, &mut text);
        let value = Value::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(read(value), tree, "{text}");
    }
}
