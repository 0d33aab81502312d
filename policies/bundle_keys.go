package policies

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A VerificationKey is the one key, of one id, that bundles must be signed with. Its algorithm is the key's own, never the
// bundle's choice.
type VerificationKey struct{ id, alg, pem string }

// A SigningKey signs bundles.
type SigningKey struct{ id, alg, pem string }

// Algorithm gives the JWS algorithm that the key signs with.
func (k *SigningKey) Algorithm() string { return k.alg }

// Algorithm gives the JWS algorithm that the key verifies.
func (k *VerificationKey) Algorithm() string { return k.alg }

const minRSABits = 2048

// NewVerificationKey reads a public key in PEM: P-256 (ES256), RSA (RS256) or Ed25519 (EdDSA).
func NewVerificationKey(id string, text []byte) (*VerificationKey, error) {
	if id == "" {
		return nil, errors.New("a key needs an id: the one that bundles are signed under")
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a key in PEM; make it with: openssl pkey -in key.pem -pubout -out pub.pem")
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		err = fmt.Errorf("this is a %s; name the public key, made with: openssl pkey -in key.pem -pubout -out pub.pem", block.Type)
	}
	if err != nil {
		return nil, err
	}
	alg, err := algorithmOf(key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return &VerificationKey{id, alg, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}, nil
}

// NewSigningKey reads a private key in PEM, without a passphrase.
func NewSigningKey(id string, text []byte) (*SigningKey, error) {
	if id == "" {
		return nil, errors.New("a key needs an id: the one that servers know it by")
	}
	key, err := parsePrivate(text)
	if err != nil {
		return nil, err
	}
	alg, err := algorithmOf(key.Public())
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &SigningKey{id, alg, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}, nil
}

// parsePrivate reads a private key. openssl ecparam writes a block with the parameters before it.
func parsePrivate(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "EC PARAMETERS":
			continue
		default:
			err = fmt.Errorf("this is a %s; name a private key without a passphrase, made with: "+
				"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem", block.Type)
		}
		if err != nil {
			return nil, err
		}
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errors.New("this key cannot sign; take an EC key on P-256, an RSA or an Ed25519 key")
	}
	return nil, errors.New("not a key in PEM; make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem")
}

func algorithmOf(public any) (string, error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return "ES256", nil
		}
		return "", errors.New("an EC key must be on the curve P-256")
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return "", fmt.Errorf("an RSA key must have %d bits or more", minRSABits)
		}
		return "RS256", nil
	case ed25519.PublicKey:
		return "EdDSA", nil
	}
	return "", errors.New("take an EC key on P-256, an RSA or an Ed25519 key")
}

// config gives what OPA's reader verifies by: this key and no other, whatever the bundle names.
func (k *VerificationKey) config() *bundle.VerificationConfig {
	return bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{k.id: {Key: k.pem, Algorithm: k.alg}}, k.id, "", nil)
}

// expects tells what is wrong with the signature before OPA looks at it, in words that say what to do: that there is none, that
// it is under another id, that it is not of the key's algorithm, that it rests on a hash that is not safe.
func (k *VerificationKey) expects(files map[string][]byte) error {
	text, there := files[signaturesFile]
	if !there {
		return fmt.Errorf("the bundle is not signed, and must be by the key %q; sign it with ostiary policy sign", k.id)
	}
	token, err := signatureIn(text)
	if err != nil {
		return fmt.Errorf("%s: %w", signaturesFile, err)
	}
	switch {
	case token.kid != k.id:
		return fmt.Errorf("the bundle is signed by the key %q, and must be by %q", token.kid, k.id)
	case token.alg != k.alg:
		return fmt.Errorf("the bundle's signature is %q, and the key %q makes %s", token.alg, k.id, k.alg)
	}
	for _, hash := range token.hashes {
		if hash != string(bundle.SHA256) && hash != string(bundle.SHA384) && hash != string(bundle.SHA512) {
			return fmt.Errorf("the bundle's signature rests on %q hashes; sign it anew with SHA-256", hash)
		}
	}
	return nil
}

// A signature is what a bundle's token says of itself. Nothing of it is verified.
type signature struct {
	kid, alg string
	hashes   []string
}

// ownPlugin is how OPA calls the way of signing that is its own; some of its tools write it down. With another, somebody else's code
// would verify.
const ownPlugin = "_default"

// signatureIn reads the one token of .signatures.json.
func signatureIn(text []byte) (s signature, err error) {
	doc, err := strictjson.Parse(text, strictjson.Stored)
	if err != nil {
		return s, err
	}
	for name, v := range doc.All() {
		plugin, _ := v.Text()
		if name != "signatures" && (name != "plugin" || plugin != ownPlugin) {
			return s, fmt.Errorf("the member %s is not supported", core.Clip(name))
		}
	}
	list, _ := doc.Get("signatures")
	tokens, _ := list.Strings()
	if len(tokens) != 1 {
		return s, errors.New("it must have exactly one signature")
	}
	parts := strings.Split(tokens[0], ".")
	if len(parts) != 3 {
		return s, errors.New("its signature is not a JWS")
	}
	head, err := tokenPart(parts[0])
	if err != nil {
		return s, err
	}
	body, err := tokenPart(parts[1])
	if err != nil {
		return s, err
	}
	alg, _ := head.Get("alg")
	s.alg, _ = alg.Text()
	kid, named := head.Get("kid")
	if !named {
		kid, _ = body.Get("keyid")
	}
	s.kid, _ = kid.Text()
	files, _ := body.Get("files")
	for _, file := range files.All() {
		hash, _ := file.Get("algorithm")
		name, _ := hash.Text()
		s.hashes = append(s.hashes, name)
	}
	return s, nil
}

func tokenPart(part string) (strictjson.Value, error) {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return strictjson.Value{}, errors.New("its signature is not a JWS")
	}
	return strictjson.Parse(text, strictjson.Stored)
}
