package main

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// keycloakClient is one client of an export on its way over.
type keycloakClient struct {
	doc     strictjson.Value
	id      string
	members []strictjson.Member
	notes   []importNote
	method  string
	taken   map[string]bool // attributes that were looked at
}

func (k *keycloakClient) note(name, text string) {
	k.notes = append(k.notes, importNote{k.id, name, text})
}

func (k *keycloakClient) put(name string, v strictjson.Value) {
	k.members = append(k.members, strictjson.Member{Name: name, Value: v})
}

func (k *keycloakClient) putText(name, text string) {
	if text != "" {
		k.put(name, strictjson.String(text))
	}
}

// attribute gives one of the attributes, which are texts.
func (k *keycloakClient) attribute(name string) string {
	k.taken[name] = true
	return textOf(member(k.doc, "attributes"), name)
}

// builtIn are the clients that every realm has for itself.
var builtIn = []string{"account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"}

// usable tells whether a client can be taken over at all.
func (k *keycloakClient) usable() bool {
	protocol := textOf(k.doc, "protocol")
	enabled, said := member(k.doc, "enabled").Bool()
	switch {
	case slices.Contains(builtIn, k.id) || strings.HasSuffix(k.id, "-realm"):
		k.note("clientId", "is a client of Keycloak itself: left out")
	case protocol != "" && protocol != "openid-connect":
		k.note("protocol", "is "+protocol+": left out, only OpenID Connect is taken over")
	case !chooseable(k.id):
		k.note("clientId", "has characters that no client_id has here (A-Z a-z 0-9 - . _ ~), or too many: left out, declare it under another one")
	case said && !enabled:
		k.note("enabled", "is false: left out, since a declared client is active")
	case isOn(k.doc, "bearerOnly"):
		k.note("bearerOnly", "a resource server that never asks for tokens: left out, it needs no registration here")
	default:
		return true
	}
	return false
}

// entry makes the declaration.
func (k *keycloakClient) entry() strictjson.Value {
	k.taken = map[string]bool{}
	k.put("client_id", strictjson.String(k.id))
	k.putText("client_name", k.name())
	k.authentication()
	k.grants()
	k.redirects()
	k.scopes()
	k.settings()
	k.mappers()
	k.left()
	return strictjson.Object(k.members...)
}

// name leaves out placeholders for texts that Keycloak's own themes have.
func (k *keycloakClient) name() string {
	name := textOf(k.doc, "name")
	if strings.HasPrefix(name, "${") {
		k.note("name", "is a placeholder of a theme: left out")
		return ""
	}
	return name
}

// authenticators are Keycloak's names of the methods.
var authenticators = map[string]oauth.AuthMethod{
	"": oauth.AuthClientSecretBasic, "client-secret": oauth.AuthClientSecretBasic, "client-jwt": oauth.AuthPrivateKeyJWT, "client-x509": oauth.AuthTLS,
}

func (k *keycloakClient) authentication() {
	kind := textOf(k.doc, "clientAuthenticatorType")
	method, known := authenticators[kind]
	switch {
	case isOn(k.doc, "publicClient"):
		method = oauth.AuthNone
	case !known:
		k.note("clientAuthenticatorType", kind+" is not offered: client_secret_basic takes its place, and needs a secret")
		method = oauth.AuthClientSecretBasic
	}
	k.method = string(method)
	k.put("token_endpoint_auth_method", strictjson.String(k.method))
	k.keys()
	if method == oauth.AuthTLS {
		k.putText("tls_client_auth_subject_dn", k.attribute("x509.subjectdn"))
		if k.attribute("x509.allow.regex.pattern.comparison") == "true" {
			k.note("attributes.x509.allow.regex.pattern.comparison", "subject names are compared as they are, not as patterns")
		}
	}
	secret := textOf(k.doc, "secret")
	switch {
	case !oauth.UsesSecret(method):
		if secret != "" && secret != masked && method != oauth.AuthNone {
			k.note("secret", "left out: the client does not authenticate with one")
		}
	case secret == "" || secret == masked:
		k.note("secret", "is not in the export: give client_secret, or let apply make one with --secrets-file")
	case strings.HasPrefix(secret, "${vault."):
		k.note("secret", "is in Keycloak's vault: give client_secret, or let apply make one with --secrets-file")
	case strings.HasPrefix(secret, "file://"):
		k.note("secret", "looks like the name of a file: give client_secret by hand")
	default:
		k.put("client_secret", strictjson.String(strings.ReplaceAll(secret, "${", "$${")))
	}
}

// masked is what an export has in the place of secrets.
const masked = "**********"

func (k *keycloakClient) keys() {
	uri, text := k.attribute("jwks.url"), k.attribute("jwks.string")
	useURL, useText := k.attribute("use.jwks.url"), k.attribute("use.jwks.string")
	switch {
	case useURL == "true" && uri != "" || uri != "" && useText != "true":
		k.putText("jwks_uri", uri)
	case useText == "true" && text != "":
		keys, err := strictjson.Parse([]byte(text), strictjson.Stored)
		if err != nil {
			k.note("attributes.jwks.string", "is no JSON: left out")
			return
		}
		k.put("jwks", keys)
	case k.method == string(oauth.AuthPrivateKeyJWT):
		k.note("attributes.jwt.credential.certificate", "keys stand in certificates there: give jwks_uri or jwks")
	}
	for _, name := range []string{"jwt.credential.certificate", "jwt.credential.kid", "jwt.credential.public.key"} {
		k.taken[name] = true
	}
}

// flows tells a client that people are sent from.
func (k *keycloakClient) flows() bool {
	standard, said := member(k.doc, "standardFlowEnabled").Bool()
	return standard || !said
}

func (k *keycloakClient) grants() {
	var grants []string
	if k.flows() {
		grants = append(grants, string(oauth.GrantAuthorizationCode))
		if k.attribute("use.refresh.tokens") != "false" {
			grants = append(grants, string(oauth.GrantRefreshToken))
		}
	}
	if isOn(k.doc, "serviceAccountsEnabled") {
		if k.method == string(oauth.AuthNone) {
			k.note("serviceAccountsEnabled", "a public client gets no tokens for itself: left out")
		} else {
			grants = append(grants, string(oauth.GrantClientCredentials))
		}
	}
	if isOn(k.doc, "implicitFlowEnabled") {
		k.note("implicitFlowEnabled", "the implicit flow is not offered: the client must use the code flow")
	}
	if isOn(k.doc, "directAccessGrantsEnabled") {
		k.note("directAccessGrantsEnabled", "the password grant is not offered: the client must use the code flow")
	}
	for name, what := range map[string]string{
		"oauth2.device.authorization.grant.enabled": "the device flow", "standard.token.exchange.enabled": "token exchange",
	} {
		if k.attribute(name) == "true" {
			k.note("attributes."+name, what+" is left out: declare its grant type where the server offers it")
		}
	}
	if k.backchannel() {
		grants = append(grants, string(oauth.GrantCIBA))
	}
	if len(grants) == 0 {
		k.note("standardFlowEnabled", "no grant is left that is offered here: the client can do nothing until it is given one")
	}
	k.put("grant_types", strictjson.Strings(grants))
	types := []string{}
	if slices.Contains(grants, string(oauth.GrantAuthorizationCode)) {
		types = []string{"code"}
	}
	k.put("response_types", strictjson.Strings(types))
}

// redirects takes what is one address. Patterns have no equal: every address is to be declared.
func (k *keycloakClient) redirects() {
	root := strings.TrimSuffix(textOf(k.doc, "rootUrl"), "/")
	absolute := func(uri string) string {
		if strings.HasPrefix(uri, "/") && root != "" {
			return root + uri
		}
		return uri
	}
	take := func(name string, list []string) []string {
		var kept []string
		for _, uri := range list {
			switch full := absolute(uri); {
			case strings.Contains(uri, "*"):
				k.note(name, uri+" is a pattern and not carried over: declare each address that the client uses")
			case strings.HasPrefix(full, "/") || strings.Contains(full, "${"):
				k.note(name, uri+" has no address before it and is not carried over: declare it whole")
			case !slices.Contains(kept, full):
				kept = append(kept, full)
			}
		}
		return kept
	}
	listed, _ := member(k.doc, "redirectUris").Strings()
	kept := take("redirectUris", listed)
	if len(kept) > 0 {
		k.put("redirect_uris", strictjson.Strings(kept))
	}
	if len(kept) == 0 && k.flows() {
		k.note("redirectUris", "none is left: the client is refused until its addresses are declared")
	}
	var after []string
	for _, uri := range strings.Split(k.attribute("post.logout.redirect.uris"), "##") {
		found := kept // what + stands for
		switch uri {
		case "", "-":
			continue
		case "+":
		default:
			found = take("attributes.post.logout.redirect.uris", []string{uri})
		}
		for _, uri := range found {
			if !slices.Contains(after, uri) {
				after = append(after, uri)
			}
		}
	}
	if len(after) > 0 {
		k.put("post_logout_redirect_uris", strictjson.Strings(after))
	}
	if base := absolute(textOf(k.doc, "baseUrl")); strings.HasPrefix(base, "http") && !strings.Contains(base, "${") {
		k.putText("client_uri", base)
	}
	if origins, _ := member(k.doc, "webOrigins").Strings(); len(origins) > 0 {
		k.note("webOrigins", strings.Join(origins, ", ")+": not needed here, every origin may call the endpoints of scripts, without cookies")
	}
}

// implied are the scopes of Keycloak that are no scopes here.
var implied = []string{"web-origins", "roles", "acr", "basic", "microprofile-jwt", "role_list", "saml_organization", "service_account", "organization"}

func (k *keycloakClient) scopes() {
	scopes := []string{}
	if k.flows() {
		scopes = append(scopes, "openid")
	}
	for _, name := range []string{"defaultClientScopes", "optionalClientScopes"} {
		list, _ := member(k.doc, name).Strings()
		var claims []string // one note of all of them: every client of a realm has most
		for _, scope := range list {
			switch {
			case slices.Contains(implied, scope):
				claims = append(claims, scope)
			case !oauth.ValidScope(scope):
				k.note(name, scope+" is no scope (RFC 6749 section 3.3): left out")
			case !slices.Contains(scopes, scope):
				scopes = append(scopes, scope)
			}
		}
		if len(claims) > 0 {
			k.note(name, strings.Join(claims, ", ")+": these add claims in Keycloak and are no scopes here, left out")
		}
	}
	if len(scopes) > 0 {
		k.put("scopes", strictjson.Strings(scopes))
	}
}

// algorithms are the attributes that name one, and the member that does here.
var algorithms = []struct{ attribute, member string }{
	{"token.endpoint.auth.signing.alg", "token_endpoint_auth_signing_alg"},
	{"id.token.signed.response.alg", "id_token_signed_response_alg"},
	{"id.token.encrypted.response.alg", "id_token_encrypted_response_alg"},
	{"id.token.encrypted.response.enc", "id_token_encrypted_response_enc"},
	{"user.info.response.signature.alg", "userinfo_signed_response_alg"},
	{"user.info.encrypted.response.alg", "userinfo_encrypted_response_alg"},
	{"user.info.encrypted.response.enc", "userinfo_encrypted_response_enc"},
	{"request.object.signature.alg", "request_object_signing_alg"},
	{"request.object.encryption.alg", "request_object_encryption_alg"},
	{"request.object.encryption.enc", "request_object_encryption_enc"},
	{"authorization.signed.response.alg", "authorization_signed_response_alg"},
	{"authorization.encrypted.response.alg", "authorization_encrypted_response_alg"},
	{"authorization.encrypted.response.enc", "authorization_encrypted_response_enc"},
}

func (k *keycloakClient) settings() {
	for _, a := range algorithms {
		switch value := k.attribute(a.attribute); {
		case value == "" || value == "any":
		case supports(a.member, value):
			k.putText(a.member, value)
		default:
			k.note("attributes."+a.attribute, value+" is not offered as "+a.member+": left out")
		}
	}
	k.logout()
	k.requests()
	k.uri("logoUri", "logo_uri")
	k.uri("tosUri", "tos_uri")
	k.uri("policyUri", "policy_uri")
	if k.attribute("require.pushed.authorization.requests") == "true" {
		k.put("require_pushed_authorization_requests", strictjson.Bool(true))
	}
	switch method := k.attribute("pkce.code.challenge.method"); method {
	case "", "S256":
	default:
		k.note("attributes.pkce.code.challenge.method", method+" is not offered: the client must use S256")
	}
	if k.attribute("dpop.bound.access.tokens") == "true" {
		k.flag("dpop.bound.access.tokens", "dpop_bound_access_tokens")
	}
	if k.attribute("tls.client.certificate.bound.access.tokens") == "true" {
		k.flag("tls.client.certificate.bound.access.tokens", "tls_client_certificate_bound_access_tokens")
	}
	if asked, said := member(k.doc, "consentRequired").Bool(); said && !asked && k.flows() {
		k.note("consentRequired", "is false: "+skipsConsent)
	}
}

// uri takes an address where the server has a member for it.
func (k *keycloakClient) uri(attribute, name string) {
	value := k.attribute(attribute)
	switch {
	case value == "":
	case isRow(name):
		k.putText(name, value)
	default:
		k.note("attributes."+attribute, "there is no "+name+" here yet: left out")
	}
}

func (k *keycloakClient) flag(attribute, name string) {
	if isRow(name) {
		k.put(name, strictjson.Bool(true))
		return
	}
	k.note("attributes."+attribute, "there is no "+name+" here yet: left out")
}

// quiet are members and attributes that were looked at above, and those that say nothing of what a client may do: ids, dates and
// switches of Keycloak's own pages, and what is about its roles.
var quiet = []string{
	"id", "clientId", "name", "enabled", "protocol", "publicClient", "bearerOnly", "clientAuthenticatorType", "secret", "redirectUris", "webOrigins",
	"rootUrl", "baseUrl", "standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled", "serviceAccountsEnabled", "consentRequired",
	"attributes", "defaultClientScopes", "optionalClientScopes", "surrogateAuthRequired", "alwaysDisplayInConsole", "notBefore", "fullScopeAllowed",
	"nodeReRegistrationTimeout", "protocolMappers", "access", "origin", "registeredNodes", "type",
	"client.secret.creation.time", "realm_client", "display.on.consent.screen",
}

// left reports everything that nobody has looked at: nothing is dropped without a word.
func (k *keycloakClient) left() {
	for name, v := range k.doc.All() {
		if !slices.Contains(quiet, name) && !isEmpty(v) {
			k.note(name, "has no equal here: left out")
		}
	}
	for name, v := range member(k.doc, "attributes").All() {
		text, _ := v.Text()
		if !k.taken[name] && !slices.Contains(quiet, name) && !strings.HasPrefix(name, "saml") && text != "" && text != "false" && text != "any" {
			k.note("attributes."+name, "has no equal here: left out")
		}
	}
}

func isEmpty(v strictjson.Value) bool {
	text, isText := v.Text()
	on, isFlag := v.Bool()
	return v.IsNull() || isText && text == "" || isFlag && !on ||
		(v.Kind() == strictjson.KindArray || v.Kind() == strictjson.KindObject) && v.Len() == 0
}

// chooseable tells ids that a client may have.
func chooseable(id string) bool {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return id != "" && len(id) <= registration.MaxClientID && strings.Trim(id, plain) == "" && strings.Trim(id, ".") != ""
}

// isRow tells whether the server knows a member.
func isRow(name string) bool {
	_, known := metadata.Lookup(name)
	return known
}

// supports tells whether the server can do a value of a member.
func supports(name, value string) bool {
	row, known := metadata.Lookup(name)
	return known && row.Supports(value)
}
