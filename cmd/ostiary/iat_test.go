package main

import (
	"regexp"
	"strings"
	"testing"
)

// The life of an initial access token, as an operator types it.
func TestIATCommands(t *testing.T) {
	c := openCounter(t)
	made := c.prints("iat mint --label ci --profile code-flow-pkjwt --max-uses 3 --expires-in 72h",
		`^Minted iat-[0-9a-z]{26}, good for 3 registrations until 2\d{3}-\d\d-\d\d \d\d:\d\d \S+:$`, `^  [\w-]{43}$`)
	id, secret := regexp.MustCompile(`iat-[0-9a-z]{26}`).FindString(made), regexp.MustCompile(`(?m)^  (\S+)$`).FindStringSubmatch(made)[1]
	c.prints("iat mint", `good for 1 registration until `)
	list := c.prints("iat list", `^ID +LABEL +PROFILE +USES LEFT +CLIENTS +EXPIRES +CREATED +LAST USED$`, `^`+id+` +ci +code-flow-pkjwt +3 of 3 +0 +2\S+ `, `^iat-\S+ +- +- +1 of 1 `)
	if strings.Contains(list, secret) {
		t.Error("the token is shown again")
	}
	c.prints("iat revoke "+id, `^Revoked\.$`)
	if out := c.prints("iat list"); strings.Contains(out, id) {
		t.Errorf("still listed: %s", out)
	}
	c.refuses("iat revoke "+id, "There is no initial access token with this id.", false)
}

func TestIATJSON(t *testing.T) {
	c := openCounter(t)
	made := c.document("iat mint --expires-in 90s")
	if textOf(made, "token") == "" || number(made, "expires_in") != 90 || number(made, "max_uses") != 1 {
		t.Errorf("minted: %s", made)
	}
	if usual := c.document("iat mint"); number(usual, "expires_in") != 3600 {
		t.Errorf("minted: %s", usual)
	}
	if items := member(c.document("iat list"), "items").Items(); len(items) != 2 || textOf(items[1], "id") != textOf(made, "id") {
		t.Errorf("listed: %v", items)
	}
	if out := c.prints("iat revoke " + textOf(made, "id") + " -o json"); out != "" {
		t.Errorf("revoke printed %q", out)
	}
}

// What a token lays down holds its clients; the token shows who they are, and they show what holds them.
func TestIATTerms(t *testing.T) {
	c := openCounter(t)
	made := c.document(`iat mint --scope openid,email --redirect-host *.app.example --software-id s1 --policy-data {"team":"a"}`)
	id := textOf(made, "id")
	for member, want := range map[string]string{
		"scopes": `["openid","email"]`, "redirect_hosts": `["*.app.example"]`, "software_ids": `["s1"]`, "policy_data": `{"team":"a"}`, "uses": "0", "last_used": "", "clients": "",
	} {
		if v, _ := made.Get(member); v.String() != want && !(want == "" && v.IsAbsent()) {
			t.Errorf("%s = %s, want %s", member, v, want)
		}
	}
	c.prints("iat show "+id, `^id +`+id+`$`, `^redirect_hosts +\["\*\.app\.example"\]$`, `^policy_data +\{"team":"a"\}$`, `^uses +0$`)
	c.refuses("iat show iat-none", "There is no initial access token with this id.", false)
	for _, flag := range []string{"--scope", "--redirect-host", "--software-id", "--origin"} {
		c.refuses("iat mint "+flag+"=", flag+" is empty; leave it out to allow any", true)
	}
	c.refuses("iat mint --policy-data=", "--policy-data must be a JSON object", true)
	c.refuses("iat mint --policy-data {", "--policy-data must be a JSON object", true)
	c.refuses("iat mint --redirect-host https://a.example", "redirect_hosts: 'https://a.example' is no host", false)
}

func TestIATRefused(t *testing.T) {
	c := openCounter(t)
	for line, says := range map[string]string{
		"iat nonsense": `no command "nonsense"`, "iat revoke": "needs the id of one token", "iat mint x": "takes no arguments",
		"iat mint --expires-in 0s": "--expires-in must be whole seconds", "iat mint --expires-in 1500ms": "--expires-in must be whole seconds",
		"iat mint --expires-in -1h": "--expires-in must be whole seconds", "iat mint --expires-in soon": "soon", "iat mint --max-uses many": "many",
	} {
		c.refuses(line, says, true)
	}
	c.refuses("iat mint --max-uses 0", "max_uses must be from 1 to 10000.", false)
	c.refuses("iat mint --profile nope", "profile 'nope' is not offered", false)
}
