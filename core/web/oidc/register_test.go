package oidc_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

func post(bearer, body string) ask {
	return ask{method: http.MethodPost, path: "dcr/register", bearer: bearer, body: body}
}

// RFC 7591 §3.2.1: 201, never to be cached, with everything the client needs to go on.
func TestRegister(t *testing.T) {
	h := open(t)
	a := h.ask(post(h.token(1), shop))
	if a.StatusCode != http.StatusCreated || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	for _, name := range []string{
		"client_id", "client_id_issued_at", "client_secret", "client_secret_expires_at", "registration_access_token", "redirect_uris",
		"grant_types", "response_types", "token_endpoint_auth_method", "client_name", "scope",
	} {
		if _, found := a.doc.Get(name); !found {
			t.Errorf("%s is missing in %s", name, a.body)
		}
	}
	if want := issuer + "/dcr/register/" + a.text("client_id"); a.text("registration_client_uri") != want {
		t.Errorf("registration_client_uri %q, want %q", a.text("registration_client_uri"), want)
	}
	if id := a.text("decision_id"); !strings.HasPrefix(id, "d-") || id != a.Header.Get("Ostiary-Decision-Id") {
		t.Errorf("decision_id %q, header %q", id, a.Header.Get("Ostiary-Decision-Id"))
	}
	if public := h.register(`{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"none"}`); public.rat == "" {
		t.Error("a public client got no registration access token")
	} else if _, found := public.doc.Get("client_secret"); found {
		t.Error("a public client got a secret")
	}
}

// What cannot be read is refused with its reason, written down, and spends no token.
func TestUnusableBodies(t *testing.T) {
	h := open(t)
	bearer := h.token(1)
	for name, c := range map[string]struct {
		body string
		code core.Code
		says string
	}{
		"nothing":            {"", core.InvalidRequest, "not usable JSON"},
		"not JSON":           {"client_name=Shop", core.InvalidRequest, "not usable JSON"},
		"two documents":      {shop + shop, core.InvalidRequest, "not usable JSON"},
		"cut off":            {shop[:30], core.InvalidRequest, "not usable JSON"},
		"a comma too many":   {`{"client_name":"Shop",}`, core.InvalidRequest, "not usable JSON"},
		"a member twice":     {`{"scope":"openid","scope":"admin.api"}`, core.InvalidRequest, "scope"},
		"twice, escaped":     {`{"scope":"openid","sc\u006fpe":"admin.api"}`, core.InvalidRequest, "scope"},
		"twice, far below":   {`{"jwks":{"keys":[{"kty":"EC","kty":"RSA"}]}}`, core.InvalidRequest, "kty"},
		"too deep":           {`{"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + "}", core.InvalidRequest, "not usable JSON"},
		"very deep":          {strings.Repeat("[", 60000), core.InvalidRequest, "not usable JSON"},
		"many members":       {`{"a":[` + strings.Repeat("0,", 5000) + "0]}", core.InvalidRequest, "not usable JSON"},
		"NUL":                {"{\"client_name\":\"a\x00b\"}", core.InvalidRequest, "NUL"},
		"not UTF-8":          {"{\"client_name\":\"\xff\"}", core.InvalidRequest, "UTF-8"},
		"half a surrogate":   {`{"client_name":"\ud800"}`, core.InvalidRequest, "not usable JSON"},
		"byte order mark":    {"\xef\xbb\xbf" + shop, core.InvalidRequest, "byte order mark"},
		"an array":           {"[" + shop + "]", core.InvalidClientMetadata, "must be a JSON object, not an array"},
		"null":               {"null", core.InvalidClientMetadata, "must be a JSON object"},
		"another type":       {`{"client_name":7,"redirect_uris":["https://a.example/"]}`, core.InvalidClientMetadata, "client_name"},
		"a redirect, quoted": {`{"redirect_uris":"https://a.example/"}`, core.InvalidRedirectURI, "redirect_uris"},
		"a script":           {`{"redirect_uris":["javascript:alert(1)"]}`, core.InvalidRedirectURI, "javascript"},
		"a private key":      {`{"redirect_uris":["https://a.example/"],"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"c"}]}}`, core.InvalidClientMetadata, "jwks"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.now = h.now.Add(every) // each counts against the address
			req := post(bearer, c.body)
			req.mediaType = "application/json"
			h.refused(h.ask(req), http.StatusBadRequest, c.code, c.says)
		})
	}
	h.t = t
	if a := h.ask(post(bearer, shop)); a.StatusCode != http.StatusCreated {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
	}
}

// A name in another case is another name: what policy sees is what is stored.
func TestNamesAreExact(t *testing.T) {
	h := open(t)
	c := h.register(`{"redirect_uris":["https://a.example/cb"],"REDIRECT_URIS":["https://evil.example/"],"\u017fcope":"admin.api","client_secret":"chosen","client_id":"chosen"}`)
	if uris, _ := c.doc.Get("redirect_uris"); uris.String() != `["https://a.example/cb"]` || strings.Contains(c.doc.String(), "evil") ||
		strings.Contains(c.doc.String(), "admin.api") || c.id == "chosen" {
		t.Errorf("registered %s", c.doc)
	}
	if secret, _ := c.doc.Get("client_secret"); secret.String() == `"chosen"` {
		t.Error("a client chose its secret")
	}
}

func TestMediaTypeOfARegistration(t *testing.T) {
	h := open(t)
	bearer := h.token(10)
	for mediaType, want := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "Application/JSON": 201,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "application/jwt": 415, "application/json, text/plain": 415, "nonsense": 415,
	} {
		req := post(bearer, shop)
		req.mediaType = mediaType
		a := h.ask(req)
		if a.StatusCode != want || want == 415 && (a.text("error") != "unsupported_media_type" || !strings.Contains(a.text("error_description"), "application/json") || a.text("decision_id") == "") {
			t.Errorf("%q: %d %s", mediaType, a.StatusCode, a.body)
		}
	}
	packed := post(bearer, shop)
	packed.header = http.Header{"Content-Encoding": {"gzip"}}
	if a := h.ask(packed); a.StatusCode != 415 || !strings.Contains(a.text("error_description"), "Content-Encoding") {
		t.Errorf("packed: %d %s", a.StatusCode, a.body)
	}
}

// RFC 6750 §3: a refused token gets a challenge that says so, no token one that does not.
func TestChallenges(t *testing.T) {
	h := open(t)
	const asks = `Bearer realm="ostiary"`
	for name, c := range map[string]struct {
		authorization string
		says          string
	}{
		"wrong":       {"Bearer " + core.NewSecret().Reveal(), "unknown, expired, revoked or used up"},
		"cut short":   {"Bearer " + h.token(1)[:42], "unknown, expired, revoked or used up"},
		"odd letters": {"Bearer a\"b,c", "malformed"},
		"two tokens":  {"Bearer abc def", "malformed"},
		"a list":      {"Bearer abc, Bearer def", "malformed"},
		"very long":   {"Bearer " + strings.Repeat("a", 8000), "malformed"},
	} {
		h.now = h.now.Add(every) // each counts against the address
		req := post("", shop)
		req.header = http.Header{"Authorization": {c.authorization}}
		a := h.ask(req)
		h.refused(a, http.StatusUnauthorized, core.InvalidToken, c.says)
		if got := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, asks+`, error="invalid_token", error_description="`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, authorization := range map[string]string{"another scheme": "Basic YTpi", "no scheme": "abc", "nothing after it": "Bearer", "empty": ""} {
		h.now = h.now.Add(every)
		req := post("", shop)
		req.header = http.Header{"Authorization": {authorization}}
		a := h.ask(req)
		h.refused(a, http.StatusUnauthorized, core.InvalidToken, "")
		if got := a.Header.Get("WWW-Authenticate"); got != asks {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Whether an open door is enough is for policy to say, and in its words.
func TestWithoutAToken(t *testing.T) {
	h := open(t)
	if a := h.ask(post("", shop)); a.StatusCode != http.StatusCreated {
		t.Errorf("open: %d %s", a.StatusCode, a.body)
	}
	h.deny(core.Reason{Rule: "r", Code: core.InvalidToken, Message: "Bring a token.", Public: true})
	a := h.ask(post("", shop))
	h.refused(a, http.StatusUnauthorized, core.InvalidToken, "Bring a token.")
	if got := a.Header.Get("WWW-Authenticate"); got != `Bearer realm="ostiary"` {
		t.Errorf("challenge %q: RFC 6750 section 3.1 wants no error where no token was sent", got)
	}
	h.deny(core.Reason{Rule: "r", Code: core.AccessDenied, Message: "internal", Public: false})
	a = h.ask(post("", shop))
	h.refused(a, http.StatusUnauthorized, core.InvalidToken, "refused by policy") // who has shown nothing may still show something
	if strings.Contains(a.body, "internal") || a.Header.Get("WWW-Authenticate") != `Bearer realm="ostiary"` {
		t.Errorf("%s, challenge %q", a.body, a.Header.Get("WWW-Authenticate"))
	}
	a = h.ask(post(h.token(1), shop))
	h.refused(a, http.StatusForbidden, core.AccessDenied, "refused by policy")
}

// A credential belongs in one header. Nothing else is looked at, and a second one is never a choice.
func TestWhereCredentialsAreNot(t *testing.T) {
	h := open(t)
	bearer := h.token(10)
	for _, path := range []string{"dcr/register?access_token=" + bearer, "dcr/register?access_token=", "dcr/register?a=b&access%5Ftoken=" + bearer} {
		for _, header := range []string{"", bearer} {
			h.now = h.now.Add(every)
			a := h.ask(ask{method: http.MethodPost, path: path, bearer: header, body: shop})
			h.refused(a, http.StatusBadRequest, core.InvalidRequest, "query is not accepted")
			if strings.Contains(a.body, bearer) {
				t.Errorf("echoed in %s", a.body)
			}
		}
	}
	h.now = h.now.Add(burst * every)
	twice := post("", shop)
	twice.header = http.Header{"Authorization": {"Bearer " + bearer, "Bearer " + bearer}}
	if a := h.ask(twice); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.text("error_description"), "Authorization") {
		t.Errorf("twice: %d %s", a.StatusCode, a.body)
	}
	h.deny(core.Reason{Rule: "r", Code: core.InvalidToken, Message: "Bring a token.", Public: true})
	cookie := post("", shop)
	cookie.header = http.Header{"Cookie": {"access_token=" + bearer}, "X-Access-Token": {bearer}}
	h.refused(h.ask(cookie), http.StatusUnauthorized, core.InvalidToken, "Bring a token.")
	if strings.Contains(h.log(), bearer) {
		t.Error("the token is in the log")
	}
}

// A token is good for as many clients as it says, and then it is like any other that is not.
func TestSpentToken(t *testing.T) {
	h := open(t)
	bearer := h.token(2)
	for range 2 {
		if a := h.ask(post(bearer, shop)); a.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	spent, unknown := h.ask(post(bearer, shop)), h.ask(post(core.NewSecret().Reveal(), shop))
	h.refused(unknown, http.StatusUnauthorized, core.InvalidToken, "")
	if spent.StatusCode != unknown.StatusCode || spent.text("error_description") != unknown.text("error_description") {
		t.Errorf("spent: %s\nunknown: %s", spent.body, unknown.body)
	}
}

// What the store says at the last moment; the cause of a fault is in the log and not in the answer.
func TestFailedCommits(t *testing.T) {
	h := open(t)
	bearer := h.token(1)
	for _, c := range []struct {
		fail   error
		status int
		code   core.Code
	}{
		{registration.ErrSpent, 401, core.InvalidToken},
		{registration.ErrTaken, 400, core.InvalidClientMetadata},
		{registration.ErrChanged, 409, core.Conflict},
		{errors.New("disk on fire"), 500, core.ServerError},
		{core.Fail(core.InsufficientStorage, "Full.", errors.New("disk full")), 507, core.InsufficientStorage},
	} {
		h.vault.fail = c.fail
		a := h.ask(post(bearer, shop))
		h.refused(a, c.status, c.code, "")
		if strings.Contains(a.body, "disk") || strings.Contains(a.body, "client_secret") {
			t.Errorf("%v: %s", c.fail, a.body)
		}
	}
	if !strings.Contains(h.log(), `"cause":"disk on fire"`) {
		t.Errorf("logged %s", h.log())
	}
	h.vault.fail = nil
	if a := h.ask(post(bearer, shop)); a.StatusCode != http.StatusCreated {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
	}
}

// Nobody writes into the history of a client by naming it in the query of a registration.
func TestARegistrationNamesNoClient(t *testing.T) {
	h := open(t)
	victim := h.register(shop)
	h.refused(h.ask(ask{method: http.MethodPost, path: "dcr/register?client_id=" + victim.id, bearer: "wrong", body: shop}), 401, core.InvalidToken, "")
	if _, client := h.noted(); client != "" {
		t.Errorf("the refusal is noted under %s", client)
	}
	made := h.ask(ask{method: http.MethodPost, path: "dcr/register?client_id=" + victim.id, bearer: h.token(1), body: shop})
	if made.StatusCode != http.StatusCreated || made.text("client_id") == victim.id {
		t.Errorf("%d %s", made.StatusCode, made.body)
	}
}

// Every public reason goes along, without the place of its rule.
func TestReasonsOfARefusal(t *testing.T) {
	h := open(t)
	h.deny(core.Reason{Rule: "scopes.unknown", Code: core.InvalidScope, Fields: []string{"scope"}, Message: "No \"payroll\" here.\r\nReally.", Public: true, File: "site.rego", Line: 7})
	a := h.ask(post(h.token(1), shop))
	h.refused(a, http.StatusBadRequest, core.InvalidScope, "No 'payroll' here.??Really.")
	reasons, _ := a.doc.Get("errors")
	want := `[{"rule":"scopes.unknown","code":"invalid_scope","fields":["scope"],"message":"No \"payroll\" here.\r\nReally."}]`
	if wanted, err := strictjson.Parse([]byte(want), strictjson.Default); err != nil || !strictjson.Equal(reasons, wanted) {
		t.Errorf("errors %s, want %s (%v)", reasons, want, err)
	}
}
