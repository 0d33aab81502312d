use ostiary_plugin::{base64, Call, Fault, Json, Object, Outcome, Request, Signature, Value};

/// Plays one step that needs a capability. What comes of it, a refusal too, is patched into the member. It is there only when the kit
/// is built with the feature capabilities: a module that mentions a capability imports it.
pub fn perform(c: &mut Call, op: &str, step: Value) -> Outcome {
    let got = match used(c, op, step) {
        Ok(got) => got,
        Err(Fault::Failed(text)) if !step.get("must").bool() => Json::from(text),
        Err(fault) => return Err(fault),
    };
    let member = step.get("member").text();
    if !member.is_empty() {
        c.patch.set(&member, got);
    }
    Ok(())
}

fn used(c: &Call, op: &str, step: Value) -> Result<Json, Fault> {
    let (key, text) = (&*step.get("key").text(), &*step.get("text").text());
    Ok(match op {
        "now" => c.now().into(),
        "random" => {
            let mut bytes = vec![0; step.get("size").int().unwrap_or(0) as usize];
            c.random(&mut bytes)?;
            base64::encode(&bytes).into()
        }
        "kv_get" => c.kv_get(key)?.map_or(Json::null(), |value| String::from_utf8_lossy(&value).into()),
        "kv_put" => {
            c.kv_put(key, text, step.get("ttl").int().unwrap_or(0))?;
            true.into()
        }
        "kv_delete" => {
            c.kv_delete(key)?;
            true.into()
        }
        "kv_count" => {
            let value = c.kv_get(key)?.unwrap_or_default();
            let n = String::from_utf8_lossy(&value).parse().unwrap_or(0i64) + 1;
            c.kv_put(key, n.to_string(), 0)?;
            n.into()
        }
        "http" => send(c, step.get("request"))?,
        "sign" => made(c.sign(key, text)?),
        "hmac" => made(c.hmac(key, text)?),
        "policy" => {
            let input = step.get("input");
            let input = if input.exists() { input.into() } else { Json::from(Object::new()) };
            c.policy(&step.get("rule").text(), input)?.unwrap_or_else(|| "undefined".into())
        }
        _ => return Err(format!("the script has no step {op}").into()),
    })
}

fn send(c: &Call, v: Value) -> Result<Json, Fault> {
    let mut request = Request::new(&v.get("method").text(), &v.get("url").text());
    for (name, value) in v.get("headers").members() {
        request = request.header(&name, &value.text());
    }
    let raw = base64::decode(&v.get("body_base64").text()).unwrap_or_default();
    request = request.body(if raw.is_empty() { v.get("body").text().as_bytes().to_vec() } else { raw });
    let r = c.http(&request)?;
    Ok(Object::new()
        .with("status", r.status)
        .with("type", r.header("content-type"))
        .with("body", base64::encode(&r.body))
        .into())
}

fn made(s: Signature) -> Json {
    [s.alg, s.kid, s.text].into()
}
