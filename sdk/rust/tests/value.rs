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
