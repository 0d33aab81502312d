package fetch

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestJSON(t *testing.T) {
	var answer http.HandlerFunc
	s, at := site(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r) }, nil)
	const limit = 5 << 10
	typed := func(contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept") != "application/json" {
				t.Errorf("Accept: %q", r.Header.Get("Accept"))
			}
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, good := range []string{"application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/oauth-client+json"} {
		answer = typed(good, strings.Repeat("x", limit))
		if body, fresh, err := s.JSON(t.Context(), "client_id", at+"/c", limit); err != nil || len(body) != limit || fresh != 0 {
			t.Errorf("%s: %d bytes, %s, %v", good, len(body), fresh, err)
		}
	}
	redirect := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = w.Write([]byte("{}"))
		}
	}
	for name, bad := range map[string]http.HandlerFunc{
		"too long": typed("application/json", strings.Repeat("x", limit+1)), "a page": typed("text/html", "{}"), "text": typed("text/json", "{}"),
		"no type": typed("", "{}"), "a lookalike": typed("application/jsonp", "{}"), "a redirect": redirect, "203": status(203), "404": status(404), "410": status(410),
		"packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			typed("application/json", "{}")(w, &http.Request{Header: http.Header{"Accept": {"application/json"}}})
		},
	} {
		answer = bad
		if _, _, err := s.JSON(t.Context(), "client_id", at+"/c", limit); !errors.Is(err, ErrNoDocument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, code := range []int{429, 500, 502, 503} { // a server in trouble says nothing about what it has
		answer = status(code)
		if _, _, err := s.JSON(t.Context(), "client_id", at+"/c", limit); !errors.Is(err, ErrFailed) || !errors.Is(err, ErrAnswer) || errors.Is(err, ErrNoDocument) {
			t.Errorf("%d: %v", code, err)
		}
	}
	answer = typed("application/json", "{}")
	for _, spelling := range []string{at + "/c#x", strings.Replace(at, "https", "HTTPS", 1) + "/c", at + "/ä"} {
		if _, _, err := s.JSON(t.Context(), "client_id", spelling, limit); !errors.Is(err, ErrNoDocument) {
			t.Errorf("%s: %v", spelling, err)
		}
	}
}

// A stranger's server that never ends its answer, and addresses that are nobody's to fetch.
func TestJSONFromNowhere(t *testing.T) {
	slow, at := site(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(o *StrangerOptions) { o.Timeout = 50 * time.Millisecond })
	if _, _, err := slow.JSON(t.Context(), "client_id", at+"/c", 5<<10); !errors.Is(err, ErrFailed) || errors.Is(err, ErrAnswer) {
		t.Errorf("a slow body: %v", err)
	}
	for _, addr := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fd00::1", "100.64.0.1"} {
		s, err := NewStranger(StrangerOptions{Resolver: resolves("93.184.216.34", addr)})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.JSON(t.Context(), "client_id", "https://client.example/c", 5<<10); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestFreshness(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "max-age=60": time.Minute, "public, max-age=60": time.Minute, `max-age="60"`: time.Minute, "MAX-AGE=60": time.Minute, "max-age=-1": 0, "max-age=x": 0,
		"no-store, max-age=60": 0, "private, max-age=60": 0, "no-cache": 0, "max-age=60, s-maxage=120": 2 * time.Minute, "s-maxage=0, max-age=60": 0,
		"max-age=99999999999999999999": 0, "max-age=9000000000000000000": longestFresh,
	} {
		if got := freshFor(http.Header{"Cache-Control": {text}}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if got := freshFor(http.Header{"Cache-Control": {"public", "max-age=60"}, "Age": {"50"}}); got != 10*time.Second {
		t.Errorf("with Age: %s", got)
	}
	if got := freshFor(http.Header{"Cache-Control": {"max-age=60"}, "Age": {"70"}}); got != 0 {
		t.Errorf("stale: %s", got)
	}
}
