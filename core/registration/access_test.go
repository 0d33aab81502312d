package registration_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// face is what a caller is told, but for the decision id.
func face(t *testing.T, err error) string {
	t.Helper()
	e := core.AsError(err)
	if e.Decision == "" {
		t.Errorf("no decision id: %v", err)
	}
	text, marshal := json.Marshal([]any{e.Code, e.Detail, e.Reasons, e.RetryAfter})
	if marshal != nil {
		t.Fatal(marshal)
	}
	return string(text)
}

// Every initial access token that is not good is refused alike, spends nothing and is not asked of policy.
func TestBadInitialAccessTokens(t *testing.T) {
	b := newBench(t)
	good, used, expired := b.token(1, ""), b.token(1, ""), b.token(1, "")
	spend := func(secret core.Secret, change func(*registration.Held)) {
		h := b.store.tokens[secret.Hash()]
		change(&h)
		b.store.tokens[secret.Hash()] = h
	}
	spend(used, func(h *registration.Held) { h.Uses = 1 })
	spend(expired, func(h *registration.Held) { h.Token.ExpiresAt = b.now })
	rat := b.register(shop).rat
	before := b.store.commits
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		t.Error("policy was asked")
		return decision.Verdict{}, nil
	}
	faces := map[string]bool{}
	for name, bearer := range map[string]core.Secret{
		"unknown": core.NewSecret(), "truncated": good[:42], "extended": good + "A", "other case": core.Secret(strings.ToLower(good.Reveal())),
		"used up": used, "expired": expired, "of another kind": rat,
	} {
		req := b.request(core.Register, core.ChannelDCR, "", shop)
		req.Credential.Bearer = bearer
		_, err := b.do(req)
		checkCode(t, err, core.InvalidToken, "unknown, expired, revoked or used up")
		faces[face(t, err)] = true
		if e := b.lastEntry(); stages(e) != "access" || e.Verdict != ledger.Denied || e.Actor.Kind != registration.KindOpen || e.Input != nil {
			t.Errorf("%s: entry %+v", name, e)
		}
	}
	if len(faces) != 1 || b.store.commits != before {
		t.Errorf("%d different answers: %v; %d commits", len(faces), faces, b.store.commits-before)
	}
}

// A wrong, foreign, truncated or extended registration token, and that of a client that is not there, end alike.
func TestBadRegistrationTokens(t *testing.T) {
	b := newBench(t)
	mine, other := b.register(shop), b.register(shop)
	gone := b.register(shop)
	if _, err := b.do(b.manage(core.Delete, gone, "")); err != nil {
		t.Fatal(err)
	}
	before := b.store.commits
	for _, op := range []core.Operation{core.Read, core.Update, core.Delete} {
		faces := map[string]bool{}
		for name, c := range map[string]client{
			"wrong":        {id: mine.id, rat: core.NewSecret()},
			"foreign":      {id: mine.id, rat: other.rat},
			"truncated":    {id: mine.id, rat: mine.rat[:42]},
			"extended":     {id: mine.id, rat: mine.rat + "A"},
			"initial":      {id: mine.id, rat: b.token(1, "")},
			"the secret":   {id: mine.id, rat: mine.secret},
			"deleted":      gone,
			"never was":    {id: "c-nobody", rat: mine.rat},
			"no client":    {rat: mine.rat},
			"no such name": {id: core.ClientID(strings.Repeat("x", 5000)), rat: mine.rat},
		} {
			_, err := b.do(b.manage(op, c, shop))
			checkCode(t, err, core.InvalidToken, "not valid for this client")
			faces[face(t, err)] = true
			e := b.lastEntry()
			if stages(e) != "access" || e.Outcome != ledger.Nothing || len(e.ClientID) > registration.MaxClientID {
				t.Errorf("%s %s: entry %+v", op, name, e)
			}
		}
		if len(faces) != 1 {
			t.Errorf("%s: %d different answers: %v", op, len(faces), faces)
		}
	}
	_, err := b.do(b.manage(core.Read, client{id: mine.id}, ""))
	checkCode(t, err, core.InvalidToken, "is needed")
	if b.store.commits != before {
		t.Error("something was written")
	}
}

// Without a credential it is for policy to say; a presented one that is bad is refused even where none was needed.
func TestOpenRegistration(t *testing.T) {
	b := newBench(t)
	var kind string
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		kind = q.Caller.Kind
		return decision.Verdict{Allow: true}, nil
	}
	doc, err := b.do(b.request(core.Register, core.ChannelDCR, "", shop))
	if err != nil || kind != registration.KindOpen || clientOf(doc).rat == "" {
		t.Errorf("open: %v, kind %q", err, kind)
	}
	req := b.request(core.Register, core.ChannelDCR, "", shop)
	req.Credential.Bearer = "wrong"
	_, err = b.do(req)
	checkCode(t, err, core.InvalidToken, "")
}

// What is not offered through a channel never comes as far as policy, whoever asks.
func TestDoors(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	allowed := map[core.Channel]string{
		core.ChannelDCR: "register", core.ChannelManage: "read update delete", core.ChannelOperator: "register update read disable enable delete approve reject",
		core.ChannelDocument: "register",
	}
	before := b.store.commits
	asked := 0
	b.policy = func(*decision.Registration) (decision.Verdict, error) { asked++; return decision.Verdict{}, nil }
	for _, channel := range []core.Channel{core.ChannelDCR, core.ChannelManage, core.ChannelOperator, core.ChannelDocument, "backdoor", ""} {
		for _, op := range []core.Operation{core.Register, core.Read, core.Update, core.Delete, core.Disable, core.Enable, core.Approve, core.Reject, "adopt", ""} {
			if strings.Contains(" "+allowed[channel]+" ", " "+string(op)+" ") && op != "" {
				continue
			}
			req := b.request(op, channel, c.id, shop)
			req.Credential.Bearer = c.rat
			_, err := b.do(req)
			checkCode(t, err, core.InvalidRequest, "not offered here")
		}
	}
	req := b.request(core.Delete, core.ChannelOperator, c.id, "")
	req.Credential.Operator, req.Credential.Bearer = "", c.rat
	_, err := b.do(req)
	checkCode(t, err, core.InvalidToken, "operator")
	if asked > 0 || b.store.commits != before {
		t.Errorf("policy was asked %d times, %d commits", asked, b.store.commits-before)
	}
}

// What web refused is written down under the name of who is known to have asked.
func TestRefusedByWeb(t *testing.T) {
	b := newBench(t)
	req := b.request(core.Update, core.ChannelOperator, "c-1", "")
	req.Refused = core.Refuse(core.PreconditionFailed, "Changed.")
	_, err := b.do(req)
	checkCode(t, err, core.PreconditionFailed, "Changed.")
	e := b.lastEntry()
	if stages(e) != "access" || e.Actor.Kind != registration.KindOperator || e.Actor.Subject != "ada" || e.Error.Code != core.PreconditionFailed ||
		e.Stages[0].Reasons[0].Code != core.PreconditionFailed {
		t.Errorf("entry = %+v", e)
	}
	req = b.request(core.Register, core.ChannelDCR, "", "")
	req.Refused = core.Refuse(core.InvalidRequest, "Not JSON.")
	if _, err = b.do(req); b.lastEntry().Actor.Kind != registration.KindOpen {
		t.Errorf("entry = %+v, %v", b.lastEntry(), err)
	}
}

func TestOperatorsRequests(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	_, err := b.do(b.request(core.Read, core.ChannelOperator, "c-nobody", ""))
	checkCode(t, err, core.NotFound, "no client")
	doc, err := b.do(b.request(core.Read, core.ChannelOperator, c.id, ""))
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, doc, "client_name", `"Shop"`, "registration_access_token", "", "client_secret", "", "client_secret_expires_at", "0")

	old := []string{`W/"weak"`, b.stored(c.id).Tag()}
	update := b.request(core.Update, core.ChannelOperator, c.id, `{"client_name":"New","redirect_uris":["https://shop.example/cb"]}`)
	update.IfMatch = old
	if doc, err = b.do(update); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, doc, "client_name", `"New"`, "registration_access_token", "")
	if _, err := b.do(b.manage(core.Read, c, "")); err != nil {
		t.Errorf("an operator's update ended the client's own token: %v", err)
	}
	late := b.request(core.Update, core.ChannelOperator, c.id, shop)
	late.IfMatch = old
	_, err = b.do(late)
	checkCode(t, err, core.PreconditionFailed, "changed since")
}

func TestDisableAndEnable(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	generation := b.stored(c.id).Client.Generation
	doc, err := b.do(b.request(core.Disable, core.ChannelOperator, c.id, ""))
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, doc, "registration_status", `"disabled"`)
	disabled := b.stored(c.id)
	if disabled.State != core.Disabled || disabled.Client.Generation == generation {
		t.Errorf("disabled: %s, generation %d", disabled.State, disabled.Client.Generation)
	}
	commits := b.store.commits
	if _, err := b.do(b.request(core.Disable, core.ChannelOperator, c.id, "")); err != nil || b.store.commits != commits {
		t.Errorf("disabling twice: %v, %d commits", err, b.store.commits-commits)
	}
	if e := b.lastEntry(); e.Outcome != ledger.Unchanged || e.Verdict != ledger.Allowed {
		t.Errorf("entry = %+v", e)
	}
	if doc, err = b.do(b.manage(core.Read, c, "")); err != nil {
		t.Errorf("a disabled client cannot be read: %v", err)
	}
	checkMembers(t, doc, "registration_status", `"disabled"`)
	for _, op := range []core.Operation{core.Update, core.Delete} {
		_, err := b.do(b.manage(op, c, c.put(t)))
		checkCode(t, err, core.AccessDenied, "is disabled")
	}
	b.now = b.now.Add(time.Second)
	if _, err = b.do(b.request(core.Enable, core.ChannelOperator, c.id, "")); err != nil {
		t.Fatal(err)
	}
	enabled := b.stored(c.id)
	if enabled.State != core.Active || enabled.Client.Generation == disabled.Client.Generation || enabled.Client.Generation == generation {
		t.Errorf("enabled: %s, generation %d", enabled.State, enabled.Client.Generation)
	}
}
