package proxy

import (
	"net/http"
	"strings"
)

// spoken are the fields by which proxies tell an API who calls; a browser that sends one means to be taken for somebody. They
// are names, and beginnings of names that end in a hyphen.
var spoken = map[string]bool{
	"Cookie": true, "Authorization": true, "Forwarded": true, "Via": true, "Upgrade": true, "Expect": true,
	"X-Csrf": true, "X-User": true, "X-Username": true, "X-Userid": true, "X-Email": true, "X-Groups": true, "X-Roles": true, "X-Role": true,
	"X-Subject": true, "X-Tenant": true, "X-Scopes": true, "X-Scope": true, "X-Identity": true, "X-Principal": true, "X-Admin": true,
	"X-Http-Method": true, "X-Http-Method-Override": true, "X-Method-Override": true, "X-Cluster-Client-Ip": true, "True-Client-Ip": true,
	"Remote-User": true, "Remote-Addr": true, "Client-Ip": true, "Fastly-Client-Ip": true, "Dpop": true,
	"Proxy-": true, "X-Forwarded-": true, "X-Real-": true, "X-User-": true, "X-Auth-": true, "X-Remote-": true, "X-Client-": true, "X-Original-": true,
	"X-Rewrite-": true, "X-Envoy-": true, "X-Ssl-": true, "Ssl-": true, "X-Jwt-": true, "X-Amzn-": true, "X-Ms-": true, "X-Goog-": true, "Cf-": true,
	"Client-Cert": true, "Client-Cert-": true, "Front-End-Https": true, "X-Userinfo": true, "X-Id-Token": true, "X-Permissions": true, "X-Host": true,
	"X-Scheme": true, "X-Url-Scheme": true, "X-Middleware-Subrequest": true, "X-Http-Methodoverride": true, "Impersonate-": true, "X-Proxy-": true,
	"X-Cert-": true, "X-Clientcert": true, "X-Certificate-": true, "X-Credential-": true, "X-Authentik-": true, "X-Azure-": true, "X-Arr-": true, "X-Appengine-": true,
	"X-Appgw-": true, "X-Apigateway-": true, "X-Endpoint-": true, "X-Serverless-": true, "Tailscale-": true, "X-Identity-": true, "X-Principal-": true,
	"X-Token-": true, "X-Access-": true, "X-Consumer-": true, "X-Webauth-": true, "X-Authenticated-": true, "X-Oidc-": true, "X-Pomerium-": true,
}

// strip removes what the browser may not say: the cookie, credentials, and every field that an API could take for the word of
// a proxy it trusts. A name with an underscore goes too: some servers read X_User as X-User.
func strip(h http.Header) {
	for name := range h {
		if isSpoken(http.CanonicalHeaderKey(name)) {
			delete(h, name)
		}
	}
}

func isSpoken(name string) bool {
	if spoken[name] || strings.Contains(name, "_") {
		return true
	}
	for i, c := range name {
		if c == '-' && spoken[name[:i+1]] {
			return true
		}
	}
	return false
}

// ours are the fields of an answer that speak for the whole site. An API behind it may not.
var ours = []string{
	"Clear-Site-Data", "Service-Worker-Allowed", "Strict-Transport-Security", "Alt-Svc", "Public-Key-Pins", "Refresh", "Link", "Sourcemap", "X-Sourcemap", "Nel",
	"Report-To", "Reporting-Endpoints", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods",
	"Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Access-Control-Max-Age", "Server", "X-Powered-By",
}

// tame holds an API's answer to what belongs to one call of one person.
func tame(h http.Header, keepCookies bool) {
	for _, name := range ours {
		h.Del(name)
	}
	if !keepCookies {
		h.Del("Set-Cookie")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	if policy := strings.ToLower(h.Get("Cache-Control")); policy == "" || strings.Contains(policy, "public") || strings.Contains(policy, "s-maxage") {
		h.Set("Cache-Control", "no-store") // the address is the same for everybody, the answer is not
	}
	h.Add("Vary", "Cookie")
}
