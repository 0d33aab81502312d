use domains::PLUGIN;

const CONFIGURATION: &str = r#"{"allowed":["example.com","Partner.example"],"loopback":true}"#;

fn ask(client: &str) -> String {
    PLUGIN.set_up(CONFIGURATION).unwrap().run("pre_register", &format!(r#"{{"client":{client}}}"#)).unwrap()
}

#[test]
fn allows() {
    for client in [
        r#"{}"#,
        r#"{"redirect_uris":["https://example.com/cb","https://App.Example.com:8443/cb","http://127.0.0.1:3000/","http://[::1]:9/x"]}"#,
        r#"{"redirect_uris":["https://example.com./cb"],"logo_uri":"https://static.partner.example?x"}"#,
    ] {
        assert_eq!(ask(client), r#"{"v":1,"action":"continue"}"#, "{client}");
    }
}

#[test]
fn refuses() {
    for uri in [
        "https://evil.example/cb", "https://notexample.com/", "https://example.com.evil.example/", "https://example.com@evil.example/",
        "https://evil.example\\\\@example.com/", "com.example.app:/cb", "https://", "https://evil.example#.example.com", "",
    ] {
        let answer = ask(&format!(r#"{{"redirect_uris":["{uri}"]}}"#));
        assert!(answer.contains(r#""code":"invalid_redirect_uri""#), "{uri}: {answer}");
    }
    let answer = ask(r#"{"jwks_uri":"https://evil.example/jwks"}"#);
    let want = r#"{"v":1,"action":"reject","error":{"code":"invalid_client_metadata","description":"jwks_uri: evil.example is not one of our domains.","extra":{"allowed_domains":["example.com","partner.example"]}}}"#;
    assert_eq!(answer, want);
}

#[test]
fn needs_a_list() {
    assert_eq!(PLUGIN.set_up("{}").err().as_deref(), Some("allowed must list at least one domain"));
}
