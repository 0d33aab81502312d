package registration_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// lives is a bench with what looks after the lives of clients. Its vault also keeps uses.
type lives struct {
	*bench
	uses   *registration.Uses
	reaper *registration.Reaper
	since  time.Time
	used   map[core.ClientID]registration.Use
	notes  int
	listed func() // is told when clients were listed; nil: nobody
}

func (l *lives) NoteUse(_ context.Context, id core.ClientID, last, until time.Time) error {
	l.notes++
	if _, exists := l.store.clients[id]; exists {
		l.used[id] = registration.Use{Last: last, Until: until, Stamp: l.store.stamp()}
	}
	return nil
}

func (l *lives) Aged(_ context.Context, cursor string, limit int) (page []registration.Stored, next string, err error) {
	var ids []string
	for id := range l.store.clients {
		if string(id) > cursor {
			ids = append(ids, string(id))
		}
	}
	slices.Sort(ids)
	for _, id := range ids[:min(limit, len(ids))] {
		s := l.store.clients[core.ClientID(id)]
		s.Use = l.used[s.Client.ID]
		page = append(page, s)
	}
	if len(ids) > limit {
		next = ids[limit-1]
	}
	if l.listed != nil {
		l.listed()
	}
	return page, next, nil
}

func (l *lives) Tracked(_ context.Context, now time.Time) (time.Time, error) {
	if l.since.IsZero() {
		l.since = now
	}
	return l.since, nil
}

func (l *lives) Untracked(context.Context) error {
	l.since = time.Time{}
	return nil
}

func newLives(t *testing.T, site string) *lives {
	t.Helper()
	l := &lives{bench: newBench(t, withLifetime(t, site)), used: map[core.ClientID]registration.Use{}}
	l.uses = registration.NewUses(l.desk, l)
	l.reaper = registration.NewReaper(l.desk, l, l.uses)
	l.since = l.now
	return l
}

// use is a use of a client, of which something is good until then.
func (l *lives) use(id core.ClientID, until time.Time) {
	c := l.stored(id).Client
	l.uses.Note(&c, until)
}

// look lists whom the reaper would take, and why.
func (l *lives) look() string {
	l.t.Helper()
	found, err := l.reaper.Look(l.t.Context(), "")
	if err != nil {
		l.t.Fatal(err)
	}
	var words []string
	for _, f := range found.Found {
		words = append(words, f.Client.Client.Metadata.ClientName+" "+f.Why)
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func (l *lives) named(name string) client {
	l.t.Helper()
	return l.register(`{"client_name":"` + name + `","redirect_uris":["https://a.example/cb"]}`)
}

const day = 24 * time.Hour

// Clients that were never used go first, idle ones later. What was used of late, what somebody holds a token of, what was changed of
// late, what an operator made and what is not active stays.
func TestWhoIsUnused(t *testing.T) {
	l := newLives(t, "lifetime: {never_used: 48h, idle: 240h}")
	never, used, holding, changed, off := l.named("never"), l.named("used"), l.named("holding"), l.named("changed"), l.named("off")
	l.mustDo(l.request(core.Register, core.ChannelOperator, "", shop))
	l.mustDo(l.request(core.Disable, core.ChannelOperator, off.id, ""))
	l.use(used.id, time.Time{})
	l.use(holding.id, l.now.Add(30*day))
	l.now = l.now.Add(day)
	l.mustDo(l.manage(core.Update, changed, changed.put(t, "client_uri", `"https://a.example/"`)))
	if got := l.look(); got != "" {
		t.Errorf("after a day: %s", got)
	}
	l.now = l.now.Add(day)
	if got := l.look(); got != "never never_used" {
		t.Errorf("after two days: %s", got)
	}
	l.now = l.now.Add(day)
	if got := l.look(); got != "changed never_used, never never_used" {
		t.Errorf("after three days: %s", got)
	}
	l.now = l.now.Add(7 * day)
	if got := l.look(); got != "changed never_used, never never_used" {
		t.Errorf("after ten days, when it may have been used an hour less ago: %s", got)
	}
	l.now = l.now.Add(time.Hour)
	if got := l.look(); got != "changed never_used, never never_used, used idle" {
		t.Errorf("after ten days and an hour: %s", got)
	}
	l.now = l.now.Add(20 * day)
	if got := l.look(); !strings.Contains(got, "holding idle") || strings.Contains(got, "off") || strings.Contains(got, "Shop") {
		t.Errorf("after thirty days: %s", got)
	}
	_ = never
}

// Uses count from when they are written down: a site that begins with it loses nobody, nor does one that goes on after a pause.
func TestUsesCountFromTheirTracking(t *testing.T) {
	l := newLives(t, "lifetime: {never_used: 48h}")
	l.named("old")
	l.since, l.now = time.Time{}, l.now.Add(1000*day)
	if got := l.look(); got != "" {
		t.Errorf("at the first look: %s", got)
	}
	l.now = l.now.Add(2 * day)
	if got := l.look(); got != "old never_used" {
		t.Errorf("two days later: %s", got)
	}
	l.desk.SetSite(siteOf(t, "lifetime: {track_use: false}"))
	if err := l.reaper.Track(t.Context()); err != nil || !l.since.IsZero() {
		t.Errorf("still tracked since %s: %v", l.since, err)
	}
	l.desk.SetSite(siteOf(t, "lifetime: {never_used: 48h}"))
	if got := l.look(); got != "" {
		t.Errorf("after the pause: %s", got)
	}
}

func siteOf(t *testing.T, text string) *registration.Site {
	t.Helper()
	site, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	return prepared(t, site)
}

// A removal is a deletion by the system: judged, written down, and for policy to refuse.
func TestReap(t *testing.T) {
	l := newLives(t, "lifetime: {never_used: 48h, reap_batch: 2}")
	gone, kept, used := l.named("gone"), l.named("kept"), l.named("used")
	own := l.named("own")
	l.reaper.Spare(func(context.Context) (core.ClientID, error) { return own.id, nil })
	l.use(used.id, time.Time{})
	l.now = l.now.Add(3 * day)
	var asked []decision.Registration
	l.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = append(asked, *q)
		if q.Effective.Metadata.ClientName == "kept" {
			return decision.Verdict{Deny: []core.Reason{{Rule: "site.keep", Code: core.AccessDenied, Message: "Needed.", Public: true}}}, nil
		}
		return decision.Verdict{Allow: true}, nil
	}
	looked, removed, cursor := 0, map[string]registration.Reaped{}, ""
	for {
		found, err := l.reaper.Reap(t.Context(), cursor, "")
		if err != nil || found.Looked > 2 {
			t.Fatalf("looked at %d: %v", found.Looked, err)
		}
		looked += found.Looked
		for _, f := range found.Found {
			removed[f.Client.Client.Metadata.ClientName] = f
		}
		if cursor = found.Next; cursor == "" {
			break
		}
	}
	if looked != 4 || len(removed) != 2 || removed["gone"].Err != nil || core.CodeOf(removed["kept"].Err) != core.AccessDenied {
		t.Errorf("looked at %d, found %+v", looked, removed)
	}
	if _, there := l.store.clients[gone.id]; there || len(l.store.clients) != 3 {
		t.Errorf("%d clients are left", len(l.store.clients))
	}
	for _, q := range asked {
		if q.Operation != core.Delete || q.Channel != core.ChannelSystem || q.Caller.Kind != registration.KindSystem {
			t.Errorf("policy was asked %+v", q)
		}
	}
	e := l.store.entries[removed["gone"].Decision]
	if e.Operation != core.Delete || e.Channel != core.ChannelSystem || e.Outcome != ledger.Deleted || e.Actor.Kind != "system" ||
		e.Stages[len(e.Stages)-1].Reasons[0].Rule != "lifetime.never_used" {
		t.Errorf("entry = %+v", e)
	}
	if e := l.lastEntry(); e.ClientID != kept.id || e.Verdict != ledger.Denied {
		t.Errorf("the refusal left %+v", e)
	}
}

// The system's door is no way in for anything else.
func TestTheSystemsDoor(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	for _, op := range core.Operations() {
		if op == core.Delete || op == core.Renew || op == core.Disable {
			continue
		}
		_, err := b.do(b.request(op, core.ChannelSystem, c.id, shop))
		checkCode(t, err, core.InvalidRequest, "not offered here")
	}
	for _, channel := range []core.Channel{core.ChannelDCR, core.ChannelManage, core.ChannelOperator} {
		req := b.manage(core.Renew, c, "")
		req.Channel, req.Credential.Operator = channel, "ada"
		_, err := b.do(req)
		checkCode(t, err, core.InvalidRequest, "not offered here")
	}
}

// Using a client once half its time is over begins its life anew, through the road. What it asked for itself, and what policy
// limits, is not renewed.
func TestRenewal(t *testing.T) {
	l := newLives(t, "lifetime: {client: 240h, renew: true}")
	c, asked := l.named("c"), l.register(plain+`,"lifetime":86400}`)
	use := func(id core.ClientID) time.Time {
		t.Helper()
		l.use(id, time.Time{})
		if err := l.uses.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return l.stored(id).Client.Expires
	}
	start := l.now
	l.now = start.Add(5*day - time.Second)
	if end := use(c.id); !end.Equal(start.Add(10 * day)) {
		t.Errorf("before half of it: ends at %s", end)
	}
	l.now = start.Add(5 * day)
	if end := use(c.id); !end.Equal(start.Add(15 * day)) {
		t.Errorf("after half of it: ends at %s", end)
	}
	if s := l.stored(c.id).Credentials.Secrets[0]; !s.ExpiresAt.Equal(start.Add(15 * day)) {
		t.Errorf("the secret ends at %s", s.ExpiresAt)
	}
	var renewals int
	for _, e := range l.store.entries {
		if e.Operation == core.Renew && e.Channel == core.ChannelSystem && e.Outcome == ledger.Stored {
			renewals++
		}
	}
	if renewals != 1 {
		t.Errorf("%d entries of renewals, want 1", renewals)
	}
	l.now = start.Add(6 * day)
	if end := use(c.id); !end.Equal(start.Add(15 * day)) {
		t.Errorf("soon after: ends at %s", end)
	}
	l.now = start.Add(23 * time.Hour)
	if end := use(asked.id); !end.Equal(start.Add(day)) {
		t.Errorf("what was asked for ends at %s", end)
	}

	l.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Limits: map[string]int64{decision.LimitClientLifetime: int64(11 * day / time.Second)}}, nil
	}
	limited := l.named("limited")
	begin := l.now
	l.now = begin.Add(5 * day)
	if end := use(limited.id); !end.Equal(begin.Add(11 * day)) {
		t.Errorf("a limited client ends at %s, want 11 days after %s", end, begin)
	}
	l.now = begin.Add(10 * day)
	if end := use(limited.id); !end.Equal(begin.Add(11 * day)) {
		t.Errorf("a limited client ends at %s", end)
	}
	l.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "r", Code: core.AccessDenied, Message: "Trial.", Public: true}}}, nil
	}
	l.now = start.Add(14 * day)
	if end := use(c.id); !end.Equal(start.Add(15 * day)) {
		t.Errorf("policy refused, and it ends at %s", end)
	}
	if e := l.lastEntry(); e.Operation != core.Renew || e.Verdict != ledger.Denied {
		t.Errorf("the refusal left %+v", e)
	}
}

// A client that is used all the time is written down once an hour, unless something much longer lived was issued to it.
func TestUsesAreCoarse(t *testing.T) {
	l := newLives(t, "")
	c := l.named("c")
	note := func(after time.Duration, until time.Time) int {
		t.Helper()
		l.now = l.now.Add(after)
		before := l.notes
		l.use(c.id, until)
		if err := l.uses.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return l.notes - before
	}
	start := l.now
	for i, test := range []struct {
		after time.Duration
		until time.Time
		want  int
	}{
		{0, time.Time{}, 1}, {time.Minute, time.Time{}, 0}, {58 * time.Minute, time.Time{}, 0}, {time.Minute, time.Time{}, 1},
		{time.Minute, start.Add(30 * day), 1}, {time.Minute, start.Add(30*day + time.Minute), 0}, {time.Hour, time.Time{}, 1},
	} {
		if got := note(test.after, test.until); got != test.want {
			t.Errorf("%d: %d writes, want %d", i, got, test.want)
		}
	}
	if u := l.used[c.id]; !u.Until.Equal(start.Add(30 * day)) {
		t.Errorf("what is issued lives until %s", u.Until)
	}
	l.desk.SetSite(siteOf(t, "updateClientAccessTime: false"))
	if got := note(day, time.Time{}); got != 0 {
		t.Errorf("%d writes, though nobody wants to know", got)
	}
}

// A client that comes back while it is looked at stays, though nobody has written that down yet.
func TestReapOvertakenByUse(t *testing.T) {
	l := newLives(t, "lifetime: {idle: 720h, never_used: 720h}")
	c, other := l.register(shop), l.register(shop)
	l.now = l.now.Add(1000 * time.Hour)
	l.listed = func() { l.use(c.id, l.now.Add(time.Hour)) }
	done, err := l.reaper.Reap(t.Context(), "", "")
	if _, stays := l.store.clients[c.id]; err != nil || !stays || len(done.Found) != 1 || done.Found[0].Client.Client.ID != other.id {
		t.Errorf("it stays: %v; %+v, %v", stays, done, err)
	}
}
