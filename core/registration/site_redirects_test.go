package registration_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/registration"
)

// Redirect URIs match a pattern that is allowed and none that is blocked, at a registration and at a change, whoever asks and whatever
// a plugin makes of them; said in our words and in Janssen's, in both spellings.
func TestListedRedirects(t *testing.T) {
	for _, config := range []string{
		`{"policy":{"redirects":{"allowed":["*.example.com/*","com.example.app://*"],"blocked":["*://evil.example.com/*","https://*:8443"]}}}`,
		`{"clientWhiteList":["*.example.com/*","com.example.app://*"],"clientBlackList":["*://evil.example.com/*","https://*:8443"]}`,
		`{"client_white_list":["*.example.com/*","com.example.app://*"],"client_black_list":["*://evil.example.com/*","https://*:8443"]}`,
	} {
		site, err := read(config)
		if err != nil {
			t.Fatalf("%s: %v", config, err)
		}
		b := newBench(t, func(s *registration.Site) { *s = site })
		for uri, says := range map[string]string{
			"https://app.example.com/cb": "", "https://example.com/": "", "com.example.app:/cb": "",
			"https://app.example.org/cb": "is not among the addresses that are allowed here; they are like *.example.com/*, com.example.app://*.",
			"com.other.app:/cb":          "is not among the addresses", "https://example.com.evil.example/": "is not among the addresses",
			"https://evil.example.com/cb": "is kept out here.", "https://evil.example.com": "is kept out here.", "com.example.app://evil.example.com": "is kept out here.", "https://app.example.com:8443/": "is kept out here.",
		} {
			for _, channel := range []core.Channel{core.ChannelDCR, core.ChannelOperator} {
				req := b.request(core.Register, channel, "", `{"redirect_uris":["https://app.example.com/a","`+uri+`"]}`)
				if channel == core.ChannelDCR {
					req.Credential.Bearer = b.token(1, "")
				}
				if _, err := b.do(req); says == "" && err != nil {
					t.Errorf("%s, %s: %v", channel, uri, err)
				} else if says != "" {
					checkCode(t, err, core.InvalidRedirectURI, "redirect_uris: "+uri+" "+says)
				}
			}
		}
		c := b.register(`{"redirect_uris":["https://app.example.com/a"]}`)
		_, err = b.do(b.manage(core.Update, c, c.put(t, "redirect_uris", `["https://evil.example.com/cb"]`)))
		checkCode(t, err, core.InvalidRedirectURI, "is kept out here")
		b.plug(hook.PreRegister, patching(t, "p", "redirect_uris", `{"redirect_uris":["https://app.example.org/"]}`))
		_, err = b.ask(`{"redirect_uris":["https://app.example.com/a"]}`)
		checkCode(t, err, core.InvalidRedirectURI, "is not among the addresses")
	}
	if _, err := read(`{"clientWhiteList":["*"]}`); err != nil {
		t.Error(err)
	}
	for config, says := range map[string]string{
		`{"clientWhiteList":["*"],"policy":{"redirects":{"allowed":["*"]}}}`:                 "clientWhiteList: says the same as policy.redirects.allowed",
		`{"clientBlackList":["a.example"],"policy":{"redirects":{"blocked":["b.example"]}}}`: "clientBlackList: says the same as policy.redirects.blocked",
		`{"policy":{"redirects":{"allowed":["a.example","*.*.example"]}}}`:                   "policy.redirects.allowed[1]:",
		`{"policy":{"redirects":{"blocked":["https://a.example/?x"]}}}`:                      "queries and fragments are not compared",
	} {
		if _, err := read(config); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", config, err, says)
		}
	}
}

// The lists hold where browsers go after a sign-out, too. What is allowed counts there without its path, what is blocked with it.
func TestListedPostLogoutRedirects(t *testing.T) {
	site, err := read(`{"policy":{"redirects":{"allowed":["https://*.example.com/cb*","com.example.app://*"],"blocked":["https://app.example.com/away/*","evil.example.com"]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(s *registration.Site) { *s = site })
	for uri, says := range map[string]string{
		"https://app.example.com/cb": "", "https://app.example.com/bye": "", "https://example.com/": "", "com.example.app:/bye": "",
		"https://app.example.org/bye": "is not among the addresses that are allowed here; they are like https://*.example.com/cb*, com.example.app://*.",
		"http://127.0.0.1/bye":        "is not among the addresses", "com.other.app:/bye": "is not among the addresses",
		"https://evil.example.com/cb": "is kept out here.", "https://app.example.com/away/?to=x": "is kept out here.",
	} {
		_, err := b.ask(`{"redirect_uris":["https://app.example.com/cb"],"post_logout_redirect_uris":["https://app.example.com/","` + uri + `"]}`)
		if says == "" && err != nil {
			t.Errorf("%s: %v", uri, err)
		} else if says != "" {
			checkCode(t, err, core.InvalidClientMetadata, "post_logout_redirect_uris: "+uri+" "+says)
		}
	}
	b = newBench(t, func(s *registration.Site) { s.Policy.Redirects.AllowedHosts = []string{"app.example.com"} })
	for uri, says := range map[string]string{
		"https://app.example.com/bye": "", "com.example.app:/bye": "", "https://app.example.com:8443/": "", "https://app.example.org/": "is not at one of the hosts that are allowed here: app.example.com.",
	} {
		_, err := b.ask(`{"redirect_uris":["https://app.example.com/cb"],"post_logout_redirect_uris":["` + uri + `"]}`)
		if says == "" && err != nil {
			t.Errorf("%s: %v", uri, err)
		} else if says != "" {
			checkCode(t, err, core.InvalidClientMetadata, "post_logout_redirect_uris: "+uri+" "+says)
		}
	}
}
