package bff

import (
	"errors"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/core"
)

// A Trouble is a kind of failure that an operator can do something about.
type Trouble int

// The kinds.
const (
	Unreachable      Trouble = iota // the issuer or the store did not answer
	Elsewhere                       // another replica is at it
	NoTicket                        // there is no initial access token
	TicketRefused                   // it was not accepted
	TicketSpent                     // it was spent on a registration whose answer could not be used
	TokenRefused                    // the registration access token was not accepted
	MetadataRefused                 // invalid_client_metadata
	RedirectsRefused                // invalid_redirect_uri
	ScopeRefused                    // invalid_scope
	Unmanaged                       // the issuer gave no registration access token
	SecretEnds                      // the client_secret ends soon, or has ended, and nobody here can renew it
	NoRefresh                       // logins bring no refresh token
	ClientRefused                   // invalid_client: we do not prove who we are in the way that is registered
	Unfit                           // what is known of the issuer or of the client does not do
	Refused                         // anything else
)

// whatToDo is said where nobody says otherwise.
var whatToDo = map[Trouble]string{
	Unreachable:      "the identity provider or the store did not answer; see the log",
	Elsewhere:        "another replica is registering it; try again in a moment",
	NoTicket:         "there is no initial access token to register with",
	TicketRefused:    "the initial access token is expired, revoked or used up: mint another one",
	TicketSpent:      "the initial access token was spent on a registration whose answer could not be used: delete that client at the identity provider, then mint another token",
	TokenRefused:     "the registration access token is not accepted any more: have it renewed, or register anew",
	MetadataRefused:  "the registration was refused with invalid_client_metadata: check redirect_uris, grant_types and token_endpoint_auth_method against the policy and the profile",
	RedirectsRefused: "the registration was refused with invalid_redirect_uri: align the origins of the backend with the policy for redirect_uris",
	ScopeRefused:     "the registration was refused with invalid_scope: add the scope to policy.allowed_scopes in dcr_config.yaml",
	Unmanaged:        "no registration access token was given: what is wanted otherwise must be changed at the identity provider, or by another registration",
	SecretEnds:       "the client_secret must be renewed at the identity provider, or by another registration; a key (private_key_jwt) does not end",
	NoRefresh:        "ask for offline_access, and for consent at each login where the identity provider wants that",
	ClientRefused:    "the client that is registered has another key, another secret or another token_endpoint_auth_method",
	Unfit:            "the identity provider, or what is known of the client, is not as it must be; the log says what it is",
	Refused:          "the registration was refused; look up its decision in the log and at the identity provider",
}

var (
	errNoTicket     = errors.New("there is neither a registration nor an initial access token")
	errSpent        = errors.New("the initial access token was spent on a registration whose answer could not be used")
	errTokenRefused = errors.New("the registration access token is not accepted")
	errUnmanaged    = errors.New("the identity provider gave no registration access token for it")
	errSecretEnded  = errors.New("the client_secret has ended")
)

// ticketRefused is a registration that was refused for its initial access token.
type ticketRefused struct{ error }

// Unwrap gives the cause.
func (t ticketRefused) Unwrap() error { return t.error }

func asTicket(err error) error {
	if gone(err) {
		return ticketRefused{err}
	}
	return err
}

// say tells what an operator should do.
func (b *Backend) say(t Trouble) string {
	if text, ok := b.parts.Hints[t]; ok {
		return text
	}
	return whatToDo[t]
}

// hint says what an operator should look at, by what the registration failed with.
func (b *Backend) hint(err error) string {
	if own := (*core.Error)(nil); errors.As(err, &own) && own.Err == nil { // of whoever mints
		return "no initial access token could be made: " + strings.TrimSuffix(own.Detail, ".")
	}
	return b.say(troubleOf(err))
}

func troubleOf(err error) Trouble {
	var r *refusal
	switch {
	case errors.Is(err, ErrLeased):
		return Elsewhere
	case errors.Is(err, errNoTicket):
		return NoTicket
	case errors.Is(err, errSpent):
		return TicketSpent
	case errors.Is(err, errSecretEnded):
		return SecretEnds
	case errors.Is(err, errTokenRefused):
		return TokenRefused
	case errors.As(err, new(ticketRefused)):
		return TicketRefused
	case errors.As(err, new(misfit)):
		return Unfit
	case !errors.As(err, &r):
		return Unreachable
	}
	switch r.code {
	case core.InvalidClientMetadata:
		return MetadataRefused
	case core.InvalidRedirectURI:
		return RedirectsRefused
	case core.InvalidScope:
		return ScopeRefused
	}
	return Refused
}

// gone tells that the issuer knows neither the client nor its token (RFC 7592 §2.1: 401 for both).
func gone(err error) bool { return statusOf(err) == http.StatusUnauthorized }

func forbidden(err error) bool { return statusOf(err) == http.StatusForbidden }

// notAccepted tells that the issuer does not take the registration access token: for the client, or for what was to be done.
func notAccepted(err error) bool { return gone(err) || forbidden(err) }

// absent tells that the issuer has nothing at the address where a client is managed, or not this.
func absent(err error) bool {
	switch statusOf(err) {
	case http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// statusOf gives the status of a refusal; 0 for anything else.
func statusOf(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	return 0
}

// An Outcome is what became of a look at the registration.
type Outcome string

// The outcomes.
const (
	Registered   Outcome = "registered"
	Updated      Outcome = "updated"
	Kept         Outcome = ""              // nothing was to be done
	TokenInvalid Outcome = "token_invalid" // the registration access token is not accepted
	TurnFailed   Outcome = "turn_failed"   // the signing key could not be turned
)

// tell tells of a bootstrap that came to its end. Looks at what has not changed are told of once.
func (b *Backend) tell(o Outcome, r Registration, unmanaged bool) {
	b.parts.Seen(o)
	if first := o != Kept || b.self.Load() == nil; first && unmanaged {
		b.log.Warn("the client cannot be managed", "client_id", core.Clip(string(r.ClientID)), "hint", b.say(Unmanaged))
	}
	switch {
	case o == Registered:
		b.log.Info("Client registered: "+core.Clip(string(r.ClientID)), "answer", "201 Created")
	case o == Updated:
		b.log.Info("Client updated: "+core.Clip(string(r.ClientID)), "answer", "200 OK")
	case o == Kept && b.self.Load() == nil && b.settings.Given:
		b.log.Info("Ready: the client was registered by an operator, nothing is asked of the identity provider")
	case o == Kept && b.self.Load() == nil:
		b.log.Info("Ready: the registration is as it should be", "client_id", core.Clip(string(r.ClientID)))
	}
}
