package bff_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
)

// Where a login may end. The second half are the ways in which others have been sent to strangers (open redirect).
func TestReturnTo(t *testing.T) {
	s := open(t)
	for _, good := range []string{
		"/", "/inbox", "/inbox?x=1&y=%20", "/#/hash/route", "/a/b.html#c", "/a//b", "/%C3%A9", "/~x;v=1", "/authors",
		"http://localhost:8080", "http://localhost:8080/x", "http://127.0.0.1:8080/x?y#z", "https://spa.example.com/", "https://spa.example.com",
	} {
		r := s.begin(good)
		if arrival, err := s.Callback(t.Context(), r); err != nil || arrival.ReturnTo != good {
			t.Errorf("%s: %+v, %v", good, arrival, err)
		}
	}
	if arrival, err := s.Callback(t.Context(), s.begin("")); err != nil || arrival.ReturnTo != "/" {
		t.Errorf("none: %+v, %v", arrival, err)
	}
	before := s.op.count("POST /par")
	for _, bad := range []string{
		"//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, `/\/evil.example`, "/%2f/evil.example", "/%2Fevil.example", "/%5cevil.example",
		"%2F%2Fevil.example", "/\tevil.example", "/\t/evil.example", "/%09/evil.example", "/\n/evil.example", "/%0d%0aLocation:x", " /x", "/ x", "/x\x00", "/é",
		"https://evil.example", "http://evil.example", "https:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", "x", "?x", "#x",
		"/../x", "/./x", "/..//evil.example", "/a/..%2f..%2f/evil.example", "/a/../../evil",
		"https://spa.example.com.evil.example/", "https://spa.example.com@evil.example/", "https://spa.example.com:444/", "https://spa.example.comevil/", "https://spa.example.com//evil",
		"HTTPS://spa.example.com/", "http://spa.example.com/", "http://localhost:80801/", "http://localhost/", "http://localhost:8080@evil.example/", `http://localhost:8080\@evil.example/`,
		"/auth", "/auth/", "/auth/login", "/auth/logout?x", "/%61uth/login", "/api/auth/session", "http://localhost:8080/auth/login", "/" + strings.Repeat("x", 2048),
	} {
		_, err := s.Login(t.Context(), home, bad)
		s.wantCode(bad, err, core.InvalidRequest)
	}
	if s.op.count("POST /par") != before || len(s.store.pending) > 0 {
		t.Error("something was pushed or kept for a bad return_to")
	}
}

// A browser that sees us under a name of which no cookie would come back is told the right one.
func TestLoginAtAnotherHost(t *testing.T) {
	s := open(t)
	for _, host := range []string{"evil.example", "", "localhost", "localhost:8081"} {
		_, err := s.Login(t.Context(), host, "/")
		s.wantCode(host, err, core.MisdirectedRequest)
	}
	if _, err := s.Login(t.Context(), "LOCALHOST:8080", "/"); err != nil {
		t.Error(err)
	}
}

// What the issuer fails at a pushed request is told as such.
func TestPushFails(t *testing.T) {
	for _, body := range []string{`{}`, `{"request_uri":""}`, `{"request_uri":1}`, `[]`} {
		s := open(t)
		s.op.failing("POST /par", 201, body)
		_, err := s.Login(t.Context(), home, "/")
		s.wantCode(body, err, core.TemporarilyUnavailable)
		if len(s.store.pending) > 0 {
			t.Error("a login is kept")
		}
	}
}

// Who may call what changes something: our own pages, with the header.
func TestGuard(t *testing.T) {
	guard := bff.NewGuard("https://app.example.com", "https://two.example.com")
	for _, test := range []struct {
		method, headers string
		ok              bool
	}{
		{"GET", "", true},
		{"GET", "Sec-Fetch-Site: same-origin", true},
		{"GET", "Sec-Fetch-Site: none", true},
		{"GET", "Sec-Fetch-Site: cross-site", false},
		{"GET", "Sec-Fetch-Site: same-site", false},
		{"GET", "Origin: https://evil.example", false},
		{"HEAD", "Sec-Fetch-Site: cross-site", false},
		{"POST", "", false},
		{"POST", "X-CSRF: 1", true},
		{"POST", "X-CSRF: 1|Origin: https://app.example.com", true},
		{"POST", "X-CSRF: 1|Origin: https://two.example.com|Sec-Fetch-Site: cross-site", true},
		{"POST", "Origin: https://app.example.com|Sec-Fetch-Site: same-origin", false},
		{"POST", "X-CSRF: 1|Sec-Fetch-Site: same-origin", true},
		{"POST", "X-CSRF: 1|Sec-Fetch-Site: same-site", false},
		{"POST", "X-CSRF: 1|Sec-Fetch-Site: none", false},
		{"POST", "X-CSRF: 1|Origin: null", false},
		{"POST", "X-CSRF: 1|Origin: https://app.example.com.evil.example", false},
		{"POST", "X-CSRF: 1|Origin: http://app.example.com", false},
		{"POST", "X-CSRF: 1|Origin: https://evil.example|Sec-Fetch-Site: same-origin", false},
		{"DELETE", "", false}, {"PUT", "", false}, {"PATCH", "", false}, {"QUERY", "", false},
		{"DELETE", "X-CSRF: 1", true},
	} {
		header := http.Header{}
		for line := range strings.SplitSeq(test.headers, "|") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				header.Set(name, value)
			}
		}
		err := guard.Check(test.method, header.Get)
		if (err == nil) != test.ok || err != nil && core.CodeOf(err) != core.AccessDenied {
			t.Errorf("%s %s: %v", test.method, test.headers, err)
		}
	}
}

// A form's token belongs to one cookie, and does not tell it.
func TestFormToken(t *testing.T) {
	one, two := core.NewSecret(), core.NewSecret()
	if err := bff.CheckFormToken(one, bff.FormToken(one)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"of another": bff.CheckFormToken(one, bff.FormToken(two)), "empty": bff.CheckFormToken(one, ""), "without a session": bff.CheckFormToken("", bff.FormToken("")),
	} {
		if core.CodeOf(err) != core.AccessDenied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(bff.FormToken(one), one.Reveal()) {
		t.Error("it tells the cookie")
	}
}
