package jose

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/core/strictjson"
)

// Sign makes a compact JWS over claims, which must be a JSON object in UTF-8. The header is alg, kid and, if given, typ
// (RFC 7515 §3.1).
func Sign(key PrivateKey, typ string, claims []byte) (string, error) {
	if key.signer == nil {
		return "", errors.New("sign: the key is empty")
	}
	var header [256]byte
	head := key.appendHeader(header[:0], typ)
	token := make([]byte, 0, base64.RawURLEncoding.EncodedLen(len(head)+len(claims)+key.longestSignature())+4)
	token = append(base64.RawURLEncoding.AppendEncode(token, head), '.')
	token = base64.RawURLEncoding.AppendEncode(token, claims)
	signature, err := key.signature(token)
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", key.alg, err)
	}
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)), nil
}

// appendHeader writes the protected header, its members in alphabetical order.
func (k PrivateKey) appendHeader(dst []byte, typ string) []byte {
	dst = strictjson.AppendString(append(dst, `{"alg":`...), k.alg)
	dst = strictjson.AppendString(append(dst, `,"kid":`...), k.kid)
	if typ != "" {
		dst = strictjson.AppendString(append(dst, `,"typ":`...), typ)
	}
	return append(dst, '}')
}

func (k PrivateKey) longestSignature() int {
	if private, ok := k.signer.(*rsa.PrivateKey); ok {
		return private.Size()
	}
	return 2 * 66 // of P-521
}
