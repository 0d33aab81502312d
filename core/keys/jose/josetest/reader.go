// Package josetest is somebody who things are encrypted to, for tests: what core/keys/jose encrypts is opened here as RFC 7516 and
// RFC 7518 say, with nothing but the standard library, so that a mistake is not made twice.
package josetest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"strings"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A Reader has an RSA key.
type Reader struct{ private *rsa.PrivateKey }

// NewReader makes one with a new key.
func NewReader() Reader {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // only an unfit size fails
	}
	return Reader{private}
}

// JWK gives the public key as RFC 7517 has it. more are further members, as `"use":"enc","kid":"k"`.
func (r Reader) JWK(more string) string {
	public := fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q`, encode(r.private.N.Bytes()), encode(big.NewInt(int64(r.private.E)).Bytes()))
	if more != "" {
		public += "," + more
	}
	return public + "}"
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

var errNotMine = errors.New("this is not for this reader, or was changed on the way")

// Open decrypts a compact JWE (RFC 7516 §5.2) and gives its header and what is inside. The key is wrapped by RSA-OAEP or
// RSA-OAEP-256.
func (r Reader) Open(compact string) (header strictjson.Value, content []byte, err error) {
	texts := strings.Split(compact, ".")
	if len(texts) != 5 {
		return header, nil, fmt.Errorf("%d parts make no JWE", len(texts))
	}
	var parts [5][]byte
	for i, text := range texts {
		if parts[i], err = base64.RawURLEncoding.DecodeString(text); err != nil {
			return header, nil, err
		}
	}
	if header, err = strictjson.Parse(parts[0], strictjson.Default); err != nil {
		return header, nil, err
	}
	oaep := map[string]func() hash.Hash{"RSA-OAEP": sha1.New, "RSA-OAEP-256": sha256.New}[text(header, "alg")]
	if oaep == nil {
		return header, nil, errNotMine
	}
	key, err := rsa.DecryptOAEP(oaep(), nil, r.private, parts[1], nil)
	if err != nil {
		return header, nil, errNotMine
	}
	open := openGCM
	if strings.Contains(text(header, "enc"), "CBC") {
		open = openCBC
	}
	content, err = open(key, parts[2], []byte(texts[0]), parts[3], parts[4])
	return header, content, err
}

func text(v strictjson.Value, name string) string {
	member, _ := v.Get(name)
	s, _ := member.Text()
	return s
}

// openGCM is RFC 7518 §5.3.
func openGCM(key, iv, aad, sealed, tag []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil || len(iv) != gcm.NonceSize() {
		return nil, errNotMine
	}
	return gcm.Open(nil, iv, append(sealed, tag...), aad)
}

// openCBC is RFC 7518 §5.2.2.2: half of the key authenticates, the other half decrypts.
func openCBC(key, iv, aad, sealed, tag []byte) ([]byte, error) {
	half := len(key) / 2
	hashes := map[int]func() hash.Hash{16: sha256.New, 24: sha512.New384, 32: sha512.New}
	if hashes[half] == nil || len(iv) != aes.BlockSize || len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return nil, errNotMine
	}
	mac := hmac.New(hashes[half], key[:half])
	for _, part := range [][]byte{aad, iv, sealed, big.NewInt(int64(len(aad)) * 8).FillBytes(make([]byte, 8))} {
		mac.Write(part)
	}
	if !hmac.Equal(mac.Sum(nil)[:half], tag) {
		return nil, errNotMine
	}
	block, err := aes.NewCipher(key[half:])
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, sealed)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errNotMine
	}
	return plain[:len(plain)-padding], nil
}
