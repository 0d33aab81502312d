package metadata

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

type idle struct {
	names []string
	why   string
	asks  func(r *Row, m *core.Metadata) bool // tells the values that ask for something; nil: all but the empty one
}

const (
	noJAR    = "this server takes no request objects"
	noSigned = "introspection is answered in plain JSON"
	noRAR    = "this server knows no types of authorization details"
	noJARM   = "this server has no response mode that is a JWT"
	noCIBA   = "there is no backchannel authentication here"
	noTokens = "there are no transaction tokens here"
)

// idleMembers are kept and answered, and nothing comes of them here, for the same reason. Unlike an unbuilt member they are not
// refused: clients send them to every server, and do without what they ask for.
var idleMembers = []idle{
	{names: []string{"frontchannel_logout_uri", "frontchannel_logout_session_required", "backchannel_logout_uri", "backchannel_logout_session_required"}, why: "this server tells no client that a session has ended"},
	{names: []string{"request_uris", "request_object_signing_alg", "request_object_encryption_alg", "request_object_encryption_enc"}, why: noJAR},
	{names: []string{"default_acr_values"}, why: "this server knows no authentication context classes"},
	{names: []string{"initiate_login_uri"}, why: "this server begins no sign-in at a client"},
	{names: []string{"authorization_details_types"}, why: noRAR},
	{names: []string{"introspection_signed_response_alg", "introspection_encrypted_response_alg", "introspection_encrypted_response_enc"}, why: noSigned},
	{names: []string{"authorization_signed_response_alg", "authorization_encrypted_response_alg", "authorization_encrypted_response_enc"}, why: noJARM},
	{names: []string{"backchannel_token_delivery_mode", "backchannel_client_notification_endpoint", "backchannel_authentication_request_signing_alg",
		"backchannel_user_code_parameter"}, why: noCIBA},
	{names: []string{"authorized_origins"}, why: "scripts of every origin may call the endpoints that they need, without cookies"},
	{names: []string{"additional_audience"}, why: "tokens are for the resources that a request names (RFC 8707)"},
	{names: []string{"include_claims_in_id_token"}, why: "what is to say of a person, userinfo says; ID tokens say it where a rule of the operator requires id_token_claims"},
	{names: []string{"claims"}, why: "what is told of a person goes by scopes"},
	{names: []string{"keep_client_authorization_after_expiration"}, why: "what a person allowed lasts as long as this server keeps it"},
	{names: []string{"access_token_as_jwt"}, why: "access tokens are JWTs (RFC 9068)", asks: isOff},
	{names: []string{"tx_token_lifetime", "tx_token_signed_response_alg", "tx_token_encrypted_response_alg", "tx_token_encrypted_response_enc"}, why: noTokens},
	{names: []string{"logout_status_jwt_signed_response_alg"}, why: "there are no logout status tokens here"},
}

// Idle lists the members of which nothing comes, in the order of what keeps them idle.
func Idle() []Missing {
	var list []Missing
	for _, i := range idleMembers {
		for _, name := range i.names {
			list = append(list, Missing{Name: name, Source: byName[name].Source, Why: i.why})
		}
	}
	return list
}

func isIdle(name string) bool {
	return slices.ContainsFunc(idleMembers, func(i idle) bool { return slices.Contains(i.names, name) })
}

// AskedInVain gives the idle members by which after asks for more than before: who sends one is to know that nothing comes of it. So is
// a client that names an algorithm for assertions and proves itself without one: libraries send that of every method that they know.
func AskedInVain(before, after *core.Metadata) []Missing {
	var list []Missing
	for _, i := range idleMembers {
		for _, name := range i.names {
			if row := byName[name]; i.asked(row, after) && !row.same(before, after) {
				list = append(list, Missing{Name: name, Source: row.Source, Why: i.why})
			}
		}
	}
	if why := signsNothing(before, after); why != "" {
		list = append(list, Missing{Name: proofAlg, Source: byName[proofAlg].Source, Why: why})
	}
	return list
}

func (i idle) asked(row *Row, m *core.Metadata) bool {
	if i.asks != nil {
		return i.asks(row, m)
	}
	return row.Has(m) && !row.Empty(m)
}

// isOff tells a flag that asks to do without what is done anyway.
func isOff(row *Row, m *core.Metadata) bool { return row.Has(m) && !row.Flag(m) }

const proofAlg = "token_endpoint_auth_signing_alg"

// signsNothing tells why the algorithm of client assertions, new or no longer of use, says nothing of this client (OpenID Connect
// Registration §2: it is of the methods that sign).
func signsNothing(before, after *core.Metadata) string {
	method := oauth.AuthMethod(after.TokenEndpointAuthMethod)
	isNew := byName[proofAlg].asksMore(before, after) || before.TokenEndpointAuthMethod != after.TokenEndpointAuthMethod
	if after.TokenEndpointAuthSigningAlg == "" || oauth.UsesAssertion(method) || !isNew {
		return ""
	}
	return "the token_endpoint_auth_method " + string(method) + " signs nothing"
}

func (r *Row) asksMore(before, after *core.Metadata) bool {
	return r.Has(after) && !r.Empty(after) && !r.same(before, after)
}

// barring members are promises that this server cannot keep yet. It holds to them in the one way that it can: what it would have
// to do otherwise than promised, it does not do.
var barring = []struct{ name, why string }{
	{"require_signed_request_object", "this server takes no signed requests yet, so that every authorization request of this client is refused"},
	{"dpop_bound_access_tokens", "this server binds no tokens by DPoP yet, so that this client gets none"},
}

// Barring lists the members by which a client keeps itself from something.
func Barring() []Missing {
	var list []Missing
	for _, b := range barring {
		list = append(list, Missing{Name: b.name, Source: byName[b.name].Source, Why: b.why})
	}
	return list
}

// BarredBy gives the barring members that after turned on: who sends one is to know what it costs.
func BarredBy(before, after *core.Metadata) []Missing {
	var list []Missing
	for _, b := range barring {
		if row := byName[b.name]; row.asksMore(before, after) {
			list = append(list, Missing{Name: b.name, Source: row.Source, Why: b.why})
		}
	}
	return list
}
