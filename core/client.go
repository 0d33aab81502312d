package core

import (
	"slices"
	"time"
)

// Metadata is what a client says of itself and what was made of it: the members of RFC 7591 §2 and OpenID Connect Dynamic
// Client Registration 1.0 §2. A zero field is an absent member; an empty, non-nil list is a member with no values. The one
// table of these members, with their kinds and rules, is core/metadata.
type Metadata struct {
	RedirectURIs            []string // RFC 7591 §2
	TokenEndpointAuthMethod string
	GrantTypes              []string
	ResponseTypes           []string
	ClientName              string
	ClientURI               string
	LogoURI                 string
	Scope                   []string // "scope": space-separated on the wire
	Contacts                []string
	TosURI                  string
	PolicyURI               string
	JWKSURI                 string
	JWKS                    string // a JWK Set as compact JSON
	SoftwareID              string
	SoftwareVersion         string
	SoftwareStatement       string // the JWT, returned unmodified

	ApplicationType              string // OpenID Connect Registration §2
	SectorIdentifierURI          string
	SubjectType                  string
	IDTokenSignedResponseAlg     string
	IDTokenEncryptedResponseAlg  string
	IDTokenEncryptedResponseEnc  string
	UserinfoSignedResponseAlg    string
	UserinfoEncryptedResponseAlg string
	UserinfoEncryptedResponseEnc string
	RequestObjectSigningAlg      string
	RequestObjectEncryptionAlg   string
	RequestObjectEncryptionEnc   string
	TokenEndpointAuthSigningAlg  string
	DefaultMaxAge                *int64 // seconds
	RequireAuthTime              *bool
	DefaultACRValues             []string
	InitiateLoginURI             string
	RequestURIs                  []string

	PostLogoutRedirectURIs []string // OpenID Connect RP-Initiated Logout 1.0 §3.1
	RequirePAR             *bool    // require_pushed_authorization_requests, RFC 9126 §6
	AllowedAudiences       []string // our own: the resources (RFC 8707) that it may ask tokens for; nil: any that is served

	FrontchannelLogoutURI     string // OpenID Connect Front-Channel Logout 1.0 §2
	FrontchannelLogoutSession *bool  // frontchannel_logout_session_required
	BackchannelLogoutURI      string // OpenID Connect Back-Channel Logout 1.0 §2.2
	BackchannelLogoutSession  *bool  // backchannel_logout_session_required

	RequirePKCE          *bool  // these six are Janssen's: each asks for no more than the server would do
	DefaultPromptLogin   *bool  // default_prompt_login
	AccessTokenLifetime  *int64 // seconds, and so the next three
	IDTokenLifetime      *int64
	RefreshTokenLifetime *int64
	PARLifetime          *int64 // par_lifetime

	TLSSubjectDN string // tls_client_auth_subject_dn, RFC 8705 §2.1.2; of these five a client has one
	TLSSANDNS    string
	TLSSANURI    string
	TLSSANIP     string
	TLSSANEmail  string

	CertificateBoundTokens *bool // tls_client_certificate_bound_access_tokens, RFC 8705 §3.4

	RequireSignedRequest      *bool    // require_signed_request_object, RFC 9101 §10.5
	DPoPBoundTokens           *bool    // dpop_bound_access_tokens, RFC 9449 §5.2
	AuthorizationDetailsTypes []string // RFC 9396 §10

	IntrospectionSignedResponseAlg    string // RFC 9701 §6
	IntrospectionEncryptedResponseAlg string
	IntrospectionEncryptedResponseEnc string
	AuthorizationSignedResponseAlg    string // JWT Secured Authorization Response Mode §3
	AuthorizationEncryptedResponseAlg string
	AuthorizationEncryptedResponseEnc string

	BackchannelDeliveryMode         string // backchannel_token_delivery_mode, CIBA §4, and so the next three
	BackchannelNotificationEndpoint string // backchannel_client_notification_endpoint
	BackchannelRequestSigningAlg    string // backchannel_authentication_request_signing_alg
	BackchannelUserCode             *bool  // backchannel_user_code_parameter

	OrgID       string // org_id; this and what follows is Janssen's
	Groups      []string
	Description string

	AuthorizedOrigins     []string // authorized_origins
	AdditionalAudience    []string // additional_audience
	Claims                string   // names of claims, separated by spaces
	ClaimsInIDToken       *bool    // include_claims_in_id_token
	KeepAuthorization     *bool    // keep_client_authorization_after_expiration
	AccessTokenAsJWT      *bool    // access_token_as_jwt
	AccessTokenSigningAlg string   // access_token_signing_alg

	TxTokenLifetime            *int64 // tx_token_lifetime, seconds
	TxTokenSignedResponseAlg   string // tx_token_signed_response_alg
	TxTokenEncryptedAlg        string // tx_token_encrypted_response_alg
	TxTokenEncryptedEnc        string // tx_token_encrypted_response_enc
	LogoutStatusSignedResponse string // logout_status_jwt_signed_response_alg

	Tagged map[string]string // "client_name#fr" and its like (RFC 7591 §2.2)
	Custom map[string]string // members listed in custom_attributes, as compact JSON
}

// A Client is a registered client. It is written by the registration road only (law 3).
type Client struct {
	ID         ClientID
	Metadata   Metadata
	IssuedAt   time.Time // client_id_issued_at; whole seconds on the wire
	UpdatedAt  time.Time
	Expires    time.Time // zero: never
	Life       Life
	Provenance Provenance
	Locked     []string // members that a trusted software statement fixed
	Generation uint64   // grants, consents and sessions made under another one are void
	Governance Governance
}

// ExpiredAt tells whether the registration has ended, by its own lifetime or because nobody approved it in time.
func (c *Client) ExpiredAt(now time.Time) bool { return !c.Expires.IsZero() && !now.Before(c.Expires) }

// Life is how long a client was let live when it registered. What policy limits comes on top, and approval has a time of its own.
type Life struct {
	Lasts time.Duration // 0: for ever
	Asked bool          // the registration asked for it; it is not renewed
	From  time.Time     // when it was renewed last; zero: it runs from the registration on
}

// Renewable tells whether half of it is over, so that being used begins it anew.
func (l Life) Renewable(now, issued time.Time) bool {
	from := l.From
	if from.IsZero() {
		from = issued
	}
	return l.Lasts > 0 && !l.Asked && now.Sub(from) >= l.Lasts/2
}

// Provenance is where a client came from and which decision last wrote it.
type Provenance struct {
	Channel         Channel
	IAT             TokenID // the initial access token it was registered with; empty: none
	IATLabel        string  // and what that token said: both stay with the client when the token is gone
	Terms           Terms
	Profile         string
	StatementIssuer string // iss of a verified software statement
	StatementEntry  string // of the trusted issuers, the entry whose keys verified it; empty in records of before
	RegisteredBy    DecisionID
	WrittenBy       DecisionID
	ApprovedBy      DecisionID // of the operator who approved it; empty: nobody had to
	Revision        string     // of the policy that admitted it
	Declared        string     // the set of declarations that made it; empty: it was not declared
	Shared          bool       // whoever registers the same is given this client
	Plugins         []PluginRef
}

// A PluginRef is a plugin in one version, which had a part in the last write of a client.
type PluginRef struct {
	Name   string
	Digest string // SHA-256 of its module
}

// Governance is what policy attached to a client; the core holds it to it later.
type Governance struct {
	Obligations []Obligation
	Limits      map[string]int64 // by name, seconds
	Labels      []string
	Trust       string // "issuer", "self" or "none"
}

// Obliges tells whether an obligation of the name is among them.
func (g *Governance) Obliges(name string) bool {
	return slices.ContainsFunc(g.Obligations, func(o Obligation) bool { return o.Name == name })
}

// An Obligation is a requirement a client must meet on every later request.
type Obligation struct {
	Name   string `json:"name"`
	Params string `json:"params,omitempty"` // compact JSON object; empty: none
	Rule   string `json:"rule"`
}

// State says whether a client may be used.
type State string

// The states of a client. Absent from the store means active.
const (
	Active   State = "active"
	Pending  State = "pending"
	Disabled State = "disabled"
)

// Credentials are what a client proves itself with. Only hashes are kept.
type Credentials struct {
	Secrets      []StoredSecret // at most two
	Registration []RegistrationToken
}

// A StoredSecret is one client secret as it is kept.
type StoredSecret struct {
	Alg       string    `json:"alg"` // "sha256" for secrets we made; else that of a slow hash
	Hash      string    `json:"hash"`
	CreatedAt time.Time `json:"created_at"` // when the client got it; zero: not known
	ExpiresAt time.Time `json:"expires_at"` // zero: never
	From      string    `json:"from"`       // SHA-256 of the imported hash that it took the place of; empty: none
}

// A RegistrationToken is one registration access token as it is kept (RFC 7592 §3). The one before the current stays valid
// until the current one is used or ValidUntil passes.
type RegistrationToken struct {
	Hash       SecretHash
	ValidUntil time.Time // zero: until replaced
}

// Operation is what is asked of the registration desk.
type Operation string

// The operations a policy may decide on.
const (
	Register Operation = "register"
	Update   Operation = "update"
	Delete   Operation = "delete"
	Read     Operation = "read"
	Disable  Operation = "disable"
	Enable   Operation = "enable"
	Approve  Operation = "approve" // of a client that waits for it
	Reject   Operation = "reject"  // of a client that waits: it is removed, and policy is asked whether it may be deleted
	Rotate   Operation = "rotate"  // of its secret or its registration access token
	Renew    Operation = "renew"   // of its lifetime, because it is in use
)

// Operations lists them.
func Operations() []Operation {
	return []Operation{Register, Update, Delete, Read, Disable, Enable, Approve, Reject, Rotate, Renew}
}

// Channel is the door a request came in by.
type Channel string

// The channels in use.
const (
	ChannelDCR      Channel = "dcr"      // RFC 7591
	ChannelManage   Channel = "manage"   // RFC 7592
	ChannelOperator Channel = "operator" // the operators' API
	ChannelDocument Channel = "cimd"     // a client ID metadata document: nothing is stored
	ChannelImport   Channel = "import"   // declared clients: what operators keep in files
	ChannelSystem   Channel = "system"   // this server itself, which looks after the lives of clients
)

// Channels lists them.
func Channels() []Channel {
	return []Channel{ChannelDCR, ChannelManage, ChannelOperator, ChannelDocument, ChannelImport, ChannelSystem}
}

// An InitialAccessToken lets its holder register clients (RFC 7591 §3). How often it was used is counted apart.
type InitialAccessToken struct {
	ID        TokenID
	Label     string
	Profile   string
	MaxUses   int64
	CreatedAt time.Time
	ExpiresAt time.Time
	CreatedBy Subject
	Hash      SecretHash
	Terms     Terms
}

// Terms are what an initial access token lays down for the clients that are registered with it, then and with every later change
// that they make themselves. An empty list allows any.
type Terms struct {
	Scopes        []string
	RedirectHosts []string // "app.example.com", or "*.example.com" for one label more (oauth.HostMatches)
	SoftwareIDs   []string
	Origins       []string // of the pages that may present the token
	PolicyData    string   // for policy, which alone knows what it means: a JSON object, compact; empty: none
}

// IsZero tells that nothing is laid down.
func (t *Terms) IsZero() bool {
	return len(t.Scopes)+len(t.RedirectHosts)+len(t.SoftwareIDs)+len(t.Origins) == 0 && t.PolicyData == ""
}

// Caller is who is at the desk, as policy may see it. No secrets.
type Caller struct {
	// Kind is "initial_access_token", "registration_access_token", "client_credentials", "mtls", "operator",
	// "client_metadata_document", "open" or "system".
	Kind      string
	IP        string
	Origin    string // the Origin header
	UserAgent string
	Subject   Subject
	ClientID  ClientID
	Scopes    []string
	Roles     []string

	Certificate *Certificate // that the caller presented; nil: none
}
