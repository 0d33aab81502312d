package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/slowhash"
)

// declare is the request of an operator's file for a client.
func (b *bench) declare(id core.ClientID, body string, secrets ...registration.SuppliedSecret) registration.Request {
	b.t.Helper()
	req := b.request(core.Register, core.ChannelImport, id, body)
	req.Credential = registration.Credential{Operator: "ada"}
	req.Declared = &registration.Declaration{Set: "shop", Secrets: secrets}
	return req
}

func (b *bench) declared(req registration.Request) core.Operation {
	b.t.Helper()
	_, op, err := b.desk.Declare(b.t.Context(), req)
	if err != nil {
		b.t.Fatal(err)
	}
	return op
}

func (b *bench) planned(req registration.Request) registration.Planned {
	b.t.Helper()
	p, err := b.desk.Plan(b.t.Context(), req)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

const declaredShop = `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scope":"openid"}`

// A declared client has the id that the operator chose, the mark of its set and the secret that came with it. The second time
// nothing is written.
func TestDeclare(t *testing.T) {
	b := newBench(t)
	req := b.declare("shop", declaredShop, registration.SuppliedSecret{Clear: "a supplied secret"})
	p := b.planned(req)
	if p.Err != nil || p.Operation != core.Register || p.Unchanged || !p.Secrets || p.Made || len(p.Diff) == 0 || p.Tag != "" || b.store.commits != 0 {
		t.Fatalf("planned %+v with %d commits", p, b.store.commits)
	}
	if op := b.declared(req); op != core.Register {
		t.Errorf("the first time: %s", op)
	}
	stored := b.stored("shop")
	secret := stored.Credentials.Secrets[0]
	h, err := slowhash.Parse(secret.Hash)
	if c := stored.Client; c.Provenance.Channel != core.ChannelImport || c.Provenance.Declared != "shop" || len(stored.Credentials.Registration) != 0 ||
		secret.Alg != "argon2id" || err != nil || !h.Matches("a supplied secret") {
		t.Errorf("stored %+v", stored)
	}
	if e := b.store.entries[stored.Client.Provenance.RegisteredBy]; e.Channel != core.ChannelImport || e.Actor.Subject != "ada" || e.ClientID != "shop" {
		t.Errorf("entry %+v", e)
	}
	commits := b.store.commits
	if op := b.declared(req); op != core.Update || b.store.commits != commits || b.stored("shop").Credentials.Secrets[0] != secret {
		t.Errorf("the second time: %s, %d commits more", op, b.store.commits-commits)
	}
	if p := b.planned(req); !p.Unchanged || p.Secrets || len(p.Diff) != 0 || p.Tag != stored.Tag() {
		t.Errorf("planned again: %+v", p)
	}
	changed := b.declare("shop", `{"client_name":"Shop 2","redirect_uris":["https://shop.example/cb"],"scope":"openid"}`)
	if p := b.planned(changed); p.Unchanged || p.Secrets || len(p.Diff) != 1 || p.Diff[0].Path != "/client_name" {
		t.Errorf("another name: %+v", p)
	}
	b.declared(changed)
	if got := b.stored("shop"); got.Client.Metadata.ClientName != "Shop 2" || got.Credentials.Secrets[0] != secret {
		t.Errorf("without a secret it loses the one it has: %+v", got.Credentials)
	}
	if p := b.planned(b.declare("shop", declaredShop, registration.SuppliedSecret{Clear: "another secret"})); !p.Secrets || p.Unchanged {
		t.Errorf("another secret: %+v", p)
	}
}

// A hash that somebody else made stays as it is until it is used; what takes its place later counts as the same.
func TestDeclaredHashes(t *testing.T) {
	b := newBench(t)
	const bcrypt = "$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga"
	ends := b.now.Add(time.Hour)
	req := b.declare("shop", declaredShop, registration.SuppliedSecret{Alg: "bcrypt", Hash: bcrypt, ExpiresAt: ends})
	b.declared(req)
	if got := b.stored("shop").Credentials.Secrets; len(got) != 1 || got[0].Hash != bcrypt || got[0].Alg != "bcrypt" || !got[0].ExpiresAt.Equal(ends) {
		t.Fatalf("kept %+v", got)
	}
	if p := b.planned(req); !p.Unchanged {
		t.Errorf("the same hash again: %+v", p)
	}
	sooner := req
	sooner.Declared = &registration.Declaration{Set: "shop", Secrets: []registration.SuppliedSecret{{Alg: "bcrypt", Hash: bcrypt, ExpiresAt: ends.Add(-time.Minute)}}}
	if p := b.planned(sooner); p.Unchanged || !p.Secrets {
		t.Errorf("another end: %+v", p)
	}
}

// What a plan of a client costs does not grow with how many there are: as often as it reads the store and asks policy among 200, so
// often it does among 400.
func TestPlanOfManyClients(t *testing.T) {
	type cost struct{ reads, asked float64 }
	costs := func(n int) (first, unchanged cost) {
		b, asked := newBench(t), 0
		b.policy = func(*decision.Registration) (decision.Verdict, error) {
			asked++
			return decision.Verdict{Allow: true}, nil
		}
		all := func(want core.Operation) cost {
			asked, b.store.reads = 0, 0
			for i := range n {
				p := b.planned(b.declare(core.ClientID(fmt.Sprintf("shop-%d", i)), declaredShop))
				if p.Err != nil || p.Operation != want || p.Unchanged != (want == core.Update) {
					t.Fatalf("%+v", p)
				}
			}
			return cost{float64(b.store.reads) / float64(n), float64(asked) / float64(n)}
		}
		first = all(core.Register)
		for i := range n {
			b.declared(b.declare(core.ClientID(fmt.Sprintf("shop-%d", i)), declaredShop))
		}
		return first, all(core.Update)
	}
	few, fewAgain := costs(200)
	many, manyAgain := costs(400)
	if few != many || fewAgain != manyAgain || few.asked != 1 || fewAgain.asked != 1 || few.reads < 1 || few.reads > 2 || fewAgain.reads > 2 {
		t.Errorf("each of 200: %v, and unchanged %v; each of 400: %v, and unchanged %v", few, fewAgain, many, manyAgain)
	}
}

// Who declares takes over what nobody declared, and leaves alone what others did. Only what was declared is withdrawn.
func TestDeclarationsKeepApart(t *testing.T) {
	b := newBench(t)
	b.declared(b.declare("shop", declaredShop))
	mine := b.register(shop)
	others := b.declare("shop", declaredShop)
	others.Declared = &registration.Declaration{Set: "other"}
	_, _, err := b.desk.Declare(t.Context(), others)
	checkCode(t, err, core.Conflict, `"shop"`)
	b.declared(b.declare(mine.id, declaredShop))
	if p := b.stored(mine.id).Client.Provenance; p.Declared != "" || p.Channel != core.ChannelDCR {
		t.Errorf("taken over: %+v", p)
	}
	withdraw := func(id core.ClientID) error {
		req := b.declare(id, "")
		req.Operation = core.Delete
		_, err := b.desk.Do(t.Context(), req)
		return err
	}
	checkCode(t, withdraw(mine.id), core.Conflict, "was not declared")
	if err := withdraw("shop"); err != nil {
		t.Error(err)
	}
	fresh := b.declare(mine.id, declaredShop)
	fresh.Declared.New = true
	_, _, err = b.desk.Declare(t.Context(), fresh)
	checkCode(t, err, core.PreconditionFailed, "meanwhile")
	gone := b.declare("shop", declaredShop)
	gone.IfMatch = []string{`"x"`}
	_, _, err = b.desk.Declare(t.Context(), gone)
	checkCode(t, err, core.PreconditionFailed, "any more")
}

// The import is judged like anything else, and is for operators.
func TestDeclarationsAreJudged(t *testing.T) {
	b := newBench(t)
	b.policy = judgedByForbidden
	p := b.planned(b.declare("shop", declaredShop))
	if p.Err == nil || core.CodeOf(p.Err) != core.InvalidClientMetadata || len(core.AsError(p.Err).Reasons) != 1 {
		t.Errorf("planned %+v", p)
	}
	_, _, err := b.desk.Declare(t.Context(), b.declare("shop", declaredShop))
	checkCode(t, err, core.InvalidClientMetadata, "contacts")
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		if q.Channel != core.ChannelImport || q.Caller.Kind != registration.KindOperator || q.Effective.ClientID != "shop" {
			t.Errorf("asked about %s of %s by %s", q.Effective.ClientID, q.Channel, q.Caller.Kind)
		}
		return allow(q)
	}
	stranger := b.declare("shop", declaredShop)
	stranger.Credential = registration.Credential{}
	_, _, err = b.desk.Declare(t.Context(), stranger)
	checkCode(t, err, core.InvalidToken, "operator")
	for _, id := range []core.ClientID{"", "a b", "ü", "..", core.ClientID(core.NewSubject())} {
		_, _, err = b.desk.Declare(t.Context(), b.declare(id, declaredShop))
		if r := core.AsError(err).Reasons; err == nil || len(r) != 1 || r[0].Rule != "client_id" {
			t.Errorf("the id %q: %v, %+v", id, err, r)
		}
	}
	b.policy = allow
	exported := core.NewClientID(b.now)
	b.declared(b.declare(exported, declaredShop))
	if _, is := b.store.clients[exported]; !is {
		t.Error("an exported client loses its id")
	}
}

// What is said of secrets never reaches policy or plugins.
func TestDeclaredSecretsAreNotJudged(t *testing.T) {
	b := newBench(t)
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		text := string(decision.AppendKept(nil, q))
		if slices.ContainsFunc([]string{"supplied", "argon2"}, func(s string) bool { return strings.Contains(text, s) }) {
			t.Errorf("policy is told of the secret: %s", text)
		}
		return allow(q)
	}
	b.declared(b.declare("shop", declaredShop, registration.SuppliedSecret{Clear: "a supplied secret"}))
	public := b.declare("spa", `{"client_name":"S","redirect_uris":["https://shop.example/cb"],"token_endpoint_auth_method":"none"}`, registration.SuppliedSecret{Clear: "a supplied secret"})
	if p := b.planned(public); p.Err != nil || len(p.Warnings) != 1 || p.Secrets {
		t.Errorf("a secret of a public client: %+v", p)
	}
	b.declared(public)
	if len(b.stored("spa").Credentials.Secrets) != 0 {
		t.Error("a public client has a secret")
	}
}

// A question about the channel alone, of no set, is answered.
func TestSimulateTheImport(t *testing.T) {
	b := newBench(t)
	b.declared(b.declare("shop", declaredShop))
	req := b.declare("shop", `{"client_name":"Other","redirect_uris":["https://shop.example/cb"]}`)
	req.Operation, req.Declared = core.Update, nil
	if s := b.desk.Simulate(t.Context(), req, ""); s.Err != nil {
		t.Error(s.Err)
	}
	if _, err := b.desk.Do(t.Context(), req); core.CodeOf(err) != core.Conflict {
		t.Errorf("without a set a declared client is changed: %v", err)
	}
}
