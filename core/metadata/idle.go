package metadata

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

type idle struct {
	names []string
	why   string
}

const (
	noJAR    = "this server takes no request objects"
	noSigned = "introspection is answered in plain JSON"
	noRAR    = "this server knows no types of authorization details"
	noJARM   = "this server has no response mode that is a JWT"
	noCIBA   = "there is no backchannel authentication here"
)

// idleMembers are kept and answered, and nothing comes of them here, for the same reason. Unlike an unbuilt member they are not
// refused: clients send them to every server, and do without what they ask for.
var idleMembers = []idle{
	{[]string{"frontchannel_logout_uri", "frontchannel_logout_session_required", "backchannel_logout_uri", "backchannel_logout_session_required"},
		"this server tells no client that a session has ended"},
	{[]string{"request_uris", "request_object_signing_alg", "request_object_encryption_alg", "request_object_encryption_enc"}, noJAR},
	{[]string{"default_acr_values"}, "this server knows no authentication context classes"},
	{[]string{"initiate_login_uri"}, "this server begins no sign-in at a client"},
	{[]string{"authorization_details_types"}, noRAR},
	{[]string{"introspection_signed_response_alg", "introspection_encrypted_response_alg", "introspection_encrypted_response_enc"}, noSigned},
	{[]string{"authorization_signed_response_alg", "authorization_encrypted_response_alg", "authorization_encrypted_response_enc"}, noJARM},
	{[]string{"backchannel_token_delivery_mode", "backchannel_client_notification_endpoint", "backchannel_authentication_request_signing_alg",
		"backchannel_user_code_parameter"}, noCIBA},
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
			if row := byName[name]; row.asksMore(before, after) {
				list = append(list, Missing{Name: name, Source: row.Source, Why: i.why})
			}
		}
	}
	if why := signsNothing(before, after); why != "" {
		list = append(list, Missing{Name: proofAlg, Source: byName[proofAlg].Source, Why: why})
	}
	return list
}

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
