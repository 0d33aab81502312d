package registration

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A judgement is one request on its way down the road. Each stage reads what the ones before it found and adds its own.
type judgement struct {
	desk   *Desk
	site   *Site
	policy Policy // the desk's, or in a simulation a candidate
	req    Request
	now    time.Time
	as     string // in a simulation: what the caller is taken to be

	simulated bool
	stored    bool         // an audit: the client is judged as it is
	writes    *hook.Writes // what plugins want to keep

	resupplied *bool // whether a declaration brings other secrets; nil: not known yet

	caller  core.Caller
	before  Stored           // zero on register
	life    core.Life        // of a new client
	held    *Held            // the initial access token, when one was presented
	profile Profile          // its Name is never empty after normalise
	asked   metadata.Request // what was sent; on a merge, the merged document
	keys    []jose.KeyFact   // of the draft's jwks
	other   []string         // of it, the keys that are of no kind used here
	keysIn  string           // the jwks that they were read from

	fetched   fetched            // of a client's metadata document
	signed    decision.Signature // of the request itself
	onces     []Once             // that the commit does
	vouchedBy *TrustedIssuer     // of trust issuer: the entry that the statement rests on
	inner     *vouching          // of the statement that names the keys of a signed request; nil: none does
	statement decision.Statement
	bound     binding       // to the statement
	locked    []string      // members that the statement fixed
	draft     core.Metadata // the client as it would be; before the request is read, the client as it is
	earlier   core.Metadata // the draft before the step now taken; a step replaces members, and changes none in place
	verdict   decision.Verdict
	asking    *decision.Registration // the question of pass 1; nil when policy was not reached
	rounds    []decision.Round       // what policy was asked and answered, when somebody wants to know
	kept      *decision.Registration // in a replay: the question of pass 1 as it was put then

	entry    ledger.Entry
	warnings []core.Reason // of plugins and of the desk
	advice   []core.Reason // of policy's last pass
}

// A stage is one step of the road: it may change the draft, and it may refuse.
type stage struct {
	name   string
	step   func(*judgement, context.Context) error
	drafts bool // its row tells how it changed the draft
	own    bool // the step writes its own rows of the entry: one for each plugin or pass
}

// The stages that stand on every list, and those that policy's changes have to pass again.
var (
	accessStage = stage{name: "access", step: (*judgement).access}
	limitsStage = stage{name: "limits", step: (*judgement).withinLimits, own: true}
	floorStage  = stage{name: "floor", step: (*judgement).floor}
	boundsStage = stage{name: "bounds", step: (*judgement).bounds, own: true}
	policyStage = stage{name: "policy", step: (*judgement).dispose, own: true}
)

// roadOf lists the stages of an operation.
func roadOf(channel core.Channel, op core.Operation) []stage {
	switch {
	case channel == core.ChannelDocument && op == core.Register: // its document is read first
		return slices.Insert(roadOf(core.ChannelDCR, op), 1, stage{name: "document", step: (*judgement).readClientDocument, own: true})
	case op == core.Approve: // nothing is proposed but less
		return []stage{accessStage, {name: "normalise", step: (*judgement).narrow, drafts: true}, floorStage, policyStage}
	case removes(op):
		return []stage{
			accessStage,
			{name: "normalise", step: (*judgement).keep},
			{name: "plugins", step: (*judgement).allowEnd, own: true},
			policyStage,
		}
	case !documented(op): // nothing is proposed
		return []stage{accessStage, {name: "normalise", step: (*judgement).keep}, policyStage}
	}
	statement := stage{name: "statement", step: (*judgement).readStatement, drafts: true}
	first, second := statement, limitsStage
	if op == core.Update { // whose limit it falls under does not hang on its statement
		first, second = limitsStage, statement
	}
	return []stage{
		accessStage,
		first,
		second,
		{name: "normalise", step: (*judgement).normalise, drafts: true},
		{name: "plugins", step: (*judgement).propose, own: true},
		{name: "certificate", step: (*judgement).checkCertificate, own: true},
		floorStage,
		boundsStage,
		policyStage,
		{name: "sector", step: (*judgement).checkSector, own: true},
	}
}

// documented tells the operations that write metadata, which plugins and policy may therefore change.
func documented(op core.Operation) bool { return op == core.Register || op == core.Update }

// Judge takes a request down the road up to its approval and writes nothing. The entry tells the whole way, whatever its
// end; on an error it is what explains the refusal.
func (d *Desk) Judge(ctx context.Context, req Request) (Approved, ledger.Entry, error) {
	return d.begin(req).walk(ctx)
}

// walk takes the stages in order.
func (j *judgement) walk(ctx context.Context) (Approved, ledger.Entry, error) {
	for _, s := range roadOf(j.req.Channel, j.req.Operation) {
		if err := j.run(ctx, s); err != nil {
			return Approved{}, j.refused(err), j.face(err)
		}
	}
	approved, err := j.approve(ctx)
	if err != nil {
		return Approved{}, j.refused(err), j.face(err)
	}
	return approved, approved.entry, nil
}

func (d *Desk) begin(req Request) *judgement {
	now := d.now()
	j := &judgement{desk: d, site: d.site.Load(), policy: d.policy, req: req, now: now, caller: req.Caller, writes: &hook.Writes{}}
	j.statement.Trust, j.signed.Trust = TrustNone, TrustNone
	j.entry = ledger.Entry{
		V: ledger.FormatVersion, DecisionID: req.Decision, Time: now, Operation: req.Operation, Channel: req.Channel,
		Stages: make([]ledger.Stage, 0, d.usualRows(req.Operation)),
	}
	if len(req.ClientID) <= MaxClientID { // a longer one was made up, and is no key
		j.entry.ClientID = req.ClientID
	}
	return j
}

// usualRows is how many rows an entry has room for from the beginning.
func (d *Desk) usualRows(op core.Operation) int {
	const own, theirs = 8, 2 // two passes of policy; what is usually asked before them
	if proposes(op) != "" && d.plugins.Serves(proposes(op)) {
		return own + theirs
	}
	return own
}

// run takes one stage and writes down what it changed, how long it took and why it refused.
func (j *judgement) run(ctx context.Context, s stage) error {
	if s.own {
		return s.step(j, ctx)
	}
	start := time.Now()
	j.earlier = j.draft
	err := s.step(j, ctx)
	row := ledger.Stage{Stage: s.name, By: ledger.By{Kind: "core"}}
	if s.drafts {
		row.Patch = j.patch()
	}
	j.add(row, start, err)
	return err
}

// add closes a row of the entry.
func (j *judgement) add(row ledger.Stage, start time.Time, err error) {
	row.NS = time.Since(start).Nanoseconds()
	if err != nil {
		e := core.AsError(err)
		row.Reasons = append(row.Reasons, e.Reasons...)
		if len(e.Reasons) == 0 {
			row.Reasons = append(row.Reasons, core.Reason{Rule: row.Stage, Code: e.Code, Message: e.Detail, Public: true})
		}
	}
	j.entry.Stages = append(j.entry.Stages, row)
}

// patch gives what the step changed as a JSON Patch.
func (j *judgement) patch() []strictjson.PatchOp {
	return metadata.Patch(&j.earlier, &j.draft, metadata.Changed(&j.earlier, &j.draft))
}

// refused completes the entry of a request that was not approved.
func (j *judgement) refused(err error) ledger.Entry {
	e := core.AsError(err)
	j.close(ledger.Denied, ledger.Nothing)
	if ours(e.Code) {
		j.entry.Verdict = ledger.Failed
	}
	j.entry.Error = &ledger.Problem{Code: e.Code, Detail: e.Detail}
	return j.entry
}

func (j *judgement) close(verdict ledger.Verdict, outcome ledger.Outcome) {
	switch {
	case j.asking == nil:
		j.keepBefore()
	case j.req.Operation != core.Read || verdict != ledger.Allowed:
		j.entry.Input = decision.AppendKept(nil, j.asking) // so that the decision can be replayed; successful reads leave no entry
	}
	j.entry.Verdict, j.entry.Outcome = verdict, outcome
	j.entry.Actor = ledger.Actor{Kind: j.caller.Kind, Subject: j.caller.Subject, IP: j.caller.IP}
	if j.held != nil {
		j.entry.Actor.Token = j.held.Token.ID
	}
	j.entry.Revision = j.verdict.Revision
}

// keepBefore keeps what the client was where policy was never asked, so that what its rows changed can be told. Nothing of the request
// is kept: it may be refused for what it holds. No replay asks such a question, for there is no decision to compare.
func (j *judgement) keepBefore() {
	patched := slices.ContainsFunc(j.entry.Stages, func(row ledger.Stage) bool { return len(row.Patch) > 0 })
	if before := &j.before.Client; before.ID != "" && patched {
		j.entry.Input = decision.AppendKept(nil, &decision.Registration{
			Operation: j.req.Operation, Channel: j.req.Channel, Now: j.now, Before: document(before.ID, &before.Metadata, nil),
		})
	}
}

// ours tells the codes that stand for a fault of the server, not of the request.
func ours(code core.Code) bool {
	switch code {
	case core.ServerError, core.TemporarilyUnavailable, core.PolicyUnavailable, core.PolicyConflict, core.PolicyUnstable,
		core.PluginFault, core.InsufficientStorage:
		return true
	}
	return false
}

// face gives the error its decision id, so that the caller can ask for the explanation.
func (j *judgement) face(err error) error {
	e := *core.AsError(err)
	if n := len(j.entry.Stages); n > 0 && len(e.Reasons) == 0 && !ours(e.Code) && e.Code != core.InvalidToken {
		e.Reasons = refusing(public(j.entry.Stages[n-1].Reasons)) // the stage's own, so that answers name a rule
	}
	e.Decision = j.req.Decision
	return &e
}

// refusing leaves out what a stage found beside what it refuses for: remarks, and why policy changed a member.
func refusing(reasons []core.Reason) []core.Reason {
	return slices.DeleteFunc(reasons, func(r core.Reason) bool { return r.Code == "" })
}

// context is what plugins are told of the request.
func (j *judgement) context() hook.Context {
	c := hook.Context{
		DecisionID: j.req.Decision, Operation: questioned(j.req.Operation), Channel: j.req.Channel, ClientID: j.req.ClientID,
		Profile: j.profile.Name, Now: j.now, Caller: j.caller, Locked: j.locked, Writes: j.writes, Simulated: j.simulated,
	}
	if j.held != nil {
		c.IAT = &hook.InitialAccessToken{Label: j.held.Token.Label, Profile: j.held.Token.Profile, Terms: told(&j.held.Token.Terms)}
	}
	if j.statement.Trust == TrustIssuer {
		c.Statement = j.statement.Claims
	}
	return c
}
