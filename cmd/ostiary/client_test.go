package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/memory"
)

// counter is a served operators' API over a real desk, ledger and policy, and a data folder that knows of it.
type counter struct {
	*office
	house *house
	stdin string
}

func openCounter(t *testing.T) *counter {
	t.Helper()
	t.Setenv(tokenVariable, "")
	ring, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	s := defaults()
	s.DataDir = t.TempDir()
	s.PolicyDir, s.PluginDir, s.DCRConfig = filepath.Join(s.DataDir, "policies"), filepath.Join(s.DataDir, "plugins"), filepath.Join(s.DataDir, "dcr_config.yaml")
	for _, dir := range []string{s.PolicyDir, s.PluginDir, filepath.Join(s.DataDir, "run")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeNew(s.DCRConfig, devSite); err != nil {
		t.Fatal(err)
	}
	h := &house{settings: s, log: slog.New(slog.NewTextHandler(io.Discard, nil)), now: time.Now, engine: memory.New(time.Now)}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	h.openLedger("main", ring)
	if err := errors.Join(h.openRules(t.Context(), storage.NewPolicies(h.engine, "main", ring), storage.NewDeclarations(h.engine, "main", ring)), h.openPlugins(t.Context(), "main", ring)); err != nil {
		t.Fatal(err)
	}
	h.openDesk(nil)
	h.openJobs()
	c := &counter{office: &office{T: t, data: s.DataDir, token: core.NewSecret()}, house: h}
	c.open()
	c.leave(`{"url":"` + c.url + `","ops_url":"","token":"` + c.token.Reveal() + `"}`)
	return c
}

// open serves what the commands call.
func (c *counter) open() {
	c.Helper()
	a := admin.New(admin.Parts{
		Roster: operator.NewRoster(operator.Token{Subject: "ada", Hash: c.token.Hash()}),
		Tokens: c.house.tokens, Desk: c.house.desk, Clients: c.house.clients, Decisions: c.house.book, Jobs: c.house.jobs, Tries: c.house.tries,
		Explainer: explainer{c.house.policy},
	})
	route := func(method, path string, h web.Handler) web.Route {
		return web.Route{
			Method: method, Path: "/api/admin" + path, Handler: h, Face: web.Operator, Challenge: web.Bearer,
			MediaTypes: []string{"application/json"}, Judged: method != "GET" && strings.HasPrefix(path, "/clients"),
		}
	}
	c.serve([]web.Route{
		route("POST", tokensPath, a.As(a.MintToken)), route("GET", tokensPath, a.As(a.ListTokens)), route("DELETE", tokensPath+"/:id", a.As(a.RevokeToken)),
		route("GET", tokensPath+"/:id", a.As(a.ShowToken)),
		route("POST", "/clients", a.As(a.CreateClient)), route("GET", "/clients", a.As(a.ListClients)), route("GET", "/clients/:id", a.As(a.ShowClient)),
		route("POST", "/clients/:id/disable", a.As(a.DisableClient)), route("POST", "/clients/:id/enable", a.As(a.EnableClient)),
		route("POST", "/clients/:id/approve", a.As(a.ApproveClient)), route("POST", "/clients/:id/reject", a.As(a.RejectClient)),
		route("DELETE", "/clients/:id", a.As(a.DeleteClient)), tries(route("POST", "/simulate", a.As(a.Simulate))),
		tries(route("POST", "/policies/replay", a.As(a.ReplayPolicy))), tries(route("POST", "/policies/audit", a.As(a.AuditPolicy))),
		route("GET", "/policies/jobs/:id", a.As(a.ShowPolicyJob)), route("DELETE", "/policies/jobs/:id", a.As(a.CancelPolicyJob)),
		route("GET", "/decisions", a.As(a.ListDecisions)), route("GET", "/decisions/:id", a.As(a.ShowDecision)),
	})
}

// tries makes a route take a whole policy.
func tries(r web.Route) web.Route {
	r.Limit = admin.MaxCandidate
	return r
}

// ostiary runs a command line with the data folder and gives what it printed.
func (c *counter) ostiary(line string) (string, error) {
	root := rootCommand()
	var out bytes.Buffer
	root.SetArgs(append(strings.Fields(line), "--data", c.data))
	root.SetIn(strings.NewReader(c.stdin))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(c.Context())
	return out.String(), err
}

// prints runs a command and wants its output to match, line by line.
func (c *counter) prints(line string, patterns ...string) string {
	c.Helper()
	out, err := c.ostiary(line)
	if err != nil {
		c.Fatalf("%s: %v", line, err)
	}
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(out) {
			c.Errorf("%s: no %s in\n%s", line, p, out)
		}
	}
	return out
}

// document runs a command with -o json and gives the one document that it printed.
func (c *counter) document(line string) strictjson.Value {
	c.Helper()
	doc, err := strictjson.Parse([]byte(c.prints(line+" -o json")), strictjson.Stored)
	if err != nil {
		c.Fatalf("%s: %v", line, err)
	}
	return doc
}

// refuses runs a command and wants an error in one line that says something, and nothing printed.
func (c *counter) refuses(line, says string, usage bool) {
	c.Helper()
	out, err := c.ostiary(line)
	checkFailure(c.T, line, out, err, says, usage)
}

// file writes a file into the data folder and gives its path.
func (c *counter) file(name, text string) string {
	c.Helper()
	path := filepath.Join(c.data, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
	return path
}

const shopRequest = `{"redirect_uris":["https://shop.example/cb"],"client_name":"Shop"}`

// The life of a client, as an operator types it.
func TestClientCommands(t *testing.T) {
	c := openCounter(t)
	shop := c.file("shop.json", shopRequest)
	made := c.prints("client create -f "+shop, `^Created c-[0-9a-z]{26}\.$`, `^  client_secret +[\w-]{43}$`, `^  client_name +Shop$`,
		`^  redirect_uris +\["https://shop\.example/cb"\]$`, `^  decision_id +d-`, `^The client_secret is shown only now\.$`)
	id := regexp.MustCompile(`c-[0-9a-z]{26}`).FindString(made)
	c.prints("client list", `^CLIENT +NAME +STATE +CHANNEL +PROFILE +AUTHENTICATION +CREATED +LAST USED$`, `^`+id+` +Shop +active +operator +default +client_secret_basic +2\S+ `)
	shown := c.prints("client show "+id, `^client_id +`+id+`$`, `^state +active$`, `^labels +\[\]$`, `^metadata$`, `^  client_name +Shop$`)
	if strings.Contains(shown, "client_secret ") {
		t.Errorf("a secret in %s", shown)
	}
	c.prints("client disable "+id, `^`+id+` is disabled\.$`)
	c.prints("client list --state disabled --channel operator", id)
	if out := c.prints("client list --state active"); strings.Contains(out, id) || strings.Count(out, "\n") != 1 {
		t.Errorf("active: %s", out)
	}
	c.prints("client enable "+id, `^`+id+` is active\.$`)
	if out := c.prints("client list --channel dcr"); strings.Contains(out, id) {
		t.Errorf("by dcr: %s", out)
	}
	c.prints("client delete "+id, `^Deleted\.$`)
	c.refuses("client show "+id, "There is no client with this id.", false)
}

// A client that authenticates without a secret has none that could be lost.
func TestClientCreatedWithoutSecret(t *testing.T) {
	c := openCounter(t)
	c.stdin = `{"redirect_uris":["com.shop.example:/cb"],"application_type":"native","token_endpoint_auth_method":"none"}`
	if out := c.prints("client create -f -", `^Created c-`); strings.Contains(out, "secret") {
		t.Errorf("speaks of a secret: %s", out)
	}
}

// What was refused names the decision that explains it.
func TestClientRefused(t *testing.T) {
	c := openCounter(t)
	_, err := c.ostiary("client create -f " + c.file("bad.json", `{"redirect_uris":["https://shop.example/cb"],"scope":"payroll"}`))
	if err == nil || !strings.Contains(err.Error(), "The scope payroll is not offered here.") {
		t.Fatal(err)
	}
	see := regexp.MustCompile(` See: ostiary (decision show d-[0-9a-z]{26})$`).FindStringSubmatch(err.Error())
	if see == nil {
		t.Fatal(err)
	}
	c.prints(see[1], `^verdict +denied$`, `^  rule scopes\.not_offered at \S+\.rego:\d+ about scope$`)
	c.refuses("client disable c-nobody", "There is no client with this id. See: ostiary decision show d-", false)
	c.refuses("client delete c-nobody", "There is no client with this id. See: ostiary decision show d-", false)
	c.refuses("client show ../users", "plain form", false)
	c.refuses("client list --token forged", "does not take the operator's token --token", false)
}

func TestClientJSON(t *testing.T) {
	c := openCounter(t)
	c.stdin = shopRequest
	made := c.document("client create -f -")
	id := textOf(made, "client_id")
	if textOf(made, "client_secret") == "" || textOf(made, "decision_id") == "" {
		t.Errorf("created: %s", made)
	}
	if items := member(c.document("client list"), "items").Items(); len(items) != 1 || textOf(items[0], "client_id") != id {
		t.Errorf("listed: %v", items)
	}
	if shown := c.document("client show " + id); textOf(member(shown, "metadata"), "client_name") != "Shop" {
		t.Errorf("shown: %s", shown)
	}
	if disabled := c.document("client disable " + id); textOf(disabled, "registration_status") != "disabled" {
		t.Errorf("disabled: %s", disabled)
	}
	c.document("client enable " + id)
	if out := c.prints("client delete " + id + " -o json"); out != "" {
		t.Errorf("delete printed %q", out)
	}
	if items := member(c.document("client list"), "items"); items.Kind() != strictjson.KindArray || items.Len() != 0 {
		t.Errorf("an empty list is %s", items)
	}
}

// A list goes over as many pages as it needs, and says when it may go on.
func TestClientListLimit(t *testing.T) {
	c := openCounter(t)
	for i := range 2*pageSize + 5 {
		doc, err := strictjson.Parse(fmt.Appendf(nil, `{"redirect_uris":["https://shop.example/cb"],"client_name":"Shop %d"}`, i), strictjson.Default)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.house.desk.Do(t.Context(), registration.Request{
			Operation: core.Register, Channel: core.ChannelOperator, Decision: core.NewDecisionID(time.Now()), Body: doc,
			Credential: registration.Credential{Operator: "ada"}, Caller: core.Caller{IP: "192.0.2.1"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int]int{1: 1, pageSize: pageSize, pageSize + 3: pageSize + 3, 50: 2*pageSize + 5} {
		for _, list := range []struct{ command, id string }{{"client list", "client_id"}, {"decision list", "decision_id"}} {
			line := fmt.Sprintf("%s --limit %d", list.command, limit)
			doc := c.document(line)
			seen := map[string]bool{}
			for _, item := range member(doc, "items").Items() {
				seen[textOf(item, list.id)] = true
			}
			more := textOf(doc, "next_cursor") != ""
			if len(seen) != want || more != (want == limit) {
				t.Errorf("%s: %d of them, more %t", line, len(seen), more)
			}
			if out := c.prints(line); strings.Count(out, "\n") != 1+want && !more || strings.Contains(out, "There may be more than these ") != more {
				t.Errorf("%s: %s", line, out)
			}
		}
	}
}

// What people named is no word to the terminal, and breaks no table.
func TestClientHostileName(t *testing.T) {
	c := openCounter(t)
	c.stdin = `{"redirect_uris":["https://shop.example/cb"],"client_name":"Shop \u05d0\u200fgpj"}`
	c.prints("client create -f -", "^  client_name +Shop \u05d0\\?gpj$")
	c.prints("client list", " Shop \u05d0\\?gpj +active ")
}

func TestClientCalledWrongly(t *testing.T) {
	c := openCounter(t)
	for line, says := range map[string]string{
		"client nonsense": `no command "nonsense"`, "client show": "needs one client_id", "client disable a b": "needs one client_id", "client list x": "takes no arguments",
		"client list --state gone": "--state must be one of active, pending, disabled", "client list --channel post": "--channel must be one of dcr, operator",
		"client list --limit 0": "--limit must be 1 or more", "client create": "needs -f", "client list -o yaml": "must be table or json",
		"client list --limit many": "many", "client list --last-used-before 5y": "--last-used-before must be a time such as",
	} {
		c.refuses(line, says, true)
	}
	c.refuses("client create -f "+filepath.Join(c.data, "none.json"), "none.json cannot be read: no such file", false)
	c.refuses("client create -f "+c.data, "cannot be read: is a directory", false)
	c.refuses("client create -f "+c.file("text.json", "{"), "text.json cannot be used: ", false)
	c.refuses("client create -f "+c.file("twice.json", `{"scope":"a","scope":"b"}`), "twice.json cannot be used: ", false)
	c.refuses("client create -f "+c.file("large.json", `"`+strings.Repeat("x", 2<<20)+`"`), "large.json cannot be used: ", false)
	c.stdin = "nonsense"
	c.refuses("client create -f -", "- cannot be used: ", false)
}

// An interrupt ends the wait for what nobody types.
func TestReadingEnds(t *testing.T) {
	silent, keyboard := io.Pipe()
	defer keyboard.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	if _, err := readDocument(ctx, silent, "-"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
