package registration

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
)

// Beside proposing patches and shaping answers, plugins are asked one thing at a time: may this client end, may it use this
// certificate, what is its id, whose keys are these.

// consult asks the plugins of a point and writes a row of the entry for each; take says what an answer comes to.
func (j *judgement) consult(ctx context.Context, stage string, call hook.Call, take func(hook.Plugin, hook.Result) error) error {
	call.Context = j.context()
	return hook.Consult(ctx, j.desk.plugins, &call, take, func(a hook.Asked) { j.note(stage, a, nil) })
}

// allowEnd lets plugins keep a client from being removed.
func (j *judgement) allowEnd(ctx context.Context) error {
	if !j.desk.plugins.Serves(hook.PreDelete) {
		return nil
	}
	call := hook.Call{Point: hook.PreDelete, Client: metadata.Document(&j.before.Client.Metadata)}
	return j.alone("plugins", func() error {
		return j.consult(ctx, "plugins", call, func(hook.Plugin, hook.Result) error { return nil })
	})
}

// alone runs a stage that has no row but those of its plugins: when none of them was asked, because not all are ready, it gets one.
func (j *judgement) alone(stage string, step func() error) error {
	start, rows := time.Now(), len(j.entry.Stages)
	err := step()
	if err != nil && len(j.entry.Stages) == rows {
		j.add(ledger.Stage{Stage: stage, By: ledger.By{Kind: "core"}}, start, err)
	}
	return err
}

// checkCertificate lets plugins refuse the certificate that came with the request, for the client as it would be.
func (j *judgement) checkCertificate(ctx context.Context) error {
	if j.caller.Certificate == nil || !j.desk.plugins.Serves(hook.CertificateCheck) {
		return nil
	}
	return j.alone("certificate", func() error {
		return hook.CheckCertificate(ctx, j.desk.plugins, j.context(), j.offered(everything), j.caller.Certificate, func(a hook.Asked) { j.note("certificate", a, nil) })
	})
}

// mintID gives the client its id: the first one that a plugin gives, else one of ours.
func (j *judgement) mintID(ctx context.Context) (core.ClientID, error) {
	id := core.NewClientID(j.now)
	if !j.desk.plugins.Serves(hook.MintClientID) {
		return id, nil
	}
	call := hook.Call{Point: hook.MintClientID, Client: j.offered(everything)}
	err := j.consult(ctx, "approve", call, func(p hook.Plugin, r hook.Result) error {
		if r.Action != hook.Give {
			return nil
		}
		if err := j.free(ctx, p, r.ClientID); err != nil {
			return err
		}
		id = r.ClientID
		return nil
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// maxMinted is how many characters an id may have that a plugin gives.
const maxMinted = 128

// free verifies that a plugin's id can be a client's. That it is not one that only we give, nor a person's, its form tells.
func (j *judgement) free(ctx context.Context, p hook.Plugin, id core.ClientID) error {
	switch {
	case !validClientID(string(id)) || len(id) > maxMinted:
		return badPatch(p, hook.MintClientID, "its client_id is not 1 to %d of A-Z a-z 0-9 - . _ ~", maxMinted)
	case core.IsMinted(string(id)):
		return badPatch(p, hook.MintClientID, "its client_id has the form of the server's own ids")
	case j.site.reserves(string(id)):
		return badPatch(p, hook.MintClientID, "its client_id is one that a profile lists: only a request with that profile gets it")
	}
	stored, err := j.desk.store.Client(ctx, id)
	if err == nil && stored.Client.ID != "" && !stored.Client.ExpiredAt(j.now) {
		return takenID()
	}
	return err
}

// takenID refuses a client whose id, which a plugin gave, there is already.
func takenID() error {
	return core.Refuse(core.InvalidClientMetadata, "The client id that belongs to this registration is taken: such a client is registered already.")
}

// reserves tells the ids that profiles list.
func (s *Site) reserves(id string) bool {
	for _, p := range s.Profiles {
		if slices.Contains(p.ClientIDs, id) {
			return true
		}
	}
	return false
}

// chooseID honours the client_id of a request when the profile lists it; Commit finds out whether it is free. Else it is minted.
func (j *judgement) chooseID(ctx context.Context) (core.ClientID, error) {
	if j.req.Channel == core.ChannelImport {
		return j.req.ClientID, nil
	}
	defer j.tellSecret()
	v := j.asked.Control.ClientID
	asked, _ := v.Text()
	if !v.IsAbsent() && slices.Contains(j.profile.ClientIDs, asked) {
		return core.ClientID(asked), nil
	}
	id, err := j.mintID(ctx)
	if err == nil {
		j.tellID(id)
	}
	return id, err
}

// tellID warns of a client_id that was sent and is not the client's.
func (j *judgement) tellID(id core.ClientID) {
	v := j.asked.Control.ClientID
	if asked, _ := v.Text(); v.IsAbsent() || asked == string(id) {
		return
	}
	j.warnings = append(j.warnings, core.Reason{
		Rule: "client_id", Fields: []string{"client_id"}, Public: true,
		Message: "client_id was not taken over: the profile " + j.profile.Name + " does not offer this id.",
	})
}

// tellSecret warns of a client_secret that was sent: a client that goes on with it would not get in.
func (j *judgement) tellSecret() {
	if j.asked.Control.ClientSecret.IsAbsent() {
		return
	}
	j.warnings = append(j.warnings, core.Reason{
		Rule: "client_secret", Fields: []string{"client_secret"}, Public: true,
		Message: "client_secret was not taken over: the secret of a client that has one is in this answer.",
	})
}
