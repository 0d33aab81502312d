package metadata

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
)

// narrowable are the members that say what a client may do or must do, and of which it is plain what is less: fewer items of a
// list, true instead of false, a shorter time.
var narrowable = []string{
	"redirect_uris", "grant_types", "response_types", "scope", "request_uris", "post_logout_redirect_uris",
	"require_pushed_authorization_requests", "require_auth_time", "default_max_age", "require_pkce", "default_prompt_login",
	"tls_client_certificate_bound_access_tokens", "access_token_lifetime", "id_token_lifetime", "refresh_token_lifetime", "allowed_audiences",
	"require_signed_request_object", "dpop_bound_access_tokens", "authorization_details_types",
}

// Narrowable lists the members that Widened compares.
func Narrowable() []string { return slices.Clone(narrowable) }

// identifying are the members by which people and this server know a client: what is seen of it, which software it is, how it proves
// itself, and by which names it knows people.
var identifying = []string{
	"client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri", "software_id", "application_type", "token_endpoint_auth_method",
	"token_endpoint_auth_signing_alg", "jwks", "jwks_uri", "subject_type", "sector_identifier_uri", "tls_client_auth_subject_dn",
	"tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_ip", "tls_client_auth_san_email",
}

// Identifies tells whether people or this server know a client by a member, which may be in another language (name#tag).
func Identifies(name string) bool {
	base, _, _ := strings.Cut(name, "#")
	return slices.Contains(identifying, base)
}

// Identifying lists the members that Identifies tells of.
func Identifying() []string { return slices.Clone(identifying) }

// Widened names the narrowable members by which after may do more, or must do less, than before.
func Widened(before, after *core.Metadata) []string {
	var names []string
	for _, name := range narrowable {
		if row := byName[name]; row.widened(before, after) {
			names = append(names, name)
		}
	}
	return names
}

func (r *Row) widened(before, after *core.Metadata) bool {
	switch r.Kind {
	case Flag:
		return r.Flag(before) && !r.Flag(after)
	case Number: // absent is without limit
		was, is := *r.number(before), *r.number(after)
		return was != nil && (is == nil || *is > *was)
	default:
		was, is := *r.list(before), *r.list(after)
		if r.anyIfAbsent && (was == nil || is == nil) {
			return was != nil
		}
		return slices.ContainsFunc(is, func(item string) bool { return !slices.Contains(was, item) })
	}
}
