package policies

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// bench asks one question again and again.
func bench(b *testing.B, cacheSize int, decide func(*Engine) (allowed bool, err error), allow bool) {
	benchUnder(b, exampleConfig(), cacheSize, decide, allow)
}

// benchUnder does so with some configuration.
func benchUnder(b *testing.B, site strictjson.Value, cacheSize int, decide func(*Engine) (allowed bool, err error), allow bool) {
	e := NewEngine(Options{CacheSize: cacheSize, Deadline: long, TrialTime: long})
	if err := e.Replace(Source{Origin: Embedded, Site: site}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if allowed, err := decide(e); err != nil || allowed != allow {
			b.Fatal(allowed, err)
		}
	}
}

func registering(q decision.Registration) func(*Engine) (bool, error) {
	return func(e *Engine) (bool, error) {
		v, err := e.DecideRegistration(context.Background(), &q)
		return v.Allow, err
	}
}

func authorizing(q decision.Authorization) func(*Engine) (bool, error) {
	return func(e *Engine) (bool, error) {
		v, err := e.DecideAuthorization(context.Background(), &q)
		return v.Allowed, err
	}
}

func issuing(q decision.Token) func(*Engine) (bool, error) {
	return func(e *Engine) (bool, error) {
		v, err := e.DecideToken(context.Background(), &q)
		return v.Allowed, err
	}
}

func beginning(q decision.Session) func(*Engine) (bool, error) {
	return func(e *Engine) (bool, error) {
		v, err := e.DecideSession(context.Background(), &q)
		return v.Allowed, err
	}
}

// manyFaults is refused for 14 reasons.
func manyFaults() decision.Registration {
	r := exampleRegister()
	m := &r.Effective.Metadata
	m.TokenEndpointAuthMethod = "client_secret_basic"
	m.GrantTypes = []string{"authorization_code", "client_credentials"}
	m.RedirectURIs = []string{"http://a.example/cb", "https://b.example/../cb", "com.example.app:/cb", "http://127.0.0.1/cb"}
	m.Scope = nil
	for i := range 8 {
		m.Scope = append(m.Scope, fmt.Sprintf("unknown.%d", i))
	}
	return r
}

func BenchmarkAccept(b *testing.B) { bench(b, -1, registering(exampleRegister()), true) }

// The same with ever more data that nobody asks for.
func BenchmarkAcceptAmong(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) { benchUnder(b, crowded(n), -1, registering(exampleRegister()), true) })
	}
}

func BenchmarkAcceptCached(b *testing.B) { bench(b, 0, registering(exampleRegister()), true) }

func BenchmarkRead(b *testing.B) { bench(b, -1, registering(exampleRead()), true) }

func BenchmarkReadCached(b *testing.B) { bench(b, 0, registering(exampleRead()), true) }

func BenchmarkRefuse14(b *testing.B) { bench(b, -1, registering(manyFaults()), false) }

func BenchmarkAuthorization(b *testing.B) { bench(b, -1, authorizing(exampleAuthorization()), true) }

func BenchmarkAuthorizationCached(b *testing.B) {
	bench(b, 0, authorizing(exampleAuthorization()), true)
}

func BenchmarkToken(b *testing.B) { bench(b, -1, issuing(exampleToken()), true) }

func BenchmarkTokenCached(b *testing.B) { bench(b, 0, issuing(exampleToken()), true) }

func BenchmarkSession(b *testing.B) { bench(b, -1, beginning(exampleSession()), true) }

func BenchmarkSessionCached(b *testing.B) { bench(b, 0, beginning(exampleSession()), true) }

func BenchmarkInput(b *testing.B) {
	e := engineWith(b, "")
	q := exampleRegister()
	rules := rulesIn(e, registration)
	b.ReportAllocs()
	for b.Loop() {
		rules.input(&q)
	}
}

func BenchmarkInputWhole(b *testing.B) {
	q := exampleRegister()
	paths := &decision.Paths{}
	paths.Add()
	b.ReportAllocs()
	for b.Loop() {
		inputTerm(paths, nil, &q)
	}
}

func BenchmarkDigest(b *testing.B) {
	rules := rulesIn(engineWith(b, ""), registration)
	q := exampleRegister()
	b.ReportAllocs()
	for b.Loop() {
		rules.digester.Sum(&q)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(Source{Site: exampleConfig()}, long); err != nil {
			b.Fatal(err)
		}
	}
}
