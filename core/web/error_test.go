package web

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Every code that core names has its row in the table: a new one is not quietly a 400.
func TestEveryCodeHasAStatus(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes++
		if _, known := statusOf(core.Code(code)); !known {
			t.Errorf("%s has no row", code)
		}
		return true
	})
	if codes < 20 {
		t.Errorf("found only %d codes", codes)
	}
	if status, known := statusOf("authorization_pending"); status != 400 || known {
		t.Errorf("an extension's code: %d, %t", status, known)
	}
}

func TestFaces(t *testing.T) {
	reasons := []core.Reason{
		{Rule: "redirects.https_only", Code: core.InvalidRedirectURI, Fields: []string{"redirect_uris"}, Message: "Use https.", Public: true, File: "a.rego", Line: 3},
		{Rule: "secret.rule", Message: "blocked partner"},
	}
	e := &core.Error{Code: core.InvalidRedirectURI, Detail: `No "http" <here>.`, Reasons: reasons, Decision: "d-1", RetryAfter: 1500 * time.Millisecond}
	for _, c := range []struct {
		face            Face
		mediaType, body string
	}{
		{OAuth, "application/json", `{"error":"invalid_redirect_uri","error_description":"No 'http' \u003chere\u003e.","decision_id":"d-1",` +
			`"errors":[{"rule":"redirects.https_only","code":"invalid_redirect_uri","fields":["redirect_uris"],"message":"Use https."}]}`},
		{Operator, "application/problem+json", `{"type":"about:blank","title":"Bad Request","status":400,"detail":"No 'http' \u003chere\u003e.","code":"invalid_redirect_uri","decision_id":"d-1",` +
			`"errors":[{"rule":"redirects.https_only","code":"invalid_redirect_uri","fields":["redirect_uris"],"message":"Use https."}]}`},
		{Plain, "text/plain; charset=utf-8", "invalid_redirect_uri: No 'http' <here>.\n"},
	} {
		got := (&refusal{err: e}).answer(c.face, errorPage)
		if got.Status != 400 || got.ContentType != c.mediaType || string(got.Body) != c.body {
			t.Errorf("face %d: %d %s\n%s\nwant\n%s", c.face, got.Status, got.ContentType, got.Body, c.body)
		}
		if len(got.Header) != 1 || got.Header[0] != (Header{"Retry-After", "2"}) {
			t.Errorf("face %d: fields %v", c.face, got.Header)
		}
	}
	page := (&refusal{err: e}).answer(Page, errorPage)
	for _, want := range []string{"<h1>Bad Request</h1>", "No &#39;http&#39; &lt;here&gt;.", "Use https.", "d-1", "invalid_redirect_uri"} {
		if !strings.Contains(string(page.Body), want) {
			t.Errorf("page lacks %q:\n%s", want, page.Body)
		}
	}
	if strings.Contains(string(page.Body), "partner") {
		t.Error("page shows a private reason")
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                  "plain",
		`"quoted" \ back`:        "'quoted' ? back",
		"naïve\r\nX: y":          "na?ve??X: y",
		"\xff\x00":               "??",
		strings.Repeat("a", 400): strings.Repeat("a", 400),
		strings.Repeat("a", 401): strings.Repeat("a", 397) + "...",
		strings.Repeat("é", 300): strings.Repeat("?", 300),
	} {
		if got := printable(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// RFC 6750 §3: error only for a caller who sent a token; RFC 6749 §5.2: Basic for clients.
func TestChallenges(t *testing.T) {
	detail := core.Refuse(core.InvalidToken, `Expired "now".`)
	for _, c := range []struct {
		scheme        Challenge
		err           *core.Error
		authorization string
		want          string
	}{
		{Bearer, detail, "", `Bearer realm="ostiary"`},
		{Bearer, detail, "Basic eDp5", `Bearer realm="ostiary"`},
		{Bearer, detail, "Bearer", `Bearer realm="ostiary"`},
		{Bearer, detail, "bearer x", `Bearer realm="ostiary", error="invalid_token", error_description="Expired 'now'."`},
		{Bearer, detail, "DPoP x", `Bearer realm="ostiary", error="invalid_token", error_description="Expired 'now'."`},
		{Bearer, &core.Error{Code: core.InsufficientScope}, "Bearer x", `Bearer realm="ostiary", error="insufficient_scope"`},
		{Bearer, core.Refuse(core.AccessDenied, "No."), "Bearer x", ""},
		{Bearer, core.Refuse(core.InvalidRequest, "No."), "Bearer x", ""},
		{Basic, core.Refuse(core.InvalidClient, "Unknown client."), "", `Basic realm="ostiary"`},
		{Basic, core.Refuse(core.InvalidRequest, "No."), "", ""},
		{"", detail, "Bearer x", ""},
	} {
		status, _ := statusOf(c.err.Code)
		if got := challenge(c.scheme, c.err, status, c.authorization); got != c.want {
			t.Errorf("%s %s %q: %s", c.scheme, c.err.Code, c.authorization, got)
		}
	}
	g := start(t)
	a := g.ask(t, get("/api/oidc/userinfo", "Authorization: Bearer x"))
	if a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") != `Bearer realm="ostiary", error="invalid_token", error_description="The token expired."` {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

// A handler may add fields to its error, also a challenge of its own.
func TestFieldsBesideAnError(t *testing.T) {
	g := start(t, func(o *Options) {
		o.Routes = []Route{{Method: "GET", Path: "/x", Challenge: Bearer, Handler: func(context.Context, *Request) (Response, error) {
			return Response{}.With("DPoP-Nonce", "n1").With("WWW-Authenticate", `DPoP error="use_dpop_nonce"`), core.Refuse(core.InvalidToken, "No.")
		}}}
	})
	a := g.ask(t, get("/x"))
	if a.StatusCode != 401 || a.Header.Get("DPoP-Nonce") != "n1" || strings.Join(a.Header.Values("WWW-Authenticate"), "|") != `DPoP error="use_dpop_nonce"` {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

// Our own faults: the caller learns nothing, the log learns the cause once.
func TestCauseStaysInTheLog(t *testing.T) {
	g := start(t)
	a := g.ask(t, get("/broken"))
	if a.StatusCode != 500 || a.body != `{"error":"server_error","error_description":"The server could not finish the request."}` {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if n := strings.Count(g.log(), "disk on fire"); n != 1 {
		t.Errorf("the cause is in the log %d times:\n%s", n, g.log())
	}
}

// A panic is one 500 and one log line with its stack; the connection ends, the process goes on.
func TestPanic(t *testing.T) {
	g := start(t)
	w := g.dial(t)
	w.send(get("/panic") + get("/files/next"))
	if a := w.read("GET"); a.StatusCode != http.StatusInternalServerError || !a.Close || a.body != "server_error: The server could not finish the request.\n" {
		t.Errorf("%d %t %q", a.StatusCode, a.Close, a.body)
	}
	w.closed()
	if log := g.log(); !strings.Contains(log, "panic: boom") || !strings.Contains(log, "wire_test.go") {
		t.Errorf("log: %s", log)
	}
	if a := g.ask(t, get("/files/alive")); a.StatusCode != 200 {
		t.Errorf("afterwards: %d", a.StatusCode)
	}
}

// What a plugin adds to its refusal joins the answer, in the faces that are JSON.
func TestMembersOfPlugins(t *testing.T) {
	e := &core.Error{Code: core.InvalidClientMetadata, Detail: "Stale.", Extra: `{"nonce":"n-1","list":[1]}`}
	for face, want := range map[Face]string{
		OAuth:    `{"error":"invalid_client_metadata","error_description":"Stale.","nonce":"n-1","list":[1]}`,
		Operator: `"code":"invalid_client_metadata","nonce":"n-1","list":[1]}`,
		Plain:    "invalid_client_metadata: Stale.\n",
	} {
		if got := string((&refusal{err: e}).answer(face, nil).Body); !strings.HasSuffix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	e.Extra = `{}`
	if got := string((&refusal{err: e}).answer(OAuth, nil).Body); got != `{"error":"invalid_client_metadata","error_description":"Stale."}` {
		t.Errorf("got %s", got)
	}
}
