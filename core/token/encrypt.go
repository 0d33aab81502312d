package token

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
)

// A client may want what is said of a person to be read by nobody but itself (OpenID Connect Core §10.2, §16.13). Then it is never
// sent in the clear: where there is no key to encrypt to, there is no answer. In a token request the key is found before the
// code or refresh token is spent, so that a client whose keys cannot be had at the moment comes again with the same one.

// A wish is what a client registered about encryption.
type wish struct{ member, alg, enc string }

func idTokenWish(m *core.Metadata) wish {
	return wish{"id_token_encrypted_response_alg", m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc}
}

func userInfoWish(m *core.Metadata) wish {
	return wish{"userinfo_encrypted_response_alg", m.UserinfoEncryptedResponseAlg, m.UserinfoEncryptedResponseEnc}
}

// findRecipient finds the key that the ID token will be encrypted to, if there will be one and its client wants that.
func (c *call) findRecipient(ctx context.Context) (err error) {
	if m := &c.client.Client.Metadata; c.hasIDToken() {
		c.recipient, err = c.recipientOf(ctx, m, idTokenWish(m))
	}
	return err
}

// recipientOf finds the client's key for what it wishes; the zero Recipient when it wishes nothing.
func (e *Endpoint) recipientOf(ctx context.Context, m *core.Metadata, w wish) (jose.Recipient, error) {
	if w.alg == "" {
		return jose.Recipient{}, nil
	}
	enc := cmp.Or(w.enc, string(oauth.A128CBCHS256)) // OpenID Connect Registration §2
	set, err := e.keysToEncryptTo(ctx, m, func(set jose.KeySet) bool {
		_, err := set.Recipient(w.alg, enc)
		return err == nil
	})
	if err == nil {
		var to jose.Recipient
		if to, err = set.Recipient(w.alg, enc); err == nil {
			return to, nil
		}
	}
	return jose.Recipient{}, w.refuse(err)
}

// keysToEncryptTo gives the client's own keys: those that it registered, or those that it publishes.
func (e *Endpoint) keysToEncryptTo(ctx context.Context, m *core.Metadata, fit func(jose.KeySet) bool) (jose.KeySet, error) {
	switch {
	case m.JWKS != "":
		return e.sets.Set(m.JWKS)
	case m.JWKSURI != "":
		return e.parts.ClientKeys.Having(ctx, m.JWKSURI, fit)
	}
	return jose.KeySet{}, jose.ErrNoKey
}

// fetchedAgain is how long after a failure a client's keys are fetched again. A code outlives it.
const fetchedAgain = 30 * time.Second

// refuse says why nothing can be encrypted. What stands behind it is for the log: the address of the keys is a stranger's.
func (w wish) refuse(cause error) error {
	if errors.Is(cause, keys.ErrUnreachable) {
		return &core.Error{
			Code: core.TemporarilyUnavailable, RetryAfter: fetchedAgain, Err: cause,
			Detail: "This client registered " + w.member + ", and its keys could not be fetched from its jwks_uri; try again in a moment.",
		}
	}
	return core.Fail(core.InvalidRequest, "This client registered "+w.member+" "+core.Clip(w.alg)+", and none of its keys is for that: "+
		"nothing is sent to it unencrypted. Add a key with use enc, or without use, to its jwks or at its jwks_uri, or register another algorithm.", cause)
}
