package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A role is what a software asks for, and what it then has.
type role struct {
	members string
	scope   string
	idToken string // the algorithm that its ID tokens are signed with
	sealed  string // the header of those that are encrypted then; empty: they are not
}

// register sends a signed request with a statement over mutual TLS.
func (s *software) register(members string, status int) strictjson.Value {
	s.Helper()
	document := members + fmt.Sprintf(`,"software_statement":%q`, s.statement())
	return s.ask(s.peer, "POST", s.bank.issuer+"/dcr/register", "", s.signed(s.key, document), status)
}

// onboarding walks a software through its life at a bank: registered by a signed request with a statement over mutual TLS, read,
// changed, used by somebody and deleted.
func onboarding(s *software, as role) {
	s.Helper()
	register := s.bank.issuer + "/dcr/register"
	document := func(more string) string {
		return as.members + more + fmt.Sprintf(`,"software_statement":%q`, s.statement())
	}
	plain := document("")

	thief := s.newKey()
	if refused := s.ask(s.peer, "POST", register, "", s.signed(thief, plain), 400); !strings.Contains(textOf(refused, "error_description"), "does not verify") {
		s.Errorf("signed by a thief: %s", refused)
	}
	stranger := s.peerWith(s.certify("another", "another"))
	if refused := s.ask(stranger, "POST", register, "", s.signed(s.key, plain), 400); !strings.Contains(textOf(refused, "error_description"), "of the client certificate is not software_id") {
		s.Errorf("over the certificate of others: %s", refused)
	}
	padded := s.register(as.members+`,"userinfo_encrypted_response_alg":"RSA1_5"`, 400)
	if !strings.Contains(textOf(padded, "error_description"), "userinfo_encrypted_response_alg 'RSA1_5' is not supported") {
		s.Errorf("encrypted as nobody should: %s", padded)
	}
	signed := s.signed(s.key, plain)
	client := s.ask(s.peer, "POST", register, "", signed, 201)
	if textOf(client, "scope") != as.scope || textOf(client, "software_statement") == "" || textOf(client, "token_endpoint_auth_method") != "private_key_jwt" ||
		textOf(client, "id_token_signed_response_alg") != as.idToken {
		s.Errorf("registered %s", client)
	}
	if responses, _ := client.Get("response_types"); responses.String() != `["code"]` {
		s.Errorf("response types: %s", responses)
	}
	if grants, _ := client.Get("grant_types"); grants.Len() != 3 || strings.Contains(grants.String(), "implicit") || strings.Contains(grants.String(), "jwt-bearer") {
		s.Errorf("grants: %s", grants)
	}
	hybrid := strings.NewReplacer(`"code id_token","code"`, `"code id_token"`, `"code","code id_token"`, `"code id_token"`).Replace(as.members)
	if refused := s.register(hybrid, 400); !strings.Contains(textOf(refused, "error_description"), "response_types 'code id_token' is not supported") {
		s.Errorf("nothing but code id_token: %s", refused)
	}
	if again := s.ask(s.peer, "POST", register, "", signed, 400); !strings.Contains(textOf(again, "error_description"), "was used before") {
		s.Errorf("again: %s", again)
	}
	at, token := textOf(client, "registration_client_uri"), textOf(client, "registration_access_token")
	if read := s.ask(s.peer, "GET", at, token, "", 200); textOf(read, "client_id") != textOf(client, "client_id") {
		s.Errorf("read %s", read)
	}
	s.ask(stranger, "GET", at, token, "", 401)
	s.ask(stranger, "DELETE", at, token, "", 401)
	changed := fmt.Sprintf(`,"client_id":%q,"contacts":["ops@tpp.example"]`, textOf(client, "client_id"))
	updated := s.ask(s.peer, "PUT", at, token, s.signed(s.key, document(changed)), 200)
	if contacts, _ := updated.Get("contacts"); contacts.String() != `["ops@tpp.example"]` {
		s.Errorf("updated %s", updated)
	}
	if next := textOf(updated, "registration_access_token"); next != "" {
		token = next
	}
	s.ask(s.peer, "PUT", at, token, s.signed(s.key, strings.Replace(document(changed), "https://tpp.example/callback", "https://evil.example/callback", 1)), 400)
	signsSomebodyIn(s, textOf(client, "client_id"), as)
	s.ask(s.peer, "DELETE", at, token, "", 204)
	s.ask(s.peer, "GET", at, token, "", 401)
}

// signsSomebodyIn pushes a request, lets a person allow it, and has an ID token that verifies with the keys that the bank publishes.
func signsSomebodyIn(s *software, id string, as role) {
	s.Helper()
	if _, err := s.house.people.login.Create(s.Context(), login.NewUser{Username: "ann", Password: "correct horse"}); err != nil {
		s.Fatal(err)
	}
	const redirect = "https://tpp.example/callback"
	pushed := s.prove(id, "/par", 201, oauth.Params{
		"response_type": {"code"}, "redirect_uri": {redirect}, "scope": {as.scope}, "state": {"s"}, "nonce": {"n-1"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	})
	ann := &person{T: s.T, username: "ann", password: "correct horse", browser: fetch.NewPeer(fetch.PeerOptions{Cookies: true, TrustCA: s.roots()})}
	s.Cleanup(ann.browser.Close)
	sent := ann.visit(s.bank.issuer+"/authorize?"+oauth.Params{"client_id": {id}, "request_uri": {textOf(pushed, "request_uri")}}.Encode(), redirect)
	tokens := s.prove(id, "/token", 200, oauth.Params{
		"grant_type": {"authorization_code"}, "code": {codeIn(s.T, sent)}, "redirect_uri": {redirect}, "code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
	})
	published, err := ann.browser.Do(s.Context(), fetch.Request{URL: s.bank.issuer + "/jwks"})
	if err != nil {
		s.Fatal(err)
	}
	set, err := jose.ParseJWKS(published.Body)
	if err != nil {
		s.Fatal(err)
	}
	idToken := textOf(tokens, "id_token")
	if as.sealed != "" {
		header, signed, err := s.reader.Open(idToken)
		if err != nil || header.String() != as.sealed {
			s.Fatalf("an ID token with the header %s: %v", header, err)
		}
		idToken = string(signed)
	}
	claims, err := jose.Verify(idToken, set, []string{as.idToken})
	if err != nil || textOf(claims, "aud") != id || textOf(claims, "nonce") != "n-1" {
		s.Errorf("an ID token of %s: %v", claims, err)
	}
}

// revoked walks through what follows when the directory takes back what it said: its clients are disabled, and nobody gets in or changes
// anything by it.
func revoked(s *software, members string, take func()) {
	s.Helper()
	client := s.register(members, 201)
	take()
	if refused := s.register(members, 400); !strings.Contains(textOf(refused, "error_description"), "revoked by its issuer") {
		s.Errorf("a revoked statement: %s", refused)
	}
	registration.NewRecall(s.house.desk, s.house.clients).Due(s.Context())
	stored, err := s.house.clients.Client(s.Context(), core.ClientID(textOf(client, "client_id")))
	if err != nil || stored.State != core.Disabled {
		s.Errorf("the client is %q, %v", stored.State, err)
	}
	document := members + fmt.Sprintf(`,"software_statement":%q`, s.statement())
	s.ask(s.peer, "PUT", textOf(client, "registration_client_uri"), textOf(client, "registration_access_token"), s.signed(s.key, document), 403)
}

// What the entry of a directory says beside its keys: whose keys sign requests, and whose certificate it is.
const directoryTerms = `    request_keys: {jwks_uri: %s}
    certificate: {%s}
    redirects_claim: software_redirect_uris
`

// A third party of open banking in the UK, end to end. Its directory is asked about each statement.
func TestOpenBankingUK(t *testing.T) {
	d := newDirectory(t, "OpenBanking Ltd")
	d.put("/introspect", `{"active":true}`)
	b := openBank(d, "openbanking-uk", fmt.Sprintf(directoryTerms, "software_jwks_endpoint", "cn: software_id, ou: org_id")+"    revocation: {introspection: "+d.address()+"/introspect}\n")
	s := b.newSoftware("4nM1sL", "0015800001041REAAY", func(keys string) string {
		return fmt.Sprintf(`"software_id":"4nM1sL","software_client_id":"4nM1sL","software_client_name":"Budget","software_version":1.1,"software_mode":"Live",
			"software_roles":["AISP","PISP"],"software_redirect_uris":["https://tpp.example/callback"],"software_jwks_endpoint":%q,
			"org_id":"0015800001041REAAY","org_name":"Acme","org_status":"Active"`, keys)
	})
	as := role{scope: "openid accounts payments", idToken: "ES256", members: `"redirect_uris":["https://tpp.example/callback"],
		"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"PS256","grant_types":["authorization_code","refresh_token","client_credentials","urn:ietf:params:oauth:grant-type:jwt-bearer"],
		"response_types":["code id_token","code"],"application_type":"web","request_object_signing_alg":"PS256","id_token_signed_response_alg":"ES256","scope":"openid accounts payments"`}
	onboarding(s, as)
	revoked(s, as.members, func() { s.put("/introspect", `{"active":false}`) })
}

// A participant of open finance in Brazil, end to end, with PS256 everywhere and ID tokens that only it can read. Its directory publishes a list of what it has taken back,
// which is read again when the bank opens.
func TestOpenFinanceBrazil(t *testing.T) {
	d := newDirectory(t, "Open Banking Open Banking Brasil prod SSA issuer")
	d.put("/revoked", `{"jti":[],"software_id":["another"],"org_id":[]}`)
	b := openBank(d, "openbanking-brazil", fmt.Sprintf(directoryTerms, "software_jwks_uri", "uid: software_id")+"    revocation: {list: "+d.address()+"/revoked}\n")
	s := b.newSoftware("Cki1EbvjwyhPB12NGLlz2", "0015800001HQQrZAAX", func(keys string) string {
		return fmt.Sprintf(`"software_id":"Cki1EbvjwyhPB12NGLlz2","software_client_name":"Acme Budget","software_version":1.1,"software_mode":"Live",
			"software_redirect_uris":["https://tpp.example/callback"],"software_jwks_uri":%q,"org_id":"0015800001HQQrZAAX","org_name":"Acme",
			"org_status":"Active","software_statement_roles":[{"role":"DADOS","authorisation_domain":"Open Banking","status":"Active"}]`, keys)
	})
	as := role{scope: "openid accounts", idToken: "PS256", sealed: `{"alg":"RSA-OAEP","cty":"JWT","enc":"A256GCM","kid":"for-encryption","typ":"JWT"}`, members: `"redirect_uris":["https://tpp.example/callback"],
		"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"PS256","request_object_signing_alg":"PS256",
		"grant_types":["client_credentials","authorization_code","refresh_token","implicit"],"subject_type":"public","require_auth_time":false,
		"id_token_signed_response_alg":"PS256","id_token_encrypted_response_alg":"RSA-OAEP","id_token_encrypted_response_enc":"A256GCM",
		"response_types":["code","code id_token"],"scope":"openid accounts","jwks_uri":"` + d.address() + `/Cki1EbvjwyhPB12NGLlz2.jwks"`}
	onboarding(s, as)
	revoked(s, as.members, func() {
		s.put("/revoked", `{"software_id":["Cki1EbvjwyhPB12NGLlz2"]}`)
		s.again()
		s.connect()
	})
}
