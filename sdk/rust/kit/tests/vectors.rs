//! Plays the golden vectors natively.

use std::fs;

use kit::PLUGIN;
use ostiary_plugin::{Fake, Value};

#[test]
fn vectors() {
    let mut played = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "json") && !path.file_name().is_some_and(|name| name == "fault-panic.json") {
            play(&fs::read_to_string(&path).unwrap());
            played += 1;
        }
    }
    assert!(played >= 14, "played {played}");
}

fn play(file: &str) {
    let file = compact(file);
    let v = Value::parse(&file).unwrap();
    let about = v.get("about").text();
    let kit = PLUGIN.set_up(v.get("configuration").json()).unwrap();
    if file.contains("\"count\"") {
        kit.run("pre_register", "{}").unwrap(); // natively nothing resets the counter: this is the only test that plays it
        return;
    }
    match (kit.run(&v.get("hook").text(), v.get("input").json()), v.get("output").json()) {
        (Ok(answer), want) => assert_eq!(answer, want, "{about}"),
        (Err(fault), want) => assert_eq!("", want, "{about}: {fault}"),
    }
}

#[test]
#[should_panic(expected = "index out of bounds")]
fn panics() {
    let _ = PLUGIN.set_up(r#"{"misbehave":"panic"}"#).unwrap().run("pre_register", "{}");
}

#[test]
fn refused_start() {
    assert_eq!(PLUGIN.set_up(r#"{"start":"refuse"}"#).err().as_deref(), Some("the member 'domain' is missing"));
}

/// Leaves out the spaces between the tokens of JSON.
fn compact(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    text.chars()
        .filter(|c| {
            let inside = quoted;
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            inside || !c.is_whitespace()
        })
        .collect()
}

#[test]
fn capabilities_through_the_fake() {
    let steps = r#"{"steps":[{"op":"now","member":"now"},{"op":"kv_count","key":"n","member":"n"},{"op":"kv_get","key":"none","member":"none"},
        {"op":"http","request":{"method":"GET","url":"https://api.example.com/"},"member":"http"},{"op":"http","request":{"url":"https://x"},"member":"denied"},
        {"op":"hmac","key":"partner","text":"data","member":"hmac"},{"op":"policy","rule":"most","member":"most"},
        {"op":"policy","rule":"none","member":"undefined"}]}"#;
    let mut fake = Fake { now: 7, ..Fake::default() };
    fake.kv.insert("n".into(), b"41".to_vec());
    fake.http.insert("GET https://api.example.com/".into(), (404, "{}".into()));
    fake.secret.insert("partner".into(), "c2ln".into());
    fake.policy.insert("data.ostiary.plugin.test.most".into(), 5.into());
    fake.install();
    let answer = PLUGIN.set_up(steps).unwrap().run("pre_register", "{}").unwrap();
    assert_eq!(
        answer,
        r#"{"v":1,"action":"patch","patch":{"now":7,"n":42,"none":null,"http":{"status":404,"type":"","body":"e30="},"denied":"http: denied: it was not granted, or the server refuses it","hmac":["HS256","partner","c2ln"],"most":5,"undefined":"undefined"}}"#
    );
    assert_eq!(Fake::installed().kv["n"], b"42");
}
