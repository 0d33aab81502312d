package policies

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A Measure is what one decision costs with the rules of a source.
type Measure struct {
	Decision  string `json:"decision"`
	Allow     bool   `json:"allow"`
	Evaluated Cost   `json:"evaluated"`
	Cached    *Cost  `json:"cached,omitempty"` // absent: answers are not remembered
	WhyNot    string `json:"why_not,omitempty"`
}

// A Cost is the mean of many runs.
type Cost struct {
	Runs   int   `json:"runs"`
	NS     int64 `json:"ns"`
	Allocs int64 `json:"allocs"`
	Bytes  int64 `json:"bytes"`
}

// Bench measures decisions with the rules of a source, each for about the time given: the whole way from the question to the
// answer, with the rules asked every time and with the answer remembered. An empty name is every decision, about its example; what
// somebody wrote may be a whole input or a part of one.
func Bench(ctx context.Context, src Source, name string, written strictjson.Value, each time.Duration) ([]Measure, error) {
	if name != "" && !slices.Contains(Decisions(), name) {
		return nil, fmt.Errorf("there is no decision %q; there are %s", name, strings.Join(Decisions(), ", "))
	}
	rev, err := Load(src, patient*DefaultTrialTime)
	if err != nil {
		return nil, err
	}
	cold, warm := NewEngine(Options{CacheSize: -1, Deadline: time.Minute}), NewEngine(Options{Deadline: time.Minute})
	cold.use(rev)
	warm.use(rev)
	var list []Measure
	for on, c := range contracts {
		if name != "" && name != c.name {
			continue
		}
		doc, err := c.complete(written)
		if err != nil {
			return nil, err
		}
		m := Measure{Decision: c.name, WhyNot: rev.rules[on].whyNot}
		if m.Evaluated, err = cold.cost(ctx, which(on), doc, each, &m.Allow); err != nil {
			return nil, err
		}
		if m.WhyNot == "" {
			cached, err := warm.cost(ctx, which(on), doc, each, &m.Allow)
			if err != nil {
				return nil, err
			}
			m.Cached = &cached
		}
		list = append(list, m)
	}
	return list, nil
}

// cost asks one question again and again for about a time, and takes the mean.
func (e *Engine) cost(ctx context.Context, on which, doc document, each time.Duration, allow *bool) (Cost, error) {
	ask := func(times int) error {
		for range times {
			v, err := e.answer(ctx, on, doc)
			if err != nil {
				return fmt.Errorf("%s: %w", contracts[on].name, err)
			}
			*allow = v.Allow
		}
		return nil
	}
	if err := ask(1); err != nil { // what is made once is not counted
		return Cost{}, err
	}
	var before, after runtime.MemStats
	for runs := 1; ; runs *= 2 {
		runtime.ReadMemStats(&before)
		start := time.Now()
		if err := ask(runs); err != nil {
			return Cost{}, err
		}
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if took >= each/2 || ctx.Err() != nil {
			n := int64(runs)
			return Cost{runs, int64(took) / n, int64(after.Mallocs-before.Mallocs) / n, int64(after.TotalAlloc-before.TotalAlloc) / n}, ctx.Err()
		}
	}
}
