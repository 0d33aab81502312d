package registration_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// rotation asks for a rotation as an operator does.
func (b *bench) rotation(id core.ClientID, of string, overlap time.Duration) registration.Request {
	b.t.Helper()
	req := b.request(core.Rotate, core.ChannelOperator, id, "")
	req.Rotation = registration.Rotation{Of: of, Overlap: overlap}
	return req
}

// hashes are the secrets that a client has now, newest first, each with what is left of its time.
func (b *bench) secrets(id core.ClientID) (kept []string, left []time.Duration) {
	b.t.Helper()
	for _, s := range b.stored(id).Credentials.Secrets {
		kept = append(kept, s.Hash)
		if s.ExpiresAt.IsZero() {
			left = append(left, 0)
			continue
		}
		left = append(left, s.ExpiresAt.Sub(b.now))
	}
	return kept, left
}

// Two secrets are good for a time, the newer one first, and never three.
func TestRotateSecret(t *testing.T) {
	b := newBench(t)
	first := b.register(shop)
	before := b.stored(first.id)
	b.now = b.now.Add(time.Hour)
	second := b.mustDo(b.rotation(first.id, registration.RotateSecret, 24*time.Hour))
	checkMembers(t, second.doc, "client_secret_expires_at", "0", "registration_access_token", "", "client_name", `"Shop"`,
		"warnings", `[{"rule":"rotate","fields":["client_secret"],"message":"The client_secret before this one stays good until 2026-03-02T13:00:00Z."}]`)
	if second.secret == "" || second.secret == first.secret {
		t.Fatalf("a rotation answered %s", second.doc)
	}
	kept, left := b.secrets(first.id)
	if len(kept) != 2 || kept[0] != second.secret.Hash().String() || kept[1] != first.secret.Hash().String() || left[0] != 0 || left[1] != 24*time.Hour {
		t.Errorf("kept %v, for %v", kept, left)
	}
	after := b.stored(first.id)
	if after.Client.Generation != before.Client.Generation || len(after.Credentials.Registration) != 1 {
		t.Errorf("a rotation changed more than the secret: %+v", after)
	}
	e := b.store.entries[core.DecisionID(text(second.doc, "decision_id"))]
	if e.Operation != core.Rotate || e.Outcome != ledger.Stored || e.Actor.Subject != "ada" || stages(e) != "access normalise policy approve" {
		t.Errorf("entry = %+v", e)
	}

	third := b.mustDo(b.rotation(first.id, registration.RotateSecret, time.Minute))
	if kept, left = b.secrets(first.id); len(kept) != 2 || kept[0] != third.secret.Hash().String() || kept[1] != second.secret.Hash().String() || left[1] != time.Minute {
		t.Errorf("kept %v, for %v", kept, left)
	}
	fourth := b.mustDo(b.rotation(first.id, registration.RotateSecret, 0)) // it has leaked
	if kept, _ = b.secrets(first.id); len(kept) != 1 || kept[0] != fourth.secret.Hash().String() {
		t.Errorf("kept %v, want the new one alone", kept)
	}
	checkMembers(t, fourth.doc, "warnings", "")
}

// Whoever still has the secret before may name it in an update as long as it is good (RFC 7592 section 2.2), and no longer.
func TestUpdateNamesEitherSecret(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	next := b.mustDo(b.rotation(c.id, registration.RotateSecret, time.Hour))
	for _, secret := range []core.Secret{c.secret, next.secret} {
		b.mustDo(b.manage(core.Update, c, c.put(t, "client_secret", `"`+secret.Reveal()+`"`)))
	}
	b.now = b.now.Add(time.Hour)
	b.mustDo(b.manage(core.Update, c, c.put(t, "client_secret", `"`+next.secret.Reveal()+`"`)))
	_, err := b.do(b.manage(core.Update, c, c.put(t, "client_secret", `"`+c.secret.Reveal()+`"`)))
	checkCode(t, err, core.InvalidRequest, "client_secret does not match")
}

// An overlap never lengthens the life of a secret, and the new one is held to what profile and policy allow.
func TestRotatedSecretsEnd(t *testing.T) {
	b := newBench(t, func(s *registration.Site) {
		s.Profiles = map[string]registration.Profile{"default": {ClientSecretLifetime: 2 * time.Hour}}
	})
	c := b.register(shop)
	b.now = b.now.Add(time.Hour)
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Limits: map[string]int64{decision.LimitClientSecretLifetime: 600}}, nil
	}
	b.mustDo(b.rotation(c.id, registration.RotateSecret, 24*time.Hour))
	if _, left := b.secrets(c.id); len(left) != 2 || left[0] != 10*time.Minute || left[1] != time.Hour {
		t.Errorf("the secrets live for %v", left)
	}
	b.now = b.now.Add(2 * time.Hour)
	b.mustDo(b.rotation(c.id, registration.RotateSecret, 24*time.Hour))
	if kept, _ := b.secrets(c.id); len(kept) != 1 {
		t.Errorf("an expired secret came back: %v", kept)
	}
}

// A client whose secret has expired gets another one with its next change (RFC 7592 section 2.2); a change before keeps it.
func TestExpiredSecretIsReplaced(t *testing.T) {
	b := newBench(t, func(s *registration.Site) {
		s.Profiles = map[string]registration.Profile{"default": {ClientSecretLifetime: 2 * time.Hour}}
	})
	c := b.register(shop)
	b.now = b.now.Add(2*time.Hour - time.Second)
	kept := b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"Kept"`)))
	checkMembers(t, kept.doc, "client_secret", "")
	b.now = b.now.Add(time.Second)
	same := b.mustDo(b.manage(core.Update, kept, kept.put(t)))
	checkMembers(t, same.doc, "client_secret", "")
	next := b.mustDo(b.manage(core.Update, same, same.put(t, "client_name", `"Next"`)))
	if hashes, left := b.secrets(c.id); next.secret == "" || len(hashes) != 1 || hashes[0] != next.secret.Hash().String() || left[0] != 2*time.Hour {
		t.Errorf("kept %v for %v", hashes, left)
	}
}

// A new registration access token ends every earlier one, and leaves the secret alone. A client that had none gets its first.
func TestRenewRegistrationToken(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"Two"`))) // now there are two tokens
	renewed := b.mustDo(b.rotation(c.id, registration.RotateToken, 0))
	checkMembers(t, renewed.doc, "client_secret", "", "registration_client_uri", `"https://op.example/dcr/register/`+string(c.id)+`"`)
	if kept := b.stored(c.id).Credentials; len(kept.Registration) != 1 || kept.Secrets[0].Hash != c.secret.Hash().String() {
		t.Errorf("kept %+v", kept)
	}
	_, err := b.do(b.manage(core.Read, c, ""))
	checkCode(t, err, core.InvalidToken, "")
	b.mustDo(b.manage(core.Read, renewed, ""))

	made := b.mustDo(b.request(core.Register, core.ChannelOperator, "", shop))
	first := b.mustDo(b.rotation(made.id, registration.RotateToken, 0))
	b.mustDo(b.manage(core.Read, first, ""))
}

// Policy is asked, and told what is rotated; what makes no sense is refused before.
func TestRotationIsJudged(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	keyed := b.register(`{"redirect_uris":["https://shop.example/cb"],"token_endpoint_auth_method":"none"}`)
	var asked []string
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = append(asked, string(q.Operation)+" "+q.Present[0])
		return decision.Verdict{Deny: []core.Reason{{Rule: "r", Code: core.AccessDenied, Message: "Not at night.", Public: true}}}, nil
	}
	before := b.stored(c.id)
	for _, of := range []string{registration.RotateSecret, registration.RotateToken} {
		_, err := b.do(b.rotation(c.id, of, 0))
		checkCode(t, err, core.AccessDenied, "Not at night.")
	}
	if len(asked) != 2 || asked[0] != "rotate client_secret" || asked[1] != "rotate registration_access_token" || b.stored(c.id).Stamps != before.Stamps {
		t.Errorf("policy was asked %q", asked)
	}
	for _, test := range []struct {
		req  registration.Request
		code core.Code
		says string
	}{
		{b.rotation(keyed.id, registration.RotateSecret, 0), core.Conflict, "no secret: it authenticates by none"},
		{b.rotation(c.id, registration.RotateSecret, -time.Second), core.InvalidRequest, "overlap must be from 0 to 7776000"},
		{b.rotation(c.id, registration.RotateSecret, registration.MaxOverlap+time.Second), core.InvalidRequest, "overlap"},
		{b.rotation(c.id, "client_id", 0), core.InvalidRequest, "can be rotated"},
		{b.rotation("c-none", registration.RotateSecret, 0), core.NotFound, ""},
	} {
		_, err := b.do(test.req)
		checkCode(t, err, test.code, test.says)
	}
	own := b.rotation(c.id, registration.RotateSecret, 0)
	own.Channel, own.Credential = core.ChannelManage, registration.Credential{Bearer: c.rat}
	_, err := b.do(own)
	checkCode(t, err, core.InvalidRequest, "not offered here")
	if len(asked) != 2 {
		t.Errorf("policy was asked %q", asked)
	}
}
