package metadata

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"unicode"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// Floor says what no policy may allow: every complaint about m, in the table's order, then those about members together.
// Keys are judged by registration, which can read them.
func Floor(m *core.Metadata) []core.Reason {
	var found []core.Reason
	for _, row := range table {
		found = append(found, row.check(m)...)
	}
	eachTagged(m, func(row *Row, name, text string) { found = append(found, row.checkOne(name, text)...) })
	for _, rule := range together {
		if message := rule.broken(m); message != "" {
			found = append(found, complaint(rule.name, rule.code, rule.fields, "%s", message))
		}
	}
	return found
}

func complaint(rule string, code core.Code, fields []string, format string, args ...any) core.Reason {
	return core.Reason{Rule: "floor." + rule, Code: code, Fields: fields, Message: fmt.Sprintf(format, args...), Public: true}
}

// check judges one member by itself.
func (r *Row) check(m *core.Metadata) []core.Reason {
	var found []core.Reason
	switch r.Kind {
	case Text, URI:
		if s := *r.str(m); s != "" {
			found = r.checkOne(r.Name, s)
		}
	case List, URIs:
		for _, s := range *r.list(m) {
			found = append(found, r.checkOne(r.Name, s)...)
		}
	case Number:
		if n := *r.number(m); n != nil && (*n < r.least || r.most > 0 && *n > r.most) {
			found = append(found, r.outOfBounds(*n))
		}
	}
	return found
}

func (r *Row) outOfBounds(n int64) core.Reason {
	bounds := fmt.Sprintf("%d or more", r.least)
	if r.most > 0 {
		bounds = fmt.Sprintf("%d to %d", r.least, r.most)
	}
	return complaint("out_of_bounds", r.Code, []string{r.Name}, "%s %d is out of bounds; send %s seconds, or leave it out.", r.Name, n, bounds)
}

// checkOne judges one text or URI of the row, under the name it was sent by.
func (r *Row) checkOne(name, s string) []core.Reason {
	switch {
	case r.Kind == URI || r.Kind == URIs:
		return r.checkURI(name, s)
	case r.Values != nil && !slices.Contains(r.Values, s):
		return []core.Reason{r.unsupported(s)}
	case r.Origins && !oauth.IsOrigin(s):
		return []core.Reason{complaint("malformed_value", r.Code, []string{name}, "%s: %q is no origin as browsers send it, such as https://app.example.com or http://localhost:3000.", name, core.Clip(WithoutUser(s)))}
	case isPlain(s):
		return nil
	case strings.ContainsFunc(s, isControl):
		return []core.Reason{complaint("control_character", r.Code, []string{name}, "%s has a control character; remove it.", name)}
	case hidesText(s):
		return []core.Reason{complaint("invisible_character", r.Code, []string{name}, "%s has a character that nobody sees, such as a zero-width space, where it means nothing; remove it.", name)}
	case s != "" && !strings.ContainsFunc(s, isSeen):
		return []core.Reason{complaint("blank", r.Code, []string{name}, "%s is blank; leave it out.", name)}
	}
	return nil
}

func (r *Row) unsupported(value string) core.Reason {
	return complaint("unsupported_value", r.Code, []string{r.Name}, "%s %q is not supported; use one of: %s.%s", r.Name, core.Clip(value), strings.Join(r.Values, ", "), r.instead(value))
}

// instead says what to do in place of flows that others still have, and that will not come: OAuth 2.1 and RFC 9700 have done with them.
func (r *Row) instead(value string) string {
	_, isResponse := oauth.ParseResponseType(value)
	switch {
	case r.Name == "response_types" && isResponse && value != string(oauth.ResponseNone):
		return " A browser brings a code and no tokens (RFC 9700 section 2.1.2): send [\"code\"], and take the ID token from the token endpoint."
	case r.Name == "grant_types" && value == "implicit":
		return " A browser brings a code and no tokens (RFC 9700 section 2.1.2): send authorization_code."
	case r.Name == "grant_types" && value == "password":
		return " A client must not see passwords (RFC 9700 section 2.4): send authorization_code, and people sign in here."
	}
	return ""
}

// checkURI holds URIs that browsers are sent to with an answer to the redirect floor, all others to that of addresses shown or
// fetched.
func (r *Row) checkURI(name, raw string) []core.Reason {
	u := oauth.ParseURI(raw)
	problems := oauth.RedirectProblems
	if !slices.Contains(sentTo, r.Name) {
		problems = r.webProblems
	}
	var found []core.Reason
	for _, p := range problems(u) {
		found = append(found, complaint("uri."+string(p), r.Code, []string{name}, "%s: %q %s.", name, core.Clip(WithoutUser(raw)), p.Explain()))
	}
	return found
}

// WithoutUser gives a URI to be quoted, in an answer and a ledger, without what stands before an @. Browsers read https:ann@a.example
// and https:\\ann@a.example as if there were two slashes.
func WithoutUser(raw string) string {
	begins := strings.IndexAny(raw, `:/\`) // what follows the scheme, if there is one
	if begins < 0 {
		return raw
	}
	if raw[begins] == ':' {
		begins++
	}
	scheme, rest := raw[:begins], raw[begins:]
	authority := strings.TrimLeft(rest, `/\`)
	slashes := rest[:len(rest)-len(authority)]
	isWeb := strings.EqualFold(scheme, "https:") || strings.EqualFold(scheme, "http:")
	if !isWeb && !strings.HasPrefix(slashes, "//") {
		return raw
	}
	if end := strings.IndexAny(authority, `/?#\`); end >= 0 {
		authority = authority[:end]
	}
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		return scheme + slashes + "..." + rest[len(slashes)+at:]
	}
	return raw
}

// sentTo are the members that name where a browser may be sent.
var sentTo = []string{"redirect_uris", "post_logout_redirect_uris"}

// fetched are the members whose address this server would call: https only.
var fetched = []string{"jwks_uri", "sector_identifier_uri", "request_uris", "backchannel_client_notification_endpoint"}

func (r *Row) webProblems(u oauth.URI) []oauth.Problem {
	return oauth.WebURIProblems(u, slices.Contains(fetched, r.Name))
}

// isPlain tells text of printable ASCII, the most common, that is not blank: no character of it needs a closer look.
func isPlain(s string) bool {
	seen := false
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' {
			return false
		}
		seen = seen || c != ' '
	}
	return seen
}

// isControl tells characters that are no text. Those that turn the direction of reading about are among them: by them a page would
// show another name than the one that policy judged.
func isControl(c rune) bool {
	turns := c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069'
	return c < 0x20 || c == 0x7f || c >= 0x80 && c < 0xa0 || c == '\u2028' || c == '\u2029' || turns
}

// isSeen tells characters that a reader sees. The braille pattern without dots is a space.
func isSeen(c rune) bool { return unicode.IsGraphic(c) && !unicode.IsSpace(c) && c != '\u2800' }

// A joint is a rule about several members.
type joint struct {
	name   string
	code   core.Code
	fields []string
	broken func(*core.Metadata) string // what is wrong and what to do; empty: nothing
}

// together lists the joint rules, in order of trust.
var together = slices.Concat([]joint{
	{"redirect_uris_needed", core.InvalidRedirectURI, []string{"redirect_uris", "grant_types"}, needsRedirects},
	{"response_types_need_grant", core.InvalidClientMetadata, []string{"response_types", "grant_types"}, responsesNeedGrants},
	{"one_key_source", core.InvalidClientMetadata, []string{"jwks", "jwks_uri"}, oneKeySource},
	{"public_client_grants", core.InvalidClientMetadata, []string{"token_endpoint_auth_method", "grant_types"}, publicClientGrants},
	{"certificate_name", core.InvalidClientMetadata, certificateNames, certificateName},
	{"certificate_keys", core.InvalidClientMetadata, []string{"token_endpoint_auth_method", "jwks", "jwks_uri"}, certificateKeys},
	{"pairwise_sector", core.InvalidRedirectURI, []string{"redirect_uris", "sector_identifier_uri", "subject_type"}, pairwiseSector},
	{"frontchannel_logout", core.InvalidClientMetadata, []string{"frontchannel_logout_uri", "redirect_uris"}, frontchannelLogout},
	{"backchannel_logout", core.InvalidClientMetadata, []string{"backchannel_logout_uri", "redirect_uris"}, backchannelLogout},
	{"refresh_alone", core.InvalidClientMetadata, []string{"grant_types"}, refreshAlone},
}, encryptionRules(), []joint{
	{"backchannel_mode", core.InvalidClientMetadata, []string{"backchannel_token_delivery_mode", "grant_types"}, backchannelMode},
	{"backchannel_grant", core.InvalidClientMetadata, []string{"grant_types", "backchannel_token_delivery_mode"}, backchannelGrant},
	{"backchannel_endpoint", core.InvalidClientMetadata, []string{"backchannel_client_notification_endpoint", "backchannel_token_delivery_mode"}, backchannelEndpoint},
	{"backchannel_keys", core.InvalidClientMetadata, []string{"jwks", "jwks_uri", "subject_type", "backchannel_token_delivery_mode"}, backchannelKeys},
})

func needsRedirects(m *core.Metadata) string {
	for _, grant := range m.GrantTypes {
		if oauth.NeedsRedirect(oauth.GrantType(grant)) && len(m.RedirectURIs) == 0 {
			return fmt.Sprintf("redirect_uris is missing: grant_types has %s, which sends the browser back to one. Name at least one redirect URI.", grant)
		}
	}
	return ""
}

// responsesNeedGrants holds the table of OpenID Connect Registration §2 (response_types, grant_types) both ways.
func responsesNeedGrants(m *core.Metadata) string {
	code := slices.Contains(m.ResponseTypes, "code")
	grant := slices.Contains(m.GrantTypes, "authorization_code")
	switch {
	case code && !grant:
		return "response_types has code, so grant_types must have authorization_code."
	case grant && !code:
		return "grant_types has authorization_code, so response_types must have code."
	}
	return ""
}

func oneKeySource(m *core.Metadata) string {
	if m.JWKS != "" && m.JWKSURI != "" {
		return "jwks and jwks_uri exclude each other (RFC 7591 section 2): send one of them."
	}
	return ""
}

func publicClientGrants(m *core.Metadata) string {
	if m.TokenEndpointAuthMethod != "none" {
		return ""
	}
	for _, grant := range []string{"client_credentials", string(oauth.GrantCIBA)} {
		if slices.Contains(m.GrantTypes, grant) {
			return "A client with token_endpoint_auth_method none cannot use " + grant + ": it has nothing to prove itself with."
		}
	}
	return ""
}

func refreshAlone(m *core.Metadata) string {
	if len(m.GrantTypes) == 1 && m.GrantTypes[0] == "refresh_token" {
		return "grant_types has only refresh_token: no grant would ever give a refresh token. Add authorization_code."
	}
	return ""
}

// certificateNames are the members that say whose certificate a client presents.
var certificateNames = []string{
	"tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_ip", "tls_client_auth_san_email",
}

// certificateName holds RFC 8705 §2.1.2: exactly one, that can be compared.
func certificateName(m *core.Metadata) string {
	named := 0
	for _, name := range certificateNames {
		if byName[name].Has(m) {
			named++
		}
	}
	switch {
	case named > 1:
		return "Of the members tls_client_auth_* a client has one (RFC 8705 section 2.1.2): leave the others out."
	case named == 0 && m.TokenEndpointAuthMethod == string(oauth.AuthTLS):
		return "tls_client_auth needs one of tls_client_auth_subject_dn, _san_dns, _san_uri, _san_ip and _san_email (RFC 8705 section 2.1.2)."
	case m.TLSSANIP != "" && net.ParseIP(m.TLSSANIP) == nil:
		return "tls_client_auth_san_ip is no IP address."
	case m.TLSSubjectDN != "":
		if _, err := oauth.ParseDistinguishedName(m.TLSSubjectDN); err != nil {
			return "tls_client_auth_subject_dn " + err.Error() + "."
		}
	}
	return ""
}

func certificateKeys(m *core.Metadata) string {
	if m.TokenEndpointAuthMethod == string(oauth.AuthSelfSignedTLS) && m.JWKS == "" && m.JWKSURI == "" {
		return "self_signed_tls_client_auth needs jwks or jwks_uri with the key of the certificate (RFC 8705 section 2.2.2)."
	}
	return ""
}
