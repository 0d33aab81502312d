package slowhash_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/slowhash"
)

// The vectors are those of the specifications and of the programs that make such hashes.
func TestHashesOfOthers(t *testing.T) {
	for text, want := range map[string]struct{ alg, secret string }{
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": {slowhash.AlgArgon2id, "password"},
		"$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga":                           {slowhash.AlgBcrypt, "allmine"},
		"pbkdf2_sha256$1000$saltsalt$E196ZhRPzw+wA84EjzHwJO1cv/MFJdO6C/sxmUeTYqY=":               {slowhash.AlgPBKDF2SHA256, "password"},
		"$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHQ$E196ZhRPzw+wA84EjzHwJO1cv/MFJdO6C/sxmUeTYqY":     {slowhash.AlgPBKDF2SHA256, "password"},
	} {
		h, err := slowhash.Parse(text)
		if err != nil || h.Alg != want.alg || !h.Matches(want.secret) || h.Matches(want.secret+" ") || h.Matches("") || !h.Stale() {
			t.Errorf("%s: %q, %t, %v", text, h.Alg, h.Matches(want.secret), err)
		}
	}
	made := slowhash.Make("one")
	ours, err := slowhash.Parse(made)
	if err != nil || ours.Stale() || !ours.Matches("one") || ours.Matches("two") || slowhash.Make("one") == made {
		t.Errorf("ours: %+v, %v", ours, err)
	}
}

// What would cost too much, or cannot be read, is an error that tells nothing of the hash.
func TestHashesThatAreNotTaken(t *testing.T) {
	const key = "E196ZhRPzw+wA84EjzHwJO1cv/MFJdO6C/sxmUeTYqY="
	for _, text := range []string{
		"", "secret", "$1$abc$def", "$2b$20$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga", "$2b$10$short",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"pbkdf2_sha256$999$saltsalt$" + key, "pbkdf2_sha256$2000000$saltsalt$" + key, "pbkdf2_sha256$x$saltsalt$" + key,
		"pbkdf2_md5$1000$saltsalt$" + key, "pbkdf2_sha256$1000$salt$" + key, "pbkdf2_sha256$1000$saltsalt$AAAA", "$pbkdf2-sha256$1000$!!!!$" + key,
	} {
		h, err := slowhash.Parse(text)
		if err == nil || h.Matches("password") || strings.Contains(err.Error(), "c29t") {
			t.Errorf("%s is taken: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$2b$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga")
	f.Add("pbkdf2_sha512$1000$saltsalt$AAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := slowhash.Parse(text); (err == nil) == (h.Alg == "") {
			t.Errorf("%q: %q, %v", text, h.Alg, err)
		}
	})
}
