package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/storage"
)

// A question is answered, and leaves nothing behind.
func TestSimulateCommand(t *testing.T) {
	c := openCounter(t)
	shop := c.file("shop.json", shopRequest)
	bad := c.file("bad.json", `{"redirect_uris":["https://shop.example/cb"],"scope":"payroll"}`)
	plain := c.prints("simulate -f "+shop, `\Aallowed\n\nclient\n`, `^  client_name +Shop$`, `^  token_endpoint_auth_method +client_secret_basic$`)
	if strings.Contains(plain, " ms)") || strings.Contains(plain, "rule ") {
		t.Errorf("stages nobody asked for: %s", plain)
	}
	c.prints("simulate --explain --check -f "+shop, `^access \(\d+\.\d{3} ms\)$`, `^  \+ client_name +"Shop"$`, `^policy ostiary\.registration \(`,
		`^  ~ grant_types  \["authorization_code"\] -> \["authorization_code","refresh_token"\]$`, `^    \| set contains \{$`, `^  rule scopes\.offline_access at \S+\.rego:\d+ about grant_types$`)
	c.prints("simulate --profile code-flow-pkjwt -f "+shop, `^  token_endpoint_auth_method +private_key_jwt$`)
	refused := c.prints("simulate -f "+bad, `\Arefused\n  invalid_scope: The scope payroll is not offered here\..*\n\nreasons\n  rule scopes\.not_offered at \S+:\d+ about scope\n\z`)
	if strings.Count(refused, "payroll") != 1 {
		t.Errorf("says it twice: %s", refused)
	}
	c.prints("simulate --caller open -f "+shop, `^refused$`, `^  rule acceptance\.open_registration at `)
	c.prints("simulate --channel operator -f "+shop, `^allowed$`)
	c.stdin = shopRequest
	c.prints("simulate -f -", `^allowed$`)
	if doc := c.document("simulate -f " + bad); isOn(doc, "allowed") || textOf(member(doc, "error"), "error") != "invalid_scope" || member(doc, "stages").Len() == 0 {
		t.Errorf("as JSON: %s", doc)
	}
	for _, list := range []string{"client list", "decision list"} {
		if doc := c.document(list); member(doc, "items").Len() != 0 {
			t.Errorf("%s: left behind: %s", list, doc)
		}
	}
}

// With --check a refusal fails, after its answer was printed.
func TestSimulateCheck(t *testing.T) {
	c := openCounter(t)
	c.stdin = `{"redirect_uris":["javascript:x"]}`
	for _, form := range []string{"", " -o json"} {
		out, err := c.ostiary("simulate --check -f -" + form)
		if err == nil || err.Error() != "the request would be refused with invalid_redirect_uri" || !strings.Contains(out, "refused") && !strings.Contains(out, `"allowed":false`) {
			t.Errorf("%v, printed %s", err, out)
		}
		if _, wrongly := err.(usageError); wrongly {
			t.Error("it was called rightly")
		}
	}
}

// Questions about a client that is there.
func TestSimulateOnClient(t *testing.T) {
	c := openCounter(t)
	c.stdin = shopRequest
	id := textOf(c.document("client create -f -"), "client_id")
	c.stdin = `{"client_name":"Market"}`
	c.prints("simulate --operation update --merge --client "+id+" -f -", `^allowed$`, `^  client_name +Market$`, `^  redirect_uris +\["https://shop\.example/cb"\]$`)
	c.prints("simulate --operation update --client "+id+" -f -", `^refused$`)
	c.prints("simulate --operation disable --client "+id, `^allowed$`)
	if out := c.prints("simulate --operation delete --channel operator --client " + id); out != "allowed\n" {
		t.Errorf("delete: %s", out)
	}
	c.prints("simulate --operation delete --client c-nobody", `\Arefused\n  not_found: `)
	c.prints("client show "+id, `^  client_name +Shop$`, `^state +active$`)
}

func TestSimulateRefused(t *testing.T) {
	c := openCounter(t)
	shop := c.file("shop.json", shopRequest)
	for line, says := range map[string]string{
		"simulate": "needs -f", "simulate --operation update --client c-1": "needs -f", "simulate x -f y": "takes no arguments",
		"simulate --client c-1 -f " + shop: "--client goes with every --operation but register", "simulate --operation delete": "--client goes with",
		"simulate --nonsense": "nonsense", "simulate -o xml -f " + shop: "must be table or json",
	} {
		c.refuses(line, says, true)
	}
	c.refuses("simulate --operation conquer --client c-1", "operation must be register, update", false)
	c.refuses("simulate --channel bff -f "+shop, "channel must be dcr, manage, operator, cimd, import or system", false)
	c.refuses("simulate --caller root -f "+shop, "caller.kind must be", false)
	c.refuses("simulate -f none.json", "none.json cannot be read", false)
}

// dump is everything that a store holds.
func (c *counter) dump() []storage.Record {
	c.Helper()
	var all []storage.Record
	if _, err := c.house.book.Entries(c.Context(), "", "", 1); err != nil { // what waits is stored first
		c.Fatal(err)
	}
	if err := c.house.engine.Dump(c.Context(), func(r storage.Record) error {
		all = append(all, r)
		return nil
	}); err != nil {
		c.Fatal(err)
	}
	return all
}

// Under a candidate the whole road is walked, and the store is the same to the byte before and after; so is the policy in force.
func TestSimulateUnderCandidate(t *testing.T) {
	c := openCounter(t)
	c.stdin = shopRequest
	id := textOf(c.document("client create -f -"), "client_id")
	shop, dir := c.file("shop.json", shopRequest), t.TempDir()
	rule := "package ostiary.registration.site.no\n\ndeny contains {\"rule\": \"no.shop\", \"code\": \"access_denied\", \"message\": \"No shops.\"} if input.effective.client_name == \"Shop\"\n\n" +
		"set contains {\"rule\": \"no.uri\", \"field\": \"client_uri\", \"value\": \"https://no.example/\"} if input.effective.client_name == \"Market\"\n"
	if err := os.WriteFile(filepath.Join(dir, "no.rego"), []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	before, revision := c.dump(), c.house.policy.Status()
	c.prints("simulate --bundle "+dir+" --explain --iat-profile code-flow-pkjwt -f "+shop, `\Arefused\n  access_denied: No shops\.\n`, `^  rule no\.shop at no\.rego:3$`,
		`^    \| deny contains \{"rule": "no\.shop"`, `^revision [0-9a-f]{32}$`)
	c.stdin = `{"client_name":"Market"}`
	c.prints("simulate --bundle "+dir+" --explain --operation update --merge --client "+id+" -f -", `\Aallowed\n`,
		`^  ~ client_name +"Shop" -> "Market"$`, `^  \+ client_uri +"https://no\.example/"$`, `^  client_uri +https://no\.example/$`)
	c.prints("simulate -f "+shop, `\Aallowed\n`) // in force is what was
	c.prints("policy replay "+t.TempDir(), `0 changed`)
	after := c.dump()
	same := slices.EqualFunc(before, after, func(a, b storage.Record) bool {
		return a.Key == b.Key && a.Version == b.Version && string(a.Value) == string(b.Value)
	})
	if !same || len(before) == 0 {
		t.Errorf("%d records before, %d after", len(before), len(after))
	}
	if now := c.house.policy.Status(); now.ActiveRevision != revision.ActiveRevision || now.Degraded || len(now.Problems) > 0 {
		t.Errorf("policy in force: %+v", now)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.rego"), []byte("package ostiary.registration.site.bad\n\ndeny contains x if y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := c.ostiary("simulate --bundle " + dir + " -f " + shop)
	if err == nil || !strings.Contains(err.Error(), "the candidate is not usable: ") || !strings.Contains(out, "bad.rego:3: ") {
		t.Errorf("%v\n%s", err, out)
	}
	c.refuses("simulate --bundle nowhere -f "+shop, "policy folder nowhere", false)
}
