package registration

import (
	"crypto/x509"
	"encoding/hex"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Request is one thing asked of the desk, parsed and free of transport.
type Request struct {
	Operation  core.Operation
	Channel    core.Channel
	Decision   core.DecisionID
	RequestID  string
	ClientID   core.ClientID    // which client; empty on register
	Body       strictjson.Value // the document; absent on read, delete and changes of state; on approve what is narrowed, if anything
	Signed     string           // on register and update, instead of Body: a JWT in compact form whose claims are the document
	Merge      bool             // on update: Body is a merge patch (RFC 7396) instead of a replacement
	Credential Credential
	Caller     core.Caller // IP, Origin and UserAgent; access fills in the rest

	// InProcess tells that a part of this server asks, which is no stranger: the backend-for-frontend.
	InProcess bool
	// Refused is what web found wrong before the desk was asked; the desk only writes it down.
	Refused *core.Error
	// IfMatch are entity tags, of which one must be the client's now, or "*" (RFC 9110 §13.1.1). None: whatever it is now.
	IfMatch []string
	// Profile is asked for by an operator or a simulation; others ask by client_profile in the body.
	Profile string
	// Reason is why an operator rejects; it is kept in the entry.
	Reason string
	// Declared is set for a declared client, whose ClientID the operator has chosen.
	Declared *Declaration
	// Rotation is what is rotated.
	Rotation Rotation
	// Unused is on a deletion by the system what it rests on: if the client is used meanwhile, it stays. Nil: on nothing.
	Unused *Use

	counts bool // against the limits of the site: it is to be carried out, and was not counted yet
}

// A Credential is what was presented, before it is believed.
type Credential struct {
	Bearer   core.Secret  // an initial, a registration or an access token; empty: none
	Operator core.Subject // an operator that web has authenticated; empty: none

	Certificates []*x509.Certificate // of the connection, the caller's own first; who issued them says Caller.Certificate
}

// MaxClientID is how many bytes a client id may have.
const MaxClientID = 256

// Stored is a client as the store holds it.
type Stored struct {
	Client      core.Client
	Credentials core.Credentials
	State       core.State
	Stamps      Stamps
	Use         Use // only in lists
}

// Tag is the entity tag of client and state (RFC 9110 §8.8.3); a fresh token or secret does not change it.
func (s Stored) Tag() string { return s.Stamps.tag() }

func (s Stamps) tag() string {
	raw := make([]byte, 0, 2+2*(len(s.Client)+4))
	raw = append(raw, '"')
	raw = hex.AppendEncode(raw, s.Client[:])
	raw = hex.AppendEncode(raw, s.State[:4])
	return string(append(raw, '"'))
}

// lastSign is when the client was last used, or registered when it never was.
func (s Stored) lastSign() time.Time {
	if s.Use.Last.IsZero() {
		return s.Client.IssuedAt
	}
	return s.Use.Last
}

// A Stamp is the version of one stored record; the zero Stamp says it is absent.
type Stamp [16]byte

// Stamps are the versions that a decision was made on. The commit requires them.
type Stamps struct {
	Client, Credentials, State Stamp
}

// Held is an initial access token as the store holds it.
type Held struct {
	Token core.InitialAccessToken
	Uses  int64 // registrations made with it
	Stamp Stamp

	LastUsed time.Time // zero: never, or it was not asked for
}

// An Answer is what the desk says of a client.
type Answer struct {
	Body     []byte // JSON; nil after a delete
	ClientID core.ClientID
	Tag      string // Stored.Tag, where nothing was written; else it is not known yet
}

// A Filter narrows a list of clients. Every member that is set must hold.
type Filter struct {
	State           core.State
	Channel         core.Channel
	IAT             core.TokenID
	SoftwareID      string
	StatementIssuer string
	Queue           string    // of those who wait for approval
	Declared        string    // the set of declarations that made them
	LastUsedBefore  time.Time // and those never used that were registered before
}

// Holds tells whether a client passes.
func (f Filter) Holds(s Stored) bool {
	c := s.Client
	return (f.State == "" || f.State == s.State) && (f.Channel == "" || f.Channel == c.Provenance.Channel) &&
		(f.IAT == "" || f.IAT == c.Provenance.IAT) && (f.SoftwareID == "" || f.SoftwareID == c.Metadata.SoftwareID) &&
		(f.StatementIssuer == "" || f.StatementIssuer == c.Provenance.StatementIssuer) && (f.Queue == "" || waitsIn(f.Queue, c.Governance)) &&
		(f.Declared == "" || f.Declared == c.Provenance.Declared) && (f.LastUsedBefore.IsZero() || s.lastSign().Before(f.LastUsedBefore))
}
