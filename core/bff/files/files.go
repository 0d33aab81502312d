// Package files keeps a backend's registration in two files, so that operators can look at it, take it along and put another one in its
// place: the credentials (JSON) and the key that signs (PEM). It knows nothing of sessions, and of keys only how they are written.
//
// The files are the truth. A key that stands in the key file and not in the credentials is a new one: the one before it stays published.
// Both are written at once or not at all, the key first: what the issuer knows already may sign. disk.go knows of links, of mounted files
// and of folders that nobody writes to.
package files

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Options say where the files are.
type Options struct {
	Credentials string // JSON, mode 0600
	Key         string // PEM; empty: the client proves itself by a secret
	KeyID       string // what others call the key; empty: by its thumbprint
	Alg         string // what it signs with; empty: what follows from the key
	Turns       bool   // another key takes its place from time to time; else its file is written only when it is missing
	Now         func() time.Time
	Log         *slog.Logger // nil: nothing is logged
}

// Files is a bff.Registrations of one process.
type Files struct {
	opt Options

	mu     sync.Mutex
	holder string // of the lease
	until  time.Time

	warned sync.Map // the modes of files that were looked at, by name
}

var _ bff.Registrations = (*Files)(nil)

// New makes Files. Nothing need be there.
func New(opt Options) *Files {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Files{opt: opt}
}

// credentials is the file. Its first two members are all that others write.
type credentials struct {
	ClientID   core.ClientID `json:"client_id"`
	Token      string        `json:"registration_access_token,omitempty"`
	URI        string        `json:"registration_client_uri,omitempty"`
	Secret     string        `json:"client_secret,omitempty"`
	Until      int64         `json:"client_secret_expires_at,omitempty"` // Unix seconds; 0: never
	Since      time.Time     `json:"client_secret_since,omitzero"`
	Issuer     string        `json:"issuer,omitempty"`
	IDTokenAlg string        `json:"id_token_signed_response_alg,omitempty"`
	Digest     string        `json:"metadata_digest,omitempty"`
	Ticket     string        `json:"initial_access_token_digest,omitempty"`
	Keys       []published   `json:"keys,omitempty"` // the last one signs
}

// published is a public key.
type published struct {
	JWK  strictjson.Value `json:"jwk"`
	From time.Time        `json:"from"`
}

// Registration reads the files. Without credentials it is only the key.
func (f *Files) Registration(context.Context) (bff.Registration, error) {
	kept, err := f.read()
	if err != nil {
		return bff.Registration{}, err
	}
	r := bff.Registration{
		Issuer: kept.Issuer, ClientID: kept.ClientID, Token: core.Secret(kept.Token), URI: kept.URI, Secret: core.Secret(kept.Secret),
		IDTokenAlg: kept.IDTokenAlg, Digest: kept.Digest, Ticket: kept.Ticket, Since: kept.Since,
	}
	if kept.Until > 0 {
		r.Until = time.Unix(kept.Until, 0).UTC()
	}
	if r.IDTokenAlg == "" {
		r.IDTokenAlg = jose.RS256 // OpenID Connect Registration §2
	}
	for _, key := range kept.Keys {
		r.Older = append(r.Older, bff.OlderKey{JWK: string(strictjson.Canonical(nil, key.JWK)), From: key.From})
	}
	return r, f.addKey(&r)
}

func (f *Files) read() (kept credentials, err error) {
	text, _, err := f.readFile(f.opt.Credentials)
	if err != nil {
		return kept, bff.Unusable(fmt.Errorf("the client's credentials: %w", err))
	}
	if text == nil {
		return kept, nil
	}
	if err := strictjson.Decode(text, &kept, strictjson.Default); err != nil {
		return kept, bff.Unusable(fmt.Errorf("the client's credentials %s: %w; mend the file, or remove it to register anew", f.opt.Credentials, err))
	}
	return kept, nil
}

// addKey reads the key that signs. When the credentials know it, it is theirs; else it is new, and their last one is an older one.
func (f *Files) addKey(r *bff.Registration) error {
	if f.opt.Key == "" {
		r.Older = nil
		return nil
	}
	key, from, err := f.readKey()
	if err != nil || from.IsZero() {
		return err
	}
	public, err := jose.PublicJWK(key)
	if err != nil {
		return err
	}
	r.KeyAlg, r.KeyID, r.KeyFrom, r.Unsaved = key.Alg(), f.opt.KeyID, from, r.ClientID != ""
	if last := len(r.Older) - 1; last >= 0 && r.Older[last].JWK == string(public) {
		r.KeyFrom, r.Older, r.Unsaved = r.Older[last].From, r.Older[:last], false
	}
	der, err := jose.MarshalPrivate(key)
	r.Key = core.Secret(base64.StdEncoding.EncodeToString(der))
	return err
}

// readKey reads the key file, and since when it is there; no time: it is not.
func (f *Files) readKey() (jose.PrivateKey, time.Time, error) {
	text, from, err := f.readFile(f.opt.Key)
	if err != nil {
		return jose.PrivateKey{}, time.Time{}, bff.Unusable(fmt.Errorf("the signing key: %w", err))
	}
	if text == nil {
		return jose.PrivateKey{}, time.Time{}, nil
	}
	key, err := jose.ParseClientPEM(text, f.opt.Alg)
	if err != nil {
		return key, time.Time{}, bff.Unusable(fmt.Errorf("the signing key %s: %w", f.opt.Key, err))
	}
	if f.opt.KeyID != "" {
		key = key.Named(f.opt.KeyID)
	}
	return key, from.UTC().Truncate(time.Second), nil
}

// Lease keeps the other goroutines of this process away. It fails where nothing could be kept: nothing is changed at the issuer then.
func (f *Files) Lease(_ context.Context, holder string, until time.Time) error {
	if err := f.writable(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holder != "" && f.opt.Now().Before(f.until) {
		return bff.ErrLeased
	}
	f.holder, f.until = holder, until
	return nil
}

// writable tries what may have to be written. A key that stays may lie where nobody writes.
func (f *Files) writable() error {
	if err := tryWriting(f.opt.Credentials); err != nil {
		return bff.Unusable(fmt.Errorf("the client's credentials cannot be kept: %w; name a file on a volume that can be written to", err))
	}
	if f.opt.Key == "" {
		return nil
	}
	if there, _, err := f.readFile(f.opt.Key); err == nil && there != nil && !f.opt.Turns {
		return nil
	}
	if err := tryWriting(f.opt.Key); err != nil {
		return bff.Unusable(fmt.Errorf("the signing key cannot be kept: %w; name a file on a volume that can be written to, or one that has a key", err))
	}
	return nil
}

// SaveRegistration writes the files and ends the lease. Without a client, and without a token that was spent in vain, the credentials go,
// and what is known of keys with them. A lease that has run out counts until another one has it: what a slow issuer answered would be
// lost.
func (f *Files) SaveRegistration(_ context.Context, holder string, r bff.Registration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if holder == "" || f.holder != holder {
		return bff.ErrLeased
	}
	if err := f.save(r); err != nil {
		return fmt.Errorf("the client's credentials cannot be kept: %w", err)
	}
	f.holder = ""
	return nil
}

// Release ends the holder's lease.
func (f *Files) Release(_ context.Context, holder string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holder == holder {
		f.holder = ""
	}
	return nil
}

func (f *Files) save(r bff.Registration) error {
	kept := credentials{
		ClientID: r.ClientID, Token: r.Token.Reveal(), URI: r.URI, Secret: r.Secret.Reveal(), Issuer: r.Issuer, IDTokenAlg: r.IDTokenAlg,
		Digest: r.Digest, Ticket: r.Ticket, Since: r.Since,
	}
	if !r.Until.IsZero() {
		kept.Until = r.Until.Unix()
	}
	for _, key := range r.Older {
		jwk, err := strictjson.Parse([]byte(key.JWK), strictjson.Default)
		if err != nil {
			return err
		}
		kept.Keys = append(kept.Keys, published{JWK: jwk, From: key.From})
	}
	if f.opt.Key != "" && r.Key != "" { // else somebody has taken the key file away
		last, err := f.saveKey(r)
		if err != nil {
			return err
		}
		kept.Keys = append(kept.Keys, last)
	}
	if r.ClientID == "" && r.Ticket == "" {
		return remove(f.opt.Credentials)
	}
	text, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	return replace(f.opt.Credentials, append(text, '\n'))
}

// saveKey writes the key file when the key is another one than it holds.
func (f *Files) saveKey(r bff.Registration) (published, error) {
	der, err := base64.StdEncoding.DecodeString(r.Key.Reveal())
	if err != nil {
		return published{}, err
	}
	key, err := jose.ParsePrivate(r.KeyAlg, der)
	if err != nil {
		return published{}, err
	}
	if r.KeyID != "" {
		key = key.Named(r.KeyID)
	}
	public, err := jose.PublicJWK(key)
	if err != nil {
		return published{}, err
	}
	jwk, err := strictjson.Parse(public, strictjson.Default)
	if err != nil {
		return published{}, err
	}
	there, at, err := f.readKey()
	if err != nil || !at.IsZero() && there.ID() == key.ID() {
		return published{JWK: jwk, From: r.KeyFrom}, err
	}
	text, err := jose.MarshalPEM(key)
	if err != nil {
		return published{}, err
	}
	return published{JWK: jwk, From: r.KeyFrom}, replace(f.opt.Key, text)
}
