package jose

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/strictjson"
)

// Limits of a compact JWS.
const (
	MaxPeek  = 16 << 10 // bytes, when Peek is not told otherwise
	MaxToken = 64 << 10 // bytes, for Verify
	maxTries = MaxKeys  // signatures checked for one token
)

// Why a token is refused. Callers tell them apart with errors.Is; the text around them is for the log.
var (
	ErrMalformed = errors.New("not a compact JWS with a JSON object inside")
	ErrAlgorithm = errors.New("the algorithm is not accepted")
	ErrNoKey     = errors.New("no key of the set may verify this token")
	ErrSignature = errors.New("the signature does not verify")
)

// Header is what may be read of a JOSE header. Nothing in it is trusted before Verify, and keys in it never are.
type Header struct {
	Alg string
	Kid string
	Typ string
	Cty string
}

// A Token is a compact JWS that was read, and not verified yet: until it is, its claims are hearsay, good for finding the keys
// to verify it with.
type Token struct {
	Header Header
	Claims strictjson.Value

	input     string // what is signed
	signature []byte
}

// Read reads a compact JWS of at most max bytes (0: MaxPeek). alg "none" in any spelling, b64 and crit are refused.
func Read(compact string, max int) (Token, error) {
	if max <= 0 {
		max = MaxPeek
	}
	header, parts, err := open(compact, max)
	if err != nil {
		return Token{}, err
	}
	claims, err := object(parts[1])
	return Token{Header: header, Claims: claims, input: compact[:strings.LastIndexByte(compact, '.')], signature: parts[2]}, err
}

// Verify tells whether one key of the set has signed the token. The algorithm must be in algs and be one of the key's own; the
// key with the token's kid is tried first, then the others of the type. Time, issuer and audience are not looked at.
func (t *Token) Verify(set KeySet, algs []string) error {
	if !slices.Contains(algs, t.Header.Alg) {
		return fmt.Errorf("%w: %.20q", ErrAlgorithm, t.Header.Alg)
	}
	keys := set.candidates(t.Header.Alg, t.Header.Kid)
	if len(keys) == 0 {
		return ErrNoKey
	}
	input := []byte(t.input)
	for _, k := range keys {
		if k.verifies(t.Header.Alg, input, t.signature) {
			return nil
		}
	}
	return ErrSignature
}

// Peek reads the header and the claims of a compact JWS without verifying it.
func Peek(compact string, max int) (Header, strictjson.Value, error) {
	t, err := Read(compact, max)
	return t.Header, t.Claims, err
}

// Verify gives the claims of a compact JWS that one key of the set has signed: Read and Token.Verify in one.
func Verify(compact string, set KeySet, algs []string) (strictjson.Value, error) {
	t, err := Read(compact, MaxToken)
	if err == nil {
		err = t.Verify(set, algs)
	}
	if err != nil {
		return strictjson.Value{}, err
	}
	return t.Claims, nil
}

// open splits a compact JWS into its header, claims and signature, checks its form and reads its header. Exactly one spelling
// of each part is accepted.
func open(compact string, limit int) (header Header, parts [3][]byte, err error) {
	if len(compact) > limit {
		return Header{}, parts, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, limit)
	}
	if strings.Count(compact, ".") != 2 {
		return Header{}, parts, fmt.Errorf("%w: it has not three parts", ErrMalformed)
	}
	for i, text := range strings.Split(compact, ".") {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || encode(raw) != text { // DecodeString skips line ends
			return Header{}, parts, fmt.Errorf("%w: part %d is not base64url", ErrMalformed, i+1)
		}
		parts[i] = raw
	}
	if header, err = readHeader(parts[0]); err != nil {
		return Header{}, parts, err
	}
	if len(parts[2]) == 0 {
		return Header{}, parts, fmt.Errorf("%w: the signature is empty", ErrSignature)
	}
	return header, parts, nil
}

func readHeader(raw []byte) (Header, error) {
	v, err := object(raw)
	if err != nil {
		return Header{}, err
	}
	for _, name := range [...]string{"crit", "b64"} {
		if _, given := v.Get(name); given {
			return Header{}, fmt.Errorf("%w: the header %s is not supported", ErrMalformed, name)
		}
	}
	var h Header
	for _, m := range [...]struct {
		name string
		to   *string
	}{{"alg", &h.Alg}, {"kid", &h.Kid}, {"typ", &h.Typ}, {"cty", &h.Cty}} {
		member, given := v.Get(m.name)
		text, ok := member.Text()
		if given && !ok {
			return Header{}, fmt.Errorf("%w: the header %s is not a string", ErrMalformed, m.name)
		}
		*m.to = text
	}
	if h.Alg == "" || strings.EqualFold(h.Alg, "none") {
		return Header{}, fmt.Errorf("%w: the token must be signed", ErrAlgorithm)
	}
	return h, nil
}

func object(raw []byte) (strictjson.Value, error) {
	v, err := strictjson.Parse(raw, strictjson.Limits{})
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if v.Kind() != strictjson.KindObject {
		return strictjson.Value{}, fmt.Errorf("%w: %s", ErrMalformed, v.Kind())
	}
	return v, nil
}
