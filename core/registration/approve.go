package registration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
)

// approve gives the client its id and secrets and makes the Approved value.
func (j *judgement) approve(ctx context.Context) (Approved, error) {
	start := time.Now()
	a := Approved{
		client: j.before.Client, credentials: j.before.Credentials, state: j.before.State, before: j.before,
		spends: j.held, supersedes: j.supersedes(), basis: j.basis(),
		writes: j.writes.All(), onces: j.onces, unused: j.req.Unused, context: j.context(),
	}
	outcome := ledger.Stored
	var err error
	switch j.req.Operation {
	case core.Register:
		if j.req.Channel == core.ChannelDocument {
			outcome, err = ledger.Nothing, j.appoint(&a)
			break
		}
		err = j.create(ctx, &a)
	case core.Update:
		if a.unchanged = j.isUnchanged(); !a.unchanged {
			err = j.replace(&a)
		}
	case core.Approve:
		a.client, a.state = j.admitted(), core.Active
		j.renewSecret(&a)
	case core.Delete, core.Reject:
		outcome = ledger.Deleted
	case core.Rotate:
		j.rotateCredential(&a)
	case core.Renew:
		a.unchanged = !renewLife(&a, j.now)
	case core.Disable, core.Enable:
		a.unchanged = j.switchState(&a)
	case core.Read:
		j.read(&a)
	}
	if a.unchanged && outcome == ledger.Stored {
		outcome = ledger.Unchanged
	}
	j.add(ledger.Stage{Stage: "approve", By: ledger.By{Kind: "core"}, Reasons: j.given(&a)}, start, err)
	if err != nil {
		return Approved{}, err
	}
	j.entry.ClientID = a.client.ID
	j.close(ledger.Allowed, outcome)
	a.entry, a.warnings = j.entry, append(j.warnings, j.advice...)
	return a, nil
}

func (j *judgement) create(ctx context.Context, a *Approved) error {
	a.client = core.Client{
		IssuedAt:   j.now.Truncate(time.Second),
		Life:       j.life,
		Generation: uint64(j.now.UnixMicro()), // never one that a deleted client of this id had
		Provenance: core.Provenance{Channel: j.req.Channel, Profile: j.profile.Name, RegisteredBy: j.req.Decision, Declared: j.declaredSet()},
	}
	if j.held != nil {
		came := &a.client.Provenance
		came.IAT, came.IATLabel, came.Terms = j.held.Token.ID, j.held.Token.Label, j.held.Token.Terms
	}
	if j.shares() {
		return j.share(ctx, a)
	}
	var err error
	if a.client.ID, err = j.chooseID(ctx); err != nil {
		return err
	}
	if a.client.ID.IsDocument() { // it would take the place of the client that this document describes
		return core.Refuse(core.InvalidClientMetadata, "client_id cannot be an https URL: that is the address of a client's own metadata document.")
	}
	if err := j.describe(a); err != nil {
		return err
	}
	j.renewSecret(a)
	if j.req.Channel == core.ChannelDCR {
		a.minted.registration = core.NewSecret()
		a.credentials.Registration = []core.RegistrationToken{{Hash: a.minted.registration.Hash()}}
	}
	return nil
}

// appoint makes the client of a document, which is written nowhere.
func (j *judgement) appoint(a *Approved) error {
	a.client = core.Client{
		ID: j.req.ClientID, IssuedAt: j.now.Truncate(time.Second),
		Provenance: core.Provenance{Channel: j.req.Channel, Profile: j.profile.Name, RegisteredBy: j.req.Decision},
	}
	a.unchanged, a.writes = true, nil
	if err := j.describe(a); err != nil {
		return err
	}
	if a.state != core.Active {
		return core.Refuse(core.AccessDenied, "This client needs an operator's approval, and one that is only known by its metadata document cannot wait for it: register the client.")
	}
	a.client.Generation = Identity(&a.client.Metadata)
	return nil
}

// share is create for a client that whoever registers the same is given: the stored one, when there is one.
func (j *judgement) share(ctx context.Context, a *Approved) error {
	said := len(j.warnings)
	if err := j.describe(a); err != nil {
		return err
	}
	a.client.Provenance.Shared = true
	asksAlways(&a.client)
	id, stored, err := j.shared(ctx, a.client)
	if err != nil {
		return err
	}
	if stored.Client.ID == "" {
		a.client.ID, a.shares = id, true
		j.tellID(id)
		return nil
	}
	a.client, a.credentials, a.state = stored.Client, core.Credentials{}, stored.State
	a.before, a.basis.stamps, a.unchanged = stored, stored.Stamps, true
	j.warnings = slices.Delete(j.warnings, said, len(j.warnings)) // they were about a new client
	if a.state == core.Pending && a.client.Governance.Obliges(decision.ObligeApproval) {
		j.warnings = append(j.warnings, waitingWarning(&a.client))
	} else {
		j.tellEnd(&a.client)
	}
	j.tellID(id)
	return nil
}

func (j *judgement) replace(a *Approved) error {
	if err := j.heldToApproval(); err != nil {
		return err
	}
	if err := j.describe(a); err != nil {
		return err
	}
	if core.Renames(&j.before.Client, &a.client) {
		a.client.Generation++
		j.warnings = append(j.warnings, core.Reason{
			Rule: "names", Fields: []string{"subject_type", "sector_identifier_uri", "redirect_uris"}, Public: true,
			Message: "The client gets other names of people than before (sub): what it was given so far is void, and people sign in again.",
		})
	}
	j.renewSecret(a)
	if j.caller.Kind == KindRAT {
		j.rotateToken(a, j.now.Add(rotationGrace))
	}
	return nil
}

// rotateToken gives the client a new registration access token, where the site has them change. Where it has not, a token that is
// used ends those before it all the same.
func (j *judgement) rotateToken(a *Approved, end time.Time) {
	if j.site.Lifetime.RotateToken != rotateNever {
		a.minted.registration = core.NewSecret()
		a.credentials.Registration = rotate(j.before.Credentials.Registration, j.req.Credential.Bearer, a.minted.registration, end)
	} else if tokens := a.credentials.Registration; a.supersedes {
		a.credentials.Registration = tokens[len(tokens)-1:]
	}
}

// read gives the client a new token where every use does. The one that was presented is as good as before until the new one is used:
// whoever reads without keeping what is answered loses nothing.
func (j *judgement) read(a *Approved) {
	a.unchanged = j.caller.Kind != KindRAT || j.site.Lifetime.RotateToken != rotateAlways
	if !a.unchanged {
		j.rotateToken(a, time.Time{})
	}
}

// asItWas makes a read that could not rotate the token one that does not: somebody else has just changed the client.
func (a *Approved) asItWas() {
	a.unchanged, a.minted.registration, a.credentials = true, "", a.before.Credentials
}

// describe puts what was judged into the client.
func (j *judgement) describe(a *Approved) error {
	c := &a.client
	c.Metadata = metadata.Clone(j.draft)
	c.Locked = j.locked
	c.UpdatedAt = j.now
	c.Provenance.WrittenBy = j.req.Decision
	c.Provenance.Revision = j.verdict.Revision
	c.Provenance.Plugins = j.pluginsAsked()
	trust := j.statement.Trust
	switch {
	case trust == TrustIssuer:
		c.Provenance.StatementIssuer, c.Provenance.StatementEntry = j.statement.Issuer, j.vouchedBy.Entry()
	case !j.statement.Present && len(j.locked) > 0 && j.stillVouched():
		trust = j.before.Client.Governance.Trust // its statement was left out, and still binds it
	}
	if v := j.verdict.Trust; v != "" && decision.TrustRank(v) < decision.TrustRank(trust) { // policy lowers, and never lends any
		trust = v
	}
	c.Governance = core.Governance{Obligations: j.verdict.Require, Limits: j.verdict.Limits, Labels: j.verdict.Labels, Trust: trust}
	if j.approved() {
		c.Governance = tightened(j.before.Client.Governance, decision.Verdict{
			Require: j.verdict.Require, Limits: j.verdict.Limits, Labels: j.verdict.Labels, Trust: trust,
		})
	}
	asksAlways(c)
	j.forgetConsent(c)
	j.tellIdle(c)
	c.Expires = lifetimeEnd(c)
	if j.req.Operation != core.Register {
		j.waitOn(c)
		return nil
	}
	j.tellEnd(c)
	var err error
	a.state, err = j.await(c)
	return err
}

// tellIdle warns of members of which nothing comes, less than the client may think, or another thing.
func (j *judgement) tellIdle(c *core.Client) {
	before := &j.before.Client.Metadata
	idle := metadata.AskedInVain(before, &j.draft)
	if c.Governance.Obliges(decision.ObligeIDTokenClaims) {
		idle = slices.DeleteFunc(idle, func(m metadata.Missing) bool { return m.Name == "include_claims_in_id_token" })
	}
	j.tellOf("idle", "%s is kept, and nothing comes of it: %s.", idle)
	j.tellOf("barring", "%s is kept and held to: %s. Register false to do without.", metadata.BarredBy(before, &j.draft))
	if j.draft.JWKS != before.JWKS && len(j.other) > 0 {
		j.tellOf("idle", "%s is kept, and nothing comes of %s.", []metadata.Missing{{Name: "jwks", Why: strings.Join(j.other, ", ") + ", which no algorithm here uses"}})
	}
	j.tellOf("not_kept", "%s is not kept: %s.", metadata.ForeignAmong(j.asked.Extra))
}

func (j *judgement) tellOf(rule, message string, members []metadata.Missing) {
	for _, m := range members {
		j.warnings = append(j.warnings, core.Reason{Rule: rule, Fields: []string{m.Name}, Public: true, Message: fmt.Sprintf(message, m.Name, m.Why)})
	}
}

// pluginsAsked names the plugins that had a part in this, each once.
func (j *judgement) pluginsAsked() []core.PluginRef {
	var asked []core.PluginRef
	for i := range j.entry.Stages {
		by := &j.entry.Stages[i].By
		if ref := (core.PluginRef{Name: by.Name, Digest: by.Digest}); by.Kind == "plugin" && !slices.Contains(asked, ref) {
			asked = append(asked, ref)
		}
	}
	return asked
}

// approved tells that an operator approved the client and does not make this change: what was attached to the client then, it does
// not shed by itself.
func (j *judgement) approved() bool {
	return j.req.Operation == core.Update && j.before.Client.Provenance.ApprovedBy != "" && j.caller.Kind != KindOperator
}

// renewSecret mints a secret for a client that needs one and has none that is good, and drops it from a client that needs none.
// What came with a declaration takes the place of what there was.
func (j *judgement) renewSecret(a *Approved) {
	supplied := j.suppliedSecrets(a.client.Metadata.TokenEndpointAuthMethod)
	if !oauth.UsesSecret(oauth.AuthMethod(a.client.Metadata.TokenEndpointAuthMethod)) {
		a.credentials.Secrets = nil
		return
	}
	if supplied != nil {
		a.credentials.Secrets = supplied
	}
	alive := func(s core.StoredSecret) bool { return s.ExpiresAt.IsZero() || j.now.Before(s.ExpiresAt) }
	if slices.ContainsFunc(a.credentials.Secrets, alive) {
		return
	}
	a.credentials.Secrets = []core.StoredSecret{j.freshSecret(a)}
}

// freshSecret mints a secret, and gives it as it is kept.
func (j *judgement) freshSecret(a *Approved) core.StoredSecret {
	secret := core.NewSecret()
	a.minted.clientSecret = secret
	kept := core.StoredSecret{Alg: "sha256", Hash: secret.Hash().String(), CreatedAt: j.now.Truncate(time.Second)}
	if lifetime, ends := j.secretLifetime(); ends {
		kept.ExpiresAt = j.now.Add(lifetime).Truncate(time.Second)
	}
	kept.ExpiresAt = earlier(kept.ExpiresAt, lifetimeEnd(&a.client)) // it is good for nothing afterwards
	return kept
}

// rotateCredential replaces a secret, beside which the one before it lives on for a while, or the registration access token, of
// which no earlier one does: who asks an operator for a new one has lost it, or somebody else has it.
func (j *judgement) rotateCredential(a *Approved) {
	if j.req.Rotation.Of == RotateToken {
		a.minted.registration = core.NewSecret()
		a.credentials.Registration = []core.RegistrationToken{{Hash: a.minted.registration.Hash()}}
		return
	}
	before := a.credentials.Secrets
	a.credentials.Secrets = []core.StoredSecret{j.freshSecret(a)}
	if last, lives := overlapping(before, j.now, j.req.Rotation.Overlap); lives {
		a.credentials.Secrets = append(a.credentials.Secrets, last)
		j.warnings = append(j.warnings, overlapWarning(last))
	}
}

// renewLife begins the client's lifetime anew. A secret that was to end with the client goes on with it. It tells whether that
// moved anything: what policy limits is not renewed.
func renewLife(a *Approved, now time.Time) bool {
	before := a.client.Expires
	a.client.Life.From = now.Truncate(time.Second)
	a.client.Expires = lifetimeEnd(&a.client)
	for i, s := range a.credentials.Secrets {
		if s.ExpiresAt.Equal(before) {
			a.credentials.Secrets[i].ExpiresAt = a.client.Expires
		}
	}
	return a.client.Expires.After(before)
}

// switchState disables or enables; both void what was made under the client before. Who was disabled while waiting for approval
// waits again. It tells whether nothing changed.
func (j *judgement) switchState(a *Approved) bool {
	a.state = core.Active
	switch {
	case j.req.Operation == core.Disable:
		a.state = core.Disabled
	case a.client.Governance.Obliges(decision.ObligeApproval):
		a.state = core.Pending
	}
	if a.state == j.before.State {
		return true
	}
	a.client.Generation++
	a.client.UpdatedAt = j.now
	a.client.Provenance.WrittenBy = j.req.Decision
	return false
}
