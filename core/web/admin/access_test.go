package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// Who is no operator learns nothing and changes nothing at any route, whatever else they hold.
func TestOnlyOperators(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	iat := h.want(h.ask("POST", "/dcr/initial-access-tokens", "{}"), http.StatusCreated)
	rat := core.NewSecret()
	stored := h.vault.clients[core.ClientID(id)]
	stored.Credentials.Registration = []core.RegistrationToken{{Hash: rat.Hash()}}
	h.vault.clients[core.ClientID(id)] = stored
	ids := strings.NewReplacer("/clients/:id", "/clients/"+id, "/initial-access-tokens/:id", "/initial-access-tokens/"+iat.text("id"), "/decisions/:id", "/decisions/d-1")
	operations := map[string]core.Operation{}
	const plain = `Bearer realm="ostiary"`
	for name, c := range map[string]struct{ authorization, challenge string }{
		"nothing":                     {"", plain},
		"a wrong token":               {"Bearer " + core.NewSecret().Reveal(), plain + ", error="},
		"a registration access token": {"Bearer " + rat.Reveal(), plain + ", error="},
		"an initial access token":     {"Bearer " + iat.text("token"), plain + ", error="},
		"a token cut short":           {"Bearer " + h.ada[:42], plain + ", error="},
		"a token and more":            {"Bearer " + h.ada + "A", plain + ", error="},
		"the hash":                    {"Bearer " + core.Secret(h.ada).Hash().String(), plain + ", error="},
		"two tokens":                  {"Bearer " + h.ada + ", Bearer " + h.ada, plain + ", error="},
		"another scheme":              {"Basic " + h.ada, plain},
		"no scheme":                   {h.ada, plain},
	} {
		for _, r := range h.routes {
			fields := []string{"Cookie: session=" + h.ada, "X-Ostiary-Token: " + h.ada}
			if c.authorization != "" {
				fields = append(fields, "Authorization: "+c.authorization)
			}
			path := ids.Replace(strings.TrimPrefix(r.Path, "/api/admin"))
			body := ""
			if r.Method != "GET" {
				body = shop
			}
			a := h.send(r.Method, path, body, fields...)
			h.refused(a, http.StatusUnauthorized, core.InvalidToken, "")
			got := a.Header.Get("WWW-Authenticate")
			if !strings.HasPrefix(got, c.challenge) || strings.Contains(got, "error") != strings.Contains(c.challenge, "error") {
				t.Errorf("%s at %s %s: challenge %q", name, r.Method, path, got)
			}
			a = h.send(r.Method, path+"?access_token="+h.ada, body, fields...)
			h.refused(a, http.StatusBadRequest, core.InvalidRequest, "query is not accepted")
			e, noted, _ := h.book.Find(t.Context(), core.DecisionID(a.text("decision_id")))
			if noted != r.Judged || noted && (e.Channel != core.ChannelOperator || e.Actor.Kind != registration.KindOpen || e.Error.Code != core.InvalidRequest) {
				t.Errorf("%s %s: judged %t, noted %+v", r.Method, path, r.Judged, e)
			}
			if noted {
				operations[r.Method+" "+r.Path] = e.Operation
			}
		}
	}
	if operations["POST /api/admin/clients"] != core.Register || operations["PUT /api/admin/clients/:id"] != core.Update ||
		operations["DELETE /api/admin/clients/:id"] != core.Delete || operations["POST /api/admin/clients/:id/disable"] != core.Disable ||
		operations["POST /api/admin/clients/:id/approve"] != core.Approve || operations["POST /api/admin/clients/:id/reject"] != core.Reject ||
		operations["POST /api/admin/clients/:id/enable"] != core.Enable || operations["PATCH /api/admin/clients/:id"] != core.Update {
		t.Errorf("noted as %v", operations)
	}
	if len(h.vault.clients) != 1 || len(h.vault.tokens) != 1 || h.vault.clients[core.ClientID(id)].Client.Metadata.ClientName != "Shop" {
		t.Errorf("now %v, %d tokens", h.vault.clients, len(h.vault.tokens))
	}
	for name, secret := range map[string]string{"operator's": h.ada, "registration": rat.Reveal(), "initial": iat.text("token")} {
		if strings.Contains(h.log(), secret) {
			t.Errorf("the %s token is in the log", name)
		}
	}
}

// The status of policies and plugins is for operators.
func TestStatus(t *testing.T) {
	h := open(t)
	if a := h.want(h.ask("GET", "/policies", ""), http.StatusOK); a.text("active_revision") != "r-1" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", a.Header, a.body)
	}
	if a := h.want(h.ask("GET", "/plugins", ""), http.StatusOK); a.body != `{"items":["hosts"]}` {
		t.Errorf("%s", a.body)
	}
	if a := h.ask("HEAD", "/policies", ""); a.StatusCode != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d %q", a.StatusCode, a.body)
	}
}

// Oversized and odd ids name nothing. They are no fault of ours, and nothing of them comes back or into the log.
func TestOddIDs(t *testing.T) {
	h := open(t)
	long := strings.Repeat("forged", 1500)
	for _, id := range []string{long, "forged%22%7D%20", "forged'--", "d-forged", "iat-forged", "c-forged;a=b", "%66orged%3Cscript%3E", "forged%C3%A9", "*", ":id"} {
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/decisions/", ""}, {"DELETE", "/dcr/initial-access-tokens/", ""}, {"GET", "/clients/", ""}, {"DELETE", "/clients/", ""},
			{"PUT", "/clients/", shop}, {"PATCH", "/clients/", shop},
		} {
			a := h.ask(c.method, c.path+id, c.body)
			h.refused(a, http.StatusNotFound, core.NotFound, "There is no")
			if strings.Contains(a.body, "forged") {
				t.Errorf("%s", a.body)
			}
		}
		h.refused(h.ask("POST", "/clients/"+id+"/disable", ""), http.StatusNotFound, core.NotFound, "There is no")
	}
	for _, e := range h.book.all() {
		if len(e.ClientID) > registration.MaxClientID {
			t.Errorf("an entry under an id of %d bytes", len(e.ClientID))
		}
	}
	for _, id := range []string{"%2f", "a%2Fb", "%2e%2e", "a%5cb", "%00", "%0d%0aX: y", "%25", "%zz", "%ff"} {
		h.refused(h.ask("GET", "/decisions/"+strings.ReplaceAll(id, " ", "%20"), ""), http.StatusBadRequest, core.InvalidRequest, "plain form")
	}
	if log := h.log(); strings.Contains(log, "forged") || strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("logged %s", log)
	}
}

// A misspelt filter would list everything; a cursor or a limit that is none, too.
func TestQueriesOfLists(t *testing.T) {
	h := open(t)
	long := strings.Repeat("x", 5000)
	for path, prefix := range map[string]string{"/clients": "c-", "/decisions": "d-", "/dcr/initial-access-tokens": "iat-"} {
		for query, says := range map[string]string{
			"limit=0": "from 1 to 200", "limit=201": "from 1 to 200", "limit=-1": "from 1 to 200", "limit=": "from 1 to 200", "limit=ten": "from 1 to 200",
			"limit=1e2": "from 1 to 200", "limit=99999999999999999999": "from 1 to 200", "limit=1&limit=2": "limit comes twice",
			"cursor=x-1": "cursor is not one", "cursor=" + prefix + long: "cursor is not one", "cursor=%00": "cursor is not one", "cursor=a&cursor=b": "cursor comes twice",
			"stat=disabled": "no query parameter stat here", "Limit=5": "no query parameter Limit here", "%zz": "cannot be read", "a=b;c=d": "cannot be read",
			"x%22%0a=1": "no query parameter", long + "=1": "no query parameter",
		} {
			a := h.ask("GET", path+"?"+query, "")
			h.refused(a, http.StatusBadRequest, core.InvalidRequest, says)
			if len(a.body) > 700 {
				t.Errorf("%s: an answer of %d bytes", query[:20], len(a.body))
			}
		}
		for _, query := range []string{"", "?", "?limit=1", "?limit=200", "?cursor="} {
			if a := h.want(h.ask("GET", path+query, ""), http.StatusOK); a.body != `{"items":[]}` {
				t.Errorf("%s%s: %s", path, query, a.body)
			}
		}
	}
	h.refused(h.ask("GET", "/decisions?client_id="+long, ""), http.StatusBadRequest, core.InvalidRequest, "client_id is longer")
}
