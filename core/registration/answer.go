package registration

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// answer makes the client information response (RFC 7591 §3.2.1, RFC 7592 §3), and tells what plugins did to it.
func (d *Desk) answer(ctx context.Context, req Request, a Approved) (Answer, []ledger.Stage) {
	if removes(req.Operation) {
		return Answer{ClientID: a.client.ID}, nil
	}
	described := a.client.Metadata
	shown := strictjson.Object(metadata.Append(d.identity(req, &a), &described)...)
	doc, rows := d.shape(ctx, req, &a, shown)
	answer := Answer{Body: strictjson.Append(make([]byte, 0, 1<<10), complete(req, &a, doc)), ClientID: a.client.ID}
	if a.unchanged {
		answer.Tag = a.before.Tag()
	}
	return answer, rows
}

// identity gives the members that are not metadata, but for what no plugin sees.
func (d *Desk) identity(req Request, a *Approved) []strictjson.Member {
	members := make([]strictjson.Member, 0, 32) // with room for the metadata
	members = append(members, text("client_id", string(a.client.ID)),
		strictjson.Member{Name: issuedAt, Value: strictjson.Int(a.client.IssuedAt.Unix())})
	if s := a.credentials.Secrets; len(s) > 0 {
		members = append(members, strictjson.Member{Name: "client_secret_expires_at", Value: strictjson.Int(unix(s[0].ExpiresAt))})
	}
	if registrationToken(req, a) != "" {
		members = append(members, text("registration_client_uri", d.clientURI(a.client.ID)))
	}
	if a.state != core.Active {
		members = append(members, text("registration_status", string(a.state)))
	}
	return members
}

// issuedAt is the member that client_secret stands behind.
const issuedAt = "client_id_issued_at"

// complete adds what no plugin sees: the credentials, and what is about this request. Secrets stand in clear only in the answer that
// made them.
func complete(req Request, a *Approved, doc strictjson.Value) strictjson.Value {
	members := make([]strictjson.Member, 0, doc.Len()+4)
	for name, v := range doc.All() {
		members = append(members, strictjson.Member{Name: name, Value: v})
		if name == issuedAt && a.minted.clientSecret != "" {
			members = append(members, text("client_secret", a.minted.clientSecret.Reveal()))
		}
	}
	if token := registrationToken(req, a); token != "" {
		members = append(members, text("registration_access_token", token.Reveal()))
	}
	if req.Operation != core.Read {
		members = append(members, text("decision_id", string(req.Decision)))
		if len(a.warnings) > 0 {
			members = append(members, strictjson.Member{Name: "warnings", Value: warnings(a.warnings)})
		}
	}
	return strictjson.Object(members...)
}

func text(name, value string) strictjson.Member {
	return strictjson.Member{Name: name, Value: strictjson.String(value)}
}

// registrationToken is the token that the answer names (RFC 7592 §3): a fresh one, else that which was presented.
func registrationToken(req Request, a *Approved) core.Secret {
	if a.minted.registration == "" && req.Channel == core.ChannelManage && a.entry.Actor.Kind == KindRAT {
		return req.Credential.Bearer
	}
	return a.minted.registration
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func warnings(reasons []core.Reason) strictjson.Value {
	items := make([]strictjson.Value, len(reasons))
	for i, r := range reasons {
		items[i] = strictjson.Object(
			strictjson.Member{Name: "rule", Value: strictjson.String(r.Rule)},
			strictjson.Member{Name: "fields", Value: strictjson.Strings(r.Fields)},
			strictjson.Member{Name: "message", Value: strictjson.String(r.Message)},
		)
	}
	return strictjson.Array(items...)
}

// shape is stage 9: plugins may add members to the answer. Nothing that happens here can fail the request: the client exists.
func (d *Desk) shape(ctx context.Context, req Request, a *Approved, doc strictjson.Value) (strictjson.Value, []ledger.Stage) {
	point := hook.OnRead
	switch req.Operation {
	case core.Register:
		point = hook.PostRegister
	case core.Update:
		point = hook.PostUpdate
	case core.Read:
	default:
		return doc, nil
	}
	plugins, err := d.plugins.At(point)
	if err != nil {
		return doc, []ledger.Stage{{Stage: "shape", By: ledger.By{Kind: "core"}, Fault: core.AsError(err).Error()}}
	}
	var rows []ledger.Stage
	for _, p := range plugins {
		var row ledger.Stage
		doc, row = d.shapeWith(ctx, point, p, a, doc)
		rows = append(rows, row)
	}
	return doc, rows
}

func (d *Desk) shapeWith(ctx context.Context, point hook.Point, p hook.Plugin, a *Approved, doc strictjson.Value) (strictjson.Value, ledger.Stage) {
	shaped := doc
	asked := hook.Ask(ctx, p, hook.Call{Point: point, Client: doc, Context: d.around(a)}, func(p hook.Plugin, r hook.Result) (err error) {
		shaped, err = d.addMembers(doc, p, point, r)
		return err
	})
	row := RowOf("shape", asked)
	switch {
	case asked.Err != nil:
		row.Fault = core.AsError(asked.Err).Error()
		shaped = doc
	case asked.Result.Action != hook.Continue:
		row.Patch = diffOf(asked.Result.Patch, doc, shaped)
	}
	row.NS = time.Since(asked.Start).Nanoseconds()
	return shaped, row
}

// around is what plugins are told of the request whose answer they shape: what those before the commit were told, and what came of
// it. Nothing can be kept any more.
func (d *Desk) around(a *Approved) hook.Context {
	c := a.context
	c.ClientID, c.Locked, c.Now, c.Writes = a.client.ID, a.client.Locked, d.now(), nil
	return c
}

// diffOf gives the steps that a plugin's patch came to; what it does not name did not change.
func diffOf(patch, before, after strictjson.Value) (steps []strictjson.PatchOp) {
	for name := range patch.All() {
		was, _ := before.Get(name)
		is, _ := after.Get(name)
		steps = strictjson.DiffMember(steps, name, was, is)
	}
	return steps
}

// addMembers lets a plugin add what is neither registered metadata nor the desk's own.
func (d *Desk) addMembers(doc strictjson.Value, p hook.Plugin, point hook.Point, r hook.Result) (strictjson.Value, error) {
	if r.Action == hook.Continue {
		return doc, nil
	}
	for name := range r.Patch.All() {
		switch {
		case metadata.IsReserved(name) || slices.Contains(d.Site().CustomAttributes, name):
			return doc, badPatch(p, point, "it tried to answer %s, which belongs to the desk", name)
		case !p.MayWrite(point, name):
			return doc, badPatch(p, point, "it answered %s, which its manifest does not let it write", name)
		}
	}
	return doc.Overlaid(r.Patch), nil
}
