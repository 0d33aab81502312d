package core

import "time"

// A Grant is what a person, or a client for itself, was allowed: the root of a family of tokens. Access tokens name it; when it
// is gone, or a generation it was made under has passed, all of them are void. It is also the refresh family: one record,
// whatever number of refresh tokens was given out.
type Grant struct {
	ID               GrantID
	Client           ClientID
	ClientGeneration uint64
	Subject          Subject
	UserGeneration   uint64
	Session          SessionID // the browser session it was given in; empty: none
	Scope            []string
	Resources        []string // RFC 8707; empty: the default audience
	AuthTime         time.Time
	Methods          []string
	CreatedAt        time.Time
	ExpiresAt        time.Time // when the last token of the family ends

	Certificate string // x5t#S256 of the certificate that its refresh tokens are bound to (RFC 8705 §4); empty: to none

	RefreshKey Secret    // the key of the MACs of its refresh tokens; empty: it has none
	Refreshed  uint64    // how often it was rotated: the generation of the current refresh token
	RotatedAt  time.Time // when the current one was made
}

// An AuthorizationCode is what a code stands for (RFC 6749 §4.1.2).
type AuthorizationCode struct {
	Grant       Grant // what redeeming it makes; its id is minted with the code
	RedirectURI string
	RedirectSet bool   // the request named it, so the token request must repeat it (RFC 6749 §4.1.3)
	Challenge   string // of PKCE with S256; empty: none was sent
	Nonce       string
	ExpiresAt   time.Time
}

// Consent is what a person has allowed a client, so that the question is not asked again.
type Consent struct {
	Subject          Subject
	UserGeneration   uint64
	Client           ClientID
	ClientGeneration uint64
	Scope            []string
	Resources        []string
	GivenAt          time.Time
}

// Registered is a client with what it proves itself by, read in one view. Client.ID is empty when there is none.
type Registered struct {
	Client      Client
	Credentials Credentials
	State       State
}
