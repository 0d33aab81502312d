package core

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Typed ids: a ClientID is never taken for a Subject.
type (
	// IssuerID is the configured, opaque name of an issuer ("main"). Its URL may change, the id may not.
	IssuerID string
	// ClientID is RFC 6749 §2.2's client identifier. Subjects never equal client ids.
	ClientID string
	// Subject is the "sub" of a person or an operator.
	Subject string
	// DecisionID names one ledger entry. Ids sort by the time they were made.
	DecisionID string
	// SessionID names a browser session. It is public; the cookie is a Secret.
	SessionID string
	// GrantID names a grant. It is public: access tokens carry it.
	GrantID string
	// TokenID names an initial access token. It is public; the token itself is a Secret.
	TokenID string
)

// crockford is base32 without padding in an alphabet that keeps byte order and leaves out look-alikes.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// IsDocument tells an id that is the address of a client's metadata document
// (draft-ietf-oauth-client-id-metadata-document-02 §3). No id that is minted, registered or imported begins so.
func (id ClientID) IsDocument() bool { return strings.HasPrefix(string(id), "https://") }

// timeOrdered gives 26 characters: 48 bits of milliseconds, 10 of the microseconds in them, 70 random bits. What is made by one
// request after another sorts in that order; milliseconds alone were too coarse for it.
func timeOrdered(now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[7:]) // crypto/rand.Read never fails since Go 1.24
	micros := uint64(now.UnixMicro())
	binary.BigEndian.PutUint64(b[:8], micros/1000<<16|micros%1000<<6|uint64(b[7])&0x3f)
	return crockford.EncodeToString(b[:])
}

// NewDecisionID mints the id of a decision made at now.
func NewDecisionID(now time.Time) DecisionID { return DecisionID("d-" + timeOrdered(now)) }

// FirstDecisionID gives an id that sorts before those of all decisions made at a moment or later, and after all made before.
func FirstDecisionID(at time.Time) DecisionID {
	var b [16]byte
	micros := uint64(max(at.UnixMicro(), 0))
	binary.BigEndian.PutUint64(b[:8], micros/1000<<16|micros%1000<<6)
	return DecisionID("d-" + crockford.EncodeToString(b[:]))
}

// NewTokenID mints the public id of an initial access token made at now.
func NewTokenID(now time.Time) TokenID { return TokenID("iat-" + timeOrdered(now)) }

// NewClientID mints a client id made at now: opaque, URL-safe, 128 bits of which 70 are random.
func NewClientID(now time.Time) ClientID { return ClientID("c-" + timeOrdered(now)) }

// SharedClientID is the id of the client that everybody has who registers the same: it is made of the digest of that.
func SharedClientID(of [sha256.Size]byte) ClientID {
	return ClientID("c-" + crockford.EncodeToString(of[:]))
}

// NewSubject mints the "sub" of a person: random, so that it tells nothing, not even when the person came.
func NewSubject() Subject {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return Subject("u-" + crockford.EncodeToString(b[:]))
}

// IsMinted tells whether a text has the form of an id that is minted here, for a client, a person or anything else: a kind, a dash,
// 26 characters, or 52 of a shared client. Nobody else may give a client such an id.
func IsMinted(id string) bool {
	kind, rest, ok := strings.Cut(id, "-")
	if !ok || len(rest) != 26 && len(rest) != 52 || len(kind) == 0 || len(kind) > 3 {
		return false
	}
	_, err := crockford.DecodeString(strings.ToLower(rest))
	return err == nil
}

// NewSessionID mints the public id of a browser session made at now.
func NewSessionID(now time.Time) SessionID { return SessionID("s-" + timeOrdered(now)) }

// NewGrantID mints the id of a grant made at now.
func NewGrantID(now time.Time) GrantID { return GrantID("g-" + timeOrdered(now)) }

// A Secret is a credential on its way through the program. It prints as [redacted] everywhere: fmt, slog, JSON.
type Secret string

// NewSecret makes a credential of 256 random bits, as 43 URL-safe characters.
func NewSecret() Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return Secret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// Reveal gives the credential itself. Its callers are the places to audit.
func (s Secret) Reveal() string { return string(s) }

// Hash is what a store keeps of a server-made secret (256 random bits need no slow hash).
func (s Secret) Hash() SecretHash { return sha256.Sum256([]byte(s)) }

const redacted = "[redacted]"

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter for every verb; a Stringer alone would print itself for %d.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText keeps a secret out of any encoding that was not meant to carry it.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// SecretHash is the SHA-256 of a secret: a key may be made of it, the secret cannot.
type SecretHash [32]byte

// String gives the hash in hexadecimal.
func (h SecretHash) String() string { return hex.EncodeToString(h[:]) }
