package admin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// The history of a client has what was written of it, each with its diff, and not what others tried. It outlives the client.
func TestHistory(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	h.ask("PATCH", "/clients/"+id, `{"client_name":"Again"}`)
	h.ask("PATCH", "/clients/"+id, `{"client_name":"Again"}`)
	h.ask("PATCH", "/clients/"+id, `{"client_name":7}`)
	h.ask("POST", "/clients/"+id+"/secret", "")
	if a := h.ask("GET", "/clients/"+id+"/history?limit=1", ""); a.text("items.0.reasons.0.rule") != "rotate" ||
		!strings.HasPrefix(a.text("items.0.reasons.0.message"), "There is a new client_secret; the one before stays good until ") {
		t.Errorf("history of a rotation: %s", a.body)
	}
	h.ask("DELETE", "/clients/"+id, "")
	var words []string
	cursor := ""
	for range 5 {
		a := h.want(h.ask("GET", "/clients/"+id+"/history?limit=2&cursor="+cursor, ""), http.StatusOK)
		for _, item := range a.at("items").Items() {
			word := answer{doc: item}
			line := word.text("operation") + " " + word.text("actor.subject") + " " + word.text("channel") + " " + word.text("outcome")
			for _, d := range word.at("diff").Items() {
				m, _ := d.Get("member")
				name, _ := m.Text()
				line += " " + name
			}
			words = append(words, line)
		}
		if cursor = a.text("next_cursor"); cursor == "" {
			break
		}
	}
	for i, want := range []string{
		"delete ada operator deleted", "rotate ada operator stored", "update ada operator stored client_name", "register ada operator stored client_name redirect_uris scope ",
	} {
		if len(words) != 4 || !strings.HasPrefix(words[i], strings.TrimSpace(want)) {
			t.Errorf("history: %q; want %q at %d", words, want, i)
		}
	}
	h.refused(h.ask("GET", "/clients/c-none/history", ""), http.StatusNotFound, core.NotFound, "")
	h.refused(h.ask("GET", "/clients/"+id+"/history?all=1", ""), http.StatusBadRequest, core.InvalidRequest, "no query parameter all")
	h.refused(h.ask("GET", "/clients/"+id+"/history?cursor=x", ""), http.StatusBadRequest, core.InvalidRequest, "cursor")
	h.refused(h.ask("GET", "/clients/"+strings.Repeat("c", 400)+"/history", ""), http.StatusBadRequest, core.InvalidRequest, "longer")
	h.refused(h.send("GET", "/clients/"+id+"/history", ""), http.StatusUnauthorized, core.InvalidToken, "")
}

// When a client was used stands in its view, and lists are narrowed by it.
func TestLastUsed(t *testing.T) {
	h := open(t)
	used, never := h.create(shop), h.create(shop)
	s := h.vault.clients[core.ClientID(used)]
	s.Use.Last = h.now.Add(-48 * time.Hour)
	h.vault.clients[core.ClientID(used)] = s
	if a := h.ask("GET", "/clients/"+used, ""); a.text("last_used") != s.Use.Last.Format(time.RFC3339Nano) {
		t.Errorf("shown as %s", a.body)
	}
	if a := h.ask("GET", "/clients/"+never, ""); a.text("last_used") != "" {
		t.Errorf("shown as %s", a.body)
	}
	for before, want := range map[string]string{"1d": used, "3d": "", h.now.Add(time.Hour).Format(time.RFC3339): never + " " + used} {
		var found []string
		for _, item := range h.want(h.ask("GET", "/clients?last_used_before="+before, ""), http.StatusOK).at("items").Items() {
			v, _ := item.Get("client_id")
			text, _ := v.Text()
			found = append(found, text)
		}
		if strings.Join(found, " ") != want {
			t.Errorf("before %s: %v, want %q", before, found, want)
		}
	}
	h.refused(h.ask("GET", "/clients?last_used_before=never", ""), http.StatusBadRequest, core.InvalidRequest, "last_used_before must be a time")
}

// reaper finds what it was given.
type reaper struct {
	found  registration.Reaping
	cursor string
	by     core.Subject
}

func (r *reaper) Rules() bool { return true }

func (r *reaper) Look(_ context.Context, cursor string) (registration.Reaping, error) {
	r.cursor = cursor
	return r.found, nil
}

func (r *reaper) Reap(_ context.Context, cursor string, by core.Subject) (registration.Reaping, error) {
	r.cursor, r.by = cursor, by
	found := r.found
	found.Found[0].Decision, found.Found[1].Decision = "d-1", "d-2"
	found.Found[1].Err = core.Refuse(core.AccessDenied, "Needed.")
	return found, nil
}

func TestUnused(t *testing.T) {
	h := open(t)
	one := h.vault.clients[core.ClientID(h.create(shop))]
	h.reaper.found = registration.Reaping{Looked: 7, Next: "more", Found: []registration.Reaped{{Client: one, Why: "idle", Since: h.now}, {Client: one, Why: "never_used", Since: h.now}}}
	a := h.want(h.ask("GET", "/dcr/unused?cursor=here", ""), http.StatusOK)
	if a.text("next_cursor") != "more" || a.at("looked").String() != "7" || a.at("enabled").String() != "true" || a.text("items.0.client_name") != "Shop" ||
		a.text("items.0.reason") != "idle" || a.at("items.0.removed").String() != "false" || a.text("items.0.decision_id") != "" || h.reaper.cursor != "here" {
		t.Errorf("%s", a.body)
	}
	a = h.want(h.ask("POST", "/dcr/unused/reap", `{"cursor":"there"}`), http.StatusOK)
	if a.at("items.0.removed").String() != "true" || a.text("items.0.decision_id") != "d-1" || a.at("items.1.removed").String() != "false" ||
		a.text("items.1.kept") != "Needed." || h.reaper.by != "ada" || h.reaper.cursor != "there" {
		t.Errorf("%s", a.body)
	}
	h.want(h.ask("POST", "/dcr/unused/reap", ""), http.StatusOK)
	h.refused(h.ask("POST", "/dcr/unused/reap", `{"all":true}`), http.StatusBadRequest, core.InvalidRequest, "all")
	h.refused(h.send("POST", "/dcr/unused/reap", ""), http.StatusUnauthorized, core.InvalidToken, "")
}
