//go:build !wasip1

package ostiary

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// with plays one call of a hook in a fake host.
func with(t *testing.T, hook string, f *Fake, h Hook) error {
	t.Helper()
	defer Use(Use(f))
	p := plugin{hooks: []served{{hook, h}}}
	before := module
	module = p
	defer func() { module = before }()
	_, err := module.run(hook, parsed(t, `{"entropy":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}`))
	return err
}

// Each use can be refused for each reason, and the reason is an error that can be told apart.
func TestRefusals(t *testing.T) {
	uses := map[string]func(c *Call) error{
		abi.Random:   func(c *Call) error { return c.Random(make([]byte, 1)) },
		abi.KVGet:    func(c *Call) error { _, _, err := c.KV.Get("k"); return err },
		abi.KVPut:    func(c *Call) error { return c.KV.Put("k", "v", 0) },
		abi.KVDelete: func(c *Call) error { return c.KV.Delete("k") },
		abi.HTTP:     func(c *Call) error { _, err := c.HTTP(Request{URL: "https://a.example"}); return err },
		abi.Secret:   func(c *Call) error { _, err := c.Secret.HMAC("k", "x"); return err },
		abi.PolicyEval: func(c *Call) error {
			_, _, err := c.Policy("r", Value{})
			return err
		},
	}
	for use, call := range uses {
		for _, why := range []Refusal{ErrDenied, ErrBadArgument, ErrTooLarge, ErrUnavailable, ErrInSimulation, ErrBudget, ErrReadOnly} {
			err := with(t, abi.PreRegister, &Fake{Refuse: map[string]Refusal{use: why}}, call)
			var e *CapabilityError
			if !errors.Is(err, why) || !errors.As(err, &e) || e.Use != use || err.Error() != use+": "+why.Error() {
				t.Errorf("%s: %v", use, err)
			}
		}
	}
	if text := Refusal(-99).Error(); text != "refused" {
		t.Errorf("a refusal of a newer host: %s", text)
	}
}

// The zero fake has nothing.
func TestFakeOfNothing(t *testing.T) {
	err := with(t, abi.PreRegister, &Fake{}, func(c *Call) error {
		if value, found, err := c.KV.Get("k"); value != "" || found || err != nil {
			t.Errorf("%q, %t, %v", value, found, err)
		}
		if _, err := c.HTTP(Request{URL: "https://a.example"}); !errors.Is(err, ErrDenied) {
			t.Errorf("%v", err)
		}
		if _, err := c.Secret.Sign("k", "x"); !errors.Is(err, ErrDenied) {
			t.Errorf("%v", err)
		}
		if _, defined, err := c.Policy("r", Object()); defined || err != nil {
			t.Errorf("%t, %v", defined, err)
		}
		if now := c.Now(); now != 0 {
			t.Errorf("%d", now)
		}
		return c.KV.Put("k", "v", 0)
	})
	if err != nil {
		t.Error(err)
	}
}

// A fake is as strict as the host where a test would notice too late.
func TestFakeIsStrict(t *testing.T) {
	long := strings.Repeat("k", abi.MaxKey+1)
	for _, hook := range []string{abi.PostRegister, abi.OnRead, abi.TokenClaims} {
		err := with(t, hook, &Fake{}, func(c *Call) error { return c.KV.Put("k", "v", 0) })
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", hook, err)
		}
	}
	err := with(t, abi.PreRegister, &Fake{}, func(c *Call) error {
		if _, _, err := c.KV.Get(long); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v", err)
		}
		if err := c.KV.Put("k", strings.Repeat("v", abi.MaxValue+1), 0); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v", err)
		}
		if err := c.KV.Delete(""); !errors.Is(err, ErrBadArgument) {
			t.Errorf("%v", err)
		}
		if err := c.Random(make([]byte, abi.MaxRandom+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Bytes go out and come back as they are.
func TestBytesAreCarried(t *testing.T) {
	for _, body := range []string{"", "text <&> ü", "\x00", "\xff\xfe", "a\x00b", strings.Repeat("\x80", 1000)} {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		fake := &Fake{
			Private: map[string]ed25519.PrivateKey{"k": key},
			HTTP: func(r Request) (Response, error) {
				if r.Body != body || r.Headers["X-A"] != "b" || r.Method != "PUT" {
					t.Errorf("sent %+v", r)
				}
				return Response{Status: 200, Headers: map[string]string{"Content-Type": "x"}, Body: r.Body}, nil
			},
		}
		err = with(t, abi.PreRegister, fake, func(c *Call) error {
			got, err := c.HTTP(Request{Method: "PUT", URL: "https://a.example", Headers: map[string]string{"X-A": "b"}, Body: body})
			if err != nil || got.Status != 200 || got.Body != body || got.Headers["content-type"] != "x" {
				t.Errorf("%q: %+v, %v", body, got, err)
			}
			first, err := c.Secret.Sign("k", body)
			if err != nil || first.Alg != "EdDSA" || len(first.Kid) != 43 {
				t.Errorf("%q: %+v, %v", body, first, err)
			}
			return c.KV.Put("k", body, 1)
		})
		if err != nil || fake.KV["k"] != body {
			t.Errorf("%q: %v, keeps %q", body, err, fake.KV["k"])
		}
	}
}

// A rule is named as the plugin's own.
func TestPolicyNamesItsOwnRules(t *testing.T) {
	err := with(t, abi.PreRegister, &Fake{Policy: func(rule string, input Value) Value {
		return Strings([]string{rule, input.JSON()})
	}}, func(c *Call) error {
		module.name = "acme-x"
		result, defined, err := c.Policy("limits.most", Value{})
		if !defined || err != nil || strings.Join(result.Strings(), " ") != "limits.most {}" {
			t.Errorf("%s, %t, %v", result.JSON(), defined, err)
		}
		if ownRules() != "data.ostiary.plugin.acme-x." {
			t.Errorf("%s", ownRules())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
