package admin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

func TestRotate(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	a := h.want(h.ask("POST", "/clients/"+id+"/secret", ""), http.StatusOK)
	kept := h.vault.clients[core.ClientID(id)].Credentials
	if len(kept.Secrets) != 2 || kept.Secrets[0].Hash != core.Secret(a.text("client_secret")).Hash().String() ||
		a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Ostiary-Decision-Id") != a.text("decision_id") {
		t.Errorf("%s; kept %+v", a.body, kept)
	}
	if left := kept.Secrets[1].ExpiresAt.Sub(h.now).Round(time.Minute); left != 24*time.Hour {
		t.Errorf("the secret before lives for %s, want a day", left)
	}
	h.want(h.ask("POST", "/clients/"+id+"/secret", `{"overlap":0}`), http.StatusOK)
	if kept = h.vault.clients[core.ClientID(id)].Credentials; len(kept.Secrets) != 1 {
		t.Errorf("kept %+v", kept)
	}
	for body, says := range map[string]string{
		`{"overlap":-1}`: "overlap must be", `{"overlap":9223372036854775807}`: "overlap must be", `{"overlap":"24h"}`: "overlap", `{"lap":1}`: "lap", `{`: "", `[]`: "",
	} {
		h.refused(h.ask("POST", "/clients/"+id+"/secret", body), http.StatusBadRequest, core.InvalidRequest, says)
	}
	h.refused(h.send("POST", "/clients/"+id+"/secret", ""), http.StatusUnauthorized, core.InvalidToken, "")
	h.refused(h.ask("POST", "/clients/c-none/secret", ""), http.StatusNotFound, core.NotFound, "")
}

func TestRenewRegistrationToken(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	a := h.want(h.ask("POST", "/dcr/clients/"+id+"/tokens", ""), http.StatusCreated)
	kept := h.vault.clients[core.ClientID(id)].Credentials
	if len(kept.Registration) != 1 || kept.Registration[0].Hash != core.Secret(a.text("registration_access_token")).Hash() || len(kept.Secrets) != 1 ||
		a.text("registration_client_uri") != "https://op.example/dcr/register/"+id || a.text("client_secret") != "" {
		t.Errorf("%s; kept %+v", a.body, kept)
	}
	h.want(h.ask("POST", "/dcr/clients/"+id+"/tokens", "{}"), http.StatusCreated)
	h.refused(h.ask("POST", "/dcr/clients/"+id+"/tokens", `{"expires_in":1}`), http.StatusBadRequest, core.InvalidRequest, "expires_in")
	h.refused(h.ask("POST", "/dcr/clients/c-none/tokens", ""), http.StatusNotFound, core.NotFound, "")
}

// A rotation and a removal by the system can be tried like anything else.
func TestSimulatedLives(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	before := h.vault.clients[core.ClientID(id)]
	for _, body := range []string{
		`{"operation":"rotate","client_id":"` + id + `"}`, `{"operation":"renew","client_id":"` + id + `"}`,
		`{"operation":"delete","client_id":"` + id + `","channel":"system"}`, `{"operation":"delete","client_id":"` + id + `","caller":{"kind":"system"}}`,
	} {
		if a := h.want(h.ask("POST", "/simulate", body), http.StatusOK); a.at("allowed").String() != "true" {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	h.refused(h.ask("POST", "/simulate", `{"operation":"delete","client_id":"`+id+`","channel":"dcr","caller":{"kind":"system"}}`), http.StatusBadRequest, core.InvalidRequest, "never comes by")
	if after := h.vault.clients[core.ClientID(id)]; after.Stamps != before.Stamps {
		t.Error("a simulation wrote")
	}
}
