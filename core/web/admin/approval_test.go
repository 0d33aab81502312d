package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// wait registers a client that waits for approval in a queue.
func (h *house) wait(queue string) string {
	h.t.Helper()
	h.demand(core.Obligation{Name: "approval", Params: `{"queue":"` + queue + `"}`, Rule: "partners.approval"}, core.Obligation{Name: "par", Rule: "partners.par"})
	defer h.demand()
	return h.create(shop)
}

func TestApprove(t *testing.T) {
	h := open(t)
	id, other, active := h.wait("partners"), h.wait("others"), h.create(shop)
	shown := h.want(h.ask("GET", "/clients/"+id, ""), http.StatusOK)
	if shown.text("state") != "pending" || shown.text("expires_at") == "" || shown.at("limits").String() != "{}" ||
		shown.at("obligations").String() != `[{"name":"approval","params":{"queue":"partners"},"rule":"partners.approval"},{"name":"par","rule":"partners.par"}]` {
		t.Errorf("shown as %s", shown.body)
	}
	for query, want := range map[string]string{
		"status=pending": other + " " + id, "state=pending": other + " " + id, "queue=partners": id, "queue=others&status=pending&state=pending": other,
		"queue=others&state=active": "", "queue=none": "", "status=active": active,
	} {
		var found []string
		for _, item := range h.want(h.ask("GET", "/clients?"+query, ""), http.StatusOK).at("items").Items() {
			v, _ := item.Get("client_id")
			text, _ := v.Text()
			found = append(found, text)
		}
		if strings.Join(found, " ") != want {
			t.Errorf("%s: %v, want %s", query, found, want)
		}
	}
	h.refused(h.ask("GET", "/clients?state=pending&status=active", ""), http.StatusBadRequest, core.InvalidRequest, "mean the same")

	for body, says := range map[string]string{`{"scope":"openid admin"}`: "more than the client registered", `{"client_name":"X"}`: "cannot be narrowed", `{`: "", `[]`: "JSON object"} {
		a := h.ask("POST", "/clients/"+id+"/approve", body)
		if h.refused(a, http.StatusBadRequest, core.Code(a.text("code")), says); h.vault.clients[core.ClientID(id)].State != core.Pending {
			t.Errorf("%s approved it", body)
		}
	}
	a := h.want(h.ask("POST", "/clients/"+id+"/approve", `{"scope":"openid"}`), http.StatusOK)
	if a.text("scope") != "openid" || a.text("registration_status") != "" || a.text("client_secret") != "" || a.text("decision_id") == "" {
		t.Errorf("approved as %s", a.body)
	}
	shown = h.ask("GET", "/clients/"+id, "")
	if shown.text("state") != "active" || shown.text("approved_by") != a.text("decision_id") || shown.text("expires_at") != "" ||
		shown.at("obligations").String() != `[{"name":"par","rule":"partners.par"}]` {
		t.Errorf("shown as %s", shown.body)
	}
	e, _, _ := h.book.Find(t.Context(), core.DecisionID(a.text("decision_id")))
	if e.Operation != core.Approve || e.Actor.Subject != "ada" || e.Actor.Kind != registration.KindOperator {
		t.Errorf("entry %+v", e)
	}
	for _, verb := range []string{"approve", "reject"} {
		h.refused(h.ask("POST", "/clients/"+id+"/"+verb, ""), http.StatusConflict, core.Conflict, "does not wait for approval")
		h.refused(h.ask("POST", "/clients/c-nobody/"+verb, ""), http.StatusNotFound, core.NotFound, "no client")
	}
	h.refused(h.ask("POST", "/clients/"+other+"/enable", ""), http.StatusConflict, core.Conflict, "approve or reject it")
	h.want(h.ask("POST", "/clients/"+other+"/approve", ""), http.StatusOK) // as it is
}

func TestReject(t *testing.T) {
	h := open(t)
	id := h.wait("partners")
	h.refused(h.ask("POST", "/clients/"+id+"/reject", `{"reason":7}`), http.StatusBadRequest, core.InvalidRequest, "reason")
	h.refused(h.ask("POST", "/clients/"+id+"/reject", `{"why":"x"}`), http.StatusBadRequest, core.InvalidRequest, "why")
	h.refused(h.ask("POST", "/clients/"+id+"/reject", `{"reason":"`+strings.Repeat("x", 501)+`"}`), http.StatusBadRequest, core.InvalidRequest, "500 bytes")
	a := h.want(h.ask("POST", "/clients/"+id+"/reject", `{"reason":"Nobody knows them."}`), http.StatusNoContent)
	e, _, _ := h.book.Find(t.Context(), core.DecisionID(a.Header.Get("Ostiary-Decision-Id")))
	if reasons := e.Stages[len(e.Stages)-1].Reasons; e.Operation != core.Reject || len(reasons) != 1 || reasons[0].Message != "Nobody knows them." {
		t.Errorf("entry %+v", e)
	}
	h.refused(h.ask("GET", "/clients/"+id, ""), http.StatusNotFound, core.NotFound, "no client")
}

// Two operators decide at once: one wins, and the other is told so.
func TestDecidedMeanwhile(t *testing.T) {
	h := open(t)
	id := core.ClientID(h.wait("partners"))
	h.vault.before = func() {
		stored := h.vault.clients[id]
		stored.Stamps.Client = h.vault.stamp()
		h.vault.clients[id] = stored
	}
	tag := h.ask("GET", "/clients/"+string(id), "").Header.Get("ETag")
	for _, verb := range []string{"approve", "reject"} {
		h.refused(h.ask("POST", "/clients/"+string(id)+"/"+verb, ""), http.StatusConflict, core.Conflict, "Somebody else")
	}
	h.vault.before = nil
	h.refused(h.ask("POST", "/clients/"+string(id)+"/approve", "", "If-Match: "+tag), http.StatusPreconditionFailed, core.PreconditionFailed, "")
	if h.vault.clients[id].State != core.Pending {
		t.Error("somebody won")
	}
}

func TestSimulatedApproval(t *testing.T) {
	h := open(t)
	id := h.wait("partners")
	h.demand(core.Obligation{Name: "approval", Rule: "r"})
	for body, want := range map[string][2]string{
		`{"request":{"redirect_uris":["https://a.example/"]}}`:                             {"true", "pending"},
		`{"operation":"approve","client_id":"` + id + `"}`:                                 {"true", ""},
		`{"operation":"approve","client_id":"` + id + `","request":{"scope":"openid"}}`:    {"true", ""},
		`{"operation":"approve","client_id":"` + id + `","request":{"scope":"openid x"}}`:  {"false", ""},
		`{"operation":"reject","client_id":"` + id + `"}`:                                  {"true", ""},
		`{"operation":"enable","client_id":"` + id + `"}`:                                  {"false", ""},
		`{"operation":"approve","client_id":"` + id + `","channel":"manage"}`:              {"false", ""},
		`{"operation":"update","client_id":"` + id + `","merge":true,"request":{"x":"y"}}`: {"false", ""},
	} {
		a := h.want(h.ask("POST", "/simulate", body), http.StatusOK)
		if a.at("allowed").String() != want[0] || a.text("registration_status") != want[1] {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	if h.vault.clients[core.ClientID(id)].State != core.Pending {
		t.Error("a simulation decided")
	}
}
