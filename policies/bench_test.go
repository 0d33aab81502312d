package policies

import (
	"context"
	"fmt"
	"testing"

	"github.com/ostiary/ostiary/core/decision"
)

func bench(b *testing.B, cacheSize int, question decision.Registration, allow bool) {
	e := NewEngine(Options{CacheSize: cacheSize, Deadline: long, TrialTime: long})
	if err := e.Replace(Source{Origin: Embedded, Site: exampleConfig()}); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		v, err := e.DecideRegistration(ctx, &question)
		if err != nil || v.Allow != allow {
			b.Fatal(v, err)
		}
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

func BenchmarkAccept(b *testing.B) { bench(b, -1, exampleRegister(), true) }

func BenchmarkAcceptCached(b *testing.B) { bench(b, 0, exampleRegister(), true) }

func BenchmarkRead(b *testing.B) { bench(b, -1, exampleRead(), true) }

func BenchmarkReadCached(b *testing.B) { bench(b, 0, exampleRead(), true) }

func BenchmarkRefuse14(b *testing.B) { bench(b, -1, manyFaults(), false) }

func BenchmarkInput(b *testing.B) {
	e := engineWith(b, "")
	q := exampleRegister()
	rev := e.Active()
	b.ReportAllocs()
	for b.Loop() {
		rev.input(&q)
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
	e := engineWith(b, "")
	q := exampleRegister()
	b.ReportAllocs()
	for b.Loop() {
		e.Active().digester.Sum(&q)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(Source{Site: exampleConfig()}, long); err != nil {
			b.Fatal(err)
		}
	}
}
