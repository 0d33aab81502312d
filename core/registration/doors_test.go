package registration_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A door is one way in which a document comes to the desk, as an attacker finds it.
type door struct {
	channel core.Channel
	name    string                                            // what is done through it
	mine    func(s *siege) *client                            // whose document it is; nil: it is a new client's
	merges  bool                                              // only what changes is sent
	present func(s *siege, k *knock)                          // adds the credential, and what else the channel wants
	adds    func(s *siege) []string                           // names and values of members that every document has there
	site    func(*registration.Site)                          // what makes a way of it; nil: nothing
	wraps   func(s *siege, k *knock, body string) error       // what the document comes in; nil: it is the body
	tries   func(s *siege, k knock) (strictjson.Value, error) // nil: the desk is asked
	ends    map[string]end                                    // what ends otherwise there than elsewhere
}

// An end is how an attack ends at a door, and why not as it does elsewhere. The code "" is success: it does nothing there.
type end struct {
	code core.Code
	why  string
}

// A knock is a request in the making.
type knock struct {
	registration.Request
	client client
}

// doors are all of them. Operators and files send no signed requests, and nobody merges by one: web knows no such media type there. A
// new channel needs a row here, or one in doorless that says why there is none.
var doors = []door{
	{channel: core.ChannelDCR, name: "with a token", present: withToken},
	{channel: core.ChannelDCR, name: "openly"},
	{channel: core.ChannelDCR, name: "with an access token", present: asRegistrar},
	{channel: core.ChannelDCR, name: "with a certificate", site: certificatesRegister, adds: subject, present: withCertificate},
	{channel: core.ChannelDCR, name: "signed by an issuer", present: withToken, wraps: signedByIssuer, ends: signedEnds},
	{channel: core.ChannelDCR, name: "signed with its own keys", present: withToken, wraps: signedBySelf, adds: ownKeys, ends: both(signedEnds, ownKeysEnds)},
	{channel: core.ChannelDCR, name: "signed with the keys of its statement", present: withToken, wraps: signedBySelf, adds: statedKeys, site: statementsNameKeys, ends: signedEnds},
	{channel: core.ChannelDCR, name: "beside a statement", present: withToken, adds: statement, ends: fixedEnds},
	{channel: core.ChannelDCR, name: "in a statement", present: withToken, wraps: stated, ends: both(statedEnds, wholeEnds)},
	{channel: core.ChannelManage, name: "replacing", mine: inside, present: withOwnToken},
	{channel: core.ChannelManage, name: "merging", mine: inside, merges: true, present: withOwnToken},
	{channel: core.ChannelManage, name: "replacing with an access token", mine: inside, site: clientsManage, present: withAccessToken},
	{channel: core.ChannelManage, name: "merging with an access token", mine: inside, merges: true, site: clientsManage, present: withAccessToken},
	{channel: core.ChannelManage, name: "replacing, signed by an issuer", mine: inside, present: withOwnToken, wraps: signedByIssuer, ends: signedEnds},
	{channel: core.ChannelManage, name: "replacing, signed with its own keys", mine: inside, present: withOwnToken, wraps: signedBySelf, adds: ownKeys, ends: both(signedEnds, ownKeysEnds)},
	{channel: core.ChannelManage, name: "replacing beside its statement", mine: stateds, present: withOwnToken, ends: fixedEnds},
	{channel: core.ChannelManage, name: "merging beside its statement", mine: stateds, merges: true, present: withOwnToken, ends: fixedEnds},
	{channel: core.ChannelManage, name: "replacing in a statement", mine: inside, present: withOwnToken, wraps: stated, ends: both(statedEnds, wholeEnds, anewEnds)},
	{channel: core.ChannelManage, name: "merging in a statement", mine: inside, merges: true, present: withOwnToken, wraps: stated, ends: both(statedEnds, anewEnds, keptEnds)},
	{channel: core.ChannelOperator, name: "registering"},
	{channel: core.ChannelOperator, name: "replacing", mine: inside, present: withoutToken},
	{channel: core.ChannelOperator, name: "merging", mine: inside, merges: true, present: withoutToken},
	{channel: core.ChannelOperator, name: "registering in a statement", wraps: stated, ends: both(statedEnds, wholeEnds)},
	{channel: core.ChannelOperator, name: "replacing in a statement", mine: inside, present: withoutToken, wraps: stated, ends: both(statedEnds, wholeEnds, anewEnds)},
	{channel: core.ChannelImport, name: "declaring", present: declared},
	{channel: core.ChannelImport, name: "declaring what is there", mine: inside, present: declared},
	{channel: core.ChannelImport, name: "declaring in a statement", present: declared, wraps: stated, ends: both(statedEnds, wholeEnds)},
	{channel: core.ChannelDocument, name: "publishing", site: documentsCount, adds: address, wraps: published, tries: signsIn, ends: publishedEnds},
	{channel: core.ChannelDocument, name: "publishing beside a statement", site: documentsCount, adds: addressBesideStatement, wraps: published, tries: signsIn, ends: both(publishedEnds, fixedEnds)},
}

// The attacks that cannot be made at a door, or that are refused by another name there.
var (
	signedEnds = map[string]end{
		"iat": {core.InvalidRequest, "a claim of the JWT itself, which would be there twice"},
	}
	ownKeysEnds = map[string]end{
		"keys in two places":         {core.InvalidRequest, "without its keys it verifies with nothing"},
		"flip: string for a key set": {core.InvalidRequest, "without its keys it verifies with nothing"},
	}
	statedEnds = map[string]end{
		"malformed":                        {core.InvalidSoftwareStatement, "the mistake is its issuer's"},
		"a name twice":                     {core.InvalidSoftwareStatement, "the mistake is its issuer's"},
		"a member whose name is too long":  {"", "a claim that bears no member's name is for policy only"},
		"a statement that nobody can read": {"", "a statement in a statement is a claim like any other"},
	}
	wholeEnds = map[string]end{ // where the statement says all there is
		"a plugin takes a scope":      {core.PluginFault, "the statement's stays"},
		"a plugin adds a redirect":    {core.PluginFault, "the statement's stays"},
		"a plugin breaks the floor":   {core.PluginFault, "the statement's stays"},
		"a plugin takes out a member": {core.PluginFault, "the statement's stays"},
	}
	fixedEnds = map[string]end{
		"a plugin adds a redirect":  {core.PluginFault, "the statement's stays"},
		"a plugin breaks the floor": {core.PluginFault, "the statement's stays"},
		"redirect swapped":          {"", "the statement's stays"},
		"redirect added":            {"", "the statement's stays"},
		"redirect of look-alike":    {"", "the statement's stays"},
		"redirect by userinfo":      {"", "the statement's stays"},
		"redirect by backslash":     {"", "the statement's stays"},
		"redirect that is a script": {"", "the statement's stays"},
	}
	anewEnds = map[string]end{ // of an update
		"unchanged":                 {core.AccessDenied, "each statement is a new one, which changes the client"},
		"client_id":                 {"", "a claim that nobody asks about"},
		"client_secret":             {"", "a claim that nobody asks about"},
		"client_secret_expires_at":  {"", "a claim that nobody asks about"},
		"client_id_issued_at":       {"", "a claim that nobody asks about"},
		"registration_access_token": {"", "a claim that nobody asks about"},
		"registration_client_uri":   {"", "a claim that nobody asks about"},
	}
	keptEnds = map[string]end{
		"omitted": {"", "what a merge does not say stays"},
		"null":    {"", "a claim that is null says nothing, and what a merge does not say stays"},
	}
	publishedEnds = map[string]end{
		"a name twice":             {core.InvalidClientMetadata, "no request was malformed: it named an address"},
		"grant that is not built":  {"", "a document is for all servers: of its grants those count that there are"},
		"client_id":                {core.InvalidClientMetadata, "it must be the address"},
		"client_secret":            {core.InvalidClientMetadata, "everybody can read a document"},
		"client_secret_expires_at": {core.InvalidClientMetadata, "everybody can read a document"},
	}
)

func both(all ...map[string]end) map[string]end {
	joined := map[string]end{}
	for _, ends := range all {
		maps.Copy(joined, ends)
	}
	return joined
}

// doorless are channels that take no document.
var doorless = map[core.Channel]string{
	core.ChannelSystem: "only this server asks, and says nothing of the client",
}

func inside(s *siege) *client { return &s.open }

func stateds(s *siege) *client { return &s.fixed }

func withToken(s *siege, k *knock) { k.Credential.Bearer = s.token(1, "") }

// declared is a declaration under the id that the operator chose.
func declared(s *siege, k *knock) {
	k.Credential = registration.Credential{Operator: "ada"}
	if k.Declared = (&registration.Declaration{Set: "shop"}); k.ClientID == "" {
		k.ClientID = core.ClientID(fmt.Sprintf("shop-%d", len(s.store.clients)))
	}
	withoutToken(s, k)
}

func certificatesRegister(s *registration.Site) { s.Access.MTLS = true }

func clientsManage(s *registration.Site) { s.Access.ClientCredentials = true }

func documentsCount(s *registration.Site) {
	on := true
	s.Documents.Enabled = &on
}

// statementsNameKeys lets the statements of the issuers say with which keys their software signs.
func statementsNameKeys(s *registration.Site) {
	for i := range s.TrustedIssuers {
		s.TrustedIssuers[i].Terms.RequestKeys.JWKS = "software_jwks"
	}
}

// asRegistrar is a client that an operator let register others.
func asRegistrar(s *siege, k *knock) {
	s.bearing(k, registration.ClientToken{ClientID: "c-registrar", Scopes: []string{registration.ScopeRegister}})
}

// withAccessToken is a client with a token that it got for itself. It has not looked whether the client still is let have one.
func withAccessToken(s *siege, k *knock) {
	s.bearing(k, registration.ClientToken{ClientID: k.client.id})
	withoutToken(s, k)
}

func (s *siege) bearing(k *knock, token registration.ClientToken) {
	s.accessTokens = wallet{"a.b.c": token}.verify
	s.certify(nil)
	k.Credential.Bearer = "a.b.c"
}

func subject(*siege) []string { return []string{"tls_client_auth_subject_dn", `"CN=bank,C=DE"`} }

func withCertificate(s *siege, k *knock) {
	k.Credential.Certificates = named(s.t.(*testing.T), "bank")
	k.Caller.Certificate = &core.Certificate{Subject: "CN=bank,C=DE", SHA256: "00", Trusted: true}
}

func withOwnToken(_ *siege, k *knock) { k.Credential.Bearer = k.client.rat }

func withoutToken(_ *siege, k *knock) {
	if text(k.Body, "registration_access_token") == k.client.rat.Reveal() {
		k.Body = k.Body.Without("registration_access_token")
	}
}

func ownKeys(s *siege) []string { return []string{"jwks", s.self.jwks(s.t.(*testing.T))} }

// statement is one that fixes what that of the siege's own client does.
func statement(s *siege) []string {
	return []string{"software_statement", `"` + s.issuer.sign(s.t, fixing) + `"`}
}

func statedKeys(s *siege) []string {
	return []string{"software_statement", `"` + s.issuer.sign(s.t, `"software_jwks":`+s.self.jwks(s.t.(*testing.T))) + `"`}
}

func address(*siege) []string { return []string{"client_id", `"` + app + `"`} }

func addressBesideStatement(s *siege) []string { return append(address(s), statement(s)...) }

func signedByIssuer(s *siege, k *knock, body string) error { return s.signs(s.issuer, k, body) }

func signedBySelf(s *siege, k *knock, body string) error { return s.signs(s.self, k, body) }

// signs makes a document the claims of a signed request, to the letter.
func (s *siege) signs(by signer, k *knock, body string) error {
	s.serial++
	claims := fmt.Sprintf(`"aud":"https://op.example","iat":%d,"exp":%d,"jti":"j-%d",%s`, s.now.Unix(), s.now.Unix()+60, s.serial, body[1:len(body)-1])
	k.Signed = by.sign(s.t, claims)
	return nil
}

// stated makes a document the claims of a software statement, to the letter: the request says nothing itself.
func stated(s *siege, k *knock, body string) error {
	k.Body = strictjson.Object().With("software_statement", strictjson.String(s.issuer.sign(s.t, body[1:len(body)-1])))
	if k.client.id != "" {
		k.Body = k.Body.With("client_id", strictjson.String(string(k.client.id)))
	}
	return nil
}

// published puts a document at its address, to the letter.
func published(s *siege, _ *knock, body string) error {
	s.pages.put(app, body)
	return nil
}

// signsIn brings the address of the document along, as if somebody had never heard of it.
func signsIn(s *siege, _ knock) (strictjson.Value, error) {
	s.t.Helper()
	found, err := registration.NewDocuments(s.desk, s.bench, nil).Explained().Registered(s.t.Context(), app)
	if err != nil {
		if core.CodeOf(err) == core.InvalidClient {
			err = core.AsError(err).Err // why
		}
		return strictjson.Value{}, err
	}
	s.read = append(s.read, found)
	return metadata.Document(&found.Client.Metadata), nil
}
