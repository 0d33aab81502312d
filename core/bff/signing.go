package bff

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// keepOldKey is how long a key that signs no more stays published: every replica has looked at the registration by then.
const keepOldKey = 24 * time.Hour

// self is who we are to the issuer.
type self struct {
	Registration
	key  jose.PrivateKey
	jwks []byte // publishes it, and the one before it while that is kept
}

// lookAfterKeys turns the signing key when it is time. When that fails, the old one goes on signing and the next look tries again.
func (b *Backend) lookAfterKeys(ctx context.Context) {
	have, err := b.store.Registration(ctx)
	if err == nil && b.turnDue(have) {
		var me *self
		if me, err = b.alone(ctx, have, b.turn); err == nil {
			b.self.Store(me)
			b.log.Info("the backend's signing keys were turned", "kid", me.key.ID(), "old_key_kept", me.OldKey != "")
			return
		}
	}
	if err != nil && !errors.Is(err, ErrLeased) {
		b.log.Warn("the backend's signing keys could not be looked after", "error", err, "retry_in", lookEvery.String())
	}
}

// turnDue tells that the signing key is too old, or that the one before it has been kept long enough.
func (b *Backend) turnDue(r Registration) bool {
	age := b.now().Sub(r.KeyFrom)
	return age >= b.settings.KeyLife || r.OldKey != "" && age >= keepOldKey
}

// turn has the issuer know the new key beside the old one before anything is signed with it, or forget the old one (RFC 7592 §2.2).
func (b *Backend) turn(ctx context.Context, have Registration) (Registration, error) {
	if b.now().Sub(have.KeyFrom) >= b.settings.KeyLife {
		me, err := b.newKey(have)
		if err != nil {
			return Registration{}, err
		}
		return b.updateClient(ctx, me)
	}
	have.OldKey = ""
	me, err := open(have)
	if err != nil {
		return Registration{}, err
	}
	return b.updateClient(ctx, me)
}

// newKey gives a registration a new key; the one it had is the old one now.
func (b *Backend) newKey(r Registration) (*self, error) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		return nil, err
	}
	der, err := jose.MarshalPrivate(key)
	if err != nil {
		return nil, err
	}
	r.OldKey, r.Key, r.KeyFrom = r.Key, core.Secret(base64.StdEncoding.EncodeToString(der)), b.now().UTC().Truncate(time.Second)
	return open(r)
}

// open reads the keys of a registration; nil when it has none.
func open(r Registration) (*self, error) {
	if r.Key == "" {
		return nil, nil
	}
	me := &self{Registration: r}
	var published [][]byte
	for _, stored := range []core.Secret{r.OldKey, r.Key} { // the last one signs
		if stored == "" {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(stored.Reveal())
		if err != nil {
			return nil, errors.New("the stored key of the backend is damaged")
		}
		if me.key, err = jose.ParsePrivate(jose.ES256, der); err != nil {
			return nil, fmt.Errorf("the stored key of the backend: %w", err)
		}
		public, err := jose.PublicJWK(me.key)
		if err != nil {
			return nil, err
		}
		published = append(published, public)
	}
	me.jwks = fmt.Appendf(nil, `{"keys":[%s]}`, bytes.Join(published, []byte(",")))
	return me, nil
}
