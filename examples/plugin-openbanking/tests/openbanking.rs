use openbanking::PLUGIN;

const CLAIMS: &str = r#"{"software_id":"s-1","software_scopes":["openid","accounts"],"org_jwks_endpoint":"https://keys.example/s-1.jwks","software_redirect_uris":["https://tpp.example/cb"]}"#;

fn input(claims: &str, subject: &str, client: &str) -> String {
    let certificate = if subject.is_empty() { String::new() } else { format!(r#","certificate":{{"subject":"{subject}"}}"#) };
    format!(r#"{{"context":{{"operation":"register","software_statement":{{"claims":{claims}}}{certificate}}},"client":{client}}}"#)
}

fn ask(hook: &str, configuration: &str, input: &str) -> String {
    PLUGIN.set_up(configuration).unwrap().run(hook, input).unwrap()
}

#[test]
fn shapes_by_the_statement() {
    let answer = ask("pre_register", "{}", &input(CLAIMS, "CN=s-1,OU=org,O=Directory", r#"{"redirect_uris":["https://tpp.example/cb"],"jwks":{"keys":[]}}"#));
    let want = r#"{"v":1,"action":"patch","patch":{"token_endpoint_auth_method":"tls_client_auth","scope":"openid accounts","jwks":null,"jwks_uri":"https://keys.example/s-1.jwks"}}"#;
    assert_eq!(answer, want);
}

#[test]
fn refuses_what_does_not_belong_together() {
    let other_redirect = r#"{"redirect_uris":["https://evil.example/cb"]}"#;
    for (input, want) in [
        (r#"{"client":{}}"#.to_owned(), "A software statement of the directory is needed."),
        (input(CLAIMS, "", "{}"), "A client certificate of the directory"),
        (input(CLAIMS, "CN=s-2", "{}"), "is not the certificate's common name"),
        (input(CLAIMS, r"CN=s-1\\2Cx", "{}"), "A client certificate of the directory"),
        (input(CLAIMS, "CN=s-1", r#"{"software_id":"s-9"}"#), "software_id is not that of the statement."),
        (input(CLAIMS, "CN=s-1", other_redirect), "https://evil.example/cb is not in the software statement."),
        (input(r#"{"software_id":"s-1"}"#, "CN=s-1", "{}"), "lists no scope"),
        (input(r#"{"software_id":"s-1","software_scopes":"openid","org_jwks_endpoint":"http://k"}"#, "CN=s-1", "{}"), "no https URL"),
    ] {
        let answer = ask("pre_register", "{}", &input);
        assert!(answer.contains(r#""action":"reject""#) && answer.contains(want), "{input}: {answer}");
    }
}

#[test]
fn mints_the_id() {
    let from_software = r#"{"client_id_from":"software_id"}"#;
    let given = input(CLAIMS, "O=Directory,CN=cert-7", "{}");
    assert_eq!(ask("mint_client_id", "{}", &given), r#"{"v":1,"action":"result","result":{"client_id":"cert-7"}}"#);
    assert_eq!(ask("mint_client_id", from_software, &given), r#"{"v":1,"action":"result","result":{"client_id":"s-1"}}"#);
    assert!(ask("mint_client_id", "{}", &input(CLAIMS, "CN=a b", "{}")).contains("cannot be a client_id"));
}
