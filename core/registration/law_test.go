package registration_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/registration"
)

// A siege is a desk whose policy forbids some things, with a client of each kind inside.
type siege struct {
	*bench
	issuer   signer
	self     signer // some client
	open     client // registered by itself
	fixed    client // with a statement that fixes client_name and redirect_uris
	disabled client
	pending  client // waits for approval
	shelved  client // waits for approval, and is disabled

	read []core.Registered // clients that are not stored
}

// forbidden is what the siege's policy never lets in.
func forbidden(q *decision.Registration) []core.Reason {
	var deny []core.Reason
	if q.Operation != core.Register && q.Operation != core.Update {
		return nil
	}
	m := q.Effective.Metadata
	if slices.Contains(m.Scope, "admin.api") {
		deny = append(deny, core.Reason{Rule: "scope", Code: core.InvalidScope, Message: "admin.api is not for you.", Public: true})
	}
	for _, uri := range m.RedirectURIs {
		if !strings.HasPrefix(uri, "https://shop.example/") {
			deny = append(deny, core.Reason{Rule: "redirects", Code: core.InvalidRedirectURI, Message: "Not your host.", Public: true})
		}
	}
	if len(m.Contacts) == 0 {
		deny = append(deny, core.Reason{Rule: "contacts", Code: core.InvalidClientMetadata, Message: "contacts is missing.", Public: true})
	}
	return deny
}

func judgedByForbidden(q *decision.Registration) (decision.Verdict, error) {
	deny := forbidden(q)
	return decision.Verdict{Allow: len(deny) == 0, Deny: deny}, nil
}

// fixing is what a statement says that fixes these members.
const fixing = `"client_name":"Shop","redirect_uris":["https://shop.example/cb"]`

const citizen = `"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scope":"openid","contacts":["a@shop.example"]`

func besiege(t *testing.T, change ...func(*registration.Site)) *siege {
	t.Helper()
	issuer := newSigner(t, "https://issuer.example")
	change = append([]func(*registration.Site){trusting(t, issuer), withProfiles, unlimited}, change...)
	s := &siege{bench: newBench(t, change...), issuer: issuer, self: newSigner(t, "me")}
	s.policy = judgedByForbidden
	s.open = s.register(`{` + citizen + `}`)
	s.fixed = s.register(`{` + citizen + `,"software_statement":"` + issuer.sign(t, fixing) + `"}`)
	s.disabled = s.register(`{` + citizen + `}`)
	s.mustDo(s.request(core.Disable, core.ChannelOperator, s.disabled.id, ""))
	s.policy = func(q *decision.Registration) (decision.Verdict, error) {
		v, err := judgedByForbidden(q)
		v.Require = []core.Obligation{{Name: decision.ObligeApproval, Rule: "approval"}}
		return v, err
	}
	s.pending, s.shelved = s.register(`{`+citizen+`}`), s.register(`{`+citizen+`}`)
	s.mustDo(s.request(core.Disable, core.ChannelOperator, s.shelved.id, ""))
	s.policy = judgedByForbidden // which demands no approval any more
	return s
}

// knock asks for an operation without a document, with what the client holds.
func (s *siege) knock(op core.Operation, channel core.Channel, c client, body string) registration.Request {
	s.t.Helper()
	req := s.request(op, channel, c.id, body)
	switch channel {
	case core.ChannelManage:
		req.Credential.Bearer = c.rat
	case core.ChannelDCR:
		req.Credential.Bearer = s.token(1, "")
	}
	return req
}

// nowhere is how an operation ends that is not offered but to operators, and how it ends for them.
func nowhere(but core.Code) want {
	return want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.InvalidRequest, core.ChannelOperator: but}
}

// ask sends a document through a channel: a registration through dcr, an update of the client through the others. With no
// client a dcr request is a registration; with one it is an update that dcr does not offer.
func (s *siege) ask(channel core.Channel, c client, changes ...string) registration.Request {
	s.t.Helper()
	if channel != core.ChannelDCR {
		req := s.request(core.Update, channel, c.id, c.put(s.t, changes...))
		if channel == core.ChannelManage {
			req.Credential.Bearer = c.rat
		} else {
			req.Body = req.Body.Without("registration_access_token")
		}
		return req
	}
	if c.id != "" {
		req := s.request(core.Update, channel, c.id, c.put(s.t, changes...))
		req.Credential.Bearer = s.token(1, "")
		return req
	}
	req := s.request(core.Register, channel, "", client{doc: parse(s.t, `{`+citizen+`}`)}.put(s.t, changes...))
	req.Credential.Bearer = s.token(1, "")
	return req
}

// mine is the client that a channel's attacks are made with: dcr has none yet.
func (s *siege) mine(channel core.Channel) client {
	if channel == core.ChannelDCR {
		return client{}
	}
	return s.open
}

// want is how an attack must end at each door: "" is success, in which case only what is allowed may have been stored.
type want map[core.Channel]core.Code

func everywhere(code core.Code) want {
	return want{core.ChannelDCR: code, core.ChannelManage: code, core.ChannelOperator: code}
}

// Law 3: every client write walks one road, whoever asks. Each attack is tried at each door.
func TestOneRoad(t *testing.T) {
	for name, attack := range map[string]struct {
		try  func(s *siege, channel core.Channel) registration.Request
		want want
	}{
		"omitted field": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "contacts", "")
		}, everywhere(core.InvalidClientMetadata)},
		"field set to null": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "contacts", "null")
		}, everywhere(core.InvalidClientMetadata)},
		"type flip, string for list": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "redirect_uris", `"https://evil.example/"`)
		}, everywhere(core.InvalidRedirectURI)},
		"type flip, list for string": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "scope", `["openid","admin.api"]`)
		}, everywhere(core.InvalidScope)},
		"type flip, object for list": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "grant_types", `{"0":"authorization_code"}`)
		}, everywhere(core.InvalidClientMetadata)},
		"forbidden scope": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "scope", `"openid admin.api"`)
		}, everywhere(core.InvalidScope)},
		"forbidden redirect": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "redirect_uris", `["https://shop.example/cb","https://evil.example/"]`)
		}, everywhere(core.InvalidRedirectURI)},
		"below the floor": {func(s *siege, ch core.Channel) registration.Request {
			s.policy = allow
			return s.ask(ch, s.mine(ch), "redirect_uris", `["javascript:alert(1)"]`)
		}, everywhere(core.InvalidRedirectURI)},
		"unchanged update": {func(s *siege, ch core.Channel) registration.Request {
			s.policy = func(q *decision.Registration) (decision.Verdict, error) { // everything is denied now, and changed
				return decision.Verdict{
					Deny: []core.Reason{{Rule: "d", Code: core.AccessDenied, Message: "No.", Public: true}},
					Set:  []decision.Setting{setting("scope", `"admin.api"`)},
				}, nil
			}
			return s.ask(ch, s.open)
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: "", core.ChannelOperator: ""}},
		"disabled client": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.disabled, "client_name", `"Back again"`)
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.AccessDenied, core.ChannelOperator: ""}},
		"disabled client, forbidden": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.disabled, "scope", `"admin.api"`)
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.AccessDenied, core.ChannelOperator: core.InvalidScope}},
		"pending client": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.pending, "client_name", `"At last"`)
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.AccessDenied, core.ChannelOperator: ""}},
		"pending client, unchanged": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.pending)
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.AccessDenied, core.ChannelOperator: ""}},
		"pending client that says it is active": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.pending, "registration_status", `"active"`, "client_name", `"At last"`)
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.AccessDenied, core.ChannelOperator: ""}},
		"pending client, patched": {func(s *siege, ch core.Channel) registration.Request {
			req := s.knock(core.Update, ch, s.pending, `{"client_name":"At last"}`)
			req.Merge = true
			return req
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.AccessDenied, core.ChannelOperator: ""}},
		"pending client, deleted": {func(s *siege, ch core.Channel) registration.Request {
			return s.knock(core.Delete, ch, s.pending, "")
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.AccessDenied}},
		"pending client, approved by itself": {func(s *siege, ch core.Channel) registration.Request {
			return s.knock(core.Approve, ch, s.pending, "")
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.InvalidRequest}},
		"pending client, approved as more": {func(s *siege, ch core.Channel) registration.Request {
			return s.knock(core.Approve, ch, s.pending, `{"redirect_uris":["https://shop.example/cb","https://evil.example/"]}`)
		}, nowhere(core.InvalidClientMetadata)},
		"pending client, approved with its token": {func(s *siege, ch core.Channel) registration.Request {
			req := s.knock(core.Approve, ch, s.pending, "")
			req.Credential = registration.Credential{Bearer: s.pending.rat}
			return req
		}, nowhere(core.InvalidToken)},
		"pending client, rejected by itself": {func(s *siege, ch core.Channel) registration.Request {
			return s.knock(core.Reject, ch, s.pending, "")
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.InvalidRequest}},
		"pending client, enabled": {func(s *siege, ch core.Channel) registration.Request {
			return s.knock(core.Enable, ch, s.pending, "")
		}, nowhere(core.Conflict)},
		"pending client, disabled and enabled": {func(s *siege, ch core.Channel) registration.Request {
			s.mustDo(s.request(core.Disable, core.ChannelOperator, s.pending.id, ""))
			return s.knock(core.Enable, ch, s.pending, "")
		}, nowhere("")},
		"pending client, approved while disabled": {func(s *siege, ch core.Channel) registration.Request {
			return s.knock(core.Approve, ch, s.shelved, "")
		}, nowhere(core.Conflict)},
		"pending client, changed while disabled": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.shelved, "client_name", `"At last"`)
		}, want{core.ChannelDCR: core.InvalidRequest, core.ChannelManage: core.AccessDenied, core.ChannelOperator: ""}},
		"active client, approved": {func(s *siege, ch core.Channel) registration.Request {
			return s.knock(core.Approve, ch, s.open, "")
		}, nowhere(core.Conflict)},
		"immutable: another's id": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "client_id", `"`+string(s.fixed.id)+`"`)
		}, want{core.ChannelDCR: "", core.ChannelManage: core.InvalidRequest, core.ChannelOperator: core.InvalidRequest}},
		"immutable: a chosen secret": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "client_secret", `"chosen-by-me"`)
		}, want{core.ChannelDCR: "", core.ChannelManage: core.InvalidRequest, core.ChannelOperator: core.InvalidRequest}},
		"immutable: another profile": {func(s *siege, ch core.Channel) registration.Request {
			return s.ask(ch, s.mine(ch), "client_profile", `"old"`)
		}, want{core.ChannelDCR: core.InvalidClientMetadata, core.ChannelManage: core.InvalidRequest, core.ChannelOperator: core.InvalidRequest}},
		"locked": {func(s *siege, ch core.Channel) registration.Request {
			if ch == core.ChannelDCR {
				return s.ask(ch, client{}, "software_statement", `"`+s.issuer.sign(s.t, `"client_name":"Shop"`)+`"`, "client_name", `"Evil"`)
			}
			return s.ask(ch, s.fixed, "software_statement", "", "client_name", `"Evil"`)
		}, want{core.ChannelDCR: "", core.ChannelManage: core.InvalidClientMetadata, core.ChannelOperator: core.InvalidClientMetadata}},
		"policy's set fights its deny": {func(s *siege, ch core.Channel) registration.Request {
			s.policy = func(q *decision.Registration) (decision.Verdict, error) {
				v, err := judgedByForbidden(q)
				v.Set = []decision.Setting{setting("scope", `"openid admin.api"`)}
				return v, err
			}
			return s.ask(ch, s.mine(ch), "client_name", `"New"`)
		}, everywhere(core.PolicyUnstable)},
		"policy's set breaks the floor": {func(s *siege, ch core.Channel) registration.Request {
			s.policy = func(q *decision.Registration) (decision.Verdict, error) {
				return decision.Verdict{Allow: true, Set: []decision.Setting{setting("redirect_uris", `["data:text/html,x"]`)}}, nil
			}
			return s.ask(ch, s.mine(ch), "client_name", `"New"`)
		}, everywhere(core.PolicyUnstable)},
	} {
		for channel, code := range attack.want {
			t.Run(name+" by "+string(channel), func(t *testing.T) {
				s := besiege(t)
				req := attack.try(s, channel)
				commits := s.store.commits
				_, err := s.do(req)
				checkCode(t, err, code, "")
				if err != nil && s.store.commits != commits {
					t.Error("a refused request was committed")
				}
				s.checkWalls(t)
			})
		}
	}
}

// checkWalls goes through all that is stored: nothing forbidden, and nobody's identity taken.
func (s *siege) checkWalls(t *testing.T) {
	t.Helper()
	for _, r := range s.read {
		deny := forbidden(&decision.Registration{Operation: core.Register, Effective: decision.Document{Metadata: r.Client.Metadata}})
		if held := r.Credentials; len(deny) > 0 || r.State != core.Active || r.Client.Provenance.Profile != "default" || len(held.Secrets)+len(held.Registration) > 0 {
			t.Errorf("%+v counts: %v", r, deny)
		}
	}
	for id, stored := range s.store.clients {
		q := &decision.Registration{Operation: core.Register, Effective: decision.Document{Metadata: stored.Client.Metadata}}
		if deny := forbidden(q); len(deny) > 0 {
			t.Errorf("%s is stored as %+v: %v", id, stored.Client.Metadata, deny)
		}
		if stored.Client.ID != id || stored.Client.Metadata.ClientName == "Evil" || stored.Client.Provenance.Profile != "default" {
			t.Errorf("%s is stored as %+v", id, stored.Client)
		}
		chosen := core.Secret("chosen-by-me").Hash().String()
		if slices.ContainsFunc(stored.Credentials.Secrets, func(k core.StoredSecret) bool { return k.Hash == chosen }) {
			t.Errorf("%s has the secret that was asked for", id)
		}
	}
	fixed := s.stored(s.fixed.id).Client
	if fixed.Metadata.ClientName != "Shop" || !slices.Contains(fixed.Locked, "client_name") {
		t.Errorf("the fixed client became %+v", fixed)
	}
	if s.stored(s.disabled.id).State != core.Disabled {
		t.Error("the disabled client is back")
	}
	for name, c := range map[string]client{"pending": s.pending, "shelved": s.shelved} {
		stored := s.stored(c.id)
		if stored.State == core.Active || stored.Client.Expires.IsZero() || !stored.Client.Governance.Obliges(decision.ObligeApproval) {
			t.Errorf("the %s client is %s until %v, held to %v", name, stored.State, stored.Client.Expires, stored.Client.Governance.Obligations)
		}
	}
	if held := s.stored(s.open.id).Credentials; held.Secrets[0].Hash != s.open.secret.Hash().String() {
		t.Error("the open client's secret changed")
	}
}

// The zero Approved approves nothing.
func TestZeroApproved(t *testing.T) {
	var a registration.Approved
	if !a.IsZero() || a.Unchanged() {
		t.Errorf("zero Approved: %t, %t", a.IsZero(), a.Unchanged())
	}
	if _, spends := a.Spends(); spends {
		t.Error("it spends a token")
	}
	b := newBench(t)
	if err := b.store.Commit(t.Context(), a); err != registration.ErrZero {
		t.Errorf("the model store says %v", err)
	}
	req := b.request(core.Register, core.ChannelDCR, "", `{"redirect_uris":["javascript:x"]}`)
	if refused, _, err := b.desk.Judge(t.Context(), req); err == nil || !refused.IsZero() {
		t.Errorf("a refusal came with %v, %v", refused, err)
	}
}

// Judge alone, and a simulation, write nothing, spend nothing and book nothing.
func TestJudgeWritesNothing(t *testing.T) {
	s := besiege(t)
	commits, booked, iat := s.store.commits, len(s.book.entries), s.token(1, "")
	before := s.stored(s.open.id)
	register := s.request(core.Register, core.ChannelDCR, "", `{`+citizen+`}`)
	register.Credential.Bearer = iat
	for _, req := range []registration.Request{
		register, s.ask(core.ChannelManage, s.open, "client_name", `"New"`), s.request(core.Delete, core.ChannelOperator, s.open.id, ""),
		s.request(core.Disable, core.ChannelOperator, s.open.id, ""), s.ask(core.ChannelManage, s.open, "scope", `"admin.api"`),
	} {
		a, entry, err := s.desk.Judge(t.Context(), req)
		if entry.DecisionID != req.Decision || len(entry.Stages) == 0 || a.IsZero() != (err != nil) {
			t.Errorf("%s: %v, entry %+v", req.Operation, err, entry)
		}
		s.desk.Simulate(t.Context(), req, "")
	}
	held, _ := s.store.TokenByHash(t.Context(), iat.Hash())
	if s.store.commits != commits || len(s.book.entries) != booked || held.Uses != 0 || s.stored(s.open.id).Stamps != before.Stamps {
		t.Errorf("%d commits, %d entries, %d uses", s.store.commits-commits, len(s.book.entries)-booked, held.Uses)
	}
}
