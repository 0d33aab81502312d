package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/policies"
)

// A signer makes bundles.
type signer struct {
	t       *testing.T
	key     *policies.SigningKey
	public  *policies.VerificationKey
	private []byte // PEM
	pub     []byte
}

func newSigner(t *testing.T, id string) *signer {
	t.Helper()
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{t: t, private: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}
	if der, err = x509.MarshalPKIXPublicKey(public); err != nil {
		t.Fatal(err)
	}
	s.pub = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if s.key, err = policies.NewSigningKey(id, s.private); err != nil {
		t.Fatal(err)
	}
	if s.public, err = policies.NewVerificationKey(id, s.pub); err != nil {
		t.Fatal(err)
	}
	return s
}

// bundle makes a signed bundle whose one rule sets a label.
func (s *signer) bundle(label string, sequence int64) []byte {
	return bundleOf(s.t, label, sequence, s.key)
}

func bundleOf(t *testing.T, label string, sequence int64, key *policies.SigningKey) []byte {
	t.Helper()
	packed, err := policies.Build(policies.Source{Files: map[string][]byte{
		"house.rego":             []byte("package ostiary.registration.site.house\n\nlabel contains data.ostiary.data.label if true\n"),
		"ostiary/data/data.json": []byte(`{"label":"` + label + `"}`),
	}}, policies.BuildOptions{Revision: label, Sequence: sequence, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// A shelf serves one bundle over HTTP, or fails.
type shelf struct {
	*httptest.Server
	mu     sync.Mutex
	body   []byte
	status int
	asked  int // in full
	same   int // and answered 304
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{status: http.StatusOK}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		tag := fmt.Sprintf("\"%x\"", sha256.Sum256(s.body))
		switch {
		case r.Header.Get("Authorization") != "Bearer sesame":
			w.WriteHeader(http.StatusUnauthorized)
		case s.status != http.StatusOK:
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(s.status)
		case r.Header.Get("If-None-Match") == tag:
			s.same++
			w.WriteHeader(http.StatusNotModified)
		default:
			s.asked++
			w.Header().Set("ETag", tag)
			_, _ = w.Write(s.body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shelf) put(body []byte, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.status = body, status
}

// bundled gives the desk a bundle in the place of its folder.
func (d *ruleDesk) bundled(set bundleSettings, key *policies.VerificationKey) *ruleDesk {
	d.t.Helper()
	b, err := newBundleSource(settings{Policy: policySettings{Bundle: set}}, time.Now)
	if err != nil {
		d.t.Fatal(err)
	}
	b.key = key
	d.t.Cleanup(func() { _ = b.close() })
	d.bundle = b
	return d
}

func (d *ruleDesk) status() policyStatus {
	h := house{policy: d.engine, rules: d.rules}
	return h.policyStatus()
}

// Over HTTP: fetched once while it is the same, kept while the network is gone, at a start too, and verified again then.
func TestBundleOverHTTP(t *testing.T) {
	signs, shelf := newSigner(t, "desk"), newShelf(t)
	shelf.put(signs.bundle("first", 1), http.StatusOK)
	set := bundleSettings{URL: shelf.URL + "/b.tar.gz?sig=secret", Bearer: "sesame", Interval: time.Minute}
	d := newRuleDesk(t).bundled(set, signs.public)
	d.begin()
	s := d.status()
	if s.Degraded || s.Origin != policies.Bundled || s.Bundle.Revision != "first" || s.Bundle.Sequence != 1 || s.Bundle.KeyID != "desk" || s.Bundle.ETag == "" ||
		s.Bundle.ReadAt == nil || s.Bundle.URL != shelf.URL+"/b.tar.gz" {
		t.Fatalf("%+v, %+v", s, s.Bundle)
	}
	before := d.engine.Active()
	for range 2 {
		if err := d.load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if shelf.asked != 1 || shelf.same != 2 || d.engine.Active() != before {
		t.Errorf("asked %d times, the same %d times", shelf.asked, shelf.same)
	}

	lines := d.log.count("level=ERROR")
	for i, status := range []int{http.StatusInternalServerError, http.StatusFound, http.StatusUnauthorized} {
		shelf.put(shelf.body, status)
		if err := d.load(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprint(status)) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v", status, err)
		}
		if s := d.status(); !s.Degraded || s.Bundle.Failures != i+1 || s.Bundle.Failure == "" || s.Bundle.Revision != "first" || d.engine.Active() != before {
			t.Errorf("%d: %+v, %+v", status, s, s.Bundle)
		}
	}
	if n := d.log.count("level=ERROR"); n != lines+1 {
		t.Errorf("logged %d times: %s", n-lines, &d.log.text)
	}
	shelf.put(shelf.body, http.StatusOK)
	if err := d.load(t.Context()); err != nil || d.degraded() || d.engine.Active() != before {
		t.Errorf("back again: %v, %v", err, d.wrong())
	}

	shelf.Close()
	next := d.again().bundled(set, signs.public)
	next.begin()
	if s := next.status(); s.Origin != policies.LastGood || s.Revision != before.ID() || !s.Degraded || s.Bundle.Revision != "first" || s.Bundle.KeyID != "desk" || s.Bundle.ReadAt != nil {
		t.Errorf("without a network: %+v, %+v", s, s.Bundle)
	}
	if text := next.wrong()[0].Message; !strings.Contains(text, "cannot be fetched") || strings.Contains(text, "secret") {
		t.Error(text)
	}
	other := d.again().bundled(set, newSigner(t, "desk").public)
	other.begin()
	if s := other.status(); s.Origin != policies.Embedded || s.Bundle.Revision != "" {
		t.Errorf("what is stored is not signed by the new key: %+v", s)
	}

	folder := d.again()
	folder.rule("folder")
	folder.begin()
	moved := d.again().bundled(set, signs.public)
	moved.begin()
	if s := moved.status(); s.Origin != policies.LastGood || s.Revision != folder.revision() || s.Bundle.Revision != "" || !s.Degraded {
		t.Errorf("the folder's rules are gone before the bundle was there: %+v", s)
	}
}

// A bundle that is not what it should be changes nothing.
func TestBundlesThatAreNotTaken(t *testing.T) {
	signs := newSigner(t, "desk")
	file := filepath.Join(t.TempDir(), "b.tar.gz")
	put := func(d *ruleDesk, packed []byte) error {
		d.write(file, string(packed))
		return d.load(t.Context())
	}
	d := newRuleDesk(t).bundled(bundleSettings{File: file}, signs.public)
	if err := put(d, signs.bundle("five", 5)); err != nil {
		t.Fatal(err)
	}
	first := d.revision()
	broken, err := policies.Build(policies.Source{Files: map[string][]byte{"a.rego": []byte("package ostiary.registration.site.a\n\nlabel contains data.nothing if true\n")}},
		policies.BuildOptions{Sequence: 9, Key: signs.key})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		packed []byte
		says   string
	}{
		{signs.bundle("four", 4), "its sequence is 4, and was 5 already"},
		{bundleOf(t, "unsigned", 6, nil), "not signed"},
		{newSigner(t, "desk").bundle("forged", 6), "signature"},
		{newSigner(t, "other").bundle("other", 6), `signed by the key "other"`},
		{signs.bundle("torn", 6)[:200], "not a usable bundle"},
		{broken, "does not exist"},
	} {
		if err := put(d, test.packed); err == nil || !strings.Contains(err.Error(), test.says) || d.revision() != first || d.healthy() {
			t.Errorf("%s: %v", test.says, err)
		}
	}
	if s := d.status(); s.Bundle.Revision != "five" || s.Bundle.File != file || s.Problems[0].File != "a.rego" {
		t.Errorf("%+v, %+v", s, s.Bundle)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := d.load(t.Context()); err == nil || !strings.Contains(err.Error(), "put it back") || d.revision() != first {
		t.Error(err)
	}
	if err := put(d, signs.bundle("five", 5)); err != nil || d.degraded() {
		t.Error(err)
	}
	again, err := policies.Sign(signs.bundle("five", 5), signs.key, 0, 99)
	if err != nil {
		t.Fatal(err)
	}
	if err := put(d, again); err != nil || d.degraded() {
		t.Errorf("the same content, signed anew: %v", err)
	}
	for failures := 1; failures <= 2; failures++ {
		if err := put(d, signs.bundle("five again", 5)); err == nil || !strings.Contains(err.Error(), "and other content") || d.revision() != first {
			t.Errorf("other content under the same sequence: %v", err)
		}
		if s := d.status().Bundle; s.Failures != failures || !strings.Contains(s.Failure, "other content") || s.Revision != "five" {
			t.Errorf("%+v", s)
		}
	}

	// A sequence is remembered over a restart and a folder in between; to go back must be meant.
	next := d.again().bundled(bundleSettings{File: file}, signs.public)
	for _, packed := range [][]byte{signs.bundle("four", 4), signs.bundle("five again", 5)} {
		if err := put(next, packed); err == nil {
			t.Error("a downgrade after a restart")
		}
	}
	folder := d.again()
	folder.rule("folder")
	folder.begin()
	if err := put(next, signs.bundle("four", 4)); err == nil {
		t.Error("a downgrade after a folder")
	}
	meant := d.again().bundled(bundleSettings{File: file, AllowDowngrade: true}, signs.public)
	if err := put(meant, signs.bundle("four", 4)); err != nil {
		t.Error(err)
	}
	if err := put(d.again().bundled(bundleSettings{File: file}, signs.public), signs.bundle("four", 4)); err != nil {
		t.Errorf("what was meant once is meant still: %v", err)
	}

	// Without a key nobody can tell whether a signature is right.
	open := d.again().bundled(bundleSettings{File: file}, nil)
	if err := put(open, signs.bundle("signed", 7)); err == nil || !strings.Contains(err.Error(), "no key is configured") {
		t.Error(err)
	}
	if err := put(open, bundleOf(t, "open", 0, nil)); err != nil || open.engine.Status().Origin != policies.Bundled || open.stored().Bundle == nil {
		t.Error(err)
	}
}

// An answer that is too large, or without end, is a failure that does not give the address's secrets away.
func TestBundleAnswersThatAreTooLarge(t *testing.T) {
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	t.Cleanup(server.Close)
	d := newRuleDesk(t).bundled(bundleSettings{URL: server.URL + "/?sig=secret", Interval: time.Minute}, nil)
	for size, says := range map[int]string{9 << 20: "cannot be fetched", 5 << 20: "larger than"} {
		body = make([]byte, size)
		if err := d.load(t.Context()); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestBundleFileIsWatched(t *testing.T) {
	file := filepath.Join(t.TempDir(), "b.tar.gz")
	d := newRuleDesk(t)
	d.write(file, string(bundleOf(t, "first", 0, nil)))
	d.bundled(bundleSettings{File: file}, nil)
	d.begin()
	d.watched()
	first := d.revision()
	d.write(file, string(bundleOf(t, "second", 0, nil)))
	d.until("the next bundle is in force", func() bool { return d.healthy() && d.revision() != first })
}

func TestBundleURLIsAskedAgain(t *testing.T) {
	shelf := newShelf(t)
	shelf.put(bundleOf(t, "first", 0, nil), http.StatusOK)
	d := newRuleDesk(t).bundled(bundleSettings{URL: shelf.URL, Bearer: "sesame", Interval: 5 * time.Millisecond}, nil)
	d.begin()
	d.watched()
	first := d.revision()
	shelf.put(bundleOf(t, "the second", 0, nil), http.StatusOK)
	d.until("the next bundle is in force", func() bool { return d.healthy() && d.revision() != first })
}

// Pauses grow from failure to failure up to the interval, and are never quite the same.
func TestPauses(t *testing.T) {
	for _, test := range []struct {
		failures          int
		shortest, longest time.Duration
	}{
		{0, 54 * time.Second, 66 * time.Second},
		{1, 500 * time.Millisecond, time.Second},
		{2, time.Second, 2 * time.Second},
		{5, 8 * time.Second, 16 * time.Second},
		{7, 30 * time.Second, time.Minute},
		{1000, 30 * time.Second, time.Minute},
	} {
		for random, want := range map[float64]time.Duration{0: test.shortest, 1: test.longest} {
			b := &bundleSource{every: time.Minute, failures: test.failures, random: func() float64 { return random }}
			if got := b.pause(); got.Round(time.Millisecond) != want {
				t.Errorf("%d failures, %v: %v, want %v", test.failures, random, got, want)
			}
		}
	}
}

func TestBundleSettings(t *testing.T) {
	for set, says := range map[string]string{
		"policy: {bundle: {file: b.tar.gz}}":                                                  "",
		"policy: {bundle: {url: 'https://p.example/b', bearer: x, interval: 5s, ca: ca.pem}}": "",
		"policy: {bundle: {url: 'http://localhost:9/b'}}":                                     "",
		"policy_dir: p\npolicy: {bundle: {file: b}}":                                          "policy_dir is set, too",
		"policy: {bundle: {file: b, url: 'https://p.example/b'}}":                             "not both",
		"policy: {bundle: {key: {id: a, file: k}}}":                                           "needs file or url",
		"policy: {bundle: {bearer: x}}":                                                       "needs file or url",
		"policy: {bundle: {file: b, bearer: x}}":                                              "are for a url",
		"policy: {bundle: {file: b, interval: 5s}}":                                           "is for a url; a file is watched",
		"policy: {bundle: {file: b, key: {id: a}}}":                                           "needs both id and file",
		"policy: {bundle: {file: b, allow_downgrade: true}}":                                  "is for signed bundles",
		"policy: {bundle: {url: 'http://p.example/b'}}":                                       "must be https",
		"policy: {bundle: {url: 'https://u:p@p.example/b'}}":                                  "must have no user",
		"policy: {bundle: {url: 'ftp://p.example/b'}}":                                        "is not a URL",
		"policy: {bundle: {url: 'https://p.example/b', interval: 0s}}":                        "interval",
	} {
		s := defaults()
		err := config.Read([]byte("issuer: https://id.example\ndata_dir: d\n"+set+"\n"), "o.yaml", &s, os.LookupEnv)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", set, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(repository, "policies", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	t.Setenv("POLICY_TOKEN", "sesame")
	s := defaults()
	if err := config.Read([]byte("issuer: https://id.example\ndata_dir: d\n"+example), "o.yaml", &s, os.LookupEnv); err != nil || s.Policy.Bundle.Bearer != "sesame" {
		t.Errorf("policies/README.md: %v, %+v", err, s.Policy.Bundle)
	}
	file := filepath.Join(t.TempDir(), "pub.pem")
	if err := os.WriteFile(file, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = newBundleSource(settings{Policy: policySettings{Bundle: bundleSettings{File: "b", Key: bundleKey{"a", file}}}}, time.Now)
	if err == nil || !strings.Contains(err.Error(), "policy.bundle.key: not a key") {
		t.Error(err)
	}
	if _, err = newBundleSource(settings{Policy: policySettings{Bundle: bundleSettings{URL: "https://p.example", CA: file}}}, time.Now); err == nil || !strings.Contains(err.Error(), "policy.bundle.ca") {
		t.Error(err)
	}
}
