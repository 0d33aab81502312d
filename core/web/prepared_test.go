package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"
)

// A prepared answer is on the wire what it would be unprepared, with CORS and without, and With still changes it.
func TestPreparedAnswers(t *testing.T) {
	answers := map[string]Response{
		"/json":  JSON(http.StatusOK, []byte(`{"a":1}`)).With("Cache-Control", "public, max-age=300").With("ETag", `"k1"`),
		"/page":  HTML(http.StatusTeapot, []byte("<p>")).With("Set-Cookie", "a=b").With("Set-Cookie", "c=d"),
		"/frame": HTML(http.StatusOK, nil).With("Content-Security-Policy", "default-src *").With("Referrer-Policy", "origin"),
		"/bare":  {},
		"/gone":  {Status: http.StatusNotModified},
	}
	g := start(t, func(o *Options) {
		o.Routes = nil
		for path, answer := range answers {
			ready, more := answer.Prepared(), answer.Prepared().With("X-More", "1")
			handler := func(_ context.Context, r *Request) (Response, error) {
				switch r.RawQuery {
				case "plain":
					return answer, nil
				case "more":
					return more, nil
				}
				return ready, nil
			}
			o.Routes = append(o.Routes, Route{Method: "GET", Path: path, Handler: handler}, Route{Method: "GET", Path: "/open" + path, Handler: handler, CORS: true})
		}
	})
	for path := range answers {
		for _, method := range []string{"GET", "HEAD"} {
			for _, path := range []string{path, "/open" + path} {
				plain, ready := g.ask(t, request(method, path+"?plain", "", "X-Request-Id: r")), g.ask(t, request(method, path+"?ready", "", "X-Request-Id: r"))
				plain.Header.Del("Date")
				ready.Header.Del("Date")
				if !maps.EqualFunc(plain.Header, ready.Header, slices.Equal) || plain.StatusCode != ready.StatusCode || plain.body != ready.body ||
					plain.ContentLength != ready.ContentLength {
					t.Errorf("%s %s\nplain %d %v %q\nready %d %v %q", method, path, plain.StatusCode, plain.Header, plain.body, ready.StatusCode, ready.Header, ready.body)
				}
				if more := g.ask(t, get(path+"?more")); more.Header.Get("X-More") != "1" || more.Header.Get("Cache-Control") != plain.Header.Get("Cache-Control") {
					t.Errorf("%s: %v", path, more.Header)
				}
			}
		}
	}
}

// What one request left in the edge is never the next one's.
func TestExchangesStartEmpty(t *testing.T) {
	kept := make(chan *Request, 1)
	g := start(t, func(o *Options) {
		o.Routes = append(o.Routes, Route{Method: "POST", Path: "/keep", Handler: func(_ context.Context, r *Request) (Response, error) {
			kept <- r
			return NoContent(), nil
		}})
	})
	w := g.dial(t)
	for range 3 {
		w.send(request("POST", "/keep?q=1", "body", "X-Request-Id: mine", "Authorization: Bearer t"))
		if a := w.read("POST"); a.StatusCode != http.StatusNoContent {
			t.Fatal(a.StatusCode)
		}
		mine := <-kept
		for _, raw := range []string{request("POST", "/api/oidc/dcr/register", "{", "Content-Type: text/plain"), get("/panic"), get("/files/a")} {
			a := g.ask(t, raw)
			if a.Header.Get("X-Request-Id") == "mine" || a.StatusCode == http.StatusOK && (a.Header.Get("Ostiary-Decision-Id") != "" || a.body != "GET /files/*|a||127.0.0.1|0") {
				t.Errorf("%v %s", a.Header, a.body)
			}
		}
		if mine.Path != "/keep" || mine.RawQuery != "q=1" || string(mine.Body) != "body" || mine.ID != "mine" || mine.Header("Authorization") != "Bearer t" {
			t.Errorf("a request that was kept became %+v", mine)
		}
	}
}
