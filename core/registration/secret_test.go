package registration_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
)

// overheard is everything that a desk says to anybody but the caller: entries, inputs, plugins' calls, policy's questions, errors.
type overheard struct {
	t    *testing.T
	said []string
}

func (o *overheard) add(what string, v any) {
	o.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		o.t.Fatal(err)
	}
	o.said = append(o.said, what+": "+string(text), what+": "+fmt.Sprintf("%+v", v))
}

func (o *overheard) check(secrets map[string]core.Secret) {
	o.t.Helper()
	for name, secret := range secrets {
		if len(secret.Reveal()) < 16 {
			o.t.Fatalf("%s is too short to look for: %q", name, secret.Reveal())
		}
		for _, text := range o.said {
			if strings.Contains(text, secret.Reveal()) {
				o.t.Errorf("%s stands in %.300s", name, text)
			}
		}
	}
}

// No credential ever reaches an entry, its input, a plugin, policy or an error's text: neither a good one nor a wrong one.
func TestSecretsGoNowhere(t *testing.T) {
	b := newBench(t)
	o := &overheard{t: t}
	listen := asking("listener", "hint", func(c hook.Call) (hook.Result, error) {
		o.add("plugin", c)
		return hook.Result{Action: hook.Continue, Audit: parse(t, `{}`)}, nil
	})
	for _, p := range hook.Points() {
		b.plug(p, listen)
	}
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		o.said = append(o.said, "question: "+string(decision.AppendJSON(nil, q)))
		return decision.Verdict{Allow: true, Warn: []core.Reason{{Rule: "w", Message: "m", Public: true}}}, nil
	}
	refused := func(op core.Operation, c client, body string, want core.Code) {
		t.Helper()
		_, err := b.do(b.manage(op, c, body))
		checkCode(t, err, want, "")
		o.said = append(o.said, "error: "+err.Error(), "error: "+fmt.Sprintf("%+v", *core.AsError(err)))
	}

	iat := b.token(3, "")
	req := b.request(core.Register, core.ChannelDCR, "", shop)
	req.Credential.Bearer = iat
	o.add("request", req.Credential)
	approved, entry, err := b.desk.Judge(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	o.add("approved", approved)
	o.add("entry", entry)
	first := b.mustDo(req)
	second := b.mustDo(b.manage(core.Update, first, first.put(t, "client_name", `"B"`, "client_secret", `"`+first.secret.Reveal()+`"`)))
	b.mustDo(b.manage(core.Read, second, ""))
	b.mustDo(b.manage(core.Update, second, second.put(t)))

	wrong := core.Secret("wrong-credential-0123456789")
	refused(core.Read, client{id: first.id, rat: wrong}, "", core.InvalidToken)
	refused(core.Update, second, second.put(t, "client_secret", `"`+wrong.Reveal()+`"`), core.InvalidRequest)
	refused(core.Update, second, second.put(t, "registration_access_token", `"`+wrong.Reveal()+`"`), core.InvalidRequest)
	private := core.Secret("cHJpdmF0ZS1leHBvbmVudC1tYXJrZXI")
	refused(core.Update, second, second.put(t, "jwks", `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"`+private.Reveal()+`"}]}`), core.InvalidClientMetadata)
	shared := core.Secret("c2hhcmVkLWtleS1tYXJrZXItMDEyMzQ1")
	refused(core.Update, second, second.put(t, "jwks", `{"keys":[{"kty":"oct","k":"`+shared.Reveal()+`"}]}`), core.InvalidClientMetadata)

	for _, e := range b.store.entries {
		o.add("stored entry", e)
		o.said = append(o.said, "input: "+string(e.Input))
	}
	for _, e := range b.book.entries {
		o.add("booked entry", e)
		o.said = append(o.said, "input: "+string(e.Input))
	}
	o.add("shaping", b.book.shaped)
	o.add("stored", b.stored(first.id))
	if len(o.said) < 40 {
		t.Fatalf("only %d things were overheard", len(o.said))
	}
	o.check(map[string]core.Secret{
		"the initial access token": iat, "the first registration token": first.rat, "the second": second.rat, "the client secret": first.secret,
		"a wrong credential": wrong, "a private key": private, "a shared key": shared,
	})
}

// A password in an address is refused, and the entry of the refusal has it neither in what was asked for nor in the reasons.
func TestPasswordsInAddressesAreNotKept(t *testing.T) {
	const password = "password-in-an-address"
	b := newBench(t)
	for _, asked := range []string{
		`{"redirect_uris":["https://a.example/cb","https://ann:` + password + `@a.example/cb"]}`,
		`{"redirect_uris":["https://a.example/cb"],"client_uri":"https:ann:` + password + `@a.example"}`,
		`{"redirect_uris":["https://a.example/cb"],"logo_uri#fr":"https:\\\\ann:` + password + `@a.example"}`,
		`{"redirect_uris":["https://a.example/cb"],"authorized_origins":["https://ann:` + password + `@a.example"]}`,
	} {
		if _, err := b.ask(asked); err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", asked, err)
		}
		entry, err := json.Marshal(b.lastEntry())
		if err != nil || strings.Contains(string(entry), password) || !strings.Contains(string(entry), "...@a.example") {
			t.Errorf("%s: %v, the entry is %s", asked, err, entry)
		}
	}
}
