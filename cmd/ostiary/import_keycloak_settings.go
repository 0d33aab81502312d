package main

import (
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// backchannel takes over what a client says of CIBA, and tells whether it uses it. Keycloak polls unless the client says otherwise.
func (k *keycloakClient) backchannel() bool {
	mode := k.attribute("ciba.backchannel.token.delivery.mode")
	endpoint, alg := k.attribute("ciba.backchannel.client.notification.endpoint"), k.attribute("ciba.backchannel.auth.request.signing.alg")
	switch {
	case k.attribute("oidc.ciba.grant.enabled") != "true":
		return false
	case k.method == string(oauth.AuthNone):
		k.note("attributes.oidc.ciba.grant.enabled", "a public client cannot use CIBA: left out")
		return false
	case mode == "":
		mode = "poll"
	}
	k.putText("backchannel_token_delivery_mode", mode)
	k.putText("backchannel_client_notification_endpoint", endpoint)
	if supports("backchannel_authentication_request_signing_alg", alg) {
		k.putText("backchannel_authentication_request_signing_alg", alg)
	} else if alg != "" && alg != "any" {
		k.note("attributes.ciba.backchannel.auth.request.signing.alg", alg+" is not offered: left out")
	}
	k.note("attributes.oidc.ciba.grant.enabled", "CIBA is registered, and not offered here yet: the client gets no tokens by it")
	return true
}

// logout takes over where a client is told of it. That it wants the session named means something only there; Keycloak says so of all.
func (k *keycloakClient) logout() {
	for _, logout := range []string{"backchannel", "frontchannel"} {
		k.uri(logout+".logout.url", logout+"_logout_uri")
		if session := k.attribute(logout + ".logout.session.required"); session == "true" && k.attribute(logout+".logout.url") != "" {
			k.flag(logout+".logout.session.required", logout+"_logout_session_required")
		}
	}
}

// requests takes over what a client wants of its requests and tokens.
func (k *keycloakClient) requests() {
	k.lifetime("access.token.lifespan", "access_token_lifetime")
	if classes := k.attribute("default.acr.values"); classes != "" {
		k.put("default_acr_values", strictjson.Strings(strings.Split(classes, "##")))
	}
	switch required := k.attribute("request.object.required"); required {
	case "", "not required":
	default:
		k.flag("request.object.required", "require_signed_request_object")
		k.note("attributes.request.object.required", required+": every authorization request must be a signed object, and none is taken here yet: all are refused")
	}
}

// lifetime takes a number of seconds. Keycloak has -1 and nothing for the realm's own.
func (k *keycloakClient) lifetime(attribute, name string) {
	text := k.attribute(attribute)
	switch seconds, err := strconv.ParseInt(text, 10, 32); {
	case text == "" || text == "-1":
	case err != nil || seconds <= 0:
		k.note("attributes."+attribute, text+" is no number of seconds: left out")
	default:
		k.put(name, strictjson.Int(seconds))
	}
}
