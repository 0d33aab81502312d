package registration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/slowhash"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Declaration is what an operator's files say of a client beside its metadata.
type Declaration struct {
	Set     string           // which files they are: only those change and remove what they made
	Secrets []SuppliedSecret // none: a client keeps those it has, and a new one that needs one gets one
	New     bool             // there must be no such client yet (If-None-Match: *)
}

// A SuppliedSecret is a client secret that the operator knows already, in clear or as somebody's hash.
type SuppliedSecret struct {
	Clear     core.Secret // or
	Alg, Hash string
	ExpiresAt time.Time // zero: never, unless policy or profile let secrets end
}

// A Planned is what a declaration would come to.
type Planned struct {
	Simulation
	Operation core.Operation // register or update
	Unchanged bool
	Diff      []strictjson.PatchOp // of the metadata
	Secrets   bool                 // the secrets would be replaced
	Made      bool                 // a secret would be made, and shown once
	Tag       string               // of the client as it is; empty: there is none
}

// Plan tells what Declare would do. Nothing is stored.
func (d *Desk) Plan(ctx context.Context, req Request) (Planned, error) {
	stored, err := d.declares(ctx, &req)
	if err != nil {
		return Planned{}, err
	}
	j := d.begin(req)
	j.simulated = true
	approved, entry, err := j.walk(ctx)
	p := Planned{Operation: req.Operation}
	p.Entry, p.Warnings, p.Err = entry, approved.warnings, err
	if stored.Client.ID != "" {
		p.Tag = stored.Tag()
	}
	if err != nil {
		return p, nil
	}
	described := approved.client.Metadata
	p.Client, p.State, p.Unchanged = metadata.Document(&described), approved.state, approved.unchanged
	before := stored.Client.Metadata
	p.Diff = metadata.Patch(&before, &described, metadata.Changed(&before, &described))
	p.Made = approved.minted.clientSecret != ""
	p.Secrets = len(req.Declared.Secrets) > 0 && j.resupplies()
	return p, nil
}

// Declare registers a declared client, or updates it. It tells which.
func (d *Desk) Declare(ctx context.Context, req Request) (Answer, core.Operation, error) {
	if _, err := d.declares(ctx, &req); err != nil {
		return Answer{}, req.Operation, err
	}
	answer, err := d.Do(ctx, req)
	return answer, req.Operation, err
}

// declares settles whether a declaration is a registration or an update.
func (d *Desk) declares(ctx context.Context, req *Request) (Stored, error) {
	stored, err := d.store.Client(ctx, req.ClientID)
	if err != nil {
		return Stored{}, err
	}
	req.Operation, req.Channel = core.Update, core.ChannelImport
	if stored.Client.ID == "" || stored.Client.ExpiredAt(d.now()) {
		stored, req.Operation = Stored{}, core.Register
		if len(req.IfMatch) > 0 {
			return stored, core.Refuse(core.PreconditionFailed, "There is no client with this id any more; plan again.")
		}
	}
	return stored, nil
}

// heldToSet keeps declarations from changing and removing what others made. They may take over a client that nobody declared, but
// never remove it.
func (j *judgement) heldToSet(stored *Stored) error {
	if j.req.Channel != core.ChannelImport || j.simulated && j.req.Declared == nil { // a question of no set in particular
		return nil
	}
	set := j.declaredSet()
	if j.req.Declared != nil && j.req.Declared.New {
		return core.Refuse(core.PreconditionFailed, "There is a client with this id meanwhile; plan again.")
	}
	switch of := stored.Client.Provenance.Declared; {
	case of == set:
		return nil
	case of != "":
		return core.Refuse(core.Conflict, "The client was declared by the set %q: only that changes and removes it.", of)
	case j.req.Operation == core.Delete:
		return core.Refuse(core.Conflict, "The client was not declared: remove it as an operator.")
	}
	return nil
}

// chosenID judges the id of a new declared client, which the operator chooses. Ids in the form of those that are minted here are
// for clients only: an exported client keeps its own.
func (j *judgement) chosenID() error {
	id := string(j.req.ClientID)
	switch {
	case j.req.Channel != core.ChannelImport:
		return nil
	case !validClientID(id):
		return badID(fmt.Sprintf("client_id must be 1 to %d of A-Z a-z 0-9 - . _ ~", MaxClientID))
	case core.IsMinted(id) && !strings.HasPrefix(id, "c-"):
		return badID("client_id has the form of an id that is given to others here; choose another one.")
	}
	return nil
}

func badID(message string) error {
	return refusal([]core.Reason{{Rule: "client_id", Code: core.InvalidClientMetadata, Fields: []string{"client_id"}, Message: message, Public: true}})
}

// declaredSet is the mark of a client that is made by a declaration.
func (j *judgement) declaredSet() string {
	if j.req.Declared == nil {
		return ""
	}
	return j.req.Declared.Set
}

// supplied gives the secrets that came with the request.
func (j *judgement) supplied() []SuppliedSecret {
	if j.req.Declared == nil {
		return nil
	}
	return j.req.Declared.Secrets
}

// resupplies tells whether the secrets that came are others than the client has. It is asked once: slow hashes take time.
func (j *judgement) resupplies() bool {
	if j.resupplied == nil {
		answer := j.differ(j.supplied())
		j.resupplied = &answer
	}
	return *j.resupplied
}

func (j *judgement) differ(sent []SuppliedSecret) bool {
	if len(sent) == 0 || !oauth.UsesSecret(oauth.AuthMethod(j.draft.TokenEndpointAuthMethod)) {
		return false
	}
	kept := j.before.Credentials.Secrets
	return len(kept) != len(sent) || !allOf(sent, func(s SuppliedSecret) bool {
		return slices.ContainsFunc(kept, func(k core.StoredSecret) bool { return j.endsAlike(s, k) && j.desk.keeps(k, s) })
	})
}

func allOf[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(item T) bool { return !holds(item) })
}

// keeps tells whether what is kept is this secret; an imported hash may have given way to a better one. One in clear takes a slow
// hash, once: the second plan of a client is fast.
func (d *Desk) keeps(k core.StoredSecret, s SuppliedSecret) bool {
	switch {
	case s.Clear == "":
		sum := sha256.Sum256([]byte(s.Hash))
		return s.Alg == k.Alg && s.Hash == k.Hash || k.From == hex.EncodeToString(sum[:])
	case k.Alg == "sha256":
		return k.Hash == s.Clear.Hash().String()
	}
	h, err := slowhash.Parse(k.Hash)
	if err != nil || h.Alg != k.Alg {
		return false
	}
	is, _ := d.secrets.Matches(context.Background(), h, s.Clear.Reveal()) // waits for others only
	return is
}

// endsAlike compares the ends of two secrets. One without an end of its own has whatever end it has; others may end earlier than
// they say only where secrets have to end.
func (j *judgement) endsAlike(s SuppliedSecret, k core.StoredSecret) bool {
	_, must := j.secretLifetime()
	return s.ExpiresAt.IsZero() || s.ExpiresAt.Equal(k.ExpiresAt) || must && !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(s.ExpiresAt)
}

// secretLifetime is how long profile and policy let a client's secret live; false: for ever.
func (j *judgement) secretLifetime() (time.Duration, bool) {
	lifetime := j.profile.ClientSecretLifetime
	if most, ok := limit(j.verdict.Limits, decision.LimitClientSecretLifetime); ok && (lifetime == 0 || most < lifetime) {
		lifetime = most
	}
	return lifetime, lifetime > 0
}

// suppliedSecrets gives the secrets that a client is to have because they came with its declaration; nil: it keeps what it has, or
// gets one of ours.
func (j *judgement) suppliedSecrets(method string) []core.StoredSecret {
	sent := j.supplied()
	if len(sent) > 0 && !oauth.UsesSecret(oauth.AuthMethod(method)) {
		j.warnings = append(j.warnings, core.Reason{
			Rule: "client_secret", Fields: []string{"client_secret"}, Public: true,
			Message: "The client secret was not kept: the client does not authenticate with one.",
		})
		return nil
	}
	if len(sent) == 0 || !j.resupplies() {
		return nil
	}
	lifetime, must := j.secretLifetime()
	secrets := make([]core.StoredSecret, len(sent))
	for i, s := range sent {
		kept := core.StoredSecret{Alg: s.Alg, Hash: s.Hash, CreatedAt: j.now.Truncate(time.Second), ExpiresAt: s.ExpiresAt}
		if s.Clear != "" {
			kept.Alg = slowhash.AlgArgon2id
			if !j.simulated {
				kept.Hash, _ = j.desk.secrets.Make(context.Background(), s.Clear.Reveal()) // waits for others only
			}
		}
		if end := j.now.Add(lifetime).Truncate(time.Second); must && (kept.ExpiresAt.IsZero() || end.Before(kept.ExpiresAt)) {
			kept.ExpiresAt = end
		}
		secrets[i] = kept
	}
	return secrets
}
