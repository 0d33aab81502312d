package policies

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Bounds of what is kept and said of a shadow.
const (
	maxDifferences = 1000 // the latest are kept
	maxLogged      = 30   // differences a minute are logged, each in a line
)

// sights is what a shadow was seen to do.
type sights struct {
	log  *slog.Logger
	now  func() time.Time
	told func(decision string, seen Sighting)

	mu     sync.Mutex
	counts map[string]map[Sighting]uint64 // by decision
	latest []Difference                   // a ring, once it is full
	next   int                            // the oldest of a full ring
	minute time.Time                      // of logging
	logged int
	unsaid int // differences that were not logged for there were too many
}

// drop counts a decision that the shadow is not asked about.
func (s *sights) drop(name string) { s.count(name, Dropped) }

func (s *sights) count(name string, seen Sighting) {
	s.mu.Lock()
	s.add(name, seen)
	s.mu.Unlock()
	s.told(name, seen)
}

// add is called with mu held.
func (s *sights) add(name string, seen Sighting) {
	if s.counts == nil {
		s.counts = map[string]map[Sighting]uint64{}
	}
	if s.counts[name] == nil {
		s.counts[name] = map[Sighting]uint64{}
	}
	s.counts[name][seen]++
}

// note counts a comparison; nil: the answers are alike.
func (s *sights) note(name string, d *Difference) {
	if d == nil {
		s.count(name, Same)
		return
	}
	s.mu.Lock()
	s.add(name, d.Kind)
	if len(s.latest) < maxDifferences {
		s.latest = append(s.latest, *d)
	} else {
		s.latest[s.next] = *d
		s.next = (s.next + 1) % maxDifferences
	}
	say, unsaid := s.mayLog()
	s.mu.Unlock()
	s.told(name, d.Kind)
	if say {
		s.write(d, unsaid)
	}
}

// mayLog keeps the log readable when everything differs; unsaid tells how many were left out before.
func (s *sights) mayLog() (say bool, unsaid int) {
	if now := s.now(); now.Sub(s.minute) >= time.Minute || now.Before(s.minute) {
		s.minute, s.logged = now, 0
	}
	if s.logged == maxLogged {
		s.unsaid++
		return false, 0
	}
	s.logged++
	unsaid, s.unsaid = s.unsaid, 0
	return true, unsaid
}

func (s *sights) write(d *Difference, unsaid int) {
	args := []any{
		"kind", d.Kind, "decision", d.Decision, "decision_id", d.DecisionID, "client_id", d.ClientID, "operation", d.Operation,
		"live", d.Live.Revision, "shadow", d.Shadow.Revision,
	}
	side := d.Shadow
	if d.Kind == WouldAllow {
		side = d.Live
	}
	if len(side.Reasons) > 0 {
		r := side.Reasons[0]
		args = append(args, "rule", r.Rule, "file", r.File, "line", r.Line)
	}
	var aspects []string
	for _, c := range d.Changes {
		aspects = append(aspects, c.Aspect)
	}
	if len(aspects) > 0 {
		args = append(args, "changed", aspects)
	}
	if side.Error != "" {
		args = append(args, "error", side.Error)
	}
	if unsaid > 0 {
		args = append(args, "not_logged_before", unsaid)
	}
	s.log.Warn("the policy shadow differs", args...)
}

// ShadowStatus says what the shadow is and what it was seen to do.
type ShadowStatus struct {
	Label      string                         `json:"label"`
	Revision   string                         `json:"revision"`
	Since      time.Time                      `json:"since"`
	EqualsLive bool                           `json:"equals_live"` // the revision in use is the same: it is promoted
	Cacheable  bool                           `json:"cacheable"`
	WhyNot     string                         `json:"why_not_cacheable,omitempty"`
	Evaluated  uint64                         `json:"evaluated"` // decisions that it was asked about
	Dropped    uint64                         `json:"dropped"`   // decisions that it was not asked about, for it had too much to do
	Waiting    int                            `json:"waiting"`
	Stuck      int                            `json:"stuck"` // evaluations that run on past their deadline
	Counts     map[string]map[Sighting]uint64 `json:"counts"`
}

// Shadow gives the present state of the shadow; false: there is none.
func (e *Engine) Shadow() (ShadowStatus, bool) {
	s := e.shadow.Load()
	if s == nil {
		return ShadowStatus{}, false
	}
	out := ShadowStatus{
		Label: s.label, Revision: s.revision.id, Since: s.since, Waiting: len(s.waiting), Stuck: int(s.slots.stuck.Load()),
		Counts: map[string]map[Sighting]uint64{},
	}
	out.Cacheable, out.WhyNot = s.revision.Cacheable()
	if live := e.Active(); live != nil {
		out.EqualsLive = live.id == s.revision.id
	}
	s.sights.mu.Lock()
	defer s.sights.mu.Unlock()
	for name, counts := range s.sights.counts {
		out.Counts[name] = maps.Clone(counts)
		for seen, n := range counts {
			if seen == Dropped {
				out.Dropped += n
			} else {
				out.Evaluated += n
			}
		}
		delete(out.Counts[name], Dropped)
	}
	return out, true
}

// Differences gives the latest that the shadow was seen to make, newest first: at most limit, of one kind and of one decision
// unless these are empty.
func (e *Engine) Differences(kind Sighting, name string, limit int) []Difference {
	found := []Difference{}
	s := e.shadow.Load()
	if s == nil {
		return found
	}
	s.sights.mu.Lock()
	defer s.sights.mu.Unlock()
	ordered := slices.Concat(s.sights.latest[s.sights.next:], s.sights.latest[:s.sights.next])
	for i := len(ordered) - 1; i >= 0 && len(found) < limit; i-- {
		if d := ordered[i]; (kind == "" || d.Kind == kind) && (name == "" || d.Decision == name) {
			found = append(found, d)
		}
	}
	return found
}
