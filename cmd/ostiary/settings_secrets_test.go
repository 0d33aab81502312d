package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The keys that plugins may sign with, as plugins/README.md shows them; those that cannot be used are named, and not quoted.
func TestPluginSecrets(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join(repository, "plugins", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```yaml ostiary.yaml\n(.*?)```").FindSubmatch(guide)
	if shown == nil {
		t.Fatal("plugins/README.md does not show them")
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte, err error) {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, 32)))
	write("signer.pem", "PRIVATE KEY", der, err)
	private, _, err := newKeyPair(false)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "audit.pem"), private, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARTNER_SECRET", strings.Repeat("s", 32))
	text := "issuer: https://id.example.com\ndata_dir: data\n" + strings.ReplaceAll(string(shown[1]), "/etc/ostiary", dir)
	s, err := readSettings(writeConfig(t, text))
	if err != nil || len(s.Plugins.Secrets) != 3 {
		t.Fatalf("%d keys, %v", len(s.Plugins.Secrets), err)
	}
	t.Setenv("PARTNER_SECRET", "TOPSECRET")
	_, err = readSettings(writeConfig(t, strings.Replace(text, "{ed25519:", "{ec:", 1)))
	for _, want := range []string{"plugins.secrets.partner-hmac: ", "at least 32 bytes", "plugins.secrets.signer: ", "another kind"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%q is not said in\n%v", want, err)
		}
	}
}
