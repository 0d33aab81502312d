package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A refresh token is base64url(locator | generation | MAC): where its family is kept, which of the family's tokens it is, and
// a MAC under a key that only the family's record has. So a family is one record whatever number of tokens it gave out, each
// token of it can be told apart and made again, and none can be guessed.

const (
	macSize = sha256.Size
	genSize = 8
	// maxRefreshToken is longer than any refresh token we make.
	maxRefreshToken = 256
	// retryWindow is how long the token before the current one gets the same answer again: the answer to a client that lost it,
	// or that asked twice at once.
	retryWindow = 10 * time.Second
)

// refreshToken makes the current refresh token of a family.
func refreshToken(g core.Grant) core.Secret {
	raw := binary.BigEndian.AppendUint64([]byte(g.ID), g.Refreshed)
	return core.Secret(base64.RawURLEncoding.EncodeToString(append(raw, macOf(g, g.Refreshed)...)))
}

// macOf gives what proves that we made the token of a generation.
func macOf(g core.Grant, generation uint64) []byte {
	mac := hmac.New(sha256.New, []byte(g.RefreshKey.Reveal()))
	mac.Write(binary.BigEndian.AppendUint64([]byte("ostiary refresh token\x00"+string(g.ID)+"\x00"), generation))
	return mac.Sum(nil)
}

// jtiOf gives the jti of the access token that goes with the current refresh token: one for each scope and audience it is asked
// for.
func jtiOf(g core.Grant, scope, audience []string) string {
	mac := hmac.New(sha256.New, []byte(g.RefreshKey.Reveal()))
	mac.Write(binary.BigEndian.AppendUint64([]byte("ostiary jti\x00"+string(g.ID)+"\x00"), g.Refreshed))
	for _, part := range slices.Concat(scope, []string{""}, audience) {
		mac.Write([]byte(part + "\x00"))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:jtiSize])
}

// A presentedRefresh is a refresh token taken apart, and not yet believed.
type presentedRefresh struct {
	grant      core.GrantID
	generation uint64
	mac        []byte
}

// readRefresh takes a token apart. Each has exactly one spelling.
func readRefresh(token string) (presentedRefresh, bool) {
	if len(token) > maxRefreshToken {
		return presentedRefresh{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	at := len(raw) - genSize - macSize
	if err != nil || at <= 0 || base64.RawURLEncoding.EncodeToString(raw) != token { // the decoder skips line ends
		return presentedRefresh{}, false
	}
	return presentedRefresh{
		grant: core.GrantID(raw[:at]), generation: binary.BigEndian.Uint64(raw[at:]), mac: raw[at+genSize:],
	}, true
}

// belongsTo tells whether the token is one that this family gave out, however long ago.
func (p presentedRefresh) belongsTo(g core.Grant) bool {
	return g.ID != "" && g.ID == p.grant && g.RefreshKey != "" && p.generation <= g.Refreshed && hmac.Equal(p.mac, macOf(g, p.generation))
}

// isPrevious tells whether the token is the one before the current one, within the window for trying again.
func (p presentedRefresh) isPrevious(g core.Grant, now time.Time) bool {
	return p.generation+1 == g.Refreshed && now.Before(g.RotatedAt.Add(retryWindow))
}
