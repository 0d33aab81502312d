package bff

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// keepOldKey is how long a key that signs no more stays published at least: every replica has looked at the registration by then.
const keepOldKey = 24 * time.Hour

// self is who we are to the issuer.
type self struct {
	Registration
	at      Endpoints
	algs    []string // that ID tokens for us are signed with
	key     jose.PrivateKey
	jwks    []byte   // publishes it, and those before it while they are kept
	kids    []string // of all of them
	retired []string // keys that are given up now
}

// noKeys is the key set of a client that has none.
var noKeys = []byte(`{"keys":[]}`)

// lookAfterKeys turns the signing key when it is time. When that fails, the old one goes on signing and the next look tries again.
func (b *Backend) lookAfterKeys(ctx context.Context, now bool) {
	if b.settings.Given || b.settings.Method != oauth.AuthPrivateKeyJWT {
		return
	}
	have, err := b.store.Registration(ctx)
	told := have.Token != "" || b.settings.JWKSURI != "" // a key that the issuer cannot be told of must not sign
	if err == nil && told && (now || b.turnDue(have)) {
		var me *self
		if me, err = b.turned(ctx, have, now); err == nil {
			b.become(me)
			b.log.Info("the backend's signing keys were turned", "kid", me.key.ID(), "old_key_kept", len(me.Older) > 0)
			return
		}
	}
	if err != nil && !errors.Is(err, ErrLeased) {
		b.parts.Seen(TurnFailed)
		b.log.Warn("the backend's signing keys could not be looked after", "error", err, "retry_in", lookEvery.String())
	}
}

// turned makes the keys what they should be, under the lease.
func (b *Backend) turned(ctx context.Context, have Registration, now bool) (*self, error) {
	at, err := b.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	next, err := b.alone(ctx, have, func(ctx context.Context, have Registration) (Registration, error) {
		return b.turn(ctx, have, at, now)
	})
	if err != nil {
		return nil, err
	}
	return b.open(next, at)
}

// turnDue tells that the signing key is too old, or that one before it has been kept long enough.
func (b *Backend) turnDue(r Registration) bool { return b.tooOld(r) || len(b.retired(r)) > 0 }

func (b *Backend) tooOld(r Registration) bool {
	return b.settings.KeyLife > 0 && b.now().Sub(r.KeyFrom) >= b.settings.KeyLife
}

// retired counts the keys that are given up now: those that are old enough, a day after the last one signed.
func (b *Backend) retired(r Registration) []OlderKey {
	now, kept := b.now(), b.settings.KeyKept
	if kept < 0 || now.Sub(r.KeyFrom) < keepOldKey {
		return nil
	}
	var gone []OlderKey
	for _, key := range r.Older {
		if now.Sub(key.From) >= kept {
			gone = append(gone, key)
		}
	}
	return gone
}

// turn has the issuer know the new key beside the old one before anything is signed with it, or forget an old one (RFC 7592 §2.2). One
// that reads our keys where we publish them need not be told.
func (b *Backend) turn(ctx context.Context, have Registration, at Endpoints, now bool) (Registration, error) {
	gone := b.retired(have)
	have.Older = slices.DeleteFunc(slices.Clone(have.Older), func(key OlderKey) bool { return slices.Contains(gone, key) })
	if now || b.tooOld(have) {
		var err error
		if have, err = b.newKey(have); err != nil {
			return Registration{}, err
		}
	}
	me, err := b.open(have, at)
	if err != nil || b.settings.JWKSURI != "" {
		return have, err
	}
	for _, key := range gone {
		me.retired = append(me.retired, kidOf(key.JWK))
	}
	doc, err := b.readClient(ctx, have, at)
	if err != nil {
		return Registration{}, err
	}
	next, _, err := b.updateClient(ctx, me, doc)
	return next, err
}

// newKey gives a registration a new key; the one it had is an old one now.
func (b *Backend) newKey(r Registration) (Registration, error) {
	key, err := jose.Generate(cmp.Or(r.KeyAlg, jose.ES256))
	if err != nil {
		return Registration{}, err
	}
	der, err := jose.MarshalPrivate(key)
	if err != nil {
		return Registration{}, err
	}
	if r.Key != "" {
		older, err := r.public()
		if err != nil {
			return Registration{}, err
		}
		r.Older = append(slices.Clone(r.Older), OlderKey{JWK: string(older), From: r.KeyFrom})
	}
	if most := b.settings.MaxKeys; most > 0 && len(r.Older) > most-1 {
		r.Older = r.Older[len(r.Older)-most+1:]
	}
	r.Key, r.KeyAlg, r.KeyID, r.KeyFrom = core.Secret(base64.StdEncoding.EncodeToString(der)), key.Alg(), "", b.now().UTC().Truncate(time.Second)
	return r, nil
}

// private reads the key that signs.
func (r Registration) private() (jose.PrivateKey, error) {
	der, err := base64.StdEncoding.DecodeString(r.Key.Reveal())
	if err != nil {
		return jose.PrivateKey{}, errors.New("the stored key of the backend is damaged")
	}
	key, err := jose.ParsePrivate(cmp.Or(r.KeyAlg, jose.ES256), der)
	if err != nil {
		return key, fmt.Errorf("the stored key of the backend: %w", err)
	}
	if r.KeyID != "" {
		key = key.Named(r.KeyID)
	}
	return key, nil
}

// public gives the public half of the key that signs.
func (r Registration) public() ([]byte, error) {
	key, err := r.private()
	if err != nil {
		return nil, err
	}
	return jose.PublicJWK(key)
}

// open makes who we are of a registration.
func (b *Backend) open(r Registration, at Endpoints) (*self, error) {
	me := &self{Registration: r, at: at, algs: []string{r.IDTokenAlg}, jwks: noKeys}
	if b.settings.Given {
		me.ClientID, me.algs = b.settings.ClientID, at.IDTokenAlgs
	}
	if b.settings.Secret != "" {
		me.Secret = b.settings.Secret
	}
	switch {
	case b.lacksKey(r):
		return nil, unfit("there is no key to sign with")
	case b.settings.Method != oauth.AuthPrivateKeyJWT:
		return me, nil
	}
	var err error
	if me.key, err = r.private(); err != nil {
		return nil, err
	}
	return me, me.publishes()
}

// publishes makes the key set that others verify us by.
func (me *self) publishes() error {
	var published [][]byte
	for _, older := range me.Older {
		published = append(published, []byte(older.JWK))
		me.kids = append(me.kids, kidOf(older.JWK))
	}
	public, err := jose.PublicJWK(me.key)
	me.kids = append(me.kids, me.key.ID())
	me.jwks = fmt.Appendf(nil, `{"keys":[%s]}`, bytes.Join(append(published, public), []byte(",")))
	return err
}

func kidOf(jwk string) string {
	doc, err := strictjson.Parse([]byte(jwk), strictjson.Default)
	if err != nil {
		return ""
	}
	return textOf(doc, "kid")
}
