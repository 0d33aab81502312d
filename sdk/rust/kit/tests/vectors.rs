//! Plays the golden vectors natively.

use std::fs;

use kit::PLUGIN;
use ostiary_plugin::Value;

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
