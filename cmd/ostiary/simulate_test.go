package main

import (
	"strings"
	"testing"
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
		`^  ~ grant_types  \["authorization_code","refresh_token"\]$`, `^  rule scopes\.offline_access at \S+\.rego:\d+ about grant_types$`)
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
	c.refuses("simulate --channel bff -f "+shop, "channel must be dcr, manage or operator", false)
	c.refuses("simulate --caller root -f "+shop, "caller.kind must be", false)
	c.refuses("simulate -f none.json", "none.json cannot be read", false)
}
