package console_test

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// hall is where clients wait, with a desk that only listens.
type hall struct {
	waiting []registration.Stored
	next    string
	asked   []registration.Filter
	cursors []string
	told    []registration.Request
	err     error // what the desk answers
}

func (l *hall) Page(_ context.Context, f registration.Filter, cursor string, _ int) ([]registration.Stored, string, error) {
	l.asked, l.cursors = append(l.asked, f), append(l.cursors, cursor)
	return l.waiting, l.next, nil
}

// Client finds one of those that wait.
func (l *hall) Client(_ context.Context, id core.ClientID) (registration.Stored, error) {
	for _, s := range l.waiting {
		if s.Client.ID == id {
			return s, nil
		}
	}
	return registration.Stored{}, nil
}

// Use says that everybody was there at noon.
func (l *hall) Use(context.Context, core.ClientID) (registration.Use, error) {
	return registration.Use{Last: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, nil
}

func (l *hall) Do(_ context.Context, req registration.Request) (registration.Answer, error) {
	l.told = append(l.told, req)
	return registration.Answer{}, l.err
}

// stranger is a client that waits, all of whose texts a stranger chose.
func stranger(id core.ClientID) registration.Stored {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return registration.Stored{State: core.Pending, Client: core.Client{
		ID: id, IssuedAt: at, Expires: at.Add(time.Hour), Provenance: core.Provenance{Channel: core.ChannelDCR, IAT: "iat-1", Profile: "default", RegisteredBy: "d-9"},
		Metadata: core.Metadata{
			ClientName: nasty, RedirectURIs: []string{"https://a.example/cb?" + nasty}, Scope: []string{"openid", "payments"}, GrantTypes: []string{"authorization_code"},
			TokenEndpointAuthMethod: "none", Contacts: []string{nasty}, ClientURI: "javascript:alert(1)",
		},
		Governance: core.Governance{Obligations: []core.Obligation{{Name: "par", Rule: "p"}, {Name: "approval", Params: `{"queue":"partners"}`, Rule: "partners.approval"}}},
	}}
}

func TestApprovals(t *testing.T) {
	g := open(t)
	if res, _ := g.ask("GET", "/console/approvals", nil); res.StatusCode != 303 {
		t.Errorf("without a session: %d", res.StatusCode)
	}
	g.signIn("ada", "right")
	res, page := g.ask("GET", "/console/approvals", nil)
	if res.StatusCode != 200 || !strings.Contains(page, "No client waits.") || !strings.Contains(page, `<a href="/console/decisions">Decisions</a>`) {
		t.Errorf("empty: %d %s", res.StatusCode, page)
	}
	_, list := g.ask("GET", "/console/decisions", nil)
	if !strings.Contains(list, `<a href="/console/approvals">`) {
		t.Error("no way leads to the waiting clients")
	}
	g.hall.waiting, g.hall.next = []registration.Stored{stranger("c-1"), stranger("c-2")}, "more"
	_, page = g.ask("GET", "/console/approvals?queue=partners&cursor=x&done=d-77", nil)
	for _, want := range []string{
		"c-1", "c-2", "partners.approval", "<code>partners</code>", "2026-03-01 12:00:00 UTC", "2026-03-01 13:00:00 UTC", "/console/decisions/d-9", "openid payments",
		"iat-1", `href="/console/decisions/d-77"`, "/console/approvals?cursor=more&amp;queue=partners", "&lt;script&gt;", `rel="next"`, ">newest<",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, `href="javascript:`) {
		t.Error("markup of a stranger is in the page")
	}
	if f := g.hall.asked[len(g.hall.asked)-1]; f != (registration.Filter{State: core.Pending, Queue: "partners"}) || g.hall.cursors[len(g.hall.cursors)-1] != "x" {
		t.Errorf("asked for %+v", f)
	}
	if _, page := g.ask("GET", "/console/approvals?done=https://evil.example/", nil); strings.Contains(page, "evil") {
		t.Error("done leads anywhere")
	}
}

var versionField = regexp.MustCompile(`name="version" value="([^"]+)"`)

func TestDecide(t *testing.T) {
	g := open(t)
	g.signIn("ada", "right")
	g.hall.waiting = []registration.Stored{stranger("c-1")}
	_, page := g.ask("GET", "/console/approvals", nil)
	form := url.Values{"token": {g.token(page)}, "client_id": {"c-1"}, "version": {stranger("c-1").Tag()}, "queue": {"partners"}, "reason": {" Nobody knows them. "}}
	if shown := versionField.FindStringSubmatch(page); shown == nil || strings.ReplaceAll(shown[1], "&#34;", `"`) != form.Get("version") {
		t.Errorf("version %q in %s", shown, page)
	}
	for verb, op := range map[string]core.Operation{"approve": core.Approve, "reject": core.Reject} {
		g.hall.told, g.hall.err = nil, nil
		path := "/console/approvals/" + verb
		for _, token := range []string{"", "x"} {
			forged := url.Values{"token": {token}, "client_id": {"c-1"}}
			if res, _ := g.ask("POST", path, forged); res.StatusCode != 403 || len(g.hall.told) > 0 {
				t.Errorf("%s with token %q: %d, told %v", verb, token, res.StatusCode, g.hall.told)
			}
		}
		res, _ := g.ask("POST", path, form)
		if len(g.hall.told) != 1 {
			t.Fatalf("%s: %d, told %v", verb, res.StatusCode, g.hall.told)
		}
		req := g.hall.told[0]
		if req.Operation != op || req.Channel != core.ChannelOperator || req.ClientID != "c-1" || req.Credential.Operator != "u-ada" || req.Reason != "Nobody knows them." ||
			len(req.IfMatch) != 1 || req.IfMatch[0] != form.Get("version") || req.Decision == "" || !req.Body.IsAbsent() || req.Caller.IP == "" {
			t.Errorf("%s told %+v", verb, req)
		}
		if to := res.Header.Get("Location"); res.StatusCode != 303 || to != "/console/approvals?done="+string(req.Decision)+"&queue=partners" {
			t.Errorf("%s: %d to %s", verb, res.StatusCode, to)
		}
		for _, c := range []struct {
			err    error
			status int
			says   string
		}{
			{&core.Error{Code: core.Conflict, Detail: "Somebody else has approved it.", Decision: "d-5"}, 409, "Somebody else has approved it."},
			{core.Refuse(core.PreconditionFailed, "ETag"), 409, "Look at it again."},
			{core.Refuse(core.NotFound, "There is no client with this id."), 409, "does not wait any more"},
			{core.Refuse(core.AccessDenied, "Not on a Sunday."), 403, "Not on a Sunday."},
			{core.Fail(core.PolicyUnavailable, "No decision was reached.", errors.New("secret cause")), 503, "No decision was reached."},
		} {
			g.hall.err = c.err
			res, page := g.ask("POST", path, form)
			if res.StatusCode != c.status || !strings.Contains(page, c.says) || strings.Contains(page, "secret cause") {
				t.Errorf("%s, %v: %d %s", verb, c.err, res.StatusCode, page)
			}
		}
	}
}

// Who is no administrator any more decides nothing, whatever page is still open.
func TestDecideTakesAnAdministrator(t *testing.T) {
	g := open(t)
	g.signIn("ada", "right")
	g.hall.waiting = []registration.Stored{stranger("c-1")}
	_, page := g.ask("GET", "/console/approvals", nil)
	for cookie, user := range g.door.sessions {
		user.Admin = false
		g.door.sessions[cookie] = user
	}
	res, _ := g.ask("POST", "/console/approvals/approve", url.Values{"token": {g.token(page)}, "client_id": {"c-1"}})
	if res.StatusCode != 303 || res.Header.Get("Location") != "/console/login" || len(g.hall.told) > 0 {
		t.Errorf("%d %v, told %v", res.StatusCode, res.Header, g.hall.told)
	}
}

// What is left unchecked is not kept, and only what differs is sent down the road.
func TestApproveWithLess(t *testing.T) {
	g := open(t)
	g.signIn("ada", "right")
	client := stranger("c-1")
	age, on := int64(3600), true
	client.Client.Metadata.RedirectURIs = []string{"https://a.example/cb?x=1&y=%20", "https://b.example/" + nasty}
	client.Client.Metadata.DefaultMaxAge, client.Client.Metadata.RequireAuthTime = &age, &on
	g.hall.waiting = []registration.Stored{client}
	_, page := g.ask("GET", "/console/approvals", nil)
	for _, want := range []string{
		`name="of.redirect_uris" value="2"`, `name="keep.redirect_uris" value="https://a.example/cb?x=1&amp;y=%20" checked> <label `, `name="keep.scope" value="payments" checked`,
		`name="less.require_pushed_authorization_requests"`, `name="less.default_max_age" min="0" max="3600"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s: %s", want, page)
		}
	}
	for _, never := range []string{"keep.grant_types", "less.require_auth_time", "<script"} { // one item only; true already
		if strings.Contains(page, never) {
			t.Errorf("the page has %s", never)
		}
	}
	all := func(more url.Values) url.Values {
		form := url.Values{
			"token": {g.token(page)}, "client_id": {"c-1"}, "version": {client.Tag()}, "of.redirect_uris": {"2"}, "of.scope": {"2"},
			"keep.redirect_uris": client.Client.Metadata.RedirectURIs, "keep.scope": {"openid", "payments"}, "less.default_max_age": {""},
		}
		for name, values := range more {
			form[name] = values
		}
		return form
	}
	for want, more := range map[string]url.Values{
		"":                   nil,
		`{"scope":"openid"}`: {"keep.scope": {"openid"}},
		`{"redirect_uris":["https://a.example/cb?x=1&y=%20"],"require_pushed_authorization_requests":true,"default_max_age":60}`: {
			"keep.redirect_uris": client.Client.Metadata.RedirectURIs[:1], "less.require_pushed_authorization_requests": {"true"}, "less.default_max_age": {" 60 "},
		},
	} {
		g.hall.told = nil
		if res, _ := g.ask("POST", "/console/approvals/approve", all(more)); res.StatusCode != 303 || len(g.hall.told) != 1 {
			t.Fatalf("%s: %d, told %v", want, res.StatusCode, g.hall.told)
		}
		if body := g.hall.told[0].Body; want == "" != body.IsAbsent() || want != "" && body.String() != want {
			t.Errorf("told %s, want %s", body, want)
		}
	}
	g.hall.told = nil
	for says, more := range map[string]url.Values{
		"Nothing is left of scope.":                     {"keep.scope": nil},
		"default_max_age must be a number of seconds":   {"less.default_max_age": {"an hour"}},
		"default_max_age must be a number of seconds, ": {"less.default_max_age": {"-1"}},
	} {
		if res, page := g.ask("POST", "/console/approvals/approve", all(more)); res.StatusCode != 400 || !strings.Contains(page, says) || len(g.hall.told) > 0 {
			t.Errorf("%s: %d, told %v: %s", says, res.StatusCode, g.hall.told, page)
		}
	}
}
