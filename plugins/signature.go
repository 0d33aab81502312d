package plugins

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A signature says that a publisher vouches for one module under one manifest, by a name and a version. It stands beside them as
// NAME.sig. What is signed is the DSSE pre-authentication encoding of the payload, so that no signature for something else
// passes for one of ours.
const (
	signatureSuffix = ".sig"
	payloadType     = "application/vnd.ostiary.plugin.v1+json"
	maxSignature    = 4 << 10
)

// signedFile is the form of NAME.sig. Payload and sig are standard base64.
type signedFile struct {
	Payload string `json:"payload"`
	KeyID   string `json:"keyid"`
	Sig     string `json:"sig"`
}

// signedPayload is what a publisher signs.
type signedPayload struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Module   string `json:"module"`   // SHA-256 in hexadecimal
	Manifest string `json:"manifest"` // likewise, of the text of the manifest
}

// pae is the pre-authentication encoding of DSSE version 1.
func pae(payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// A SigningKey signs plugins, under the id that servers know the publisher by.
type SigningKey struct {
	id  string
	key ed25519.PrivateKey
}

const makeKey = "openssl genpkey -algorithm ed25519 -out key.pem"

// NewSigningKey reads an Ed25519 private key in PEM, without a passphrase.
func NewSigningKey(id string, text []byte) (*SigningKey, error) {
	if !nameForm.MatchString(id) {
		return nil, errors.New("a key needs an id of a-z, 0-9, dot, dash and underscore: the name that servers know the publisher by")
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a key in PEM; make one with: " + makeKey)
	}
	if block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("this is a %s; name a private key without a passphrase, made with: %s", block.Type, makeKey)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("plugins are signed with Ed25519 keys only; make one with: " + makeKey)
	}
	return &SigningKey{id, private}, nil
}

// ReadPublicKey reads an Ed25519 public key in PEM.
func ReadPublicKey(text []byte) (ed25519.PublicKey, error) {
	const export = "openssl pkey -in key.pem -pubout -out pub.pem"
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a key in PEM; make it with: " + export)
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("this is a %s; name the public key, made with: %s", block.Type, export)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("plugins are signed with Ed25519 keys only")
	}
	return public, nil
}

// A Publisher may sign plugins of some names.
type Publisher struct {
	Name    string        `yaml:"name"`    // the id of its key
	Key     config.Public `yaml:"key"`     // its Ed25519 public key in PEM, or file:// and where that is
	Plugins []string      `yaml:"plugins"` // names, where * stands for any characters: acme-*
}

// Validate implements config.Checker.
func (p *Publisher) Validate() []config.Problem {
	var found problems
	if !nameForm.MatchString(p.Name) {
		found.add("name", "must be 1 to 64 of a-z, 0-9, dot, dash and underscore: the id that its plugins are signed under")
	}
	if _, err := ReadPublicKey([]byte(p.Key)); err != nil {
		found.add("key", "%v", err)
	}
	if len(p.Plugins) == 0 {
		found.add("plugins", "names no plugin that it may sign, such as acme-*")
	}
	for i, pattern := range p.Plugins {
		if !nameForm.MatchString(strings.ReplaceAll(pattern, "*", "a")) {
			found.add(fmt.Sprintf("plugins[%d]", i), "must be the name of a plugin, where * stands for any characters")
		}
	}
	return found
}

// signs tells whether the publisher may sign plugins of a name.
func (p *Publisher) signs(name string) bool {
	for _, pattern := range p.Plugins {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// SignPlugin makes the signature of a module under a manifest, as it goes into NAME.sig.
func SignPlugin(module, manifest []byte, key *SigningKey) ([]byte, error) {
	m, err := ReadManifest(manifest, "manifest")
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(payloadOf(&m, module, manifest))
	if err != nil {
		return nil, err
	}
	file := signedFile{
		Payload: base64.StdEncoding.EncodeToString(payload), KeyID: key.id,
		Sig: base64.StdEncoding.EncodeToString(ed25519.Sign(key.key, pae(payload))),
	}
	text, err := json.Marshal(file)
	return append(text, '\n'), err
}

func payloadOf(m *Manifest, module, manifest []byte) signedPayload {
	return signedPayload{Name: m.Name, Version: m.Version, Module: hexSum(module), Manifest: hexSum(manifest)}
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// ErrUnknownPublisher is that of a signature by nobody who is known.
var ErrUnknownPublisher = errors.New("no publisher of that name is known")

// VerifyPlugin verifies a signature of a module under a manifest, and gives the publisher who made it. Of several publishers of
// one name, keys that follow each other, one must fit. A signature by nobody who is known is ErrUnknownPublisher.
func VerifyPlugin(module, manifest, signature []byte, publishers []Publisher) (string, error) {
	m, err := ReadManifest(manifest, "manifest")
	if err != nil {
		return "", err
	}
	return verify(&m, module, manifest, signature, publishers)
}

func verify(m *Manifest, module, manifest, signature []byte, publishers []Publisher) (string, error) {
	var file signedFile
	if err := strictjson.Decode(signature, &file, strictjson.Limits{MaxBytes: maxSignature}); err != nil {
		return "", fmt.Errorf("the signature cannot be read: %w", err)
	}
	payload, err := base64.StdEncoding.DecodeString(file.Payload)
	if err != nil {
		return "", errors.New("the signature cannot be read: payload is not base64")
	}
	sig, err := base64.StdEncoding.DecodeString(file.Sig)
	if err != nil {
		return "", errors.New("the signature cannot be read: sig is not base64")
	}
	known, authentic := false, false
	for _, p := range publishers {
		if p.Name != file.KeyID {
			continue
		}
		known = true
		key, err := ReadPublicKey([]byte(p.Key))
		if err != nil || !ed25519.Verify(key, pae(payload), sig) {
			continue
		}
		if authentic = true; p.signs(m.Name) {
			return p.Name, agree(payload, payloadOf(m, module, manifest))
		}
	}
	switch {
	case !known:
		return "", fmt.Errorf("it is signed by %q: %w", clipped(file.KeyID), ErrUnknownPublisher)
	case authentic:
		return "", fmt.Errorf("it is signed by %s, who may not sign plugins called %s", file.KeyID, m.Name)
	}
	return "", fmt.Errorf("its signature is not that of the publisher %s", file.KeyID)
}

// agree verifies that what was signed is what is here.
func agree(payload []byte, want signedPayload) error {
	var signed signedPayload
	if err := strictjson.Decode(payload, &signed, strictjson.Limits{MaxBytes: maxSignature}); err != nil {
		return fmt.Errorf("what was signed cannot be read: %w", err)
	}
	switch {
	case signed.Name != want.Name:
		return fmt.Errorf("the signature is for the plugin %q, not %s", clipped(signed.Name), want.Name)
	case signed.Version != want.Version:
		return fmt.Errorf("the signature is for the version %q, not %s", clipped(signed.Version), want.Version)
	case signed.Module != want.Module:
		return errors.New("the module is not the one that was signed")
	case signed.Manifest != want.Manifest:
		return errors.New("the manifest is not the one that was signed")
	}
	return nil
}

var _ config.Checker = (*Publisher)(nil)
