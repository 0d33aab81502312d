package metadata

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// What a client says of authentication over the backchannel must be whole (OpenID Connect Client-Initiated Backchannel
// Authentication 1.0 §4), although nothing comes of it here yet: a registration that is good here is good elsewhere, and later.

// How the tokens come to the client. Push, which would send them to an address, is no value here.
const (
	deliverPoll = "poll"
	deliverPing = "ping"
)

// fetchesTokens tells the modes in which the client gets its tokens at the token endpoint.
func fetchesTokens(m *core.Metadata) bool {
	return m.BackchannelDeliveryMode == deliverPoll || m.BackchannelDeliveryMode == deliverPing
}

// backchannelMode: whatever is said of it, the mode is said, too.
func backchannelMode(m *core.Metadata) string {
	if m.BackchannelDeliveryMode != "" {
		return ""
	}
	const needs = " needs backchannel_token_delivery_mode, which is poll or ping (CIBA section 4)."
	switch {
	case hasCIBA(m):
		return "grant_types has " + string(oauth.GrantCIBA) + ", which" + needs
	case m.BackchannelNotificationEndpoint != "":
		return "backchannel_client_notification_endpoint" + needs
	case m.BackchannelRequestSigningAlg != "":
		return "backchannel_authentication_request_signing_alg" + needs
	case isOn(m.BackchannelUserCode):
		return "backchannel_user_code_parameter" + needs
	}
	return ""
}

func backchannelGrant(m *core.Metadata) string {
	if fetchesTokens(m) && !hasCIBA(m) {
		return "backchannel_token_delivery_mode is " + m.BackchannelDeliveryMode + ", so grant_types must have " + string(oauth.GrantCIBA) + "."
	}
	return ""
}

// backchannelEndpoint: who polls may name one as well; nobody calls it.
func backchannelEndpoint(m *core.Metadata) string {
	if m.BackchannelDeliveryMode == deliverPing && m.BackchannelNotificationEndpoint == "" {
		return "backchannel_token_delivery_mode is ping, which calls backchannel_client_notification_endpoint: send it, or register poll."
	}
	return ""
}

// backchannelKeys: where no redirect URI shows whose names of people a client gets, its keys do.
func backchannelKeys(m *core.Metadata) string {
	if fetchesTokens(m) && oauth.SubjectType(m.SubjectType) == oauth.SubjectPairwise && m.JWKS == "" && m.JWKSURI == "" {
		return "subject_type pairwise with backchannel_token_delivery_mode " + m.BackchannelDeliveryMode + " needs jwks_uri or jwks (CIBA section 4)."
	}
	return ""
}

func hasCIBA(m *core.Metadata) bool { return slices.Contains(m.GrantTypes, string(oauth.GrantCIBA)) }

// SectorURIs gives what the document at sector_identifier_uri must list: the redirect URIs (OpenID Connect Registration §5) and, of
// who gets names over the backchannel, the address of the keys (CIBA §4).
func SectorURIs(m *core.Metadata) []string {
	if fetchesTokens(m) && oauth.SubjectType(m.SubjectType) == oauth.SubjectPairwise && m.JWKSURI != "" {
		return append(slices.Clone(m.RedirectURIs), m.JWKSURI)
	}
	return m.RedirectURIs
}
