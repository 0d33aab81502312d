package abi

// Input is what a hook is given.
type Input[J any] struct {
	V       int        `json:"v"` // Major
	Hook    string     `json:"hook"`
	Context Context[J] `json:"context"`
	Client  J          `json:"client"`          // an object: metadata, or the answer without credentials; which one, the hook says
	Before  J          `json:"before,omitzero"` // an object: the stored metadata, on an update; else absent
	Entropy string     `json:"entropy"`         // 32 random bytes in standard base64, new for every call

	Signed      *Signed[J]   `json:"signed,omitempty"`      // in software_statement_keys and request_keys
	Certificate *Certificate `json:"certificate,omitempty"` // in certificate_check
	Token       *Token[J]    `json:"token,omitempty"`       // in token_claims
}

// Signed is a JWT whose keys are asked for. Nothing of it is verified yet.
type Signed[J any] struct {
	Kind   string `json:"kind"` // software_statement, request
	Alg    string `json:"alg"`
	Kid    string `json:"kid"`    // empty: it names none
	Claims J      `json:"claims"` // an object
}

// Certificate is what there is to know of a client's X.509 certificate.
type Certificate struct {
	Subject   string           `json:"subject"` // distinguished name (RFC 4514)
	Issuer    string           `json:"issuer"`
	Serial    string           `json:"serial"` // hexadecimal
	SHA256    string           `json:"sha256"` // of the DER form, in hexadecimal
	SAN       AlternativeNames `json:"san"`
	NotBefore int64            `json:"not_before"` // Unix seconds
	NotAfter  int64            `json:"not_after"`
	PEM       string           `json:"pem,omitempty"` // only in certificate_check
}

// AlternativeNames are a certificate's other names (RFC 5280 §4.2.1.6), by kind.
type AlternativeNames struct {
	DNS   []string `json:"dns"`
	URI   []string `json:"uri"`
	Email []string `json:"email"`
	IP    []string `json:"ip"`
}

// Token is an access token that is about to be minted.
type Token[J any] struct {
	GrantType string   `json:"grant_type"`
	Subject   string   `json:"subject"`
	Scopes    []string `json:"scopes"`
	Audience  []string `json:"audience"`
	Claims    J        `json:"claims"` // an object: what it says so far
}

// Context is what surrounds a call.
type Context[J any] struct {
	DecisionID         string                 `json:"decision_id"`
	Operation          string                 `json:"operation"` // register, update, read, delete, authenticate, token
	Channel            string                 `json:"channel"`   // dcr, manage, operator; empty in token_claims
	ClientID           string                 `json:"client_id"` // empty before there is one
	Profile            string                 `json:"profile"`
	Now                int64                  `json:"now"` // Unix seconds
	Caller             Caller                 `json:"caller"`
	InitialAccessToken *InitialAccessToken[J] `json:"initial_access_token,omitempty"` // absent: none was presented
	SoftwareStatement  *Statement[J]          `json:"software_statement,omitempty"`   // absent: none was verified
	Certificate        *Certificate           `json:"certificate,omitempty"`          // absent: the caller presented none
	Locked             []string               `json:"locked"`                         // members that no patch may touch
}

// Caller is who is at the desk.
type Caller struct {
	Kind      string   `json:"kind"`
	IP        string   `json:"ip"`
	Origin    string   `json:"origin"`
	UserAgent string   `json:"user_agent"`
	Subject   string   `json:"subject"`
	ClientID  string   `json:"client_id"`
	Scopes    []string `json:"scopes"`
	Roles     []string `json:"roles"`
}

// InitialAccessToken is what a plugin may know of the token a client registers with.
type InitialAccessToken[J any] struct {
	Label   string `json:"label"`
	Profile string `json:"profile"`        // empty: any
	Terms   J      `json:"terms,omitzero"` // what it lays down: scopes, redirect_hosts, software_ids, origins, policy_data; absent: nothing
}

// Statement is a verified software statement.
type Statement[J any] struct {
	Claims J `json:"claims"`
}

// Setup is what Configure is given. The answer is an Envelope with the action continue, or reject with an error whose
// description says what is wrong with the configuration; then the plugin does not go live.
type Setup[J any] struct {
	V             int      `json:"v"` // Major
	Name          string   `json:"name"`
	Version       string   `json:"version"`
	Hooks         []string `json:"hooks"`         // the hooks that the manifest asks for
	Configuration J        `json:"configuration"` // an object, as the manifest has it
}

// Envelope is what a hook answers. No other member is allowed.
type Envelope[J any] struct {
	V        int       `json:"v"` // Major
	Action   string    `json:"action"`
	Patch    J         `json:"patch,omitzero"`  // RFC 7396, an object; only with patch
	Result   J         `json:"result,omitzero"` // a MintedID or Keys, as the hook wants; only with result
	Error    *Error[J] `json:"error,omitempty"` // only with reject
	Audit    J         `json:"audit,omitzero"`  // an object for the ledger
	Warnings []string  `json:"warnings,omitempty"`
}

// MintedID is the result of mint_client_id.
type MintedID struct {
	ClientID string `json:"client_id"`
}

// Keys is the result of software_statement_keys and request_keys: one of the two members. It goes into no trace, log or error.
type Keys[J any] struct {
	JWKS   J      `json:"jwks,omitzero"`    // a JWK Set (RFC 7517)
	Secret string `json:"secret,omitempty"` // for HS256, HS384 and HS512
}

// Error is a refusal, as the client will read it.
type Error[J any] struct {
	Code        string `json:"code"`
	Description string `json:"description"`
	Extra       J      `json:"extra,omitzero"` // an object: more members for the error answer
}
