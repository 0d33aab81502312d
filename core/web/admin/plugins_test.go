package admin_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// plugged is one plugin called hosts that remembers what operators did.
type plugged struct {
	by    core.Subject
	asked string
	did   string
}

func (p *plugged) List() any { return map[string][]string{"items": {"hosts"}} }

func (p *plugged) Show(name string) (any, bool) {
	return map[string]string{"name": name, "did": p.did}, name == "hosts"
}

func (p *plugged) Approve(_ context.Context, name string, by core.Subject, asked strictjson.Value) error {
	if name != "hosts" {
		return core.Refuse(core.Conflict, "The plugin %s waits for no approval.", name)
	}
	p.by, p.asked, p.did = by, asked.String(), "approve"
	return nil
}

func (p *plugged) Revoke(_ context.Context, name string, by core.Subject) error {
	if name != "hosts" {
		return core.Refuse(core.NotFound, "Nobody approved anything of a plugin %s.", name)
	}
	p.by, p.did = by, "revoke"
	return nil
}

func (p *plugged) Kept(_ context.Context, name, key, cursor string, limit int) (any, error) {
	if name != "hosts" {
		return nil, core.Refuse(core.NotFound, "There is no plugin %s.", name)
	}
	return map[string]any{"key": key, "cursor": cursor, "limit": limit}, nil
}

func (p *plugged) Forget(_ context.Context, name, key string, by core.Subject) (any, error) {
	p.by, p.did = by, "forget "+key
	return map[string]int{"forgotten": 1}, nil
}

func TestKept(t *testing.T) {
	h := open(t)
	if a := h.want(h.ask("GET", "/plugins/hosts/kept?key=a%2Fb&cursor=c&limit=3", ""), http.StatusOK); a.text("key") != "a/b" || a.text("cursor") != "c" {
		t.Error(a.body)
	}
	h.refused(h.ask("GET", "/plugins/other/kept", ""), http.StatusNotFound, core.NotFound, "There is no plugin other.")
	h.refused(h.ask("GET", "/plugins/hosts/kept?keys=a", ""), http.StatusBadRequest, core.InvalidRequest, "There is no query parameter keys")
	h.want(h.ask("DELETE", "/plugins/hosts/kept?key=a", ""), http.StatusOK)
	if h.plugged.did != "forget a" || h.plugged.by != "ada" {
		t.Errorf("%+v", h.plugged)
	}
	h.want(h.ask("DELETE", "/plugins/hosts/kept", ""), http.StatusOK)
	if h.plugged.did != "forget " {
		t.Errorf("%+v", h.plugged)
	}
	for _, query := range []string{"key=", "kay=a"} {
		h.plugged.did = ""
		h.refused(h.ask("DELETE", "/plugins/hosts/kept?"+query, ""), http.StatusBadRequest, core.InvalidRequest, "")
		if h.plugged.did != "" {
			t.Errorf("%s: %s", query, h.plugged.did)
		}
	}
	for _, method := range []string{"GET", "DELETE"} {
		if a := h.send(method, "/plugins/hosts/kept", ""); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", method, a.StatusCode)
		}
	}
}

func TestPlugins(t *testing.T) {
	h := open(t)
	if a := h.want(h.ask("GET", "/plugins", ""), http.StatusOK); a.text("items.0") != "hosts" {
		t.Error(a.body)
	}
	if a := h.want(h.ask("GET", "/plugins/hosts", ""), http.StatusOK); a.text("name") != "hosts" {
		t.Error(a.body)
	}
	h.refused(h.ask("GET", "/plugins/other", ""), http.StatusNotFound, core.NotFound, "There is no plugin other.")

	if a := h.want(h.ask("POST", "/plugins/hosts/approve", `{"asked":{"now":{}}}`), http.StatusOK); a.text("did") != "approve" || h.plugged.by != "ada" || h.plugged.asked != `{"now":{}}` {
		t.Errorf("%s, %+v", a.body, h.plugged)
	}
	h.want(h.ask("POST", "/plugins/hosts/approve", ""), http.StatusOK) // what it asks for now, whatever that is
	h.refused(h.ask("POST", "/plugins/hosts/approve", `{"all":true}`), http.StatusBadRequest, core.InvalidRequest, "all")
	h.refused(h.ask("POST", "/plugins/other/approve", ""), http.StatusConflict, core.Conflict, "waits for no approval")

	if a := h.want(h.ask("POST", "/plugins/hosts/revoke", ""), http.StatusOK); a.text("did") != "revoke" {
		t.Error(a.body)
	}
	h.refused(h.ask("POST", "/plugins/hosts/revoke", `{"asked":{}}`), http.StatusBadRequest, core.InvalidRequest, "asked")
	h.refused(h.ask("POST", "/plugins/other/revoke", ""), http.StatusNotFound, core.NotFound, "Nobody approved")
	for _, path := range []string{"/plugins/hosts/approve", "/plugins/hosts/revoke"} {
		if a := h.send("POST", path, ""); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}
