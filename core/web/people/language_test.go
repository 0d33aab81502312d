package people_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/authorize"
)

// A client is named in the language of who reads: what the client asked for (ui_locales), else what the browser says.
func TestPagesInTheReadersLanguage(t *testing.T) {
	h := open(t, issuer)
	for _, test := range []struct {
		locales, reads, says string
	}{
		{"", "", "<bdi>Shop</bdi>"}, {"", "en-GB,en;q=0.8,fr;q=0.5", "<bdi>Shop</bdi>"}, {"", "fr-CH,fr;q=0.9,en;q=0.8", `<bdi lang="fr">Boutique</bdi>`},
		{"fr", "de", `<bdi lang="fr">Boutique</bdi>`}, {"da fr", "en", `<bdi lang="fr">Boutique</bdi>`}, {"", "de", `<bdi lang="de">Lade &lt;b&gt;</bdi>`},
	} {
		for _, page := range []authorize.Show{authorize.ShowLogin, authorize.ShowConsent} {
			h.answer = consent("Shop")
			h.answer.Show, h.answer.Locales = page, strings.Fields(test.locales)
			h.answer.Client.Metadata.Tagged = map[string]string{
				"client_name#fr": "Boutique", "client_name#de": "Lade <b>", "tos_uri#fr": "https://shop.example/conditions", "policy_uri#fr": "javascript:alert(1)",
			}
			body := h.ask(ask{path: "authorize?client_id=shop", reads: test.reads}).body
			if !strings.Contains(body, test.says) || strings.Contains(body, "javascript:") {
				t.Errorf("%q, %q: no %s in %s", test.locales, test.reads, test.says, body)
			}
			if french := strings.Contains(test.says, "fr"); page == authorize.ShowConsent && french != strings.Contains(body, "https://shop.example/conditions") {
				t.Errorf("%q, %q: the terms are in another language", test.locales, test.reads)
			}
		}
	}
}

// A host is shown in the one form in which it is compared: what looks like another site's name does not pass for it.
func TestHostsAreShownAsCompared(t *testing.T) {
	h := open(t, issuer)
	h.answer = consent("Shop")
	h.answer.RedirectURI = "https://xn--pple-43d.example:8443/cb" // with a Cyrillic first letter
	if body := h.ask(ask{path: "authorize?client_id=shop"}).body; !strings.Contains(body, "<bdi>xn--pple-43d.example:8443</bdi>") || strings.Contains(body, "аpple") {
		t.Errorf("shown as something else: %s", body)
	}
}
