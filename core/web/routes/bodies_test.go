package routes_test

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/web"
)

// A bad body is one that a row does not take.
type badBody struct {
	name   string
	fields []string
	body   string
	status int
	code   string
	says   string // in the answer: what would do
}

// huge is longer than any row takes, and than the edge keeps in memory.
var huge = strings.Repeat(" ", 5<<20)

// badBodies are those of one row.
func badBodies(r web.Route) []badBody {
	limit := cmp.Or(r.Limit, web.DefaultLimit)
	fits := "Content-Type: application/json"
	if len(r.MediaTypes) > 0 {
		fits = "Content-Type: " + r.MediaTypes[0]
	}
	tooLong := fmt.Sprintf("the %d bytes taken here", limit)
	list := []badBody{
		{"too long", []string{fits}, strings.Repeat(" ", limit+1), http.StatusRequestEntityTooLarge, "payload_too_large", tooLong},
		{"5 MiB", []string{fits}, huge, http.StatusRequestEntityTooLarge, "payload_too_large", tooLong},
		{"packed", []string{fits, "Content-Encoding: gzip"}, "{}", http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Encoding"},
	}
	for _, other := range []string{"application/json", web.Form, "text/plain", "multipart/form-data; boundary=x"} {
		if len(r.MediaTypes) > 0 && !slices.Contains(r.MediaTypes, other) {
			wanted := strings.Join(r.MediaTypes, " or ")
			list = append(list, badBody{other, []string{"Content-Type: " + other}, "a=b", http.StatusUnsupportedMediaType, "unsupported_media_type", wanted})
		}
	}
	return list
}

// A body of another kind, packed or too long is refused at every row, in its face and with what would do; judged rows report it.
func TestBodiesOfEveryRow(t *testing.T) {
	h := open(t, "/api/oidc")
	for path, rows := range paths(table(origin, "/api/oidc"), "/api/oidc") {
		for _, r := range rows {
			for _, bad := range badBodies(r) {
				before := len(h.reported())
				a := h.ask(r.Method, path, bad.body, bad.fields...)
				code := a.code(t, r.Face)
				if a.StatusCode != bad.status || code != bad.code || !strings.Contains(a.body, bad.says) {
					t.Errorf("%s %s, %s: %d %s", r.Method, path, bad.name, a.StatusCode, a.body)
				}
				checkReport(t, describe(r), r.Judged, a, code, h.reported()[before:])
			}
		}
	}
}

// decision finds a decision's id in an answer, or the place for one.
var decision = regexp.MustCompile(`decision_id|\bd-[0-9a-z]{10,}`)

// checkReport holds that a judged row's refusal has an id that the ledger is told of, and no other row's has one.
func checkReport(t *testing.T, row string, judged bool, a answer, code string, reported []web.Refused) {
	t.Helper()
	if !judged {
		if decision.MatchString(a.body) || a.Header.Get("Ostiary-Decision-Id") != "" || len(reported) > 0 {
			t.Errorf("%s: %s, reported %+v", row, a.body, reported)
		}
		return
	}
	id := a.member(t, "decision_id")
	switch {
	case (!strings.HasPrefix(id, "d-") || a.Header.Get("Ostiary-Decision-Id") != id):
		t.Errorf("%s: header %q: %s", row, a.Header.Get("Ostiary-Decision-Id"), a.body)
	case len(reported) != 1 || string(reported[0].Decision) != id || string(reported[0].Code) != code:
		t.Errorf("%s: %s is reported as %+v", row, id, reported)
	}
}
