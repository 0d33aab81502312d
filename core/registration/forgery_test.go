package registration_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/registration"
)

var b64 = base64.RawURLEncoding.EncodeToString

// A mint signs whatever header it is given, as an attacker would with a key of their own, or as an issuer never would.
type mint struct{ key *ecdsa.PrivateKey }

func newMint(t testing.TB) mint {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return mint{key}
}

func (m mint) jwk(kid string) string {
	point, err := m.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}`, kid, b64(point[1:33]), b64(point[33:]))
}

func (m mint) spki() []byte {
	der, err := x509.MarshalPKIXPublicKey(&m.key.PublicKey)
	if err != nil {
		panic(err)
	}
	return der
}

// es256 gives header and claims with a signature.
func (m mint) es256(header, claims string) string {
	input := b64([]byte(header)) + "." + b64([]byte(claims))
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, m.key, digest[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + b64(signature)
}

func withMAC(header, claims string, key []byte) string {
	input := b64([]byte(header)) + "." + b64([]byte(claims))
	h := hmac.New(sha256.New, key)
	h.Write([]byte(input))
	return input + "." + b64(h.Sum(nil))
}

func withSignature(header, claims string, signature []byte) string {
	return b64([]byte(header)) + "." + b64([]byte(claims)) + "." + b64(signature)
}

const (
	forgedClaims = `{"iss":"https://issuer.example","client_name":"Bank"}`
	plainHeader  = `{"alg":"ES256"}`
)

// forgeries are statements that no listed key has signed, or not as statements are signed.
func forgeries(issuer, thief mint) map[string]string {
	good := issuer.es256(plainHeader, forgedClaims)
	parts := strings.Split(good, ".")
	der := issuer.spki()
	pemText := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	return map[string]string{
		"HMAC with the public key":      withMAC(`{"alg":"HS256"}`, forgedClaims, der),
		"HMAC with its PEM":             withMAC(`{"alg":"HS256"}`, forgedClaims, pemText),
		"HMAC with its JWK":             withMAC(`{"alg":"HS256"}`, forgedClaims, []byte(issuer.jwk("k"))),
		"HMAC with the set":             withMAC(`{"alg":"HS256"}`, forgedClaims, []byte(`{"keys":[`+issuer.jwk("k")+`]}`)),
		"HMAC with nothing":             withMAC(`{"alg":"HS256"}`, forgedClaims, nil),
		"HMAC of a kid":                 withMAC(`{"alg":"HS256","kid":"k"}`, forgedClaims, []byte("k")),
		"alg none":                      withSignature(`{"alg":"none"}`, forgedClaims, nil),
		"alg none with a signature":     withSignature(`{"alg":"none"}`, forgedClaims, signature),
		"alg None":                      withSignature(`{"alg":"nOnE"}`, forgedClaims, signature),
		"alg in lower case":             issuer.es256(`{"alg":"es256"}`, forgedClaims),
		"alg absent":                    issuer.es256(`{}`, forgedClaims),
		"alg null":                      issuer.es256(`{"alg":null}`, forgedClaims),
		"alg a list":                    issuer.es256(`{"alg":["ES256"]}`, forgedClaims),
		"alg of another kind of key":    issuer.es256(`{"alg":"RS256"}`, forgedClaims),
		"alg of another curve":          issuer.es256(`{"alg":"ES384"}`, forgedClaims),
		"alg twice":                     issuer.es256(`{"alg":"ES256","alg":"ES256"}`, forgedClaims),
		"embedded jwk":                  thief.es256(`{"alg":"ES256","jwk":`+thief.jwk("t")+`}`, forgedClaims),
		"embedded jwk with its kid":     thief.es256(`{"alg":"ES256","kid":"k","jwk":`+thief.jwk("k")+`}`, forgedClaims),
		"jku":                           thief.es256(`{"alg":"ES256","jku":"https://thief.example/keys"}`, forgedClaims),
		"x5c":                           thief.es256(`{"alg":"ES256","x5c":["MIIB"],"x5u":"https://thief.example/"}`, forgedClaims),
		"kid of a file":                 withMAC(`{"alg":"HS256","kid":"../../../dev/null"}`, forgedClaims, nil),
		"kid of a statement":            thief.es256(`{"alg":"ES256","kid":"k' UNION SELECT 'x"}`, forgedClaims),
		"kid a number":                  issuer.es256(`{"alg":"ES256","kid":1}`, forgedClaims),
		"kid of the key":                thief.es256(`{"alg":"ES256","kid":"k"}`, forgedClaims),
		"b64":                           issuer.es256(`{"alg":"ES256","b64":false}`, forgedClaims),
		"b64 and crit":                  issuer.es256(`{"alg":"ES256","b64":false,"crit":["b64"]}`, forgedClaims),
		"crit":                          issuer.es256(`{"alg":"ES256","crit":[]}`, forgedClaims),
		"nested":                        thief.es256(`{"alg":"ES256","cty":"JWT"}`, good),
		"nested in a claim":             thief.es256(plainHeader, `{"iss":"https://issuer.example","jwt":"`+good+`"}`),
		"claims twice":                  issuer.es256(plainHeader, `{"iss":"https://issuer.example","iss":"https://other.example"}`),
		"claims twice, escaped":         issuer.es256(plainHeader, `{"iss":"https://issuer.example","\u0069ss":"https://other.example"}`),
		"claims a list":                 issuer.es256(plainHeader, `["https://issuer.example"]`),
		"claims not UTF-8":              issuer.es256(plainHeader, "{\"iss\":\"https://issuer.example\xff\"}"),
		"two documents":                 issuer.es256(plainHeader, forgedClaims+forgedClaims),
		"exp beyond all numbers":        issuer.es256(plainHeader, `{"iss":"https://issuer.example","exp":99999999999999999999999999}`),
		"exp with an exponent":          issuer.es256(plainHeader, `{"iss":"https://issuer.example","exp":1e400}`),
		"deep claims":                   issuer.es256(plainHeader, `{"iss":"https://issuer.example","x":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`}`),
		"zeros for a signature":         withSignature(plainHeader, forgedClaims, make([]byte, 64)),
		"no signature":                  parts[0] + "." + parts[1] + ".",
		"half a signature":              withSignature(plainHeader, forgedClaims, signature[:32]),
		"a signature and more":          withSignature(plainHeader, forgedClaims, append(append([]byte{}, signature...), 0)),
		"ASN.1":                         withSignature(plainHeader, forgedClaims, asASN1(issuer, parts[0]+"."+parts[1])),
		"padded":                        good + "==",
		"a line end":                    parts[0] + "\n." + parts[1] + "." + parts[2],
		"other base64":                  strings.NewReplacer("-", "+", "_", "/").Replace(good) + "=",
		"five parts":                    good + ".x.y",
		"two parts":                     parts[0] + "." + parts[1],
		"JSON form":                     `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"other claims, same signature":  parts[0] + "." + b64([]byte(`{"iss":"https://issuer.example","client_name":"Evil"}`)) + "." + parts[2],
		"other header, same signature":  b64([]byte(`{"alg":"ES256","typ":"x"}`)) + "." + parts[1] + "." + parts[2],
		"a thief's":                     thief.es256(plainHeader, forgedClaims),
		"the other issuer's key":        "", // filled in by who knows it
		"larger than it may be":         issuer.es256(plainHeader, `{"iss":"https://issuer.example","x":"`+strings.Repeat("x", 17<<10)+`"}`),
		"the issuer's name with a dot":  issuer.es256(plainHeader, `{"iss":"https://issuer.example."}`),
		"the issuer's name in capitals": issuer.es256(plainHeader, `{"iss":"HTTPS://issuer.example"}`),
		"an access token":               issuer.es256(`{"alg":"ES256","typ":"at+jwt"}`, forgedClaims),
		"a DPoP proof":                  issuer.es256(`{"alg":"ES256","typ":"application/dpop+jwt"}`, forgedClaims),
		"an ID token":                   issuer.es256(`{"alg":"ES256","typ":"JWT"}`, `{"iss":"https://issuer.example","sub":"ann","aud":"some-client","nonce":"n"}`),
		"for another server":            issuer.es256(plainHeader, `{"iss":"https://issuer.example","aud":["https://op.example.evil"]}`),
		"the issuer in a list":          issuer.es256(plainHeader, `{"iss":["https://issuer.example"]}`),
	}
}

func asASN1(m mint, input string) []byte {
	digest := sha256.Sum256([]byte(input))
	der, err := ecdsa.SignASN1(rand.Reader, m.key, digest[:])
	if err != nil {
		panic(err)
	}
	return der
}

// underSiege is a desk that trusts two issuers, says how far it believed a statement, and lets policy allow everything.
func underSiege(t testing.TB, issuer, other mint) (b *bench, believed func(statement string) (string, error)) {
	b = newBench(t, func(s *registration.Site) {
		s.TrustedIssuers = []registration.TrustedIssuer{
			{Issuer: "https://issuer.example", JWKS: `{"keys":[` + issuer.jwk("k") + `]}`},
			{Issuer: "https://other.example", JWKS: `{"keys":[` + other.jwk("k") + `]}`, SharedSecret: secret},
		}
	})
	var trust string
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		trust = q.Statement.Trust
		return decision.Verdict{Allow: true}, nil
	}
	return b, func(statement string) (string, error) {
		trust = ""
		_, err := b.do(b.request(core.Register, core.ChannelOperator, "", body("", "")[:len(body("", ""))-3]+quoted(statement)+"}"))
		return trust, err
	}
}

// Nothing is believed as an issuer's that its listed key did not sign, the way that statements are signed.
func TestForgedStatements(t *testing.T) {
	issuer, other, thief := newMint(t), newMint(t), newMint(t)
	_, believed := underSiege(t, issuer, other)
	if trust, err := believed(issuer.es256(plainHeader, forgedClaims)); err != nil || trust != registration.TrustIssuer {
		t.Fatalf("a good one: %q, %v", trust, err)
	}
	all := forgeries(issuer, thief)
	all["the other issuer's key"] = other.es256(plainHeader, forgedClaims)
	all["the other issuer's secret"] = withMAC(`{"alg":"HS256"}`, forgedClaims, []byte(secret))
	for name, statement := range all {
		trust, err := believed(statement)
		if trust == registration.TrustIssuer || trust == registration.TrustSelf {
			t.Errorf("%s: believed as of %s", name, trust)
		}
		if code := core.CodeOf(err); err != nil && code != core.InvalidSoftwareStatement {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever comes as a statement: no panic, no fault of ours, and none is believed but those that were signed. A signed one is found
// by what was signed, so that another spelling of its signature would be found out.
func FuzzStatement(f *testing.F) {
	issuer, other, thief := newMint(f), newMint(f), newMint(f)
	signed := map[string]bool{}
	for _, statement := range []string{issuer.es256(plainHeader, forgedClaims), other.es256(plainHeader, `{"iss":"https://other.example","scope":"openid","jti":"1"}`)} {
		signed[statement] = true
		f.Add(statement)
	}
	for _, statement := range forgeries(issuer, thief) {
		f.Add(statement)
	}
	b, believed := underSiege(f, issuer, other)
	f.Fuzz(func(t *testing.T, statement string) {
		b.t = t
		if strings.ToValidUTF8(statement, "") != statement || strings.Contains(statement, "\x00") {
			t.Skip() // no JSON document can hold it
		}
		trust, err := believed(statement)
		if trust == registration.TrustIssuer && !signed[statement] {
			t.Errorf("believed: %q", statement)
		}
		switch code := core.CodeOf(err); {
		case err == nil, code == core.InvalidSoftwareStatement, code == core.InvalidClientMetadata, code == core.InvalidRedirectURI:
		default:
			t.Errorf("%q: %v", statement, err)
		}
	})
}

// The same for signed requests: whatever comes, nothing is believed that nobody signed.
func FuzzSignedRequest(f *testing.F) {
	issuer, other, thief := newMint(f), newMint(f), newMint(f)
	b, _ := underSiege(f, issuer, other)
	claims := fmt.Sprintf(`{"iss":"https://issuer.example","aud":"https://op.example","iat":%d,"exp":%d,"jti":"1","redirect_uris":["https://a.example/"]}`, b.now.Unix(), b.now.Unix()+60)
	good := issuer.es256(plainHeader, claims)
	f.Add(good)
	for _, request := range forgeries(issuer, thief) {
		f.Add(request)
	}
	f.Add(thief.es256(plainHeader, strings.Replace(claims, "{", `{"jwks":{"keys":[`+issuer.jwk("k")+`]},`, 1)))
	f.Fuzz(func(t *testing.T, compact string) {
		if compact == "" {
			t.Skip() // no signed request
		}
		b.t = t
		var trust string
		b.policy = func(q *decision.Registration) (decision.Verdict, error) {
			trust = q.Signed.Trust
			return decision.Verdict{Allow: true}, nil
		}
		req := b.request(core.Register, core.ChannelOperator, "", "")
		req.Signed = compact
		_, err := b.do(req)
		if trust != "" && compact != good {
			t.Errorf("believed: %q", compact)
		}
		if code := core.CodeOf(err); err != nil && code != core.InvalidRequest && code != core.InvalidClientMetadata && code != core.InvalidSoftwareStatement {
			t.Errorf("%q: %v", compact, err)
		}
	})
}
