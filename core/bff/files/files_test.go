package files_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/files"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// A folder with both files.
type folder struct {
	*testing.T
	files.Options
	now time.Time
}

func open(t *testing.T) *folder {
	dir := t.TempDir()
	f := &folder{T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	f.Options = files.Options{
		Credentials: filepath.Join(dir, "made", "bff_client.json"), Key: filepath.Join(dir, "keys", "bff.pem"), Now: func() time.Time { return f.now },
	}
	return f
}

func (f *folder) read() bff.Registration {
	f.Helper()
	r, err := files.New(f.Options).Registration(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	return r
}

func (f *folder) save(r bff.Registration) {
	f.Helper()
	kept := files.New(f.Options)
	if err := errors.Join(kept.Lease(f.Context(), "me", f.now.Add(time.Minute)), kept.SaveRegistration(f.Context(), "me", r)); err != nil {
		f.Fatal(err)
	}
}

// bring puts another key into the key file.
func (f *folder) bring(alg string) {
	f.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		f.Fatal(err)
	}
	text, err := jose.MarshalPEM(key)
	if err := errors.Join(err, os.MkdirAll(filepath.Dir(f.Key), 0o700), os.WriteFile(f.Key, text, 0o600)); err != nil {
		f.Fatal(err)
	}
}

// registered is a registration with the key that is there.
func (f *folder) registered() bff.Registration {
	r := f.read()
	r.Issuer, r.ClientID, r.Token, r.URI = "https://id.example.com", "bff-server", "RAT", "https://id.example.com/dcr/register/bff-server"
	r.Secret, r.IDTokenAlg, r.Digest, r.Ticket = "SECRET", "ES256", "digest", "ticket"
	r.Since, r.Until = f.now, f.now.Add(time.Hour)
	r.Older = []bff.OlderKey{{JWK: `{"kid":"older"}`, From: f.now.Add(-time.Hour)}}
	return r
}

// What is saved is read again; only its owner reads the files, and nothing else is left beside them.
func TestRoundTrip(t *testing.T) {
	for _, alg := range []string{jose.ES256, jose.EdDSA, jose.PS256} {
		f := open(t)
		f.bring(alg)
		want := f.registered()
		f.save(want)
		if got := f.read(); !got.Equal(want) || got.KeyAlg != alg || got.Unsaved {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		for _, file := range []string{f.Credentials, f.Key} {
			info, err := os.Stat(file)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", file, info, err)
			}
			beside, _ := os.ReadDir(filepath.Dir(file))
			if len(beside) != 1 {
				t.Errorf("beside %s: %v", file, beside)
			}
		}
		text, err := os.ReadFile(f.Credentials)
		if err != nil || strings.Contains(string(text), want.Key.Reveal()) {
			t.Error("the private key is in the credentials")
		}
	}
}

// A key that somebody puts into the key file signs from then on; the one before it is an older one. It is not saved until that is asked
// for, and until then it is the same at each look.
func TestKeyInItsPlace(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	before := f.registered()
	f.save(before)
	f.bring(jose.PS256)
	got := f.read()
	if !got.Unsaved || got.KeyAlg != jose.PS256 || len(got.Older) != 2 || !got.Older[1].From.Equal(before.KeyFrom) || !got.Equal(f.read()) {
		t.Errorf("got %+v", got)
	}
	got.Unsaved = false
	f.save(got)
	if again := f.read(); !again.Equal(got) {
		t.Errorf("saved %+v\nread  %+v", got, again)
	}
}

// A new key of ours goes into the key file, and nothing of an older client stays when the client goes.
func TestNewKey(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	own := f.read()
	f.bring(jose.ES256)
	r := f.registered()
	r.Key = own.Key
	f.save(r)
	if got := f.read(); got.Key != own.Key || got.Unsaved {
		t.Errorf("the key file holds another key: %+v", got)
	}
	f.save(bff.Registration{Key: own.Key, KeyAlg: own.KeyAlg})
	if got := f.read(); got.ClientID != "" || got.Token != "" || len(got.Older) != 0 || got.Key != own.Key {
		t.Errorf("without a client: %+v", got)
	}
	if _, err := os.Stat(f.Credentials); !os.IsNotExist(err) {
		t.Errorf("the credentials stay: %v", err)
	}
}

// Others' credentials have an id and a token, and nothing more.
func TestOthersCredentials(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	f.KeyID = "named"
	text := `{"client_id":"bff-server","registration_access_token":"RAT"}`
	if err := errors.Join(os.MkdirAll(filepath.Dir(f.Credentials), 0o700), os.WriteFile(f.Credentials, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := f.read(); got.ClientID != "bff-server" || got.Token.Reveal() != "RAT" || !got.Unsaved || got.IDTokenAlg != jose.RS256 || got.KeyID != "named" {
		t.Errorf("%+v", got)
	}
}

// Without a key file in the options there are no keys.
func TestNoKeys(t *testing.T) {
	f := open(t)
	f.Key = ""
	r := f.registered()
	r.Older = nil
	f.save(r)
	if got := f.read(); got.Key != "" || got.Secret.Reveal() != "SECRET" || len(got.Older) != 0 || got.Unsaved {
		t.Errorf("%+v", got)
	}
}

// A token that was spent in vain is remembered, and that there is no client; without both there is no file.
func TestSpentTicket(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	spent := f.read()
	spent.Ticket = "ticket"
	f.save(spent)
	if got := f.read(); got.Ticket != "ticket" || got.ClientID != "" || got.Key != spent.Key || got.Unsaved {
		t.Errorf("%+v", got)
	}
	spent.Ticket = ""
	f.save(spent)
	if _, err := os.Stat(f.Credentials); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
}

// What cannot be read is told with the file, and never with what stands in it.
func TestDamaged(t *testing.T) {
	for name, spoil := range map[string]func(f *folder) string{
		"credentials": func(f *folder) string { return f.Credentials },
		"key":         func(f *folder) string { return f.Key },
	} {
		f := open(t)
		f.bring(jose.ES256)
		f.save(f.registered())
		if err := os.WriteFile(spoil(f), []byte("SPOILT {"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := files.New(f.Options).Registration(t.Context())
		if err == nil || !strings.Contains(err.Error(), spoil(f)) || strings.Contains(err.Error(), "SPOILT") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where the key file would have to be written and cannot be, there is no lease either: what the issuer answers would be lost. A key that
// stays may lie where nobody writes.
func TestNoPlaceForTheKey(t *testing.T) {
	f := open(t)
	f.Key = "/proc/self/status"
	if err := files.New(f.Options).Lease(t.Context(), "me", f.now.Add(time.Minute)); err != nil {
		t.Errorf("a key that stays: %v", err)
	}
	f.Turns = true
	if err := files.New(f.Options).Lease(t.Context(), "me", f.now.Add(time.Minute)); err == nil {
		t.Error("a key that turns where nobody writes")
	}
	f.Turns = false
	beside := filepath.Join(t.TempDir(), "mounted")
	if err := os.Symlink(filepath.Join(beside, "nowhere", "at all"), beside); err != nil {
		t.Fatal(err)
	}
	f.Key = filepath.Join(beside, "bff.pem")
	err := files.New(f.Options).Lease(t.Context(), "me", f.now.Add(time.Minute))
	if err == nil || !strings.Contains(err.Error(), "the signing key cannot be kept") {
		t.Errorf("got %v", err)
	}
}

// A client whose key file is gone can still be removed, or have its token renewed: there is nothing to write of the key then.
func TestWithoutTheKeyFile(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	f.save(f.registered())
	if err := os.Remove(f.Key); err != nil {
		t.Fatal(err)
	}
	r := f.read()
	r.Token = "RENEWED"
	f.save(r)
	if got := f.read(); got.Token.Reveal() != "RENEWED" || got.Key != "" || !slices.Equal(got.Older, r.Older) {
		t.Errorf("renewed: %+v", got)
	}
	f.save(bff.Registration{Older: r.Older})
	if got := f.read(); got.ClientID != "" {
		t.Errorf("removed: %+v", got)
	}
}

// One at a time, and nobody who has lost the lease to another one; where nothing can be kept there is no lease. Who is late, and whom
// nobody has followed, may save all the same: what the issuer has answered would be lost.
func TestLease(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	kept, r, until := files.New(f.Options), f.registered(), f.now.Add(time.Minute)
	check := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	check("without", kept.SaveRegistration(t.Context(), "me", r), bff.ErrLeased)
	check("mine", kept.Lease(t.Context(), "me", until), nil)
	check("yours", kept.Lease(t.Context(), "you", until), bff.ErrLeased)
	check("another's", kept.SaveRegistration(t.Context(), "you", r), bff.ErrLeased)
	check("release of another's", errors.Join(kept.Release(t.Context(), "you"), kept.Lease(t.Context(), "you", until)), bff.ErrLeased)
	f.now = until
	check("late", kept.SaveRegistration(t.Context(), "me", r), nil)
	check("mine again", kept.Lease(t.Context(), "me", until), nil)
	check("run out", kept.Lease(t.Context(), "you", until.Add(time.Minute)), nil)
	check("too late", kept.SaveRegistration(t.Context(), "me", r), bff.ErrLeased)
	check("released", errors.Join(kept.Release(t.Context(), "you"), kept.Lease(t.Context(), "me", until.Add(time.Minute))), nil)
	check("saved", kept.SaveRegistration(t.Context(), "me", r), nil)
	check("and over", kept.SaveRegistration(t.Context(), "me", r), bff.ErrLeased)
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Credentials = filepath.Join(blocked, "bff_client.json")
	if err := files.New(f.Options).Lease(t.Context(), "me", until); err == nil || !strings.Contains(fmt.Sprint(err), "cannot be kept") {
		t.Errorf("nowhere to keep it: %v", err)
	}
}
