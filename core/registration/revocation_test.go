package registration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// List is what an issuer has taken back.
func (b *bench) List(_ context.Context, address string, authorization core.Secret) ([]byte, error) {
	body, ok := b.published[address]
	if !ok || authorization != b.authorization {
		return nil, errors.New("not reachable")
	}
	b.asked++
	return []byte(body), nil
}

// Introspect is what an issuer says of one statement.
func (b *bench) Introspect(ctx context.Context, endpoint string, authorization core.Secret, statement string) ([]byte, error) {
	if answer, ok := b.published[endpoint+" "+statement]; ok {
		return []byte(answer), nil
	}
	return b.List(ctx, endpoint, authorization)
}

// Page implements registration.RecallStore, two clients at a time.
func (v *vault) Page(_ context.Context, f registration.Filter, cursor string, _ int) (page []registration.Stored, next string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var ids []core.ClientID
	for id, s := range v.clients {
		if f.Holds(s) && string(id) > cursor {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids[:min(2, len(ids))] {
		page = append(page, v.clients[id])
	}
	if len(ids) > 2 {
		next = string(ids[1])
	}
	return page, next, v.fail
}

const revokedList = "https://issuer.example/revoked"

func revoking(t *testing.T, issuer signer, by registration.Revocation) *bench {
	b := newBench(t, onTerms(t, issuer, registration.Terms{Revocation: by}))
	b.published = map[string]string{revokedList: `{"jti":[],"software_id":[],"issued":7}`}
	return b
}

// A statement that its issuer took back is refused, new or repeated, with an update or without; others are not.
func TestRevokedStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := revoking(t, issuer, registration.Revocation{List: revokedList, Every: time.Minute})
	statement := issuer.sign(t, `"jti":"j-1","software_id":"s-1","org_id":"o-1"`)
	c := b.register(body(statement, ""))
	for name, list := range map[string]string{"jti": `{"jti":["x","j-1"]}`, "software_id": `{"software_id":["s-1"]}`, "org_id": `{"org_id":["o-1"]}`} {
		b.published[revokedList] = list
		b.now = b.now.Add(2 * time.Minute)
		_, err := b.ask(body(statement, ""))
		t.Run(name, func(t *testing.T) {
			checkCode(t, err, core.InvalidSoftwareStatement, "revoked by its issuer")
			_, err := b.do(b.manage(core.Update, c, c.put(t, "contacts", `["x"]`)))
			checkCode(t, err, core.InvalidSoftwareStatement, "revoked by its issuer")
			_, err = b.do(b.manage(core.Update, c, c.put(t, "software_statement", "", "contacts", `["x"]`)))
			checkCode(t, err, core.InvalidSoftwareStatement, "revoked by its issuer")
		})
	}
	if _, err := b.ask(body(issuer.sign(t, `"jti":"j-2","software_id":"s-2","org_id":"o-2"`), "")); err != nil {
		t.Errorf("another statement: %v", err)
	}
}

// A list is read when it is old, not more often; while it cannot be read the last one counts for a day, and then nobody is let in.
func TestRevocationListOverTime(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := revoking(t, issuer, registration.Revocation{List: revokedList, Every: 10 * time.Minute, Authorization: "Bearer x"})
	b.authorization = "Bearer x"
	statement := issuer.sign(t, `"jti":"j-1"`)
	ask := func(what string, after time.Duration, reads int, says string) {
		t.Helper()
		b.now = b.now.Add(after)
		_, err := b.ask(body(statement, ""))
		if says != "" {
			checkCode(t, err, core.TemporarilyUnavailable, says)
		} else if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if b.asked != reads {
			t.Errorf("%s: read %d times, want %d", what, b.asked, reads)
		}
	}
	good := b.published[revokedList]
	delete(b.published, revokedList)
	ask("never read", 0, 0, "cannot be known now")
	b.published[revokedList] = good
	ask("tried a moment ago", time.Second, 0, "cannot be known now")
	ask("tried a while ago", time.Minute, 1, "")
	ask("fresh", 9*time.Minute, 1, "")
	ask("old", time.Minute, 2, "")
	for _, broken := range []string{`[]`, `{"jti":"j-1"}`, `{"jti":[1]}`, `{`, `{"jti":[],"jti":["j-1"]}`} {
		b.published[revokedList] = broken
		b.now = b.now.Add(time.Hour)
		if _, err := b.ask(body(statement, "")); err != nil {
			t.Errorf("%s: %v", broken, err)
		}
	}
	b.now = b.now.Add(20 * time.Hour)
	_, err := b.ask(body(statement, ""))
	checkCode(t, err, core.TemporarilyUnavailable, "cannot be known now")
}

// An issuer may be asked about each statement.
func TestIntrospectedStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	const endpoint = "https://issuer.example/introspect"
	b := revoking(t, issuer, registration.Revocation{Introspection: endpoint})
	statement := issuer.sign(t, `"jti":"j-1"`)
	for answer, want := range map[string]core.Code{
		`{"active":true}`: "", `{"active":false}`: core.InvalidSoftwareStatement, `{"active":"true"}`: core.TemporarilyUnavailable, `{}`: core.TemporarilyUnavailable,
		`[true]`: core.TemporarilyUnavailable, `no`: core.TemporarilyUnavailable,
	} {
		b.published[endpoint] = answer
		if _, err := b.ask(body(statement, "")); core.CodeOf(err) != want && (err != nil || want != "") {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// The clients of a revoked statement are disabled by the system, down the road and once; others and those of others are left alone,
// and nobody is enabled again but by an operator.
func TestRecall(t *testing.T) {
	issuer, other := newSigner(t, "https://issuer.example"), newSigner(t, "https://other.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{Revocation: registration.Revocation{List: revokedList, Every: time.Minute}}), trusting(t, other))
	b.published = map[string]string{revokedList: `{}`}
	var made []client
	for range 3 {
		made = append(made, b.register(body(issuer.sign(t, `"jti":"j-1","software_id":"s-1"`), "")))
	}
	keeps := []client{b.register(body(issuer.sign(t, `"jti":"j-2","software_id":"s-2"`), "")), b.register(body(other.sign(t, `"jti":"j-1","software_id":"s-1"`), "")), b.register(shop)}
	recall := registration.NewRecall(b.desk, b.store)
	look := func(want int) registration.Recalled {
		t.Helper()
		b.now = b.now.Add(2 * time.Minute)
		done := recall.Due(t.Context())
		if len(done.Disabled) != want {
			t.Errorf("%d disabled, want %d: %+v", len(done.Disabled), want, done)
		}
		return done
	}
	look(0)
	b.published[revokedList] = `{"software_id":["s-1"]}`
	var asked decision.Registration
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = *q
		return decision.Verdict{Allow: true}, nil
	}
	generation := b.stored(made[0].id).Client.Generation
	look(3)
	if table := recall.Issuers(); len(table) != 2 || table[0].From != registration.FromSettings || table[0].Asks != time.Minute ||
		table[0].Look != (registration.Look{Time: b.now, Looked: 4, Disabled: 3}) || table[1].Look != (registration.Look{}) {
		t.Errorf("the table says %+v", table)
	}
	if asked.Caller.Kind != registration.KindSystem || asked.Channel != core.ChannelSystem || asked.Operation != core.Disable {
		t.Errorf("policy was asked about %+v", asked)
	}
	for _, c := range made {
		s := b.stored(c.id)
		if s.State != core.Disabled || c.id == made[0].id && s.Client.Generation == generation {
			t.Errorf("%s is %s in generation %d", c.id, s.State, s.Client.Generation)
		}
		e := b.store.entries[s.Client.Provenance.WrittenBy]
		if e.Actor.Kind != "system" || e.Operation != core.Disable || e.Outcome != ledger.Stored || !strings.Contains(e.Stages[len(e.Stages)-1].Reasons[0].Message, "(software_id)") {
			t.Errorf("entry %+v", e)
		}
	}
	for _, c := range keeps {
		if s := b.stored(c.id); s.State != core.Active {
			t.Errorf("%s is %s", c.id, s.State)
		}
	}
	entries := len(b.store.entries)
	look(0)
	if recall.Due(t.Context()).Looked != 0 {
		t.Error("it looked again before its time")
	}
	recall = registration.NewRecall(b.desk, b.store) // after a restart
	look(0)
	b.published[revokedList] = `{}`
	look(0)
	if b.stored(made[0].id).State != core.Disabled || len(b.store.entries) != entries {
		t.Error("who was disabled came back by itself, or left an entry")
	}
	if _, err := b.do(b.request(core.Enable, core.ChannelOperator, made[0].id, "")); err != nil {
		t.Fatal(err)
	}
	look(0)
	if s := b.stored(made[0].id); s.State != core.Active {
		t.Errorf("an operator enabled it, and it is %s", s.State)
	}
}

// overtaking is a RecallStore whose clients are changed as soon as they were listed.
type overtaking struct {
	*vault
	change func()
}

func (o overtaking) Page(ctx context.Context, f registration.Filter, cursor string, limit int) ([]registration.Stored, string, error) {
	page, next, err := o.vault.Page(ctx, f, cursor, limit)
	o.change()
	return page, next, err
}

// A client that brings a good statement while the one before it is looked at is not disabled for what it does not have any more.
func TestRecallIsOvertaken(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := revoking(t, issuer, registration.Revocation{List: revokedList})
	c := b.register(body(issuer.sign(t, `"jti":"j-1"`), ""))
	b.published[revokedList] = `{"jti":["j-1"]}`
	b.now = b.now.Add(time.Hour)
	change := func() {
		_, err := b.do(b.manage(core.Update, c, c.put(t, "software_statement", `"`+issuer.sign(t, `"jti":"j-2"`)+`"`)))
		checkCode(t, err, "", "")
	}
	done := registration.NewRecall(b.desk, overtaking{b.store, change}).Due(t.Context())
	if s := b.stored(c.id); s.State != core.Active || len(done.Disabled) > 0 || len(done.Failed) != 1 {
		t.Errorf("it is %s: %+v", s.State, done)
	}
}

// Statements about which nothing can be known keep nobody from looking at those after them.
func TestRecallGoesOn(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := revoking(t, issuer, registration.Revocation{Introspection: revokedList})
	b.published[revokedList] = `{"active":true}`
	var made []client
	for i := range 15 {
		made = append(made, b.register(body(issuer.sign(t, fmt.Sprintf(`"jti":"j-%d"`, i)), "")))
	}
	slices.SortFunc(made, func(x, y client) int { return strings.Compare(string(x.id), string(y.id)) })
	b.published[revokedList] = `{"active":false}`
	for _, c := range made[:14] {
		b.published[revokedList+" "+text(c.doc, "software_statement")] = `no answer`
	}
	recall := registration.NewRecall(b.desk, b.store)
	for range 2 {
		b.now = b.now.Add(time.Minute)
		recall.Due(t.Context())
	}
	if s := b.stored(made[14].id); s.State != core.Disabled {
		t.Errorf("the last one is %s", s.State)
	}
	b.published[revokedList+" "+text(made[0].doc, "software_statement")] = `{"active":false}`
	b.now = b.now.Add(time.Minute)
	recall.Due(t.Context())
	if s := b.stored(made[0].id); s.State != core.Disabled {
		t.Errorf("then the first one is %s", s.State)
	}
}

// A pattern says nothing about an issuer that has an entry of its own, neither when its statements come nor later.
func TestRecallByPattern(t *testing.T) {
	issuer := newSigner(t, "https://named.issuer.example")
	b := newBench(t, trusting(t, issuer), func(s *registration.Site) {
		s.TrustedIssuers = append(s.TrustedIssuers, registration.TrustedIssuer{
			Issuer: "https://*.issuer.example", Keys: "plugin", Terms: registration.Terms{Revocation: registration.Revocation{List: revokedList}},
		})
	})
	b.published = map[string]string{revokedList: `{"jti":["j-1"]}`}
	c := b.register(body(issuer.sign(t, `"jti":"j-1"`), ""))
	if done := registration.NewRecall(b.desk, b.store).Due(t.Context()); b.stored(c.id).State != core.Active || done.Looked != 0 {
		t.Errorf("it is %s: %+v", b.stored(c.id).State, done)
	}
}

// What policy keeps is kept, and tried again; an issuer that cannot be asked disables nobody.
func TestRecallIsRefused(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := revoking(t, issuer, registration.Revocation{List: revokedList})
	c := b.register(body(issuer.sign(t, `"jti":"j-1"`), ""))
	recall := registration.NewRecall(b.desk, b.store)
	delete(b.published, revokedList)
	b.now = b.now.Add(48 * time.Hour)
	if done := recall.Due(t.Context()); len(done.Failed) == 0 || len(done.Disabled) > 0 {
		t.Errorf("unreachable: %+v", done)
	}
	b.published[revokedList] = `{"jti":["j-1"]}`
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "keep", Code: core.AccessDenied, Message: "keep"}}}, nil
	}
	b.now = b.now.Add(time.Minute)
	if done := recall.Due(t.Context()); len(done.Failed) != 1 || b.stored(c.id).State != core.Active {
		t.Errorf("policy keeps it: %+v", done)
	}
	b.policy = allow
	b.now = b.now.Add(6 * time.Minute)
	if done := recall.Due(t.Context()); len(done.Disabled) != 1 || b.stored(c.id).State != core.Disabled {
		t.Errorf("in the end: %+v", done)
	}
}

func TestRevocationProblems(t *testing.T) {
	_, err := read(`trusted_issuers:
  - issuer: https://a.example
    jwks_uri: https://a.example/jwks
    revocation: {list: "http://a.example/revoked"}
  - issuer: https://b.example
    jwks_uri: https://a.example/jwks
    revocation: {list: revoked.json, introspection: "https://a.example/introspect", every: 1s}
  - issuer: https://c.example
    jwks_uri: https://a.example/jwks
    revocation: {authorization: "Bearer x"}
  - issuer: https://d.example
    jwks_uri: https://a.example/jwks
    revocation: {introspection: a.example}
`)
	for _, want := range []string{
		"4: trusted_issuers[0].revocation.list: must be an https URL", "7: trusted_issuers[1].revocation.introspection: stands beside list",
		"7: trusted_issuers[1].revocation.every: must be a duration", "10: trusted_issuers[2].revocation: needs list or introspection",
		"13: trusted_issuers[3].revocation.introspection: must be an https URL",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in %v", want, err)
		}
	}
}
