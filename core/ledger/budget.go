package ledger

import (
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core"
)

// budget counts the entries of each source within a minute. Beyond the limit only the count is kept: one entry a source a
// minute. All sources together have as much as fullSources of them: who has many addresses does not fill the disk either. Of requests that a rate limit refused it never keeps more: whoever runs into one does so again and again.
type budget struct {
	perMinute int
	minute    time.Time
	taken     map[string]tally
	kept      int // of all of them
}

// A tally is of one source: entries that had a place, and those that are only counted.
type tally struct{ kept, over int }

// maxSources bounds the table; sources beyond it share one count.
const maxSources = 10000

// fullSources is how many sources can use up their limit before all are only counted; there is a place for one entry of each, at least.
const fullSources = 100

func newBudget(perMinute int) budget {
	return budget{perMinute: perMinute, taken: make(map[string]tally)}
}

// take counts one entry and tells whether it is still kept in full.
func (b *budget) take(source string, e *Entry, now time.Time) bool {
	if b.minute.IsZero() {
		b.minute = now.Truncate(time.Minute)
	}
	if _, known := b.taken[source]; !known && len(b.taken) >= maxSources {
		source = "others"
	}
	t := b.taken[source]
	keeps := t.kept < b.perMinute && b.kept < max(fullSources*b.perMinute, maxSources+1) && (e.Error == nil || e.Error.Code != core.TooManyRequests)
	if keeps {
		t.kept++
		b.kept++
	} else {
		t.over++
	}
	b.taken[source] = t
	return keeps
}

// roll begins a new minute when it is time, and gives the entries that count what the last one left out.
func (b *budget) roll(now time.Time) []Entry {
	if b.minute.IsZero() || now.Before(b.minute.Add(time.Minute)) {
		return nil
	}
	return b.flush(now)
}

// flush ends the minute.
func (b *budget) flush(now time.Time) []Entry {
	var counted []Entry
	for source, t := range b.taken {
		if t.over > 0 {
			counted = append(counted, countOf(source, t.over, now))
		}
	}
	clear(b.taken)
	b.kept = 0
	b.minute = now.Truncate(time.Minute)
	return counted
}

func countOf(source string, n int, now time.Time) Entry {
	message := fmt.Sprintf("%d more requests of this source were refused, or changed nothing, within a minute; only their number was kept.", n)
	return Entry{
		V: FormatVersion, DecisionID: core.NewDecisionID(now), Time: now, Channel: core.ChannelDCR, Actor: Actor{Kind: "open", IP: source},
		Stages:  []Stage{{Stage: "budget", By: By{Kind: "core"}, Reasons: []core.Reason{{Rule: "ledger.budget", Message: message}}}},
		Verdict: Denied, Outcome: Nothing,
	}
}
