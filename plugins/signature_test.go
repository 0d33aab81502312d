package plugins

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// newKey makes a key of a publisher, and what servers know of it.
func newKey(t *testing.T, id, plugins string) (*SigningKey, Publisher) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewSigningKey(id, inPEM(t, "PRIVATE KEY", private))
	if err != nil {
		t.Fatal(err)
	}
	return key, Publisher{Name: id, Key: config.Public(inPEM(t, "PUBLIC KEY", public)), Plugins: strings.Fields(plugins)}
}

func inPEM(t *testing.T, kind string, key any) []byte {
	t.Helper()
	marshal := x509.MarshalPKCS8PrivateKey
	if kind == "PUBLIC KEY" {
		marshal = x509.MarshalPKIXPublicKey
	}
	der, err := marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

const signedManifest = "apiVersion: ostiary.plugin/v1\nname: acme-a\nversion: 1.2.0\nhooks: {pre_register: {}}\n"

func TestSignature(t *testing.T) {
	module, manifest := []byte("module"), []byte(signedManifest)
	key, acme := newKey(t, "acme", "acme-*")
	_, later := newKey(t, "acme", "acme-*")
	_, narrow := newKey(t, "acme", "other")
	narrow.Key = acme.Key
	sig, err := SignPlugin(module, manifest, key)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := SignPlugin(module, manifest, key); !bytes.Equal(sig, again) {
		t.Error("the same plugin and key gave two signatures")
	}
	change := func(text string, replaced ...string) []byte {
		return []byte(strings.NewReplacer(replaced...).Replace(text))
	}
	payload := base64.StdEncoding.EncodeToString([]byte(`{"name":"acme-a"}`))
	for name, c := range map[string]struct {
		module, manifest, sig []byte
		publishers            []Publisher
		want                  string
	}{
		"good":            {module, manifest, sig, []Publisher{acme}, ""},
		"key follows key": {module, manifest, sig, []Publisher{later, acme}, ""},
		"other module":    {[]byte("Module"), manifest, sig, []Publisher{acme}, "the module is not the one that was signed"},
		"other manifest":  {module, change(signedManifest, "pre_register", "pre_update"), sig, []Publisher{acme}, "the manifest is not the one that was signed"},
		"other version":   {module, change(signedManifest, "1.2.0", "1.3.0"), sig, []Publisher{acme}, `for the version "1.2.0", not 1.3.0`},
		"other name":      {module, change(signedManifest, "acme-a", "acme-b"), sig, []Publisher{acme}, `for the plugin "acme-a", not acme-b`},
		"other key":       {module, manifest, sig, []Publisher{later}, "its signature is not that of the publisher acme"},
		"nobody":          {module, manifest, sig, nil, `it is signed by "acme": no publisher of that name is known`},
		"not its name":    {module, manifest, sig, []Publisher{narrow}, "signed by acme, who may not sign plugins called acme-a"},
		"other payload":   {module, manifest, change(string(sig), `"payload":"`, `"payload":"`+payload+`","keyid":"acme","sig":"AAAA"}`), []Publisher{acme}, "cannot be read"},
		"changed payload": {module, manifest, []byte(`{"payload":"` + payload + `","keyid":"acme","sig":"AAAA"}`), []Publisher{acme}, "not that of the publisher"},
		"no base64":       {module, manifest, []byte(`{"payload":"?","keyid":"acme","sig":"AAAA"}`), []Publisher{acme}, "payload is not base64"},
		"no document":     {module, manifest, []byte("sig"), []Publisher{acme}, "the signature cannot be read"},
		"a member more":   {module, manifest, []byte(`{"payload":"","keyid":"acme","sig":"","alg":"none"}`), []Publisher{acme}, "alg"},
		"far too much":    {module, manifest, bytes.Repeat([]byte(" "), maxSignature+1), []Publisher{acme}, "cannot be read"},
		"no manifest":     {module, []byte("x"), sig, []Publisher{acme}, "must be an object"},
	} {
		by, err := VerifyPlugin(c.module, c.manifest, c.sig, c.publishers)
		if c.want == "" && (err != nil || by != "acme") || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || by != "" && err == nil) {
			t.Errorf("%s: got %q, %v, want %q", name, by, err, c.want)
		}
		if errors.Is(err, ErrUnknownPublisher) != (name == "nobody") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is signed is DSSE's encoding: openssl and others can verify it.
func TestSignatureIsDSSE(t *testing.T) {
	key, acme := newKey(t, "acme", "*")
	sig, err := SignPlugin([]byte("module"), []byte(signedManifest), key)
	if err != nil {
		t.Fatal(err)
	}
	var file signedFile
	if err := strictjson.Decode(sig, &file, strictjson.Default); err != nil {
		t.Fatal(err)
	}
	payload, _ := base64.StdEncoding.DecodeString(file.Payload)
	want := `{"name":"acme-a","version":"1.2.0","module":"` + hexSum([]byte("module")) + `","manifest":"` + hexSum([]byte(signedManifest)) + `"}`
	if string(payload) != want {
		t.Errorf("payload %s", payload)
	}
	public, err := ReadPublicKey([]byte(string(acme.Key)))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.StdEncoding.DecodeString(file.Sig)
	message := "DSSEv1 38 application/vnd.ostiary.plugin.v1+json 189 " + want
	if len(want) != 189 || !ed25519.Verify(public, []byte(message), raw) {
		t.Errorf("the signature is not over %q (%d)", message, len(want))
	}
}

func TestKeysThatDoNotSign(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	for text, want := range map[string]string{
		"x": "not a key in PEM; make one with: openssl", string(inPEM(t, "PUBLIC KEY", public)): "this is a PUBLIC KEY; name a private key",
		string(inPEM(t, "PRIVATE KEY", weak)): "Ed25519 keys only",
	} {
		if _, err := NewSigningKey("acme", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := NewSigningKey("Acme!", inPEM(t, "PRIVATE KEY", private)); err == nil {
		t.Error("a key without a usable id")
	}
	for text, want := range map[string]string{
		"x": "not a key in PEM", string(inPEM(t, "PRIVATE KEY", private)): "this is a PRIVATE KEY; name the public key",
		string(inPEM(t, "PUBLIC KEY", &weak.PublicKey)): "Ed25519 keys only",
	} {
		if _, err := ReadPublicKey([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
