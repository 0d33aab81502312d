use ostiary_plugin::{log, Call, Level, Outcome, Value};

/// Misbehaves while the plugin is loaded.
pub fn start(v: Value) -> Outcome {
    match &*v.get("start").text() {
        "refuse" => Err("the member \"domain\" is missing".into()),
        "panic" => panic!("not ready"),
        _ => Ok(()),
    }
}

/// Does harm during a call.
pub fn misbehave(how: &str, c: &mut Call) -> Outcome {
    match how {
        "loop" => spin(),
        "bomb" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(std::hint::black_box(vec![1u8; 1 << 20]));
            }
        }
        "recurse" => c.patch.set("depth", deep(1)),
        "panic" => c.patch.set("depth", [1, 2, 3][c.context.locked().len() + 3]),
        "huge" => c.patch.set("client_name", "x".repeat(1 << 20)),
        "flood" => {
            for _ in 0..10_000 {
                log(Level::Info, &"noise ".repeat(1000));
            }
        }
        "mix" => {
            c.patch.set("client_name", "half done");
            return Err("gave up in the middle".into());
        }
        _ => return Err(format!("no such misbehaviour: {how}").into()),
    }
    Ok(())
}

fn spin() {
    let mut n = 0u32;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

fn deep(n: i64) -> i64 {
    if std::hint::black_box(n) <= 0 {
        return 0;
    }
    n + std::hint::black_box(deep(n + 1))
}
