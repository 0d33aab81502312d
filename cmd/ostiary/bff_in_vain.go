package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/config"
)

// unused are variables of other backends that have nothing to say here, and why. A name that ends in * stands for all that begin so.
var unused = []struct{ name, why string }{
	{"REDIS_URL", "sessions and logins under way are kept in the embedded store, in the data folder"},
	{"BFF_REDIS_ENCRYPT_SECRETS", "what the store keeps is always sealed"},
	{"KAFKA_*", "no events are taken or sent: sessions end by sign-out, by time and when the identity provider refuses to renew their tokens"},
	{"CAEP_*", "no security events are sent"},
	{"TELEMETRY_ENABLED", "there are metrics at /metrics and logs on standard error; there are no traces"},
	{"OTLP_ENDPOINT", "as TELEMETRY_ENABLED"},
	{"OTEL_EXPORTER_OTLP_ENDPOINT", "as TELEMETRY_ENABLED"},
	{"LOG_*", "the log is set in the file: log.level and log.format"},
	{"PDP_*", "no policy decision point is asked about calls: the APIs decide, by the access token"},
	{"AUTH_ISSUER", "the issuer is OIDC_ISSUER; pages come with a cookie, never with a token of another issuer"},
	{"AUTH_AUDIENCE", "as AUTH_ISSUER"},
	{"AUTH_JWKS_URL", "the issuer's metadata says where its keys are"},
	{"IDP_PUBLIC_BASE", "the issuer's metadata says its public addresses; OIDC_AUTHORIZATION_URL replaces the one that browsers are sent to"},
	{"CORS__ALLOW_ORIGINS", "pages of other origins cannot call the backend: their calls would carry the browser's cookie. Their hosts belong into DCR_REDIRECT_URIS"},
	{"TOKEN_HASH_SALT", "secrets are made of 256 random bits, and need no salt"},
	{"UA_HASH_SALT", "a session is not bound to the browser's name for itself: it changes with every update"},
	{"CSRF_SECRET_KEY", "tokens of forms are made from the session's cookie"},
	{"STATE_TOKEN_KEY", "states are random and kept in the store"},
	{"BFF_TOKEN_MANAGER_CONCURRENCY_SAFE", "tokens are always renewed by one call at a time"},
	{"MS_BFF_JARM_MODE", "authorization responses come as parameters"},
	{"MS_BFF_JAR_SIGNING_ALG", "requests are pushed, and need no signature"},
	{"MS_BFF_JAR_ALGS_ALLOWED", "as MS_BFF_JAR_SIGNING_ALG"},
}

// A promise is a protection that a variable asks for and that is not there, or one that it asks to leave out and that always is.
type promise struct {
	name  string
	asked bool   // what must not be asked for
	why   string // and what to do
}

var promises = []promise{
	{"MS_BFF_DPOP_ENABLED", true, "tokens are not bound to a key (DPoP) by this backend; set it to false"},
	{"MS_BFF_JARM_ENABLED", true, "authorization responses are not signed (JARM); they are held to state, iss, PKCE and a cookie. Set it to false"},
	{"MS_BFF_JAR_ENABLED", true, "requests are not signed (JAR); they are pushed by the backend itself. Set it to false"},
	{"MS_BFF_AUTHZ_ENABLED", true, "no policy decision point is asked about calls; the APIs must decide by the access token. Set it to false"},
	{"BFF_JWT_VERIFY_SIGNATURE", false, "ID tokens are always verified; leave it out"},
	{"BFF_JWT_VERIFY_AUDIENCE", false, "ID tokens are always verified; leave it out"},
	{"BFF_JWT_VERIFY_ISSUER", false, "ID tokens are always verified; leave it out"},
	{"BFF_JWT_VERIFY_EXPIRY", false, "ID tokens are always verified; leave it out"},
}

// inVain gives a line for each variable that says nothing here, and refuses those that rely on something.
func (s *backendSettings) inVain(said map[string]string, wrong *problemList) (notes []string) {
	for _, p := range promises {
		value, ok := said[p.name]
		if !ok {
			continue
		}
		asked, err := truthOf(value)
		if err == nil && asked == p.asked {
			err = fmt.Errorf("is %t, but %s", asked, p.why)
		}
		if err != nil {
			wrong.list = append(wrong.list, config.Problem{File: "environment", Path: p.name, Text: err.Error()})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if why := whyUnused(name); why != "" {
			notes = append(notes, fmt.Sprintf("%s is not used: %s", name, why))
		} else if ours(name) && !isKnown(name) {
			notes = append(notes, name+" is not used: there is no such variable; look for a slip in its name")
		}
	}
	return notes
}

func whyUnused(name string) string {
	for _, u := range unused {
		if prefix, all := strings.CutSuffix(u.name, "*"); name == u.name || all && strings.HasPrefix(name, prefix) {
			return u.why
		}
	}
	return ""
}

// ours tells names that nobody else gives.
func ours(name string) bool {
	return strings.HasPrefix(name, "DCR_") || strings.HasPrefix(name, "MS_BFF_") || strings.HasPrefix(name, "BFF_JW") || strings.HasPrefix(name, "BFF_COOKIE_")
}

func isKnown(name string) bool {
	return slices.ContainsFunc(variables, func(v variable) bool { return v.name == name }) ||
		slices.ContainsFunc(promises, func(p promise) bool { return p.name == name })
}
