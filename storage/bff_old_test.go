package storage_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/storage"
)

// registrationBefore is the stored form of a registration as it was while one older key was kept, with its private half.
type registrationBefore struct {
	Issuer     string    `json:"issuer"`
	ClientID   string    `json:"client_id"`
	Token      string    `json:"token"`
	URI        string    `json:"uri,omitempty"`
	IDTokenAlg string    `json:"id_token_alg"`
	Key        string    `json:"key"`
	KeyFrom    time.Time `json:"key_from,omitzero"`
	OldKey     string    `json:"old_key,omitempty"`
	Digest     string    `json:"digest"`
}

// A store that was written on the day after a key was turned is read: the key before is still published, and is given up in its time.
func TestBFFRegistrationOfBefore(t *testing.T) {
	older, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	der, err := jose.MarshalPrivate(older)
	if err != nil {
		t.Fatal(err)
	}
	public, err := jose.PublicJWK(older)
	if err != nil {
		t.Fatal(err)
	}
	for old, want := range map[string]string{"": "", base64.StdEncoding.EncodeToString(der): string(public), "damaged": ""} {
		onEach(t, func(s *store) {
			table := storage.NewTable[registrationBefore](s.engine, string(issuer), "bff_registration", 1).Sealed(s.ring)
			op, err := table.Put(registrationBefore{ClientID: "bff-server", Token: "RAT", Key: "KEY", KeyFrom: s.clock.now(), OldKey: old}, time.Time{}, "self")
			if err != nil {
				s.Fatal(err)
			}
			if err := s.engine.Apply(s.Context(), op); err != nil {
				s.Fatal(err)
			}
			got, err := s.openBFF(issuer).Registration(s.Context())
			if err != nil || got.ClientID != "bff-server" || got.Key != "KEY" {
				s.Fatalf("%+v, %v", got, err)
			}
			text, _ := json.Marshal(got.Older)
			if published := len(got.Older) == 1 && got.Older[0].JWK == want; published != (want != "") || strings.Contains(string(text), `"d"`) {
				s.Errorf("older keys: %s", text)
			}
		})
	}
}
