package decision

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Verdict is what policy answered. Every finding carries the rule it came from and, where the engine knows it, the file and
// line of that rule.
type Verdict struct {
	Allow    bool
	Revision string // content digest of the policy that decided
	Cached   bool   // answered from the cache: the same question was decided before by the same revision
	Deny     []core.Reason
	Warn     []core.Reason
	Grant    []Scope   // scopes to add
	Strip    []Scope   // scopes to take away
	Set      []Setting // members forced
	Default  []Setting // members used when absent
	Require  []core.Obligation
	Limits   map[string]int64 // by name, seconds; the smallest of each
	Trust    string           // the lowest of the levels given; empty: as verified
	Labels   []string
	Elapsed  time.Duration
	Decision core.DecisionID // under which it was written down; empty: nobody does

	// Holds tells whether the same caller, asking the same again about the same client, would get this verdict still, at
	// whatever time and from whatever address. Nil: that is not known, so ask.
	Holds func() bool
}

// A Scope is one scope that policy added or took away.
type Scope struct {
	Scope string
	By    core.Reason
}

// A Setting is one member that policy set or gave a default for.
type Setting struct {
	Field string
	Value strictjson.Value
	By    core.Reason
}

// Changes tells whether the verdict asks for any change of the client's metadata.
func (v *Verdict) Changes() bool {
	return len(v.Grant)+len(v.Strip)+len(v.Set)+len(v.Default) > 0
}

// The limits that the core enforces. Any other name is a policy error.
const (
	LimitClientSecretLifetime = "client_secret_lifetime" // seconds until a minted client_secret expires
	LimitClientLifetime       = "client_lifetime"        // seconds until the registration itself expires
)

// The obligations that the core enforces. Any other name is a policy error.
const (
	ObligePKCE          = "pkce_s256"       // RFC 7636: the authorization request must carry an S256 challenge
	ObligePAR           = "par"             // RFC 9126 §6: the authorization request must be pushed
	ObligeConsentAlways = "consent_always"  // the person is asked every time, and the answer is not remembered
	ObligeMTLS          = "mtls"            // RFC 8705 §3: tokens are bound to the client's certificate
	ObligeIDTokenClaims = "id_token_claims" // OpenID Connect Core §2: ID tokens say of the person what userinfo does
	ObligeApproval      = "approval"        // the client can do nothing before an operator has approved it
)

// TrustLevels are the values of trust, lowest first.
var trustLevels = [...]string{"none", "self", "issuer"}

// TrustRank orders trust levels, lowest 0; -1 for a word that is none.
func TrustRank(level string) int {
	for i, l := range trustLevels {
		if l == level {
			return i
		}
	}
	return -1
}
