package admin_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

// A question of any kind is answered with 200, allowed or not, on the whole road; nothing is stored, spent or written down.
func TestSimulate(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	h.want(h.ask("POST", "/clients/"+id+"/disable", ""), http.StatusOK)
	enabled := h.create(shop)
	clients, entries := maps.Clone(h.vault.clients), len(h.book.all())
	const redirect = `"request":{"redirect_uris":["https://a.example/"]}`
	for body, code := range map[string]core.Code{
		`{` + redirect + `}`: "",
		`{` + redirect + `,"operation":"register","channel":"dcr"}`:                     "",
		`{` + redirect + `,"caller":{"kind":"open"}}`:                                   "",
		`{` + redirect + `,"caller":{"ip":"2001:db8::1","origin":"https://a.example"}}`: "",
		`{` + redirect + `,"caller":{"kind":"operator"}}`:                               "",
		`{` + redirect + `,"channel":"operator"}`:                                       "",
		`{` + redirect + `,"profile":"bff"}`:                                            "",
		`{` + redirect + `,"profile":"nope"}`:                                           core.InvalidClientMetadata,
		`{"request":{"redirect_uris":["javascript:x"]}}`:                                core.InvalidRedirectURI,
		`{"request":[]}`:   core.InvalidClientMetadata,
		`{"request":null}`: core.InvalidClientMetadata,
		`{}`:               core.InvalidClientMetadata,
		`{"operation":"update","client_id":"` + enabled + `","merge":true,"request":{"client_name":"X"}}`: "",
		`{"operation":"update","client_id":"` + id + `","merge":true,"request":{"client_name":"X"}}`:      core.AccessDenied,
		`{"operation":"update","client_id":"c-nobody","request":{}}`:                                      core.NotFound,
		`{"operation":"read","client_id":"` + enabled + `"}`:                                              "",
		`{"operation":"delete","client_id":"` + enabled + `"}`:                                            "",
		`{"operation":"delete","client_id":"` + id + `","channel":"operator"}`:                            "",
		`{"operation":"disable","client_id":"` + enabled + `"}`:                                           "",
		`{"operation":"enable","client_id":"` + id + `"}`:                                                 "",
		`{"operation":"disable","client_id":"` + enabled + `","channel":"manage"}`:                        core.InvalidRequest,
		`{"operation":"register","channel":"manage"}`:                                                     core.InvalidRequest,
		`{"operation":"delete","client_id":"` + strings.Repeat("c", 5000) + `"}`:                          core.NotFound,
	} {
		a := h.want(h.ask("POST", "/simulate", body), http.StatusOK)
		allowed, isBool := a.at("allowed").Bool()
		if !isBool || allowed != (code == "") || a.text("error.error") != string(code) || (a.text("error.error_description") == "") != allowed ||
			allowed != a.at("error").IsNull() || a.text("stages.0.stage") != "access" || !strings.HasPrefix(a.at("errors").String(), "[") || !strings.HasPrefix(a.at("warnings").String(), "[") {
			t.Errorf("%s: want %q: %s", body, code, a.body)
		}
		if a.Header.Get("Ostiary-Decision-Id") != "" || strings.Contains(a.body, "decision_id") || strings.Contains(a.body, `"client_secret"`) {
			t.Errorf("%s: %v %s", body, a.Header, a.body)
		}
	}
	if len(h.vault.clients) != len(clients) || len(h.book.all()) != entries || len(h.vault.tokens) != 0 {
		t.Errorf("left behind: %d clients, %d entries, %d tokens", len(h.vault.clients), len(h.book.all()), len(h.vault.tokens))
	}
	for id, before := range clients {
		if h.vault.clients[id].Stamps != before.Stamps {
			t.Errorf("%s was written", id)
		}
	}
}

// What the client would be, and why not: the rules with their places, which only operators see.
func TestSimulationShows(t *testing.T) {
	h := open(t)
	a := h.want(h.ask("POST", "/simulate", `{"profile":"bff","request":`+shop+`}`), http.StatusOK)
	if a.text("client.token_endpoint_auth_method") != "private_key_jwt" || a.text("client.client_name") != "Shop" || a.text("revision") != "r-1" || !a.at("client.client_id").IsAbsent() {
		t.Errorf("%s", a.body)
	}
	h.deny(core.Reason{Rule: "scopes.unknown", Code: core.InvalidScope, Message: "No.", Public: true, File: "site.rego", Line: 7}, core.Reason{Rule: "hidden", Code: core.AccessDenied, Message: "internal"})
	a = h.want(h.ask("POST", "/simulate", `{"request":`+shop+`}`), http.StatusOK)
	if !a.at("client").IsAbsent() || a.text("errors.0.rule") != "scopes.unknown" || !strings.Contains(a.at("stages").String(), `"file":"site.rego"`) || !strings.Contains(a.at("stages").String(), "hidden") {
		t.Errorf("%s", a.body)
	}
}

// A question that makes no sense is 400 and says what would.
func TestSimulateRefuses(t *testing.T) {
	h := open(t)
	for body, says := range map[string]string{
		`{"operation":"conquer"}`:                                                            "operation must be register, update",
		`{"channel":"bff"}`:                                                                  "channel must be dcr, manage, operator, cimd, import or system",
		`{"caller":{"kind":"root"}}`:                                                         "caller.kind must be",
		`{"caller":{"kind":"open"},"channel":"operator"}`:                                    "never comes by the channel operator",
		`{"caller":{"kind":"operator"},"channel":"dcr"}`:                                     "never comes by the channel dcr",
		`{"caller":{"kind":"registration_access_token"},"channel":"dcr"}`:                    "never comes by the channel dcr",
		`{"operation":"delete","client_id":"c","caller":{"kind":"open"},"channel":"manage"}`: "never comes by the channel manage",
		`{"caller":{"ip":"localhost"}}`:                                                      "caller.ip",
		`{"caller":{"ip":"10.0.0.0/8"}}`:                                                     "caller.ip",
		`{"operation":"update"}`:                                                             "client_id names the client",
		`{"client_id":"c-1"}`:                                                                "client_id names the client",
		`{"requset":{}}`:                                                                     "requset",
		`{"Request":{}}`:                                                                     "Request",
		`{"caller":{"kind":"open","role":"x"}}`:                                              "role",
		`{"caller":"open"}`:                                                                  "caller",
		`{"merge":"yes"}`:                                                                    "merge",
		`{"channel":1}`:                                                                      "channel",
		`{"channel":"dcr","channel":"operator"}`:                                             "channel",
		`{"request":{"scope":"a","scope":"b"}}`:                                              "scope",
		`[]`:                                                                                 "cannot be used",
		``:                                                                                   "cannot be used",
		`{"request":{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}}`: "cannot be used",
	} {
		h.refused(h.ask("POST", "/simulate", body), http.StatusBadRequest, core.InvalidRequest, says)
	}
}
