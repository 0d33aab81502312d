package plugins

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// What each hook may answer with; "" is fine, else a piece of the fault.
func TestReadAnswersOfHooks(t *testing.T) {
	const (
		patch  = `{"v":1,"action":"patch","patch":{"tenant":"x"}}`
		result = `{"v":1,"action":"result","result":`
		reject = `{"v":1,"action":"reject","error":{"code":"%s","description":"x"}}`
	)
	rejects := func(code string) string { return fmt.Sprintf(reject, code) }
	for _, test := range []struct {
		hook         hook.Point
		answer, says string
	}{
		{hook.PostUpdate, patch, ""}, {hook.TokenClaims, patch, ""},
		{hook.PreDelete, patch, "the action patch, which that hook does not have"},
		{hook.CertificateCheck, patch, "the action patch"}, {hook.MintClientID, patch, "the action patch"}, {hook.RequestKeys, patch, "the action patch"},
		{hook.PostUpdate, rejects("access_denied"), "is done already"},
		{hook.PreDelete, rejects("access_denied"), ""}, {hook.MintClientID, rejects("invalid_client_metadata"), ""},
		{hook.PreDelete, rejects("invalid_client"), "may not reject with"}, {hook.CertificateCheck, rejects("invalid_client"), ""},
		{hook.CertificateCheck, rejects("access_denied"), "may not reject with"}, {hook.TokenClaims, rejects("invalid_target"), ""},
		{hook.TokenClaims, rejects("invalid_client_metadata"), "may not reject with"}, {hook.SoftwareStatementKeys, rejects("unapproved_software_statement"), ""},
		{hook.PreRegister, rejects("stale_evidence"), ""}, {hook.TokenClaims, rejects("stale_evidence"), "may not reject with"},
		{hook.MintClientID, result + `{"client_id":"a.B-9_~"}}`, ""},
		{hook.MintClientID, result + `{"client_id":"` + strings.Repeat("x", abi.MaxClientID) + `"}}`, ""},
		{hook.MintClientID, result + `{"client_id":"` + strings.Repeat("x", abi.MaxClientID+1) + `"}}`, "1 to 128"},
		{hook.MintClientID, result + `{"client_id":""}}`, "1 to 128"}, {hook.MintClientID, result + `{"client_id":"a/b"}}`, "1 to 128"},
		{hook.MintClientID, result + `{"client_id":".."}}`, "1 to 128"}, {hook.MintClientID, result + `{}}`, "1 to 128"},
		{hook.MintClientID, result + `{"client_id":"a","more":1}}`, "one member"}, {hook.MintClientID, result + `{"jwks":{"keys":[]}}}`, "one member"},
		{hook.RequestKeys, result + `{"jwks":{"keys":[]}}}`, ""}, {hook.SoftwareStatementKeys, result + `{"secret":"s"}}`, ""},
		{hook.RequestKeys, result + `{}}`, "one member, jwks or secret"}, {hook.RequestKeys, result + `{"jwks":{},"secret":"s"}}`, "one member, jwks or secret"},
		{hook.RequestKeys, result + `{"jwks":"{}"}}`, "as an object"}, {hook.RequestKeys, result + `{"jwks":null}}`, "as an object"},
		{hook.RequestKeys, result + `{"secret":7}}`, "one member"}, {hook.RequestKeys, result + `{"secret":"` + strings.Repeat("x", abi.MaxSecret+1) + `"}}`, "1 to 1024"},
		{hook.PreRegister, result + `{"client_id":"a"}}`, "the action result"}, {hook.TokenClaims, result + `{}}`, "the action result"},
		{hook.PreRegister, extra(`{"nonce":"n","more":[1]}`), ""}, {hook.PreRegister, extra(`[]`), "not an object"},
		{hook.PreRegister, extra(`{"error_description":"x"}`), "may not have error_description"}, {hook.PreRegister, extra(`{"decision_id":"d"}`), "may not have decision_id"},
		{hook.PreRegister, extra(`{"a":"` + strings.Repeat("x", abi.MaxExtra) + `"}`), "8 members and 1024 bytes"},
		{hook.PreRegister, extra(`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}`), "8 members"},
	} {
		_, err := readAnswer([]byte(test.answer), test.hook)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s %.120s:\ngot  %v\nwant %s", test.hook, test.answer, err, test.says)
		}
	}
}

func extra(members string) string {
	return `{"v":1,"action":"reject","error":{"code":"access_denied","description":"x","extra":` + members + `}}`
}

func TestResultsAreRead(t *testing.T) {
	r, err := readAnswer([]byte(`{"v":1,"action":"result","result":{"jwks":{"keys":[]}},"warnings":["w"]}`), hook.RequestKeys)
	if err != nil || r.Action != hook.Give || r.Keys.JWKS != `{"keys":[]}` || r.Keys.Secret != "" || len(r.Warnings) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	r, err = readAnswer([]byte(extra(`{"nonce":"n"}`)), hook.PreDelete)
	if err != nil || r.Extra.String() != `{"nonce":"n"}` {
		t.Errorf("got %+v, %v", r, err)
	}
}

// Keys that a plugin gives go to who asked, and nowhere else: not into the log, not into a fault, whatever is wrong with them.
func TestKeysStayKeys(t *testing.T) {
	const secret = "hunted-hunted-hunted-hunted-hunted"
	var log bytes.Buffer
	f := newFolder(t, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	f.putKit("good", `{"steps":[{"op":"give","value":{"secret":"`+secret+`"}}]}`, "")
	bad := map[string]string{
		"unknown":   `{"v":1,"action":"result","result":{"secret":"` + secret + `","more":1}}`,
		"type":      `{"v":1,"action":"result","result":{"secret":["` + secret + `"]}}`,
		"both":      `{"v":1,"action":"result","result":{"secret":"` + secret + `","jwks":{"keys":[]}}}`,
		"cut":       `{"v":1,"action":"result","result":{"secret":"` + secret,
		"twice":     `{"v":1,"action":"result","result":{"secret":"` + secret + `","secret":"` + secret + `"}}`,
		"elsewhere": `{"v":1,"action":"continue","result":{"secret":"` + secret + `"}}`,
		"as-action": `{"v":1,"action":"result","result":"` + secret + `"}`,
	}
	for name, answer := range bad {
		f.put(name, fake{answer: answer}.wasm(), "hooks: {request_keys: {}}\n")
	}
	f.reload()
	for _, p := range f.at(hook.RequestKeys) {
		r, usage, err := p.Ask(context.Background(), hook.Call{Point: hook.RequestKeys, Signed: &hook.Signed{Kind: hook.SignedRequest, Claims: strictjson.Object()}}, taken)
		if (err == nil) != (p.Name() == "good") || err == nil && r.Keys.Secret.Reveal() != secret {
			t.Errorf("%s: %v", p.Name(), err)
		}
		if told := fmt.Sprintf("%+v %#v %v %+v", r, r.Keys, err, usage); strings.Contains(told, "hunted") {
			t.Errorf("%s: %s", p.Name(), told)
		}
		delete(bad, p.Name())
	}
	if len(bad) > 0 {
		t.Errorf("not asked: %v: %+v", bad, f.host.Status())
	}
	if strings.Contains(log.String(), "hunted") {
		t.Errorf("log:\n%s", log.String())
	}
}

// Who only wants to know whether a hook is served keeps nothing open.
func TestServes(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", fake{answer: `{"v":1,"action":"continue"}`}.wasm(), "hooks: {token_claims: {}}\n")
	f.reload()
	for range 3 {
		if !f.host.Serves(hook.TokenClaims) || f.host.Serves(hook.PreRegister) {
			t.Fatal("it does not know its hooks")
		}
	}
	v := f.host.slots["a"].live
	if v.users.n != 0 {
		t.Errorf("%d users", v.users.n)
	}
}

// TestUsualEnvelope holds the short way of reading an envelope to the long one.
func TestUsualEnvelope(t *testing.T) {
	for answer, short := range map[string]bool{
		`{"v":1,"action":"continue"}`:                                   true,
		`{"action":"patch","patch":{"a":null},"audit":{"b":[1]},"v":1}`: true,
		`{"v":1,"action":"patch","patch":"none"}`:                       true,
		`{}`:                                    true,
		`{"v":-3,"action":""}`:                  true,
		`{"v":1,"action":"patch","patch":null}`: false,
		`{"v":1,"action":"continue","audit":null}`:                             false,
		`{"v":1.0,"action":"continue"}`:                                        false,
		`{"v":"1","action":"continue"}`:                                        false,
		`{"v":1,"action":true}`:                                                false,
		`{"v":1,"action":"continue","more":1}`:                                 false,
		`{"v":1,"action":"continue","warnings":["w"]}`:                         false,
		`{"v":1,"action":"result","result":{}}`:                                false,
		`{"v":1,"action":"reject","error":{"code":"c","description":"words"}}`: false,
		`[]`: false,
		`1`:  false,
	} {
		doc := mustParse(t, answer)
		usual, ok := usualEnvelope(doc)
		var decoded envelope
		err := doc.Decode(&decoded)
		if ok != short || ok && (err != nil || fmt.Sprint(usual) != fmt.Sprint(decoded)) {
			t.Errorf("%s: %t, %v; decoded %v, %v", answer, ok, usual, decoded, err)
		}
	}
}
