package policies

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Sighting is how a shadow's answer compares with that of the revision in use.
type Sighting string

// The sightings. The first four are differences.
const (
	WouldDeny   Sighting = "would_deny"   // allowed, and the shadow would refuse
	WouldAllow  Sighting = "would_allow"  // refused, and the shadow would allow
	Changed     Sighting = "changed"      // both allow or both refuse, with another result
	ShadowError Sighting = "shadow_error" // the shadow reached no decision
	Same        Sighting = "same"
	Dropped     Sighting = "dropped" // the shadow was not asked: its queue was full, or all its evaluations are stuck
)

// Kinds lists the sightings that are differences.
func Kinds() []string {
	return []string{string(WouldDeny), string(WouldAllow), string(Changed), string(ShadowError)}
}

// A Difference is one decision on which the shadow does not agree.
type Difference struct {
	Time       time.Time       `json:"time"`
	Kind       Sighting        `json:"kind"`
	Decision   string          `json:"decision"` // its name: "registration"
	DecisionID core.DecisionID `json:"decision_id"`
	RequestID  string          `json:"request_id,omitempty"`
	ClientID   core.ClientID   `json:"client_id,omitempty"`
	Operation  string          `json:"operation,omitempty"`
	Channel    string          `json:"channel,omitempty"`
	Changes    []Change        `json:"changes,omitempty"` // of kind changed
	Live       Side            `json:"live"`
	Shadow     Side            `json:"shadow"`
}

// A Change is one aspect of the result that would be another.
type Change struct {
	Aspect string   `json:"aspect"` // scopes, settings, requirements, limits, trust, labels, reasons or warnings
	Live   []string `json:"live"`
	Shadow []string `json:"shadow"`
}

// A Side is one of the two answers.
type Side struct {
	Revision string        `json:"revision"`
	Allow    bool          `json:"allow"`
	Reasons  []core.Reason `json:"reasons,omitempty"` // at most maxReasons
	Error    string        `json:"error,omitempty"`
}

// maxReasons bounds what is kept of an answer: a shadow may have very much to say.
const maxReasons = 20

// compare asks the shadow what the revision in use was asked, and tells how the request would have ended otherwise; nil: it would
// not. A second round is about the result of the first. Where the shadow's first answer would have led elsewhere, that round
// counts, because what followed is not what the shadow would have been asked.
func (s *shadow) compare(c *comparison) (*Difference, error) {
	for i := range c.asked {
		a := &c.asked[i]
		v, err := s.ask(c.on, a)
		if err != nil {
			return s.differs(c, a, ShadowError, v, err), err
		}
		live, mine := a.effect(c.on, &a.live), a.effect(c.on, &v)
		last := i == len(c.asked)-1
		switch {
		case live.allow && !mine.allow:
			return s.differs(c, a, WouldDeny, v, nil), nil
		case !live.allow && mine.allow:
			return s.differs(c, a, WouldAllow, v, nil), nil
		case i > 0 && mine.edits && !live.edits:
			return s.differs(c, a, ShadowError, v, errUnstable), nil
		case last || !slices.Equal(live.aspects[aspectScopes], mine.aspects[aspectScopes]) || !slices.Equal(live.aspects[aspectSettings], mine.aspects[aspectSettings]):
			changes := live.against(mine)
			if len(changes) == 0 {
				return nil, nil
			}
			d := s.differs(c, a, Changed, v, nil)
			d.Changes = changes
			return d, nil
		}
	}
	return nil, nil
}

// errUnstable is what the server would answer as policy_unstable.
var errUnstable = errors.New("the shadow disagrees with itself: it changed its own result")

func (s *shadow) differs(c *comparison, a *posed, kind Sighting, v decision.Verdict, err error) *Difference {
	d := &Difference{
		Time: c.taken.At, Kind: kind, Decision: c.taken.Name, DecisionID: c.taken.ID, RequestID: c.about.RequestID, ClientID: c.taken.Client,
		Operation: c.about.Operation, Channel: c.about.Channel,
		Live:   Side{Revision: a.live.Revision, Allow: a.effect(c.on, &a.live).allow, Reasons: reasonsOf(&a.live)},
		Shadow: Side{Revision: s.revision.id},
	}
	if d.ClientID == "" {
		d.ClientID = c.about.Client
	}
	if err != nil {
		d.Shadow.Error = core.Clip(err.Error())
		return d
	}
	d.Shadow.Allow, d.Shadow.Reasons = a.effect(c.on, &v).allow, reasonsOf(&v)
	return d
}

// reasonsOf lists what a verdict found, denials first.
func reasonsOf(v *decision.Verdict) []core.Reason {
	all := slices.Concat(v.Deny, v.Warn)
	for _, list := range [][]decision.Scope{v.Grant, v.Strip} {
		for _, s := range list {
			all = append(all, s.By)
		}
	}
	for _, list := range [][]decision.Setting{v.Set, v.Default} {
		for _, s := range list {
			all = append(all, s.By)
		}
	}
	return slices.Clone(all[:min(len(all), maxReasons)]) // the others are not held on to
}

// The aspects of a result.
const (
	aspectScopes = iota
	aspectSettings
	aspectRequirements
	aspectLimits
	aspectTrust
	aspectLabels
	aspectReasons
	aspectWarnings
	aspectCount
)

var aspectNames = [aspectCount]string{"scopes", "settings", "requirements", "limits", "trust", "labels", "reasons", "warnings"}

// An effect is what follows from a verdict for one question, in a form that can be compared: sorted texts.
type effect struct {
	allow   bool
	edits   bool // the client's metadata
	aspects [aspectCount][]string
}

// against lists in which aspects two effects differ.
func (e *effect) against(other *effect) []Change {
	var changes []Change
	for i, name := range aspectNames {
		if !slices.Equal(e.aspects[i], other.aspects[i]) {
			live, mine := e.aspects[i], other.aspects[i]
			if max(len(live), len(mine)) > maxReasons { // what is alike would hide what is not
				live, mine = lacking(live, mine), lacking(mine, live)
			}
			changes = append(changes, Change{name, clipped(live, len(e.aspects[i])), clipped(mine, len(other.aspects[i]))})
		}
	}
	return changes
}

// clipped keeps a list of some entries of all short enough to be kept a thousand times. What differs before differs afterwards.
func clipped(list []string, all int) []string {
	short := make([]string, 0, min(len(list), maxReasons)+1)
	for _, text := range list[:min(len(list), maxReasons)] {
		cut := core.Clip(text)
		if cut != text {
			cut += " [" + digestOf([]byte(text))[:8] + "]"
		}
		short = append(short, cut)
	}
	if more := all - len(short); more > 0 {
		short = append(short, fmt.Sprintf("and %d more", more))
	}
	return short
}

// effect works out what follows from a verdict. What a refusal says besides its reasons has none.
func (a *posed) effect(on which, v *decision.Verdict) *effect {
	e := &effect{allow: v.Allow}
	e.list(aspectWarnings, v.Warn)
	if on == registration {
		e.ofRegistration(a.registration, v)
	} else {
		e.ofEndpoint(a.scopes, v)
	}
	if !e.allow {
		e.list(aspectReasons, v.Deny)
		for i := range aspectReasons {
			e.aspects[i] = nil
		}
	}
	for i := range e.aspects {
		slices.Sort(e.aspects[i])
	}
	return e
}

func (e *effect) add(aspect int, format string, args ...any) {
	e.aspects[aspect] = append(e.aspects[aspect], fmt.Sprintf(format, args...))
}

func (e *effect) list(aspect int, found []core.Reason) {
	for _, r := range found {
		e.add(aspect, "%s", strings.Join(slices.DeleteFunc([]string{r.Rule, string(r.Code), strings.Join(r.Fields, ","), r.Message}, func(s string) bool { return s == "" }), ": "))
	}
}

// ofEndpoint is that of an authorization, a token or a session: nothing left of the scopes that were asked for is a refusal.
func (e *effect) ofEndpoint(asked []string, v *decision.Verdict) {
	left, why := remaining(asked, v.Strip)
	e.aspects[aspectScopes] = slices.Clone(left)
	if e.allow && len(asked) > 0 && len(left) == 0 {
		e.allow = false
		e.list(aspectReasons, why)
	}
	e.governs(v)
}

// ofRegistration is that of a registration: register, update and approve write what rules say, and an update that changes nothing is
// never refused.
func (e *effect) ofRegistration(q *decision.Registration, v *decision.Verdict) {
	if q.Operation == core.Update && len(q.Changed) == 0 {
		e.allow = true
		e.list(aspectWarnings, v.Deny)
		return
	}
	if q.Operation != core.Register && q.Operation != core.Update && q.Operation != core.Approve {
		return
	}
	have := q.Effective.Metadata.Scope
	left := slices.DeleteFunc(slices.Clone(have), func(s string) bool {
		return slices.ContainsFunc(v.Strip, func(take decision.Scope) bool { return take.Scope == s })
	})
	for _, add := range v.Grant {
		if !slices.Contains(left, add.Scope) {
			left = append(left, add.Scope)
		}
	}
	e.aspects[aspectScopes], e.edits = left, !slices.Equal(left, have)
	forced := map[string]bool{}
	for _, s := range v.Set {
		forced[s.Field] = true
		e.set(q, s, false)
	}
	for _, s := range v.Default {
		if !forced[s.Field] {
			e.set(q, s, true)
		}
	}
	e.governs(v)
	if v.Trust != "" {
		e.add(aspectTrust, "%s", v.Trust)
	}
	e.aspects[aspectLabels] = slices.Clone(v.Labels)
}

// set adds a setting that changes something.
func (e *effect) set(q *decision.Registration, s decision.Setting, onlyAbsent bool) {
	if row, known := metadata.Lookup(s.Field); known {
		now := row.Get(&q.Effective.Metadata)
		text, isText := s.Value.Text()
		nothing := s.Value.IsNull() || isText && text == "" // equal to absent, as in requests
		if strictjson.Equal(now, s.Value) || now.IsAbsent() && nothing || !now.IsAbsent() && onlyAbsent {
			return
		}
	}
	e.edits = true
	e.add(aspectSettings, "%s = %s", s.Field, strictjson.Canonical(nil, s.Value))
}

// governs adds what later requests are held to.
func (e *effect) governs(v *decision.Verdict) {
	for _, o := range v.Require {
		e.add(aspectRequirements, "%s", strings.TrimSpace(o.Name+" "+o.Params))
	}
	for name, value := range v.Limits {
		e.add(aspectLimits, "%s = %d", name, value)
	}
}
