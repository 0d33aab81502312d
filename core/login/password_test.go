package login_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/slowhash"
)

// reference is from the tests of Argon2's reference implementation.
const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

// The real hash: that of the reference, and ours read back.
func TestHashes(t *testing.T) {
	d := open(t).Desk
	d.Deriving(slowhash.IDKey)
	ours := d.Hash(password)
	if text := ours.Reveal(); !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") || d.Hash(password) == ours {
		t.Errorf("hash %s", text)
	}
	for _, c := range []struct {
		hash        core.PasswordHash
		password    core.Secret
		right, weak bool
	}{
		{reference, "password", true, true}, // its salt is short
		{reference, "Password", false, true},
		{ours, password, true, false},
		{ours, password + " ", false, false},
		{"", "", false, false},
	} {
		right, weak, err := d.Matches(c.password, c.hash)
		if err != nil || right != c.right || weak != c.weak {
			t.Errorf("%s: %t, weak %t, %v", c.hash.Reveal(), right, weak, err)
		}
	}
}

// A stored hash may not take the machine down, and one that is not what we write is an error, not a wrong password.
func TestMalformedHashes(t *testing.T) {
	d := open(t).Desk
	salt, key := strings.Repeat("c", 22), strings.Repeat("k", 42)+"A"
	with := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt[:21] + "A$" + key }
	if _, _, err := d.Matches(password, core.PasswordHash(with("m=65536,t=10,p=4"))); err != nil {
		t.Errorf("the dearest: %v", err)
	}
	for _, text := range []string{
		"x", "$", "$$$$$", reference[1:], reference + "$", reference + "=", reference[:len(reference)-1] + "d", reference[:60],
		strings.Replace(reference, "argon2id", "argon2i", 1), strings.Replace(reference, "argon2id", "ARGON2ID", 1),
		strings.Replace(reference, "v=19", "v=16", 1), strings.Replace(reference, "t=2", "t=02", 1), strings.Replace(reference, "t=2", "t=+2", 1),
		with("m=65537,t=1,p=1"), with("m=4294967295,t=1,p=1"), with("m=19456,t=11,p=1"), with("m=19456,t=0,p=1"), with("m=19456,t=2,p=0"),
		with("m=19456,t=2,p=5"), with("m=7,t=2,p=1"), with("m=-1,t=2,p=1"), with("m=19456,t=2"), with("m=19456,t=2,p=1,x=1"), with("m=1e4,t=2,p=1"),
		with("m=99999999999999999999,t=2,p=1"), "$argon2id$v=19$m=19456,t=2,p=1$c29t$" + key, "$argon2id$v=19$m=19456,t=2,p=1$" + key + "$c29t",
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 96), "$2b$12$" + strings.Repeat("a", 53),
	} {
		if right, _, err := d.Matches(password, core.PasswordHash(text)); err == nil || right {
			t.Errorf("%s: right %t, no error", text, right)
		} else if strings.Contains(err.Error(), "c29t") {
			t.Errorf("the error tells the hash: %v", err)
		}
	}
}

// A hash that is weaker than today's becomes one of today's at the next sign-in, which ends no session.
func TestRehash(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	_, cookie := h.signIn("ann", password)
	salt := strings.Repeat("\x01", 16)
	weak := fmt.Sprintf("$argon2id$v=19$m=7168,t=2,p=1$%s$%s", "AQEBAQEBAQEBAQEBAQEBAQ", base64.RawStdEncoding.EncodeToString(login.Quick([]byte(password.Reveal()), []byte(salt), 2, 7168, 1, 32)))
	set := func() {
		stored := h.vault.users[ann.Subject]
		stored.User.Password = core.PasswordHash(weak)
		h.vault.users[ann.Subject] = stored
	}
	now := func() string { return h.vault.users[ann.Subject].User.Password.Reveal() }
	set()
	if _, _, err := h.try("ann", "wrong horse"); err == nil || now() != weak {
		t.Errorf("after a wrong password: %s, %v", now(), err)
	}
	h.signIn("ann", password)
	if !strings.HasPrefix(now(), "$argon2id$v=19$m=19456,t=2,p=1$") || !h.signedIn(cookie) {
		t.Errorf("after the sign-in: %s, signed in %t", now(), h.signedIn(cookie))
	}
	fresh := now()
	if h.signIn("ann", password); now() != fresh {
		t.Error("hashed again without need")
	}
	set()
	h.vault.before = func() { // somebody else changes the user meanwhile
		h.vault.mu.Lock()
		defer h.vault.mu.Unlock()
		stored := h.vault.users[ann.Subject]
		stored.Stamp[0]++
		h.vault.users[ann.Subject] = stored
	}
	if h.signIn("ann", password); now() != weak {
		t.Errorf("written over somebody's change: %s", now())
	}
}

func TestPasswordRules(t *testing.T) {
	h := open(t)
	for text, says := range map[core.Secret]string{
		"":                                    "", // none yet
		"1234567":                             "shorter than 8",
		"12345678":                            "",
		core.Secret(strings.Repeat("x", 256)): "",
		core.Secret(strings.Repeat("x", 257)): "longer than 256",
		"ann@shop.example":                    "is the username",
		"Ann@SHOP.example":                    "is the username",
		"\xff\xfe\xfd1234567":                 "not UTF-8",
		"пароль с пробелами и \x00 нулём": "",
	} {
		made, err := h.Create(t.Context(), login.NewUser{Username: "ann@shop.example", Password: text})
		if says != "" {
			checkCode(t, err, core.InvalidRequest, says)
			if text != "" && !strings.EqualFold(text.Reveal(), "ann@shop.example") && strings.Contains(err.Error(), text.Reveal()) {
				t.Errorf("the refusal tells the password: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if text != "" {
			h.signIn("ann@shop.example", text)
		}
		if err := h.Delete(t.Context(), made.User.Subject); err != nil {
			t.Fatal(err)
		}
	}
}
