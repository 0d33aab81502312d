//! What a plugin reads of a call.

use ostiary_plugin::{plugin, Call, Certificate, Outcome};

plugin! { pre_register: absent, token_claims: present, mint_client_id: draw }

fn absent(c: &mut Call) -> Outcome {
    let (x, caller) = (c.context, c.context.caller());
    for text in [x.decision_id(), x.operation(), x.channel(), x.client_id(), x.profile()] {
        assert_eq!(text, "");
    }
    for text in [caller.kind(), caller.ip(), caller.origin(), caller.user_agent(), caller.subject(), caller.client_id()] {
        assert_eq!(text, "");
    }
    for text in [c.client.client_name(), c.before.jwks_uri()] {
        assert_eq!(text, "");
    }
    for list in [caller.scopes(), caller.roles(), x.locked(), c.client.redirect_uris(), c.client.scope(), c.before.contacts()] {
        assert!(list.is_empty());
    }
    assert!(x.now() == 0 && !x.software_statement().exists() && !c.locked("scope") && c.entropy() == [0; 32]);
    assert!(x.initial_access_token().is_none() && x.certificate().is_none());
    assert!(c.signed.is_none() && c.certificate.is_none() && c.token.is_none());
    Ok(())
}

/// What the host leaves out, and what it sends as empty, is the same.
#[test]
fn absent_is_empty() {
    let plugin = PLUGIN.set_up("{}").unwrap();
    for input in [
        "{}",
        r#"{"v":1,"context":{},"client":{},"before":{}}"#,
        r#"{"context":{"channel":"","now":0,"caller":{"ip":"","scopes":[],"roles":[]},"locked":[]},"client":{"redirect_uris":[]}}"#,
        r#"{"context":{"channel":7,"now":"x","caller":[],"initial_access_token":null,"locked":{}},"signed":null,"client":[1]}"#,
    ] {
        assert_eq!(plugin.run("pre_register", input).as_deref(), Ok(r#"{"v":1,"action":"continue"}"#), "{input}");
    }
}

fn present(c: &mut Call) -> Outcome {
    let x = c.context;
    assert_eq!((c.hook, &*x.decision_id(), &*x.operation(), &*x.channel()), ("token_claims", "d-1", "token", "é\""));
    assert_eq!((&*x.client_id(), &*x.profile(), x.now()), ("c-1", "fapi2", 1_767_225_600));
    let caller = x.caller();
    assert_eq!((&*caller.kind(), &*caller.ip(), &*caller.origin()), ("open", "192.0.2.7", "https://a.example"));
    assert_eq!((&*caller.user_agent(), &*caller.subject(), &*caller.client_id()), ("curl", "s", "c"));
    assert_eq!((caller.scopes(), caller.roles()), (vec!["a".into(), "b".into()], vec!["admin".into()]));
    let presented = x.initial_access_token().unwrap();
    assert_eq!((&*presented.label(), &*presented.profile(), presented.terms().json()), ("team-a", "p", r#"{"scopes":["x"]}"#));
    assert_eq!(x.software_statement().json(), r#"{"iss":"i"}"#);
    assert_eq!(x.locked(), ["scope", "contacts"]);
    assert!(c.locked("contacts") && !c.locked("contact"));
    for held in [x.certificate().unwrap(), c.certificate.unwrap()] {
        holds(held);
    }
    let (signed, token) = (c.signed.unwrap(), c.token.unwrap());
    assert_eq!((&*signed.kind(), &*signed.alg(), &*signed.kid(), signed.claims().json()), ("request", "ES256", "k", "{}"));
    assert_eq!((&*token.grant_type(), &*token.subject(), token.claims().json()), ("client_credentials", "u", r#"{"a":1}"#));
    assert_eq!((token.scopes(), token.audience()), (vec!["x".into()], vec!["https://api.example".into()]));
    assert_eq!((&*c.client.client_name(), &*c.before.client_name()), ("new", "old"));
    assert_eq!((c.client.value().json(), c.before.value().json()), (r#"{ "client_name" : "new" }"#, r#"{"client_name":"old"}"#));
    c.patch.set("seen", true);
    Ok(())
}

fn holds(c: Certificate) {
    assert_eq!((&*c.subject(), &*c.issuer(), &*c.serial(), &*c.sha256(), &*c.pem()), ("CN=a", "CN=ca", "0a", "ff", "pem"));
    assert_eq!((c.san().dns(), c.san().uri()), (vec!["a.example".into()], vec!["urn:a".into()]));
    assert_eq!((c.san().email(), c.san().ip()), (vec!["a@a.example".into()], vec!["192.0.2.1".into()]));
    assert_eq!((c.not_before(), c.not_after()), (1, 2));
}

/// Everything is found, in whatever order and with whatever spaces it is written.
#[test]
fn reads_when_asked() {
    let certificate = r#"{"subject":"CN=a","issuer":"CN=ca","serial":"0a","sha256":"ff","pem":"pem","not_before":1,"not_after":2,
        "san":{"dns":["a.example"],"uri":["urn:a"],"email":["a@a.example"],"ip":["192.0.2.1"]}}"#;
    let input = r#" { "entropy" : "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "newer": [{"context":{"channel":"no"}}, "]}"],
        "token":{"grant_type":"client_credentials","subject":"u","scopes":["x"],"audience":["https://api.example"],"claims":{"a":1}},
        "signed" : {"kind":"request","alg":"ES256","kid":"k","claims":{}}, "certificate":CERTIFICATE,
        "before":{"client_name":"old"}, "client": { "client_name" : "new" },
        "\u0063ontext":{"decision_id":"d-1","operation":"token","channel":"\u00e9\"","client_id":"c-1","profile":"fapi2","now":1767225600,
        "caller":{"kind":"open","ip":"192.0.2.7","origin":"https://a.example","user_agent":"curl","subject":"s","client_id":"c",
        "scopes":["a", "b"],"roles":["admin"]},"initial_access_token":{"label":"team-a","profile":"p","terms":{"scopes":["x"]}},
        "software_statement":{"claims":{"iss":"i"}},"certificate":CERTIFICATE,"locked":["scope","contacts"]},"v":1 } "#;
    let answer = PLUGIN.set_up("{}").unwrap().run("token_claims", &input.replace("CERTIFICATE", certificate));
    assert_eq!(answer.as_deref(), Ok(r#"{"v":1,"action":"patch","patch":{"seen":true}}"#));
}

#[test]
fn refuses_what_is_no_call() {
    let plugin = PLUGIN.set_up("{}").unwrap();
    assert_eq!(plugin.run("pre_register", "[]").err().as_deref(), Some("the host sent no object"));
    assert_eq!(plugin.run("pre_register", r#"{"v":2}"#).err().as_deref(), Some("the host speaks version 2 of the wire"));
    assert_eq!(plugin.run("on_read", "{}").err().as_deref(), Some("no function is registered for the hook on_read"));
}

fn draw(c: &mut Call) -> Result<Option<String>, ostiary_plugin::Fault> {
    Ok(Some(c.entropy().iter().map(|b| format!("{b:02x}")).collect()))
}

#[test]
fn entropy() {
    let answer = PLUGIN.set_up("{}").unwrap().run("mint_client_id", r#"{"entropy":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8="}"#);
    let id = r#"{"v":1,"action":"result","result":{"client_id":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"}}"#;
    assert_eq!(answer.as_deref(), Ok(id));
}

/// Nothing is made of less than 32 bytes.
#[test]
#[should_panic(expected = "entropy is not 32 bytes in base64")]
fn too_little_entropy() {
    let _ = PLUGIN.set_up("{}").unwrap().run("mint_client_id", r#"{"entropy":"AAEC"}"#);
}
