package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/core/strictjson"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// house is everything around Jobs, faked. Names of clients say what policy made of them: "denied", "failed" or anything else.
type house struct {
	*testing.T
	jobs    *replay.Jobs
	entries []ledger.Entry // newest first
	clients []replay.Client
	rested  time.Duration

	mu    sync.Mutex
	now   time.Time
	asked int
	gate  chan struct{} // each answer takes one from it; nil: none is needed
	calls chan struct{} // one for each question that begins; nil: nobody looks
	fail  error         // what reading the ledger answers
}

func open(t *testing.T, n int) *house {
	t.Helper()
	h := &house{T: t, now: noon}
	for i := range n {
		h.entries = append(h.entries, h.entry(i, "Shop"))
	}
	h.jobs = replay.New(replay.Parts{
		Desk: h, Decisions: h, Clients: h, Candidates: h, Log: slog.New(slog.DiscardHandler), Now: h.clock, Keep: 400,
		Rest: func(_ context.Context, worked time.Duration) { h.rested += worked },
	})
	t.Cleanup(h.jobs.Close)
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// entry is the decision about a client that was registered i minutes before noon.
func (h *house) entry(i int, name string) ledger.Entry {
	q := decision.Registration{Operation: core.Register, Channel: core.ChannelDCR, Pass: 1}
	q.Effective.Metadata.ClientName = name
	e := judged(&q, "r-then")
	e.Time = noon.Add(-time.Duration(i) * time.Minute)
	e.DecisionID, e.Input = core.NewDecisionID(e.Time), decision.AppendKept(nil, &q)
	return e
}

// judged is the entry that a name brings about.
func judged(q *decision.Registration, revision string) ledger.Entry {
	e := ledger.Entry{Operation: q.Operation, Channel: q.Channel, Verdict: ledger.Allowed, Revision: revision}
	row := ledger.Stage{Stage: "policy", By: ledger.By{Kind: "policy"}}
	switch name := q.Effective.Metadata.ClientName; name {
	case "denied":
		e.Verdict, e.Error = ledger.Denied, &ledger.Problem{Code: core.InvalidScope}
		row.Reasons = []core.Reason{{Rule: "no", Code: core.InvalidScope, Message: "No.", File: "a.rego", Line: 7}}
	case "failed":
		e.Verdict, e.Error = ledger.Failed, &ledger.Problem{Code: core.PolicyUnavailable}
	case "stripped":
		row.Patch = []strictjson.PatchOp{{Op: "replace", Path: "/scope", Value: strictjson.String("openid")}}
	case "labelled":
		row.Attached = &ledger.Attached{Labels: []string{"l"}}
	}
	e.Stages = []ledger.Stage{{Stage: "access"}, row}
	if e.Verdict == ledger.Allowed {
		e.Stages = append(e.Stages, ledger.Stage{Stage: "approve"})
	}
	return e
}

// Rejudge asks, and takes the verdict's first label for the name.
func (h *house) Rejudge(ctx context.Context, decide replay.Decide, kept *decision.Registration) ledger.Entry {
	q := *kept
	v, err := decide(ctx, kept)
	if err != nil {
		q.Effective.Metadata.ClientName = "failed"
	} else if len(v.Labels) > 0 {
		q.Effective.Metadata.ClientName = v.Labels[0]
	}
	return judged(&q, v.Revision)
}

func (h *house) Reconsider(ctx context.Context, decide replay.Decide, c core.Client, asked *decision.Registration, token core.InitialAccessToken) (ledger.Entry, []string) {
	q := decision.Registration{Operation: core.Register, Channel: c.Provenance.Channel}
	q.Effective.Metadata = c.Metadata
	var unknown []string
	if asked == nil {
		unknown = append(unknown, "caller")
	}
	if c.Provenance.IAT != token.ID {
		unknown = append(unknown, "iat")
	}
	return h.Rejudge(ctx, decide, &q), unknown
}

func (h *house) Find(_ context.Context, id core.DecisionID) (ledger.Entry, bool, error) {
	if i := h.at(id); i < len(h.entries) && h.entries[i].DecisionID == id {
		return h.entries[i], true, h.fail
	}
	return ledger.Entry{}, false, h.fail
}

func (h *house) Entries(_ context.Context, _ core.ClientID, after core.DecisionID, limit int) ([]ledger.Entry, error) {
	from := 0
	if after != "" {
		from = h.at(after)
	}
	if from < len(h.entries) && h.entries[from].DecisionID == after {
		from++
	}
	return h.entries[from:min(from+limit, len(h.entries))], h.fail
}

// at is where an id stands, or would.
func (h *house) at(id core.DecisionID) int {
	i, _ := slices.BinarySearchFunc(h.entries, id, func(e ledger.Entry, id core.DecisionID) int { return strings.Compare(string(id), string(e.DecisionID)) })
	return i
}

func (h *house) Clients(_ context.Context, cursor string, limit int) ([]replay.Client, string, error) {
	from := len(cursor)
	to := min(from+limit, len(h.clients))
	if to == len(h.clients) {
		return h.clients[from:], "", nil
	}
	return h.clients[from:to], strings.Repeat("x", to), nil
}

func (h *house) Token(_ context.Context, id core.TokenID) (core.InitialAccessToken, error) {
	if id == "iat-gone" {
		return core.InitialAccessToken{}, nil
	}
	return core.InitialAccessToken{ID: id}, nil
}

// Candidate takes the label that it gives from the file "label"; the file "bad" is not usable.
func (h *house) Candidate(_ context.Context, files map[string]string) (replay.Candidate, error) {
	if text, bad := files["bad"]; bad {
		return replay.Candidate{}, &replay.Unusable{Problems: []replay.Problem{{File: "bad", Line: 1, Message: text}}}
	}
	return replay.Candidate{Revision: "r-new", Decide: func(ctx context.Context, q *decision.Registration) (v decision.Verdict, err error) {
		h.mu.Lock()
		h.asked++
		gate, calls := h.gate, h.calls
		h.mu.Unlock()
		if calls != nil {
			calls <- struct{}{}
		}
		if gate != nil {
			select {
			case <-gate:
			case <-ctx.Done():
				return v, ctx.Err()
			}
		}
		v.Revision = "r-new"
		if label := files["label"]; label != "" && q.Effective.Metadata.ClientName == "Shop" {
			v.Labels = []string{label}
		}
		return v, nil
	}}, nil
}

func (h *house) Live() (replay.Candidate, error) {
	c, err := h.Candidate(context.Background(), nil)
	c.Revision = "r-live"
	return c, err
}

// await waits for the end of a job.
func (h *house) await(r replay.Report, err error) replay.Report {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ; r.State == replay.Running; <-tick.C {
		if r, err = h.jobs.Report(r.ID, "", 0); err != nil {
			h.Fatal(err)
		}
	}
	if r, err = h.jobs.Report(r.ID, "", 200); err != nil {
		h.Fatal(err)
	}
	return r
}

func counts(r replay.Report) string {
	var list []string
	for word, n := range r.Counts {
		list = append(list, fmt.Sprint(word, " ", n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// Every kind of entry is counted as what it is, and what differs is told with both ends.
func TestReplay(t *testing.T) {
	h := open(t, 2)
	h.entries = append(h.entries, h.entry(2, "denied"), h.entry(3, "failed"), h.entry(4, "Shop"), h.entry(5, "Shop"), h.entry(6, "Shop"))
	h.entries[4].Input = nil                      // past its retention
	h.entries[5].Stages = h.entries[5].Stages[:1] // ended before policy
	h.entries[6].Verdict = ledger.Denied          // its commit was refused: not policy's doing
	h.entries[6].Error = &ledger.Problem{Code: "gone"}
	outside := h.entry(7, "Shop") // what its sector publishes lacks it: nor is that
	outside.Stages[2] = ledger.Stage{Stage: "sector", Reasons: []core.Reason{{Rule: "floor.sector_redirects"}}}
	outside.Verdict, outside.Error = ledger.Denied, &ledger.Problem{Code: core.InvalidClientMetadata}
	h.entries = append(h.entries, outside)
	r := h.await(h.jobs.Replay(t.Context(), replay.Order{}))
	if counts(r) != "not_judged 2, not_kept 1, same 5" || r.State != replay.Done || r.Total != 8 || r.Done != 8 || r.Changed != 0 || len(r.Items) != 0 || r.Revision != "r-live" || r.Foreign != 5 {
		t.Errorf("by the policy in force: %s, %+v", counts(r), r)
	}
	r = h.await(h.jobs.Replay(t.Context(), replay.Order{Files: map[string]string{"label": "denied"}}))
	if counts(r) != "not_judged 2, not_kept 1, same 1, would_deny 4" || r.Changed != 4 || len(r.Items) != 4 || r.Revision != "r-new" || r.Live != "r-live" {
		t.Fatalf("by a stricter one: %s, %+v", counts(r), r)
	}
	d := r.Items[0]
	if d.Kind != replay.WouldDeny || d.Decision != h.entries[0].DecisionID || d.Revision != "r-then" || d.Before.Verdict != ledger.Allowed || d.After.Code != core.InvalidScope ||
		d.After.Reasons[0].Line != 7 || !slices.Equal(d.What, []string{"verdict", "error", "reasons"}) {
		t.Errorf("difference: %+v", d)
	}
	for label, what := range map[string]string{"stripped": "metadata", "labelled": "labels"} {
		r = h.await(h.jobs.Replay(t.Context(), replay.Order{Files: map[string]string{"label": label}, Decisions: []core.DecisionID{h.entries[1].DecisionID, "d-none"}}))
		if counts(r) != "changed 1, not_kept 1" || !slices.Equal(r.Items[0].What, []string{what}) || r.Total != 2 {
			t.Errorf("%s: %s, %+v", label, counts(r), r)
		}
	}
	h.entries = []ledger.Entry{h.entry(1, "denied")}
	h.entries[0].Input = h.entry(1, "Shop").Input
	if r = h.await(h.jobs.Replay(t.Context(), replay.Order{Files: map[string]string{}})); counts(r) != "would_allow 1" {
		t.Errorf("by a looser one: %s", counts(r))
	}
}

// Only what is meant is asked: from then, to then, so many. It rests as much as it works.
func TestReplayIsBounded(t *testing.T) {
	h := open(t, 500)
	for name, test := range map[string]struct {
		order   replay.Order
		total   int
		limited bool
	}{
		"all": {replay.Order{}, 500, false}, "so many": {replay.Order{Limit: 250}, 250, true}, "just as many": {replay.Order{Limit: 500}, 500, false},
		"since": {replay.Order{Since: noon.Add(-9 * time.Minute)}, 10, false}, "until": {replay.Order{Until: noon.Add(-489 * time.Minute)}, 10, false},
		"between": {replay.Order{Since: noon.Add(-300 * time.Minute), Until: noon.Add(-80 * time.Minute)}, 220, false},
	} {
		h.asked = 0
		if r := h.await(h.jobs.Replay(t.Context(), test.order)); r.Total != test.total || h.asked != test.total || r.Limited != test.limited || r.Done != test.total {
			t.Errorf("%s: asked %d, %+v", name, h.asked, r)
		}
	}
	for _, wrong := range []replay.Order{
		{Limit: -1}, {Limit: replay.MaxLimit + 1}, {Since: noon, Until: noon}, {Decisions: make([]core.DecisionID, replay.MaxDecisions+1)},
	} {
		if _, err := h.jobs.Replay(t.Context(), wrong); core.CodeOf(err) != core.InvalidRequest {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	h.fail = core.Fail(core.ServerError, "The store is gone.", errors.New("why"))
	if r := h.await(h.jobs.Replay(t.Context(), replay.Order{})); r.State != replay.Failed || r.Error != "The store is gone." {
		t.Errorf("%+v", r)
	}
}

// Differences come page by page; beyond the bounds they are counted.
func TestReportPages(t *testing.T) {
	h := open(t, 450)
	denies := map[string]string{"label": "denied"}
	r := h.await(h.jobs.Replay(t.Context(), replay.Order{Files: denies, Limit: 20_000}))
	if r.Changed != 450 || r.Dropped != 50 || len(r.Items) != 200 || r.Next != "200" {
		t.Fatalf("%d changed, %d dropped, %d listed, next %q", r.Changed, r.Dropped, len(r.Items), r.Next)
	}
	seen := map[core.DecisionID]bool{}
	for cursor := ""; ; {
		page, err := h.jobs.Report(r.ID, cursor, 200)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			seen[d.Decision] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 400 {
		t.Errorf("%d listed", len(seen))
	}
	for _, cursor := range []string{"0", "-1", "401", "x", "+5", "05"} {
		if _, err := h.jobs.Report(r.ID, cursor, 10); core.CodeOf(err) != core.InvalidRequest {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// One at a time. The one that runs is named; a candidate that cannot be used takes no place and leaves the last report.
func TestOneJobAtATime(t *testing.T) {
	h := open(t, 3)
	h.gate, h.calls = make(chan struct{}), make(chan struct{})
	first, err := h.jobs.Replay(t.Context(), replay.Order{})
	if err != nil {
		t.Fatal(err)
	}
	<-h.calls
	for _, again := range []func() (replay.Report, error){
		func() (replay.Report, error) { return h.jobs.Replay(t.Context(), replay.Order{}) },
		func() (replay.Report, error) { return h.jobs.Audit(t.Context(), nil) },
	} {
		if _, err := again(); core.CodeOf(err) != core.Conflict || !strings.Contains(core.AsError(err).Detail, first.ID) {
			t.Errorf("a second job: %v", err)
		}
	}
	r, err := h.jobs.Cancel(first.ID)
	if err != nil || r.State != replay.Cancelled || r.Done != 0 {
		t.Errorf("cancelled: %+v, %v", r, err)
	}
	if r, err := h.jobs.Cancel(first.ID); err != nil || r.State != replay.Cancelled {
		t.Errorf("cancelled again: %+v, %v", r, err)
	}
	h.mu.Lock() // the job that was cancelled may still be on its way out
	h.gate, h.calls = nil, nil
	h.mu.Unlock()
	var bad *replay.Unusable
	if _, err := h.jobs.Audit(t.Context(), map[string]string{"bad": "no"}); !errors.As(err, &bad) || bad.Problems[0].Message != "no" {
		t.Errorf("a bad candidate: %v", err)
	}
	if _, err := h.jobs.Report(first.ID, "", 1); err != nil {
		t.Errorf("the last report: %v", err)
	}
	second := h.await(h.jobs.Replay(t.Context(), replay.Order{}))
	if _, err := h.jobs.Report(first.ID, "", 1); core.CodeOf(err) != core.NotFound || second.Done != 3 {
		t.Errorf("an old report: %v", err)
	}
	if _, err := h.jobs.Cancel("j-1"); core.CodeOf(err) != core.NotFound {
		t.Errorf("none of this id: %v", err)
	}
}

// A job that nobody asks about ends; asking keeps it going.
func TestForgottenJobEnds(t *testing.T) {
	h := open(t, 5)
	h.gate, h.calls = make(chan struct{}), make(chan struct{})
	r, err := h.jobs.Replay(t.Context(), replay.Order{})
	for range 3 {
		<-h.calls
		h.later(replay.Patience)
		if _, err := h.jobs.Report(r.ID, "", 1); err != nil {
			t.Fatal(err)
		}
		h.gate <- struct{}{}
	}
	<-h.calls
	h.later(replay.Patience + time.Second)
	h.gate <- struct{}{}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for core.CodeOf(err) == core.Conflict || err == nil { // to ask about it would keep it going
		_, err = h.jobs.Audit(t.Context(), map[string]string{"bad": ""})
		<-tick.C
	}
	if r, err = h.jobs.Report(r.ID, "", 1); err != nil || r.State != replay.Cancelled || r.Done != 4 || !strings.Contains(r.Error, "nobody asked") {
		t.Errorf("%+v", r)
	}
}

// The end of the server ends the job, and no other begins.
func TestCloseEndsTheJob(t *testing.T) {
	h := open(t, 5)
	h.gate, h.calls = make(chan struct{}), make(chan struct{})
	r, err := h.jobs.Replay(t.Context(), replay.Order{})
	if err != nil {
		t.Fatal(err)
	}
	<-h.calls
	h.jobs.Close()
	if r, err := h.jobs.Report(r.ID, "", 1); err != nil || r.State != replay.Cancelled || r.Done != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := h.jobs.Audit(t.Context(), nil); core.CodeOf(err) != core.TemporarilyUnavailable {
		t.Errorf("after the end: %v", err)
	}
}

// Every client is judged, whatever its state; what is not known of its coming is said.
func TestAudit(t *testing.T) {
	h := open(t, 1)
	for i := range 450 {
		c := replay.Client{State: core.Active, Client: core.Client{ID: core.ClientID(fmt.Sprint("c-", i)), Metadata: core.Metadata{ClientName: "Bank"}}}
		h.clients = append(h.clients, c)
	}
	shop := &h.clients[300]
	shop.Metadata.ClientName, shop.State, shop.Provenance.RegisteredBy, shop.Provenance.IAT = "Shop", core.Disabled, h.entries[0].DecisionID, ""
	h.clients[10].Provenance.IAT, h.clients[10].Metadata.ClientName = "iat-gone", "Shop"
	if r := h.await(h.jobs.Audit(t.Context(), nil)); counts(r) != "accepted 450" || r.Total != 450 || r.Revision != "r-live" || r.Verb != "audit" {
		t.Errorf("by the policy in force: %s, %+v", counts(r), r)
	}
	r := h.await(h.jobs.Audit(t.Context(), map[string]string{"label": "denied"}))
	if counts(r) != "accepted 448, would_deny 2" || len(r.Items) != 2 {
		t.Fatalf("%s, %+v", counts(r), r)
	}
	gone, known := r.Items[0], r.Items[1]
	if gone.Client != "c-10" || !slices.Equal(gone.Unknown, []string{"caller", "iat"}) || gone.Kind != replay.WouldDeny || gone.Before != nil {
		t.Errorf("%+v", gone)
	}
	if known.Client != "c-300" || known.Unknown != nil || known.State != core.Disabled || known.After.Reasons[0].Rule != "no" {
		t.Errorf("%+v", known)
	}
	r = h.await(h.jobs.Audit(t.Context(), map[string]string{"label": "stripped"}))
	if counts(r) != "accepted 448, would_change 2" || r.Items[0].After.Changes[0].Path != "/scope" {
		t.Errorf("%s, %+v", counts(r), r)
	}
}
