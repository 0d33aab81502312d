package jose

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"

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

// Peek reads a compact JWS without verifying it: who seems to have made it, and with which key. At most max bytes are
// accepted (0: MaxPeek). The claims are hearsay: use them only to find the keys for Verify. alg "none" in any spelling, b64
// and crit are refused.
func Peek(compact string, max int) (Header, strictjson.Value, error) {
	if max <= 0 {
		max = MaxPeek
	}
	header, payload, err := open(compact, max)
	if err != nil {
		return Header{}, strictjson.Value{}, err
	}
	claims, err := object(payload)
	return header, claims, err
}

// Verify gives the claims of a compact JWS that one key of the set has signed. The algorithm must be in algs and be one of
// the key's own; the key with the token's kid is tried first, then the others of the type. Time, issuer and audience are
// not looked at.
func Verify(compact string, set KeySet, algs []string) (strictjson.Value, error) {
	header, payload, err := open(compact, MaxToken)
	if err != nil {
		return strictjson.Value{}, err
	}
	if !slices.Contains(algs, header.Alg) {
		return strictjson.Value{}, fmt.Errorf("%w: %.20q", ErrAlgorithm, header.Alg)
	}
	keys := set.candidates(header.Alg, header.Kid)
	if len(keys) == 0 {
		return strictjson.Value{}, ErrNoKey
	}
	signed, err := gojose.ParseSignedCompact(compact, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(header.Alg)})
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for _, k := range keys {
		if _, err := signed.Verify(k.verifier()); err == nil {
			return object(payload) // what was signed, not what a second parser made of it
		}
	}
	return strictjson.Value{}, ErrSignature
}

// open splits a compact JWS, checks its form and reads its header. Exactly one spelling of each part is accepted.
func open(compact string, limit int) (Header, []byte, error) {
	if len(compact) > limit {
		return Header{}, nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, limit)
	}
	if strings.Count(compact, ".") != 2 {
		return Header{}, nil, fmt.Errorf("%w: it has not three parts", ErrMalformed)
	}
	var parts [3][]byte
	for i, text := range strings.Split(compact, ".") {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || encode(raw) != text { // DecodeString skips line ends
			return Header{}, nil, fmt.Errorf("%w: part %d is not base64url", ErrMalformed, i+1)
		}
		parts[i] = raw
	}
	header, err := readHeader(parts[0])
	if err != nil {
		return Header{}, nil, err
	}
	if len(parts[2]) == 0 {
		return Header{}, nil, fmt.Errorf("%w: the signature is empty", ErrSignature)
	}
	return header, parts[1], nil
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
	for name, to := range map[string]*string{"alg": &h.Alg, "kid": &h.Kid, "typ": &h.Typ, "cty": &h.Cty} {
		member, given := v.Get(name)
		text, ok := member.Text()
		if given && !ok {
			return Header{}, fmt.Errorf("%w: the header %s is not a string", ErrMalformed, name)
		}
		*to = text
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
