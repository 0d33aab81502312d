package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// waiting puts a rule in force that demands approval of everybody, and registers somebody.
func (c *counter) waiting() string {
	c.Helper()
	rule := `package ostiary.registration.site.all

require contains {"rule": "all.approval", "name": "approval", "params": {"queue": "all"}} if input.operation == "register"
`
	if err := os.WriteFile(filepath.Join(c.house.settings.PolicyDir, "all.rego"), []byte(rule), 0o600); err != nil {
		c.Fatal(err)
	}
	if err := c.house.rules.load(c.Context()); err != nil {
		c.Fatal(err)
	}
	made := c.prints("client create -f "+c.file("shop.json", `{"redirect_uris":["https://shop.example/cb","https://shop.example/b"],"client_name":"Shop","scope":"openid email"}`),
		`^  registration_status +pending$`, `waits for an operator's approval`)
	return regexp.MustCompile(`c-[0-9a-z]{26}`).FindString(made)
}

func TestClientApprove(t *testing.T) {
	c := openCounter(t)
	id, other := c.waiting(), c.waiting()
	c.prints("client list --status pending", `^CLIENT +NAME +QUEUE +`, `^`+id+` +Shop +all +operator `, `^`+other+` `)
	c.prints("client list --queue all", id)
	c.prints("client show "+id, `^obligations$`, `^  approval +by all\.approval +\{"queue":"all"\}$`)
	c.refuses("client enable "+id, "approve or reject it", false)
	c.refuses("client approve "+id+" --scope admin", "can only narrow", false)
	c.refuses("client approve "+id+" --set "+c.file("list.json", `[]`), "holds no JSON object", false)
	c.refuses("client approve "+id+" --scope openid --set "+c.file("scope.json", `{"scope":"openid"}`), "give it once", true)
	c.refuses("client approve "+id+" --set "+filepath.Join(c.data, "none.json"), "cannot be read", false)
	c.stdin = `{"redirect_uris":["https://shop.example/b"]}`
	c.prints("client approve "+id+" --scope openid --set -", `^`+id+` is approved and active\.$`, `^  scope +openid$`, `^  redirect_uris +\["https://shop\.example/b"\]$`)
	c.refuses("client approve "+id, "it is active", false)
	if doc := c.document("client approve " + other); textOf(doc, "client_id") != other || textOf(doc, "scope") != "openid email" {
		t.Errorf("as JSON: %s", doc)
	}
	c.prints("client show "+other, `^approved_by +d-`, `^state +active$`)
}

func TestClientReject(t *testing.T) {
	c := openCounter(t)
	id := c.waiting()
	c.prints("client disable "+id, `is disabled\.$`)
	c.prints("client enable "+id, `is pending\.$`)
	c.refuses("client reject c-nobody", "There is no client with this id.", false)
	c.prints("client reject "+id+" --reason unknown", `^Rejected and removed\.$`)
	c.refuses("client reject "+id, "There is no client with this id.", false)
	id = c.waiting()
	if out := c.prints("client reject " + id + " -o json"); out != "" {
		t.Errorf("it printed %q", out)
	}
	c.refuses("client approve", "needs one client_id", true)
	c.refuses("client list --status gone", "must be one of active, pending, disabled", true)
	shop := c.file("other.json", shopRequest)
	c.prints("simulate -f "+shop, `^allowed$`, `^  registration_status +pending$`)
	c.prints("simulate --operation approve --client "+c.waiting(), `^allowed$`)
	if out := c.prints("simulate --operation reject --client " + c.waiting()); strings.Contains(out, "client\n") {
		t.Errorf("rejected, and yet %s", out)
	}
}
