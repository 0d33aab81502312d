package registration

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
)

// deciding is a policy that is one function.
type deciding func(ctx context.Context, q *decision.Registration) (decision.Verdict, error)

// DecideRegistration implements Policy.
func (d deciding) DecideRegistration(ctx context.Context, q *decision.Registration) (decision.Verdict, error) {
	return d(ctx, q)
}

// Rejudge puts a kept question to other rules, and goes on as the road does: what they change is held to the floor, and they are
// asked again about the result. Access, plugins and the store have no part in it. The entry has the rows from policy on.
func (d *Desk) Rejudge(ctx context.Context, decide func(context.Context, *decision.Registration) (decision.Verdict, error), kept *decision.Registration) ledger.Entry {
	j := d.begin(Request{
		Operation: kept.Operation, Channel: kept.Channel, ClientID: kept.Effective.ClientID, RequestID: kept.RequestID, Caller: kept.Caller,
	})
	j.policy, j.kept, j.now = deciding(decide), kept, kept.Now
	j.before.Client = core.Client{ID: kept.Before.ClientID, Metadata: kept.Before.Metadata}
	j.draft, j.keysIn = kept.Effective.Metadata, kept.Effective.Metadata.JWKS
	for _, k := range kept.Keys {
		j.keys = append(j.keys, jose.KeyFact{Kty: k.Kty, Alg: k.Alg, Use: k.Use, Kid: k.Kid, Crv: k.Crv, Bits: k.Bits})
	}
	return j.rejudged(ctx, policyStage)
}

// stillChanged gives what differs now from what did in a kept question: of what policy sees the present state counts, and the
// rest, which no policy can change, stays. It is in the order of the table.
func stillChanged(now, kept []string) []string {
	seen := func(name string) bool {
		return slices.ContainsFunc(metadata.Visible(), func(row *metadata.Row) bool { return row.Name == name })
	}
	var names []string
	for _, row := range metadata.Rows() {
		from := kept
		if seen(row.Name) {
			from = now
		}
		if slices.Contains(from, row.Name) {
			names = append(names, row.Name)
		}
	}
	for _, name := range kept {
		if _, isRow := metadata.Lookup(name); !isRow {
			names = append(names, name)
		}
	}
	return names
}

// rejudged walks some stages and completes the entry, which is kept nowhere.
func (j *judgement) rejudged(ctx context.Context, stages ...stage) ledger.Entry {
	for _, s := range stages {
		if err := j.run(ctx, s); err != nil {
			return j.refused(err)
		}
	}
	j.close(ledger.Allowed, ledger.Nothing)
	return j.entry
}

// Reconsider judges a client as it is stored: would it be accepted today, if it came as it did then and sent what is stored of
// it? What is not known any more of its coming is empty, and named: the members of the input that had to do without. Its
// software statement is believed as far as it was, if its issuer still is; keys and times are not looked at again. asked is the
// question of the decision that registered it, nil when it is not kept; token is that it came with, zero when it is gone.
func (d *Desk) Reconsider(
	ctx context.Context, decide func(context.Context, *decision.Registration) (decision.Verdict, error),
	c core.Client, asked *decision.Registration, token core.InitialAccessToken,
) (e ledger.Entry, unknown []string) {
	came := c.Provenance
	j := d.begin(Request{Operation: core.Register, Channel: came.Channel, Caller: core.Caller{Kind: kindOf(came)}})
	if came.Channel == core.ChannelImport {
		j.req.ClientID = c.ID // it was chosen
	}
	j.policy, j.draft, j.stored = deciding(decide), c.Metadata, true
	j.asked = metadata.Request{Metadata: c.Metadata, Present: presentIn(&c.Metadata)}
	j.entry.ClientID = c.ID
	j.before.Client.Provenance.Profile = came.Profile
	j.keepProfile()
	j.before = Stored{}
	if asked != nil {
		j.caller = asked.Caller
	} else {
		unknown = append(unknown, "caller")
	}
	if came.IAT != "" && !j.recall(came, asked, token) {
		unknown = append(unknown, "iat")
	}
	j.believe(&c)
	e = j.rejudged(ctx, floorStage, policyStage)
	e.Input = nil
	return e, unknown
}

// kindOf tells what the caller was that registered a client.
func kindOf(p core.Provenance) string {
	switch {
	case p.Channel == core.ChannelOperator, p.Channel == core.ChannelImport:
		return KindOperator
	case p.IAT != "":
		return KindIAT
	}
	return KindOpen
}

func presentIn(m *core.Metadata) []string {
	var names []string
	for _, row := range metadata.Rows() {
		if !row.Get(m).IsAbsent() {
			names = append(names, row.Name)
		}
	}
	return names
}

// recall presents the initial access token that a client came with, as far as it is known. It tells whether it is.
func (j *judgement) recall(came core.Provenance, asked *decision.Registration, token core.InitialAccessToken) bool {
	id := came.IAT
	j.held = &Held{Token: core.InitialAccessToken{ID: id, Label: came.IATLabel, Terms: came.Terms}}
	switch {
	case asked != nil && asked.IAT.ID == id:
		t := asked.IAT
		j.held.Token = core.InitialAccessToken{ID: id, Label: t.Label, Profile: t.Profile, MaxUses: t.MaxUses, CreatedBy: t.CreatedBy, ExpiresAt: t.ExpiresAt, Terms: t.Terms}
	case token.ID == id:
		j.held.Token = token
	default:
		return false
	}
	return true
}

// believe reads the software statement of a stored client as far as it was believed.
func (j *judgement) believe(c *core.Client) {
	compact := c.Metadata.SoftwareStatement
	if compact == "" {
		return
	}
	header, claims, err := jose.Peek(compact, maxStatement)
	if err != nil { // it could be read when it was stored
		return
	}
	issuer, _ := field(claims, "iss")
	trust := TrustNone
	entries := j.site.vouching(issuer, c.Provenance.StatementEntry)
	switch {
	case len(entries) > 0 && c.Provenance.StatementIssuer == issuer:
		trust, j.bound = TrustIssuer, binds(entries, claims)
		for i := range j.bound.terms {
			j.bound.terms[i].Certificate = CertificateBinding{} // it was there when the client came
		}
		claims = j.bound.visible()
	case c.Provenance.StatementIssuer == "" && c.Governance.Trust == TrustSelf:
		trust = TrustSelf
	}
	j.statement = decision.Statement{Present: true, Issuer: issuer, Alg: header.Alg, Kid: header.Kid, Claims: claims, Trust: trust}
}
