package policies

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
)

// What decisions may cost, in allocations and bytes: these do not depend on the machine, and time follows them. Time itself is for
// the benchmarks (make bench).
const (
	acceptAllocs, acceptBytes = 1750, 80_000
	refuseAllocs, refuseBytes = 2 * acceptAllocs, 2 * acceptBytes
	cachedAllocs, cachedBytes = 2, 200
)

// A cost is what one call takes on average.
type cost struct{ allocs, bytes float64 }

// costOf measures a call, after it was made a few times.
func costOf(t *testing.T, call func()) cost {
	t.Helper()
	const warm, runs = 20, 100
	for range warm {
		call()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		call()
	}
	runtime.ReadMemStats(&after)
	return cost{float64(after.Mallocs-before.Mallocs) / runs, float64(after.TotalAlloc-before.TotalAlloc) / runs}
}

// deciding gives the call that asks an engine.
func deciding(t *testing.T, e *Engine, allow bool, decide func(*Engine) (bool, error)) func() {
	return func() {
		if allowed, err := decide(e); err != nil || allowed != allow {
			t.Fatal(allowed, err)
		}
	}
}

// uncached gives an engine that remembers nothing.
func uncached(t *testing.T, site strictjson.Value) *Engine {
	t.Helper()
	e := NewEngine(Options{CacheSize: -1, Deadline: long, TrialTime: long})
	if err := e.Replace(Source{Origin: Embedded, Site: site}); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCostOfDecisions(t *testing.T) {
	fresh, remembering := uncached(t, exampleConfig()), engineWith(t, "")
	for name, test := range map[string]struct {
		engine *Engine
		allow  bool
		decide func(*Engine) (bool, error)
		limit  cost
	}{
		"a registration":           {fresh, true, registering(exampleRegister()), cost{acceptAllocs, acceptBytes}},
		"a refusal for 14 reasons": {fresh, false, registering(manyFaults()), cost{refuseAllocs, refuseBytes}},
		"an authorization":         {fresh, true, authorizing(exampleAuthorization()), cost{600, 30_000}},
		"a token":                  {fresh, true, issuing(exampleToken()), cost{600, 30_000}},
		"a session":                {fresh, true, beginning(exampleSession()), cost{600, 30_000}},
		"a remembered token":       {remembering, true, issuing(exampleToken()), cost{cachedAllocs, cachedBytes}},
		"a remembered session":     {remembering, true, beginning(exampleSession()), cost{cachedAllocs, cachedBytes}},
	} {
		if got := costOf(t, deciding(t, test.engine, test.allow, test.decide)); got.allocs > test.limit.allocs || got.bytes > test.limit.bytes {
			t.Errorf("%s takes %.0f allocations and %.0f bytes; it may take %.0f and %.0f", name, got.allocs, got.bytes, test.limit.allocs, test.limit.bytes)
		}
	}
}

// crowded is the example's configuration among n more scopes and hosts, half of each.
func crowded(n int) strictjson.Value {
	site := exampleConfig()
	offered, _ := site.Get("allowed_scopes")
	scopes, hosts := offered.Members(), []string{}
	for i := range n / 2 {
		scopes = append(scopes, member(fmt.Sprintf("scope.%d", i), strictjson.Bool(true)))
		hosts = append(hosts, fmt.Sprintf("host-%d.example.com", i))
	}
	redirects := strictjson.Object(member("allowed_private_schemes", flags()), member("allowed_hosts", flags(hosts...)), member("max", strictjson.Int(20)))
	return site.With("allowed_scopes", strictjson.Object(scopes...)).With("redirects", redirects)
}

// What nobody asks for costs nothing, however much there is of it.
func TestDecisionsAreFlat(t *testing.T) {
	q := exampleRegister()
	q.Effective.Metadata.RedirectURIs = []string{"https://host-3.example.com/cb", "https://host-4.example.com/cb"}
	var costs [2]cost
	for i, n := range []int{10, 100_000} {
		e := uncached(t, crowded(n))
		costs[i] = costOf(t, func() {
			if v, err := e.DecideRegistration(context.Background(), &q); err != nil || !v.Allow {
				t.Fatal(denied(v), err)
			}
		})
	}
	if few, many := costs[0], costs[1]; many.allocs > 1.05*few.allocs || many.bytes > 1.05*few.bytes {
		t.Errorf("among 10 entries %+v, among 100,000 %+v", few, many)
	}
}
