package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Do sends what it is given, and every status is an answer.
func TestDoSends(t *testing.T) {
	s, address := site(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("X-Sent")+" "+r.Header.Get("Accept-Encoding")+" "+r.Host)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(append([]byte("got "), body...))
	}, nil)
	header := http.Header{"X-Sent": {"yes"}, "Host": {"evil.example"}, "Accept-Encoding": {"gzip"}}
	got, err := s.Do(t.Context(), "plugin", Request{Method: "POST", URL: address + "/a?b=1", Header: header, Body: []byte("this")}, 100)
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(address, "https://")
	if got.Status != http.StatusTeapot || string(got.Body) != "got this" || got.Header.Get("X-Seen") != "POST /a?b=1 yes identity "+host {
		t.Errorf("%d %s %q", got.Status, got.Body, got.Header.Get("X-Seen"))
	}
	if header.Get("Accept-Encoding") != "gzip" {
		t.Error("it changed the caller's headers")
	}
}

func TestDoRefuses(t *testing.T) {
	s, address := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/there", http.StatusFound)
		default:
			_, _ = w.Write([]byte("12345"))
		}
	}, nil)
	if got, err := s.Do(t.Context(), "plugin", Request{URL: address + "/away"}, 100); err != nil || got.Status != http.StatusFound {
		t.Errorf("a redirect: %+v, %v", got, err)
	}
	if got, err := s.Do(t.Context(), "plugin", Request{URL: address}, 5); err != nil || string(got.Body) != "12345" {
		t.Errorf("just as long: %+v, %v", got, err)
	}
	if _, err := s.Do(t.Context(), "plugin", Request{URL: address}, 4); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	port, connections := canary(t)
	for _, bad := range []string{
		"http://example.com:" + port, "https://127.0.0.1:" + port, "https://169.254.169.254/", "https://user@example.com/", "file:///etc/passwd", "https://example.com:" + port,
	} {
		if _, err := s.Do(t.Context(), "plugin", Request{URL: bad}, 5); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if connections.Load() != 0 {
		t.Error("somebody connected")
	}
	if _, err := s.Do(t.Context(), "plugin", Request{Method: "A B", URL: address}, 5); !errors.Is(err, ErrRefused) {
		t.Errorf("no method: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Do(over, "plugin", Request{URL: address}, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller left: %v", err)
	}
}
