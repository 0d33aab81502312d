package oauth_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

func TestDistinguishedName(t *testing.T) {
	subject := pkix.Name{CommonName: "app, the + one", Organization: []string{"Exämple"}, Country: []string{"DE"}}
	der, err := asn1.Marshal(subject.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	of, err := oauth.NameOfCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		subject.String():                           true,
		`CN=app\, the \+ one,O=Exämple,C=DE`:       true,
		`cn=app\2C the \2b one, o=Exämple , C=DE`:  true,
		`2.5.4.3=app\, the \+ one,O=Exämple,C=DE`:  true,
		`CN=app\, the \+ one,O=Ex\C3\A4mple,C=DE`:  true,
		`C=DE,O=Exämple,CN=app\, the \+ one`:       false,
		`CN=app\, the \+ one`:                      false,
		`CN=APP\, the \+ one,O=Exämple,C=DE`:       false,
		`CN=app\, the \+ one,O=Exämple,C=DE\ `:     false,
		`CN=app\, the \+ one+O=Exämple,C=DE`:       false,
		`CN=app\, the \+ one,O=Exämple,C=DE,L=Ulm`: false,
	} {
		name, err := oauth.ParseDistinguishedName(text)
		if err != nil || name.Equal(of) != want {
			t.Errorf("%s: %q, %v; of the certificate %q", text, name, err, of)
		}
	}
	for _, text := range []string{"", "app", "CN=", "=app", "CN=a,", "CN=#0403", `CN=a\`, `CN=a\z`, "NAME=a", `CN="a"`, "CN=a\x00b"} {
		if name, err := oauth.ParseDistinguishedName(text); err == nil {
			t.Errorf("%q is read as %q", text, name)
		}
	}
	if none, err := oauth.NameOfCertificate([]byte{0x30, 0}); err != nil || none.Equal(none) {
		t.Errorf("an empty name equals itself: %v", err)
	}
}

// What Go and OpenSSL know by no short name is written by its number, in hexadecimal.
func TestNamesInHexadecimal(t *testing.T) {
	for text, want := range map[string]string{
		"0.9.2342.19200300.100.1.1=#1306736f66742d31,CN=a":                               "soft-1",
		"CN=a,0.9.2342.19200300.100.1.1=#0C06736F66742D31+OU=b":                          "soft-1",
		"UID=soft-1,0.9.2342.19200300.100.1.1=#13026262":                                 "soft-1|bb",
		"0.9.2342.19200300.100.1.1=soft-1":                                               "",
		"0.9.2342.19200300.100.1.1=#130a736f6674":                                        "", // shorter than it says
		"0.9.2342.19200300.100.1.1=#1302626200":                                          "", // more behind it
		"0.9.2342.19200300.100.1.1=#0c03620062":                                          "", // with a NUL
		"0.9.2342.19200300.100.1.1=#020101":                                              "", // a number
		"0.9.2342.19200300.100.1.1=#zz,0.9.2342.19200300.100.1.11=#1306736f66742d31":     "",
		"O=0.9.2342.19200300.100.1.1\\=#1306736f66742d31,CN=UID\\=soft-1\\,UID\\=soft-1": "",
	} {
		if got := strings.Join(oauth.NamesOf(text, "UID"), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// The names of a subject by their kind, also where others in it cannot be read.
func TestNamesOf(t *testing.T) {
	for text, want := range map[string][2]string{
		"":                            {"", ""},
		"CN=soft-1,OU=org-1,O=Acme":   {"soft-1", "org-1"},
		"cn=a+OU=b,ou=c\\,d":          {"a", "b|c,d"},
		"CN=a,2.5.4.97=#130a50534442": {"a", ""},
		"CN=#130a50534442,OU=x":       {"", "x"},
		"O=CN\\=evil\\,CN=b":          {"", ""},
		"CN=,OU":                      {"", ""},
	} {
		got := [2]string{strings.Join(oauth.NamesOf(text, "CN"), "|"), strings.Join(oauth.NamesOf(text, "OU"), "|")}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
