package authorize

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/seal"
)

// Forms guards what travels through a browser: forms by a token that only this browser's cookie makes valid (CSRF), requests
// between two pages by sealing them. It keeps nothing.
type Forms struct {
	ring *seal.Ring
	key  [32]byte
	now  func() time.Time
}

// NewForms makes Forms that last as long as the ring's primary key.
func NewForms(ring *seal.Ring, now func() time.Time) *Forms {
	return &Forms{ring: ring, key: ring.Derive("authorize/forms"), now: now}
}

// Browser gives what binds pages to a browser: the cookie it sent, or a new one when that is none of ours.
func (f *Forms) Browser(cookie core.Secret) core.Secret {
	const length = 43 // of core.NewSecret
	if len(cookie.Reveal()) != length {
		return core.NewSecret()
	}
	return cookie
}

// Token gives the token of a form that a browser is shown. It says what the form is about, so that it fits no other.
func (f *Forms) Token(browser core.Secret, about ...string) string {
	mac := f.mac(browser, about)
	return base64.RawURLEncoding.EncodeToString(mac[:])
}

// Check refuses a form without its token, or with that of another form or browser.
func (f *Forms) Check(token string, browser core.Secret, about ...string) error {
	mac := f.mac(browser, about)
	sent, err := base64.RawURLEncoding.DecodeString(token)
	if browser == "" || err != nil || !hmac.Equal(sent, mac[:]) {
		return core.Refuse(core.AccessDenied, "This form was not made for this browser, or its cookie is gone. "+
			"Nothing was done. Allow cookies for this site, then start again from where you came.")
	}
	return nil
}

func (f *Forms) mac(browser core.Secret, about []string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, f.key[:])
	for _, part := range append([]string{browser.Reveal()}, about...) {
		var length [8]byte // in front of each part, so that none runs into the next
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write([]byte(part))
	}
	return [sha256.Size]byte(mac.Sum(sum[:0]))
}
