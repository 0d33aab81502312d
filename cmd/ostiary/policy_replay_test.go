package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
	"github.com/ostiary/ostiary/storage/memory"
)

// houseRules strip, set, default and deny, so that decisions take two passes.
const houseRules = `package ostiary.registration.site.house

strip contains {"rule": "house.no_phone", "scope": "phone"} if input.operation in {"register", "update"}

default_value contains {"rule": "house.contact", "field": "contacts", "value": ["ops@shop.example"]} if input.operation == "register"

deny contains {"rule": "house.name", "code": "invalid_client_metadata", "field": "client_name", "message": "This name is ours."} if {
	input.operation in {"register", "update"}
	startswith(input.effective.client_name, "Ours")
}

limit contains {"rule": "house.life", "name": "client_lifetime", "value": 864000} if input.iat.present

label contains "tagged" if input.effective.extra["client_name#fr"]
`

// openHouse is a house on an engine with the rules of houseRules.
func openHouse(t *testing.T, engine storage.Engine) *house {
	t.Helper()
	ring, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	s := defaults()
	s.DataDir, s.Ledger.RefusedPerMinute = t.TempDir(), 1_000_000
	s.PolicyDir, s.PluginDir, s.DCRConfig = filepath.Join(s.DataDir, "policies"), filepath.Join(s.DataDir, "plugins"), filepath.Join(s.DataDir, "dcr_config.yaml")
	for _, dir := range []string{s.PolicyDir, s.PluginDir} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	unlimited := append(bytes.Clone(devSite), "\nlimits: {all: {burst: 1000000}, name: {burst: 100000}} # a day comes in a moment\n"...)
	for name, text := range map[string][]byte{s.DCRConfig: unlimited, filepath.Join(s.PolicyDir, "house.rego"): []byte(houseRules)} {
		if err := writeNew(name, text); err != nil {
			t.Fatal(err)
		}
	}
	log, buffer, err := newLog(logSettings{Level: "error", Format: "text"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { buffer.Close() })
	h := &house{settings: s, log: log, now: time.Now, engine: engine}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	h.openLedger("main", ring)
	if err := h.openRules(t.Context(), storage.NewPolicies(h.engine, "main", ring), storage.NewDeclarations(h.engine, "main", ring)); err != nil {
		t.Fatal(err)
	}
	if err := h.openPlugins(t.Context(), "main", ring); err != nil {
		t.Fatal(err)
	}
	h.openDesk(nil)
	h.openJobs()
	parts := h.jobParts()
	parts.Rest = func(context.Context, time.Duration) {} // there is no traffic to give way to
	h.jobs = replay.New(parts)
	h.closers = append(h.closers, func() error { h.jobs.Close(); return nil })
	return h
}

// A day is decisions of every kind: accepted, refused, updates, by tokens, by operators, by nobody.
func (h *house) day(t *testing.T, n int) {
	t.Helper()
	random := rand.New(rand.NewPCG(9, 10))
	uses := int64(n)
	token := func(label string) core.Secret {
		_, secret, err := h.tokens.Mint(t.Context(), "ada", registration.TokenRequest{Label: label, MaxUses: &uses})
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	tokens := []core.Secret{token("partner"), token(""), ""}
	var clients []core.ClientID
	for i := range n {
		req := registration.Request{Operation: core.Register, Channel: core.ChannelDCR, Caller: core.Caller{IP: "192.0.2.1"}, RequestID: "req"}
		req.Decision = core.NewDecisionID(time.Now())
		if len(clients) > 3 && i%3 == 0 {
			req.Operation, req.ClientID = core.Update, clients[random.IntN(len(clients))]
		}
		if req.Operation == core.Update || i%4 == 0 {
			req.Channel, req.Credential.Operator = core.ChannelOperator, "ada"
		} else {
			req.Credential.Bearer = tokens[random.IntN(len(tokens))]
		}
		if i%11 == 0 && req.Operation == core.Update {
			req.Operation = core.Delete
			if random.IntN(2) == 0 {
				req.Operation = core.Disable
			}
		} else {
			req.Body = anyClient(t, random, i)
		}
		answer, err := h.desk.Do(t.Context(), req)
		if err == nil && req.Operation == core.Register {
			clients = append(clients, answer.ClientID)
		}
	}
}

func anyClient(t *testing.T, random *rand.Rand, i int) strictjson.Value {
	t.Helper()
	names := []string{"Shop", "Ours", "Bank", "Desk"}
	scopes := []string{"openid email", "openid phone", "openid payroll", "openid offline_access phone", "openid profile"}
	members := []string{
		fmt.Sprintf(`"client_name":"%s %d"`, names[random.IntN(len(names))], i),
		`"redirect_uris":["https://shop.example/cb"]`, fmt.Sprintf(`"scope":%q`, scopes[random.IntN(len(scopes))]),
	}
	for _, maybe := range []string{
		`"contacts":[]`, `"require_auth_time":false`, `"client_name#fr":"Magasin"`, `"token_endpoint_auth_method":"none"`, `"default_max_age":0`, `"colour":"red"`,
		`"redirect_uris":["javascript:x"]`,
	} {
		if random.IntN(5) == 0 && !(strings.HasPrefix(maybe, `"redirect`) && random.IntN(3) > 0) {
			if strings.HasPrefix(maybe, `"redirect`) {
				members[1] = maybe
				continue
			}
			members = append(members, maybe)
		}
	}
	doc, err := strictjson.Parse([]byte("{"+strings.Join(members, ",")+"}"), strictjson.Default)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// ended waits for the end of a job.
func (h *house) ended(t *testing.T, r replay.Report, err error) replay.Report {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for err == nil && r.State == replay.Running {
		<-tick.C
		r, err = h.jobs.Report(r.ID, "", 1)
	}
	if err == nil {
		r, err = h.jobs.Report(r.ID, "", 10_000)
	}
	if err != nil || r.State != replay.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	return r
}

// Thousands of mixed decisions, asked again by the same rules, end as they did, on every engine; by rules with one more denial
// exactly those end otherwise that it is about. An identical folder is a candidate like any other.
func TestReplayOfADay(t *testing.T) {
	disk, err := badger.Open(badger.Options{Dir: t.TempDir(), Now: time.Now, Log: nil, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = disk.Close() })
	for name, test := range map[string]struct {
		engine storage.Engine
		n      int
	}{"memory": {memory.New(time.Now), 2000}, "badger": {disk, 1000}} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, test.engine)
			h.day(t, test.n)
			same := map[string]string{"house.rego": houseRules}
			r := h.ended(t, h.begin(t, replay.Order{Files: same}), nil)
			if r.Changed != 0 || r.Total != test.n || r.Revision != r.Live || r.Counts["not_kept"] != 0 || r.Counts["same"] < test.n*3/4 || r.Counts["not_judged"] < test.n/50 || r.Foreign != 0 {
				t.Fatalf("the same rules: %+v", r)
			}
			h.checkStricter(t)
		})
	}
}

func (h *house) begin(t *testing.T, o replay.Order) replay.Report {
	t.Helper()
	r, err := h.jobs.Replay(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkStricter adds a denial, and compares what the replay lists with what the ledger says it must.
func (h *house) checkStricter(t *testing.T) {
	t.Helper()
	more := map[string]string{"house.rego": houseRules, "bank.rego": `package ostiary.registration.site.bank

deny contains {"rule": "bank.no", "code": "access_denied", "message": "No banks."} if {
	input.operation == "register"
	startswith(input.effective.client_name, "Bank")
}
`}
	want := map[core.DecisionID]bool{}
	var after core.DecisionID
	for {
		page, err := h.book.Entries(t.Context(), "", after, 200)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			after = e.DecisionID
			e, _, err := h.book.Find(t.Context(), after)
			if err != nil {
				t.Fatal(err)
			}
			if e.Operation == core.Register && strings.Contains(string(e.Input), `"client_name":"Bank`) {
				want[e.DecisionID] = e.Verdict == ledger.Allowed
			}
		}
		if len(page) < 200 {
			break
		}
	}
	r := h.ended(t, h.begin(t, replay.Order{Files: more}), nil)
	if len(want) < 50 || len(r.Items) != len(want) || r.Changed != len(want) {
		t.Fatalf("%d differences, want %d: %+v", r.Changed, len(want), r.Counts)
	}
	for _, d := range r.Items {
		allowed, affected := want[d.Decision]
		kind := replay.Changed // it was refused already, for another reason
		if allowed {
			kind = replay.WouldDeny
		}
		last := d.After.Reasons
		if !affected || d.Kind != kind || len(last) == 0 || !strings.Contains(fmt.Sprint(last), "bank.no") {
			t.Errorf("%+v", d)
		}
	}
}

// While a replay runs, registrations are taken, and the replay comes to its end.
func TestReplayBesideTraffic(t *testing.T) {
	h := openHouse(t, memory.New(time.Now))
	h.day(t, 300)
	turns := make(chan struct{})
	parts := h.jobParts()
	parts.Rest = func(ctx context.Context, _ time.Duration) { // it goes on only when something was registered meanwhile
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
		}
	}
	jobs := replay.New(parts)
	t.Cleanup(jobs.Close)
	r, err := jobs.Replay(t.Context(), replay.Order{})
	if err != nil {
		t.Fatal(err)
	}
	between := 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for r.State == replay.Running {
		select {
		case <-turns:
			h.day(t, 3)
			between += 3
		case <-tick.C:
		}
		if r, err = jobs.Report(r.ID, "", 1); err != nil {
			t.Fatal(err)
		}
	}
	if r.State != replay.Done || r.Total != 300 || r.Changed != 0 || between == 0 {
		t.Errorf("%d registrations meanwhile: %+v", between, r)
	}
}

// An operator takes a scope from allowed_scopes: the audit finds who has it, and says which rule would refuse them.
func TestAuditCommand(t *testing.T) {
	c := openCounter(t)
	for _, scope := range []string{"openid phone", "openid email"} {
		c.stdin = `{"client_name":"` + strings.TrimPrefix(scope, "openid ") + `","redirect_uris":["https://shop.example/cb"],"scope":"` + scope + `"}`
		c.prints("client create -f -")
	}
	c.prints("policy audit", `^audited 2 of 2, 0 changed by the policy in force `, `^  2 +would be taken as they are$`)
	text := strings.ReplaceAll(string(devSite), "phone", "fax")
	if err := os.WriteFile(c.house.settings.DCRConfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.house.rules.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	out, err := c.ostiary("policy audit")
	if err == nil || err.Error() != "1 client would not be taken as they are" || exitCode(err) != exitFailed {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"  1  would be refused", "would deny  c-", " phone active by operator ", "  now  denied invalid_scope", "rule scopes.not_offered at shipped:scopes.rego:"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if strings.Contains(out, " email active") {
		t.Errorf("listed: %s", out)
	}
	doc, err := c.ostiary("policy audit -o json")
	if err == nil || !strings.Contains(doc, `"kind":"audit"`) || !strings.Contains(doc, `"would_deny":1`) {
		t.Errorf("as JSON: %v, %s", err, doc)
	}
}

func TestReplayCommand(t *testing.T) {
	c := openCounter(t)
	c.stdin = shopRequest
	made := c.document("client create -f -")
	dir := t.TempDir()
	c.prints("policy replay --since 7d", `^replayed 1 of 1, 0 changed by the policy in force `, `^  1 +end as they did$`)
	c.prints("policy replay "+dir+" -o json", `"changed":0`)
	rule := `package ostiary.registration.site.no

deny contains {"rule": "no.shop", "code": "access_denied", "message": "No shops."} if input.effective.client_name == "Shop"
`
	if err := os.WriteFile(filepath.Join(dir, "no.rego"), []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"policy replay " + dir, "policy replay --bundle " + dir + " --decision " + textOf(made, "decision_id")} {
		out, err := c.ostiary(line)
		if err == nil || err.Error() != "1 decision would end otherwise" || exitCode(err) != exitFailed || !strings.Contains(out, "would deny  "+textOf(made, "decision_id")+" register by operator of "+textOf(made, "client_id")) ||
			!strings.Contains(out, "  was  allowed\n") || !strings.Contains(out, "  now  denied access_denied\n    rule no.shop at no.rego:3\n") {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.rego"), []byte("package ostiary.registration.site.bad\n\ndeny contains x if y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := c.ostiary("policy replay " + dir)
	if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), "the candidate is not usable: ") || !strings.Contains(out, "bad.rego:3: ") || !strings.Contains(out, "\n  deny contains x if y\n") {
		t.Errorf("%v\n%s", err, out)
	}
	for line, says := range map[string]string{
		"policy replay a b": "takes one folder", "policy replay a --bundle b": "takes one folder", "policy replay --limit 0": "--limit must be", "policy audit -o xml": "--output must be",
	} {
		c.refuses(line, says, true)
	}
	c.refuses("policy replay --since yesterday", "--since must be a time", true)
	c.refuses("policy replay nowhere", "policy folder nowhere", false)
	for _, line := range []string{"policy replay nowhere", "policy audit --server http://127.0.0.1:1 --token t", "policy audit a b"} {
		if _, err := c.ostiary(line); err == nil || exitCode(err) != exitUsage {
			t.Errorf("%s looks as if something would change: %v", line, err)
		}
	}
}

// The commands of policies/README.md that speak to a server, in a row, on one that has decided something.
func TestPolicyReadmeOnServer(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "policies", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	c := openCounter(t)
	c.stdin = shopRequest
	client := regexp.MustCompile(`c-[0-9a-z]{26}`).FindString(c.prints("client create -f -"))
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"request.json": shopRequest, "changes.json": `{"client_name":"Another"}`} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	if code := run([]string{"policy", "init", "site"}, &out, &errs); code != 0 {
		t.Fatalf("%s%s", &out, &errs)
	}
	ran := map[string]bool{}
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllSubmatch(text, -1) {
		for line := range strings.Lines(string(block[1])) {
			command := strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(line), "$ ostiary "), "CLIENT_ID", client)
			if printed, err := c.ostiary(command); err != nil {
				t.Errorf("%s: %v\n%s", command, err, printed)
			}
			ran[strings.Join(strings.Fields(command)[:2], " ")] = true
		}
	}
	for _, verb := range []string{"policy replay", "policy audit", "simulate -f", "decision list"} {
		if !ran[verb] {
			t.Errorf("policies/README.md does not show %s", verb)
		}
	}
}
