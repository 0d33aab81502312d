package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A Filter narrows a list of entries. Every member that is set must hold.
type Filter struct {
	Client    core.ClientID
	Verdict   Verdict
	Outcome   Outcome
	Channel   core.Channel
	Operation core.Operation
	Code      core.Code // that the caller was told
	Rule      string    // that fired
	Revision  string    // of the policy
	Since     time.Time // at that moment or later
	Until     time.Time // before that moment
	Written   bool      // stored or deleted a client
}

// Holds tells whether an entry passes.
func (f Filter) Holds(e Entry) bool {
	return (f.Client == "" || f.Client == e.ClientID) && (f.Verdict == "" || f.Verdict == e.Verdict) &&
		(f.Outcome == "" || f.Outcome == e.Outcome) && (f.Channel == "" || f.Channel == e.Channel) &&
		(f.Operation == "" || f.Operation == e.Operation) && (f.Code == "" || e.Error != nil && f.Code == e.Error.Code) &&
		(f.Revision == "" || f.Revision == e.Revision) && (f.Since.IsZero() || !e.Time.Before(f.Since)) &&
		(f.Until.IsZero() || e.Time.Before(f.Until)) && (f.Rule == "" || e.fired(f.Rule)) &&
		(!f.Written || e.Outcome == Stored || e.Outcome == Deleted)
}

// fired tells whether a rule of this name stands behind any reason.
func (e *Entry) fired(rule string) bool {
	by := func(r core.Reason) bool { return r.Rule == rule }
	return slices.ContainsFunc(e.Stages, func(s Stage) bool { return slices.ContainsFunc(s.Reasons, by) })
}

// FilterNames are what a Filter is called where people write one.
func FilterNames() []string {
	return []string{"client_id", "verdict", "outcome", "channel", "operation", "code", "rule", "revision", "since", "until"}
}

// longestFilter is as long as the longest client id; nothing else that is looked for is longer.
const longestFilter = 256

// ReadFilter reads a Filter that somebody wrote, each part by its name. Times are read as ParseMoment does. Of what has a fixed
// set of words, other words are refused: they would find nothing, as if there were nothing.
func ReadFilter(get func(name string) string, now time.Time) (Filter, error) {
	for _, name := range FilterNames() {
		if len(get(name)) > longestFilter {
			return Filter{}, core.Refuse(core.InvalidRequest, "%s is longer than %d bytes.", name, longestFilter)
		}
	}
	f := Filter{
		Client: core.ClientID(get("client_id")), Verdict: Verdict(get("verdict")), Outcome: Outcome(get("outcome")),
		Channel: core.Channel(get("channel")), Operation: core.Operation(get("operation")), Code: core.Code(get("code")),
		Rule: get("rule"), Revision: get("revision"),
	}
	err := cmp.Or(
		oneOf("verdict", f.Verdict, []Verdict{Allowed, Denied, Failed}), oneOf("outcome", f.Outcome, Outcomes()),
		oneOf("operation", f.Operation, core.Operations()), oneOf("channel", f.Channel, core.Channels()), oneOf("code", f.Code, core.Codes()),
	)
	if err != nil {
		return Filter{}, err
	}
	if f.Since, err = ParseMoment("since", get("since"), now); err == nil {
		f.Until, err = ParseMoment("until", get("until"), now)
	}
	return f, err
}

// oneOf refuses a word that is none of those that there are; none at all is fine.
func oneOf[T ~string](name string, word T, words []T) error {
	if word == "" || slices.Contains(words, word) {
		return nil
	}
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return core.Refuse(core.InvalidRequest, "%s must be one of %s.", name, strings.Join(list, ", "))
}

// maxSearched is how many entries one Search looks at.
const maxSearched = 5000

const searchPage = 200

// Search gives at most limit entries that pass, newest first, and where to go on ("" at the end). It looks at so many entries
// only: a page may have less than limit, or nothing, and yet a next one.
func (b *Book) Search(ctx context.Context, f Filter, after core.DecisionID, limit int) (found []Entry, next core.DecisionID, err error) {
	if err := b.settle(ctx); err != nil {
		return nil, "", err
	}
	oldest := core.DecisionID("")
	if !f.Since.IsZero() {
		oldest = core.FirstDecisionID(f.Since)
	}
	if !f.Until.IsZero() {
		if from := core.FirstDecisionID(f.Until); after == "" || from < after {
			after = from
		}
	}
	length := searchPage
	if f == (Filter{Client: f.Client}) { // nothing else is asked for: no more has to be read
		length = limit
	}
	for looked := 0; looked < maxSearched; {
		page, err := b.store.Entries(ctx, f.Client, after, length)
		if err != nil {
			return nil, "", err
		}
		for _, e := range page {
			if e.DecisionID < oldest {
				return found, "", nil
			}
			after, looked = e.DecisionID, looked+1
			if !f.Holds(e) {
				continue
			}
			if found = append(found, e); len(found) == limit {
				return found, after, nil
			}
		}
		if len(page) < length {
			return found, "", nil
		}
	}
	return found, after, nil
}
