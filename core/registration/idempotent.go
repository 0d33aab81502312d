package registration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Programs that register at every start leave a client behind each time. Where the site wants it (registration.idempotent), an open
// registration of a public client that comes out like an earlier one gives that client again. Its id is the digest of what came out,
// so that the insert itself tells whether there is one, and nothing else has to be kept. Nobody owns such a client: it has no
// registration access token, and what people allow it is not remembered.

// ruleShared is what obliges a shared client to ask for consent always.
const ruleShared = "registration.idempotent"

// shares tells whether the registration may give a client that others have, too: one that came without any credential and that
// holds none. An id of a plugin's or of the client's own choice is nobody else's.
func (j *judgement) shares() bool {
	m := &j.draft
	asked, _ := j.asked.Control.ClientID.Text()
	return j.site.Registration.Idempotent && j.req.Operation == core.Register && j.req.Channel == core.ChannelDCR && j.caller.Kind == KindOpen &&
		m.TokenEndpointAuthMethod == string(oauth.AuthNone) && m.JWKS == "" && m.JWKSURI == "" && !j.statement.Present && j.req.Signed == "" &&
		!slices.Contains(j.profile.ClientIDs, asked) && !j.desk.plugins.Serves(hook.MintClientID)
}

// attempts is how many ids are tried for one digest: an operator may have made something else of the client of one.
const attempts = 8

// shared gives the id of what a client is, and the client that is stored under it, if there is one. What an operator or a rule made
// of it since stands: who comes again gets it as it is now, also when it waits for approval or is disabled.
func (j *judgement) shared(ctx context.Context, c core.Client) (core.ClientID, Stored, error) {
	for n := range attempts {
		id := j.sharedID(&c, n)
		stored, err := j.desk.store.Client(ctx, id)
		switch {
		case err != nil:
			return "", Stored{}, err
		case stored.Client.ID == "" || stored.Client.ExpiredAt(j.now):
			return id, Stored{}, nil
		case isShared(&stored.Client) && len(stored.Credentials.Registration) == 0:
			return id, stored, nil
		}
	}
	return "", Stored{}, takenID()
}

// isShared tells a client that is still given to everybody who registers the same: one that an operator made confidential is not.
func isShared(c *core.Client) bool {
	return c.Provenance.Shared && c.Metadata.TokenEndpointAuthMethod == string(oauth.AuthNone)
}

// asksAlways obliges a shared client to consent that is not remembered: whoever knows its metadata is this client.
func asksAlways(c *core.Client) {
	if c.Provenance.Shared && !c.Governance.Obliges(decision.ObligeConsentAlways) {
		c.Governance.Obligations = append(slices.Clip(c.Governance.Obligations), core.Obligation{Name: decision.ObligeConsentAlways, Rule: ruleShared})
	}
}

// sharedID is the digest of all that makes the client what it is: metadata, lifetime, profile, site and what policy attached. n tells apart
// the clients of one digest.
func (j *judgement) sharedID(c *core.Client, n int) core.ClientID {
	m := func(name string, v strictjson.Value) strictjson.Member {
		return strictjson.Member{Name: name, Value: v}
	}
	g := c.Governance
	var obligations []strictjson.Value
	for _, o := range g.Obligations {
		obligations = append(obligations, strictjson.Strings([]string{o.Name, o.Params, o.Rule}))
	}
	slices.SortFunc(obligations, func(x, y strictjson.Value) int { return slices.Compare([]byte(x.String()), []byte(y.String())) })
	var limits []strictjson.Member
	for name, seconds := range g.Limits {
		limits = append(limits, m(name, strictjson.Int(seconds)))
	}
	slices.SortFunc(limits, func(x, y strictjson.Member) int { return slices.Compare([]byte(x.Name), []byte(y.Name)) })
	whole := strictjson.Object(
		m("v", strictjson.String("1."+strconv.Itoa(n))),
		m("site", strictjson.String(hex.EncodeToString(j.site.digest[:]))),
		m("profile", strictjson.String(j.profile.Name)),
		m("metadata", metadata.Document(&c.Metadata)),
		m("lifetime", strictjson.Int(int64(c.Life.Lasts/time.Second))), m("asked", strictjson.Bool(c.Life.Asked)),
		m("obligations", strictjson.Array(obligations...)),
		m("limits", strictjson.Object(limits...)),
		m("labels", strictjson.Strings(slices.Sorted(slices.Values(g.Labels)))),
		m("trust", strictjson.String(g.Trust)),
	)
	return core.SharedClientID(sha256.Sum256(strictjson.Append(nil, whole)))
}
