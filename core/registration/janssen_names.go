package registration

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A strangeName is a property of Janssen's auth server that is not one of this server's. It loads with a value that asks for what is
// done anyway, or for nothing; with any other the operator is told how it is said here.
type strangeName struct {
	here     string
	harmless func(strictjson.Value) bool // nil: no value but null
}

const (
	noPassword  = "there is no password grant here: a client must not see passwords. Take it out"
	noAttribute = "sub is never an attribute of the person: it is random, or pairwise (subject_type). Take it out"
	noSpotted   = "no scope comes into being by being asked for: list scopes in policy.allowed_scopes, or override the shipped rules of scopes for patterns (ostiary policy init --override scopes)"
	byFetch     = "addresses that clients give are fetched from public addresses only; what else may be reached says fetch.allow in ostiary.yaml"
	byDocuments = "what there is to say of documents of clients is said in client_id_metadata_documents: enabled, profile, allowed_hosts, blocked_hosts, ports, max_bytes, cache_min, cache_max"
	byLedger    = "every judged write is written down, and that cannot be turned off; other systems get it by decision_log in ostiary.yaml"
)

// strangeNames lists them as Janssen writes them. What is loaded has a field (Janssen, JanssenLifetime, JanssenMembers, SiteAccess).
var strangeNames = map[string]strangeName{
	"dynamicRegistrationPasswordGrantTypeEnabled":   {noPassword, isNo},
	"dynamicRegistrationAllowedPasswordGrantScopes": {noPassword, isEmpty},
	"dynamicRegistrationCustomObjectClass":          {"records here have no object classes. Take it out", isEmpty},

	"redirectUrisRegexEnabled": {"redirect URIs are compared as they are (RFC 9700 section 2.1), and clients list each. Take it out", isNo},

	"grantTypesAndResponseTypesAutofixEnabled": {"what is not sent is completed, what does not fit is refused, and members.trimmed: [grant_types, response_types] leaves out what is not offered", isNo},

	"publicSubjectIdentifierPerClientEnabled": {noAttribute, isNo},
	"subjectIdentifiersPerClientSupported":    {noAttribute, isEmpty},
	"allowSpontaneousScopes":                  {noSpotted, isNo},
	"spontaneousScopeLifetime":                {noSpotted, nil},

	"requestUriBlockList":                          {byFetch, isOwnMachine},
	"externalUriWhiteList":                         {byFetch, isEmpty},
	"sectorIdentifierCacheLifetimeInMinutes":       {"what a sector publishes is kept for an hour, and for a day when its publisher is down. Take it out", nil},
	"shareSubjectIdBetweenClientsWithSameSectorId": {"the clients of one sector know a person by one name (OpenID Connect Core section 8.1). Take it out, or set it to true", isYes},

	"errorReasonEnabled":       {"a refusal has the public reasons of the rules in errors, and that cannot be turned off; what a rule keeps to itself says its public: false. Take it out, or set it to true", isYes},
	"rejectJwtWithNoneAlg":     {"unsigned JWTs are refused everywhere. Take it out, or set it to true", isYes},
	"useLocalCache":            {"clients are remembered by the versions of their records, which never go stale. Take it out", isFlag},
	"enabledOAuthAuditLogging": {byLedger + ". Take it out, or set it to true", isYes},

	"fapiCompatibility":        {"the preset fapi2 says it in rules (ostiary policy init --preset fapi2)", isNo},
	"requirePar":               {`a rule demands it, of all clients or of some: require contains {"rule": "par", "name": "par"}`, isNo},
	"requirePkce":              {`public clients need it always; of others a rule demands it: require contains {"rule": "pkce", "name": "pkce_s256"}`, isNo},
	"forceSignedRequestObject": {"clients register require_signed_request_object; a rule may set it for all: set contains {\"field\": \"require_signed_request_object\", \"value\": true, \"rule\": \"signed\"}", isNo},

	"allowAllValueForRevokeEndpoint": {"a token is revoked by itself (RFC 7009), and all of a client's or a person's by disabling the client (ostiary client disable) or ending their sessions. Take it out", isNo},
	"featureFlags":                   {"dynamic_registration_enabled: false closes the desk to clients; what is not built needs no switch. Take it out", nil},
	"ssaEndpoint":                    {"no software statements are issued here. Take it out", isEmpty},
}

// alsoBound are lists of what is supported whose names are not those of a choice of clients (metadata.ChosenBy).
var alsoBound = map[string]string{
	"grantTypesSupported": "grant_types", "grantTypesSupportedByDynamicRegistration": "grant_types", "dynamicGrantTypeDefault": "grant_types",
	"responseTypesSupported": "response_types", "accessTokenSigningAlgValuesSupported": "access_token_signing_alg",
	"txTokenSigningAlgValuesSupported": "tx_token_signed_response_alg", "txTokenEncryptionAlgValuesSupported": "tx_token_encrypted_response_alg",
	"txTokenEncryptionEncValuesSupported": "tx_token_encrypted_response_enc", "backchannelTokenDeliveryModesSupported": "backchannel_token_delivery_mode",
}

// Take implements config.Taker: the names that Janssen has for what is said otherwise here, in both of their spellings.
func (s *Site) Take(key string, value strictjson.Value) (wrong string, known bool) {
	if row, bounds := boundBy(key); bounds {
		return s.JanssenMembers.bound(key, row, value), true
	}
	for _, name := range slices.Sorted(maps.Keys(strangeNames)) {
		if strange := strangeNames[name]; folded(name) == folded(key) {
			return strange.wrong(value), true
		}
	}
	if strings.HasPrefix(key, "cimd") {
		return elsewhere + byDocuments, true
	}
	return "", false
}

const elsewhere = "cannot be had as Janssen has it: "

func (n strangeName) wrong(value strictjson.Value) string {
	if value.IsNull() || n.harmless != nil && n.harmless(value) {
		return ""
	}
	return elsewhere + n.here
}

// boundBy finds the member that a list of what is supported bounds.
func boundBy(key string) (*metadata.Row, bool) {
	for name, member := range alsoBound {
		if folded(name) == folded(key) {
			return metadata.Lookup(member)
		}
	}
	return metadata.ChosenBy(snake(key))
}

// folded makes one of both spellings.
func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// snake turns tokenEndpointAuthMethodsSupported into token_endpoint_auth_methods_supported.
func snake(name string) string {
	var b strings.Builder
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return strings.Replace(b.String(), "user_info", "userinfo", 1)
}

func isNo(v strictjson.Value) bool {
	on, isFlag := v.Bool()
	return isFlag && !on
}

func isYes(v strictjson.Value) bool {
	on, isFlag := v.Bool()
	return isFlag && on
}

func isFlag(v strictjson.Value) bool { return isNo(v) || isYes(v) }

func isEmpty(v strictjson.Value) bool {
	text, isText := v.Text()
	return isText && text == "" || v.Kind() == strictjson.KindArray && v.Len() == 0
}

// isOwnMachine tells a list of hosts that are never asked for what a client says is there: none, or names of this machine.
func isOwnMachine(v strictjson.Value) bool {
	list, ok := v.Strings()
	return ok && !slices.ContainsFunc(list, func(host string) bool {
		addr, err := netip.ParseAddr(host)
		return host != "localhost" && (err != nil || !addr.IsLoopback())
	})
}
