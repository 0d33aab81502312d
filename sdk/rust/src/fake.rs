//! Stands in for the host under `cargo test`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;

use crate::json::Json;

/// A host for one test: what is kept, and what requests are answered with. Until [`Fake::install`] all capabilities are unavailable.
#[derive(Clone, Debug, Default)]
pub struct Fake {
    /// Unix milliseconds.
    pub now: i64,
    /// What is kept.
    pub kv: BTreeMap<String, Vec<u8>>,
    /// What a method and URL, as `GET https://...`, are answered with: status and body. Anything else is denied.
    pub http: BTreeMap<String, (i64, String)>,
    /// What the keys make: `name` to the text of the signature.
    pub secret: BTreeMap<String, String>,
    /// What rules give, by their whole path.
    pub policy: BTreeMap<String, Json>,
}

std::thread_local! {
    static HOST: RefCell<Option<Fake>> = const { RefCell::new(None) };
}

impl Fake {
    /// Makes this the host of the calls that this thread makes from now on.
    pub fn install(self) {
        HOST.with(|host| *host.borrow_mut() = Some(self));
    }

    /// The host of this thread as the calls have left it.
    pub fn installed() -> Fake {
        HOST.with(|host| host.borrow().clone()).unwrap_or_default()
    }
}

pub(crate) mod imports {
    use std::string::ToString;
    use std::vec::Vec;

    use super::{Fake, HOST};
    use crate::abi::{ABSENT, DENIED, UNAVAILABLE};
    use crate::json::{Json, Object};
    use crate::value::Value;

    fn with<T>(f: impl FnOnce(&mut Fake) -> Result<T, i32>) -> Result<T, i32> {
        HOST.with(|host| host.borrow_mut().as_mut().map_or(Err(UNAVAILABLE), f))
    }

    fn code(done: Result<(), i32>) -> i32 {
        done.err().unwrap_or(0)
    }

    fn bytes(answer: Object) -> Vec<u8> {
        Json::from(answer).as_str().as_bytes().to_vec()
    }

    pub fn log(_: i32, text: &str) {
        std::eprintln!("plugin: {text}");
    }

    pub fn now() -> i64 {
        with(|host| Ok(host.now)).unwrap_or(0)
    }

    pub fn random(bytes: &mut [u8]) -> i32 {
        code(with(|_| {
            for (i, b) in bytes.iter_mut().enumerate() {
                *b = (i * 151 + 7) as u8;
            }
            Ok(())
        }))
    }

    pub fn kv_get(key: &str) -> Result<Vec<u8>, i32> {
        with(|host| host.kv.get(key).cloned().ok_or(ABSENT))
    }

    pub fn kv_put(key: &str, value: &[u8], _: i64) -> i32 {
        code(with(|host| {
            host.kv.insert(key.to_string(), value.to_vec());
            Ok(())
        }))
    }

    pub fn kv_delete(key: &str) -> i32 {
        code(with(|host| {
            host.kv.remove(key);
            Ok(())
        }))
    }

    pub fn http(request: &str) -> Result<Vec<u8>, i32> {
        let r = Value::of(request);
        let at = std::format!("{} {}", r.get("method").text(), r.get("url").text());
        with(|host| {
            let (status, body) = host.http.get(&at).ok_or(DENIED)?;
            Ok(bytes(Object::new().with("status", *status).with("headers", Object::new()).with("body", body)))
        })
    }

    pub fn secret(request: &str) -> Result<Vec<u8>, i32> {
        let key = Value::of(request).get("key").text();
        with(|host| {
            let signature = host.secret.get(&*key).ok_or(DENIED)?;
            Ok(bytes(Object::new().with("alg", "HS256").with("kid", &key).with("signature", signature)))
        })
    }

    pub fn policy_eval(request: &str) -> Result<Vec<u8>, i32> {
        let rule = Value::of(request).get("rule").text();
        with(|host| {
            Ok(bytes(match host.policy.get(&*rule) {
                Some(result) => Object::new().with("defined", true).with("result", result.view()),
                None => Object::new().with("defined", false),
            }))
        })
    }
}
