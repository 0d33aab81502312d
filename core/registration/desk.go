package registration

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/slowhash"
)

// Store keeps clients and tokens.
type Store interface {
	// Client gives a client with its credentials and state in one view; the zero Stored when there is none, or none any more.
	Client(ctx context.Context, id core.ClientID) (Stored, error)
	// Presence gives a client's credentials and stamps in one view; zero ones when there is none, or none any more.
	Presence(ctx context.Context, id core.ClientID) (core.Credentials, Stamps, error)
	// TokenByHash gives an initial access token; the zero Held when there is none.
	TokenByHash(ctx context.Context, hash core.SecretHash) (Held, error)
	// Commit carries out an Approved with its ledger entry and what plugins keep of it, all or nothing: ErrSpent, ErrTaken,
	// ErrChanged, ErrReplayed, ErrStatementUsed or ErrOvertaken when what it was decided on is no longer so.
	Commit(ctx context.Context, a Approved) error
	// ForgetEarlier ends all registration access tokens but the current one, if the credentials are still at the stamp.
	ForgetEarlier(ctx context.Context, id core.ClientID, at Stamp) error
}

// What Commit answers when the world has moved on since Judge.
var (
	ErrSpent    = errors.New("the initial access token is used up, expired or revoked") // also the cause of the refusal
	ErrTaken    = errors.New("the client id is taken")
	ErrChanged  = errors.New("the client was changed meanwhile")
	ErrReplayed = errors.New("the signed request was used before")
	ErrZero     = errors.New("an Approved that Judge did not make")

	ErrStatementUsed = errors.New("the software statement was used before")

	ErrOvertaken = errors.New("what a plugin keeps was changed meanwhile, or has no room any more") // it is judged again
)

// Policy answers the registration question.
type Policy interface {
	DecideRegistration(ctx context.Context, q *decision.Registration) (decision.Verdict, error)
}

// Book keeps the entries that no commit carries, and what happens after a commit.
type Book interface {
	Record(e ledger.Entry)
	Shaped(id core.DecisionID, rows []ledger.Stage)
}

// IssuerKeys gives the key sets that trusted issuers publish; kid is the key that is looked for.
type IssuerKeys interface {
	// Set gives the one at an address.
	Set(ctx context.Context, jwksURI, kid string) (jose.KeySet, error)
	// Configured gives the one at the address that a claim of the document at endpoint says.
	Configured(ctx context.Context, endpoint, claim, kid string) (jose.KeySet, error)
}

// ClientKeys gives the key set at an address that a software statement names; kid is the key that is looked for.
type ClientKeys interface {
	Set(ctx context.Context, jwksURI, kid string) (jose.KeySet, error)
}

// A Desk takes requests for clients down the road. It is safe for concurrent use.
type Desk struct {
	store      Store
	policy     Policy
	plugins    hook.Chain
	book       Book
	issuerKeys IssuerKeys
	clientKeys ClientKeys
	revoked    *revocations
	documents  DocumentSource
	sectors    Sectors
	site       atomic.Pointer[Site]
	readings   readings
	line       *line
	secrets    *slowhash.Checker // those that came with declarations
	gate       *gate
	limited    func(Bound)
	audiences  []string
	certified  []oauth.AuthMethod
	clientURI  func(core.ClientID) string
	decided    func(decision.Taken)
	now        func() time.Time

	accessTokens AccessTokens
}

// Parts are what a Desk is made of. All are needed, but for Revoked, ClientKeys, Documents, Sectors, Audiences, Certified, Decided,
// Limited and those that come after.
type Parts struct {
	Store      Store
	Policy     Policy
	Plugins    hook.Chain
	Book       Book
	Documents  DocumentSource             // clients' metadata documents; nil: they are judged only when they come along
	IssuerKeys IssuerKeys                 // keys that trusted issuers publish
	Revoked    RevocationSource           // what issuers take back; nil: nothing can be known of it
	ClientKeys ClientKeys                 // keys that software statements name; nil: they may not name addresses
	Sectors    Sectors                    // what sectors publish of their clients; nil: clients cannot name a sector
	Site       *Site                      // valid and prepared (Site.Prepared)
	ClientURI  func(core.ClientID) string // gives the registration_client_uri (RFC 7592 §3)
	Audiences  []string                   // our names in the aud of signed requests: the issuer, its registration endpoints; none: there are no signed requests
	Certified  []oauth.AuthMethod         // the methods of RFC 8705 that work here; none: certificates do not reach this server
	Now        func() time.Time
	Decided    func(decision.Taken) // is told of every request that policy was asked about, before it is carried out, and again when it is judged again; nil: nobody
	Limited    func(Bound)          // is told of every request that a limit refused; nil: nobody

	AccessTokens AccessTokens // nil: with them nobody registers
}

// NewDesk opens a desk.
func NewDesk(p Parts) *Desk {
	d := &Desk{
		store: p.Store, policy: p.Policy, plugins: p.Plugins, book: p.Book, now: p.Now, line: newLine(), gate: newGate(), secrets: slowhash.NewChecker(),
		issuerKeys: p.IssuerKeys, clientKeys: p.ClientKeys, revoked: newRevocations(p.Revoked, p.Now), documents: p.Documents, sectors: p.Sectors,
		clientURI: p.ClientURI, audiences: p.Audiences, certified: p.Certified, decided: p.Decided, limited: p.Limited,
		accessTokens: p.AccessTokens,
	}
	if d.limited == nil {
		d.limited = func(Bound) {}
	}
	d.site.Store(p.Site)
	return d
}

// SetSite puts another, checked site in force for requests that begin from now on.
func (d *Desk) SetSite(s *Site) { d.site.Store(s) }

// Site gives the site in force.
func (d *Desk) Site() *Site { return d.site.Load() }

// Do judges a request and, when it is approved, carries it out. Every end but a successful read leaves a ledger entry.
func (d *Desk) Do(ctx context.Context, req Request) (Answer, error) {
	if answer, ok := d.reread(ctx, req); ok {
		return answer, nil
	}
	approved, done, err := d.settle(ctx, req)
	if err != nil {
		return Answer{}, err
	}
	answer, shaping := d.answer(ctx, req, approved)
	if req.Operation == core.Read {
		d.remember(req, approved, answer, shaping)
		if !slices.ContainsFunc(shaping, func(row ledger.Stage) bool { return row.Fault != "" }) {
			return answer, nil
		}
		d.book.Record(approved.entry) // only a read that a plugin failed at leaves an entry
	}
	if done = append(done, shaping...); len(done) > 0 {
		d.book.Shaped(req.Decision, done)
	}
	return answer, nil
}

// tell says how a request was decided that policy was asked about. What was only simulated is told to nobody.
func (j *judgement) tell(e *ledger.Entry, err error) {
	if len(j.rounds) == 0 {
		return
	}
	j.desk.decided(decision.Taken{
		ID: j.req.Decision, Name: "registration", At: j.now, Client: e.ClientID, Rounds: j.rounds, Outcome: decision.Outcome(e.Verdict), Err: err,
	})
}

// attempt judges and carries out, once. It gives the rows of the entry that the commit itself could not carry. When the error is an
// overtaken nothing is recorded yet.
func (d *Desk) attempt(ctx context.Context, req Request, commit func(context.Context, Approved) error) (Approved, []ledger.Stage, error) {
	j := d.begin(req)
	approved, entry, err := j.walk(ctx)
	j.tell(&entry, err)
	if err != nil {
		d.book.Record(entry)
		return Approved{}, nil, err
	}
	done, err := d.carryOut(ctx, req, &approved, commit)
	return approved, done, err
}

// carryOut is stage 8. It gives its row of the entry, which the commit itself could not carry.
func (d *Desk) carryOut(ctx context.Context, req Request, a *Approved, commit func(context.Context, Approved) error) ([]ledger.Stage, error) {
	start, write := time.Now(), commit
	if a.Unchanged() {
		write = d.noteUse
	}
	err := write(ctx, *a)
	if errors.Is(err, ErrChanged) && req.Operation == core.Read {
		a.asItWas()
		err = nil
	}
	row := ledger.Stage{Stage: "commit", By: ledger.By{Kind: "core"}, NS: time.Since(start).Nanoseconds()}
	switch {
	case errors.Is(err, ErrOvertaken) || a.shares && errors.Is(err, ErrTaken):
		return nil, &overtaken{entry: a.entry, row: row}
	case err != nil:
		return nil, d.lose(req, a.entry, row, err)
	case !a.Unchanged():
		return append(make([]ledger.Stage, 0, 2), row), nil // with room for a plugin that shapes the answer
	case req.Operation != core.Read:
		d.book.Record(a.entry)
	}
	return nil, nil
}

// lose records the entry of an approved request whose commit failed, and gives the error for the caller.
func (d *Desk) lose(req Request, e ledger.Entry, row ledger.Stage, err error) error {
	failure := *core.AsError(commitError(req, err))
	failure.Decision = req.Decision
	d.book.Record(lost(e, row, &failure))
	return &failure
}

func commitError(req Request, err error) error {
	switch {
	case errors.Is(err, ErrSpent):
		return unknownToken(ErrSpent)
	case errors.Is(err, ErrReplayed):
		return core.Refuse(core.InvalidRequest, "The signed request was used before: sign a new one, with another jti.")
	case errors.Is(err, ErrStatementUsed):
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement was used before, and is good for one time: ask its issuer for a new one.")
	case errors.Is(err, ErrTaken) && req.Channel == core.ChannelImport:
		return core.Refuse(core.Conflict, "A client with this id was registered meanwhile; plan again.")
	case errors.Is(err, ErrTaken) && !asksForID(req):
		return takenID()
	case errors.Is(err, ErrTaken):
		return core.Refuse(core.InvalidClientMetadata, "client_id is taken; ask for another or leave it out.")
	case errors.Is(err, ErrChanged) && decides(req.Operation):
		return core.Refuse(core.Conflict, "Somebody else has approved, rejected or changed this client meanwhile; look at it again.")
	case errors.Is(err, ErrChanged) && len(req.IfMatch) > 0:
		return core.Refuse(core.PreconditionFailed, "The client was changed by another request meanwhile; read it again.")
	case errors.Is(err, ErrChanged):
		return core.Refuse(core.Conflict, "The client was changed by another request meanwhile; read it and try again.")
	case errors.Is(err, ErrOvertaken):
		return &core.Error{
			Code: core.TemporarilyUnavailable, RetryAfter: time.Second, Err: err,
			Detail: "What a plugin keeps was changed by other requests again and again. Try again in a moment.",
		}
	}
	return err
}

// asksForID tells whether a request names the id that it wants.
func asksForID(req Request) bool {
	_, asks := req.Body.Get("client_id")
	return asks
}

// lost turns the entry of an approved request into that of one whose commit failed.
func lost(e ledger.Entry, row ledger.Stage, failure *core.Error) ledger.Entry {
	e.Verdict, e.Outcome = ledger.Denied, ledger.Nothing
	if ours(failure.Code) {
		e.Verdict = ledger.Failed
	}
	row.Reasons = []core.Reason{{Rule: "commit", Code: failure.Code, Message: failure.Detail, Public: true}}
	e.Stages = append(e.Stages[:len(e.Stages):len(e.Stages)], row)
	e.Error = &ledger.Problem{Code: failure.Code, Detail: failure.Detail}
	if e.Operation == core.Register {
		e.ClientID = ""
	}
	return e
}

// noteUse ends the earlier registration access token once the current one is seen in use (RFC 7592 §3: the client has it).
// It is all that a read and an unchanged update write.
func (d *Desk) noteUse(ctx context.Context, a Approved) error {
	if len(a.onces) > 0 {
		if err := d.store.Commit(ctx, a); err != nil {
			return err
		}
	}
	if !a.supersedes {
		return nil
	}
	err := d.store.ForgetEarlier(ctx, a.client.ID, a.before.Stamps.Credentials)
	if errors.Is(err, ErrChanged) {
		return nil // somebody else has just rotated or ended them
	}
	return err
}
