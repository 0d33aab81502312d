package core_test

import (
	"testing"

	"github.com/ostiary/ostiary/core"
)

func clientAt(id core.ClientID, sector string, redirects ...string) *core.Client {
	return &core.Client{ID: id, Metadata: core.Metadata{SubjectType: "pairwise", SectorIdentifierURI: sector, RedirectURIs: redirects}}
}

// Clients of one sector know a person by one name, others by another; a client that is public by the person's own.
func TestPairwiseNames(t *testing.T) {
	names := core.NewPairwise("salt")
	shop := names.Name(clientAt("c-1", "", "https://shop.example/cb", "https://shop.example:8443/other"), "u-ann")
	if shop == "u-ann" || len(shop) != 43 {
		t.Fatalf("%q", shop)
	}
	for what, other := range map[string]*core.Client{
		"a sibling by its redirect URI": clientAt("c-2", "", "https://shop.example/second"), "a sibling by its sector": clientAt("c-3", "https://shop.example/sector.json", "https://a.example/", "https://b.example/"),
	} {
		if got := names.Name(other, "u-ann"); got != shop {
			t.Errorf("%s knows her as %q", what, got)
		}
	}
	seen := map[core.Subject]string{shop: "the shop"}
	for what, other := range map[string]*core.Client{
		"another host": clientAt("c-1", "", "https://shop2.example/cb"), "another sector": clientAt("c-1", "https://a.example/s", "https://shop.example/cb"),
		"no host": clientAt("c-1", "", "com.example.app:/cb"), "no host, another client": clientAt("c-2", "", "com.example.app:/cb"),
	} {
		if before, twice := seen[names.Name(other, "u-ann")]; twice {
			t.Errorf("%s knows her as %s does", what, before)
		}
		seen[names.Name(other, "u-ann")] = what
	}
	shopClient := clientAt("c-1", "", "https://shop.example/cb")
	if names.Name(shopClient, "u-bob") == shop || core.NewPairwise("other").Name(shopClient, "u-ann") == shop {
		t.Error("another person or another salt gives the same name")
	}
	public := core.Client{ID: "c-1", Metadata: core.Metadata{SubjectType: "public", RedirectURIs: []string{"https://shop.example/cb"}}}
	if got := names.Name(&public, "u-ann"); got != "u-ann" {
		t.Errorf("a public client knows her as %q", got)
	}
	if got := (core.Pairwise{}).Name(shopClient, "u-ann"); got != "" {
		t.Errorf("without a salt she is %q", got)
	}
	if names.Name(shopClient, "") != "" {
		t.Error("nobody has a name")
	}
}

// What tells a person apart also tells her sessions apart: two sectors have nothing in common to know her by.
func TestPairwiseSessions(t *testing.T) {
	names, shop := core.NewPairwise("salt"), clientAt("c-1", "", "https://shop.example/cb")
	got := names.Session(shop, "s-1")
	if got == "s-1" || got == "" || got == core.SessionID(names.Name(shop, "s-1")) {
		t.Fatalf("%q", got)
	}
	if sibling := names.Session(clientAt("c-2", "", "https://shop.example/second"), "s-1"); sibling != got {
		t.Errorf("a sibling has %q", sibling)
	}
	if names.Session(clientAt("c-1", "", "https://other.example/cb"), "s-1") == got || names.Session(shop, "s-2") == got {
		t.Error("another sector or another session has the same sid")
	}
	if public := (core.Client{ID: "c-1"}); names.Session(&public, "s-1") != "s-1" {
		t.Error("a public client does not get the session's own")
	}
	if names.Session(shop, "") != "" || (core.Pairwise{}).Session(shop, "s-1") != "" {
		t.Error("no session, or no salt, gives a sid")
	}
}
