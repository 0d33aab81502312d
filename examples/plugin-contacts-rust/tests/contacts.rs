use contacts::PLUGIN;

#[test]
fn shape() {
    let plugin = PLUGIN.set_up(r#"{"domain":"corp.example"}"#).unwrap();
    for (input, want) in [
        (r#"{"client":{}}"#, r#"{"v":1,"action":"patch","patch":{"contacts":["clients@corp.example"]},"audit":{"added_contact":true}}"#),
        (r#"{"client":{"contacts":["a@b.example"]}}"#, r#"{"v":1,"action":"continue"}"#),
        (r#"{"context":{"locked":["contacts"]},"client":{}}"#, r#"{"v":1,"action":"continue"}"#),
        (
            r#"{"client":{"contacts":["a@b","nobody"]}}"#,
            r#"{"v":1,"action":"reject","error":{"code":"invalid_client_metadata","description":"contacts: nobody is no e-mail address; write name@host."}}"#,
        ),
    ] {
        for hook in ["pre_register", "pre_update"] {
            assert_eq!(plugin.run(hook, input).as_deref(), Ok(want), "{hook} {input}");
        }
    }
}

#[test]
fn sign() {
    let plugin = PLUGIN.set_up(r#"{"label":"front desk"}"#).unwrap();
    for hook in ["post_register", "on_read"] {
        let answer = plugin.run(hook, r#"{"client":{"client_id":"c-1"}}"#);
        assert_eq!(answer.as_deref(), Ok(r#"{"v":1,"action":"patch","patch":{"registered_through":"front desk"}}"#));
    }
}

#[test]
fn wrong_configuration() {
    for configuration in [r#"{"domain":""}"#, r#"{"domain":7}"#, r#"{"domain":"a@b"}"#] {
        let refused = PLUGIN.set_up(configuration).err().unwrap_or_default();
        assert!(refused.contains("domain must be"), "{configuration}: {refused}");
    }
}
