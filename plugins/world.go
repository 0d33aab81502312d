package plugins

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A worldOf answers for the services during a case. Nothing of it goes out, and nothing stays.
type worldOf struct {
	World
	private map[string]ed25519.PrivateKey
}

// services gives what stands in for the real services. The error names a key that cannot be used.
func (w World) services() (Services, error) {
	at := &worldOf{World: w, private: map[string]ed25519.PrivateKey{}}
	for name, key := range w.Secret {
		if key.Ed25519 == "" {
			continue
		}
		block, _ := pem.Decode([]byte(key.Ed25519))
		if block == nil {
			return Services{}, fmt.Errorf("secret.%s.ed25519 is not a private key in PEM", name)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		private, ok := parsed.(ed25519.PrivateKey)
		if err != nil || !ok {
			return Services{}, fmt.Errorf("secret.%s.ed25519 is not an Ed25519 private key (PKCS #8)", name)
		}
		at.private[name] = private
	}
	return Services{KV: at, HTTP: at, Secrets: at, Rules: at}, nil
}

// entropy is the same every time a case runs.
func (c *Case) entropy() entropy { return sha256.Sum256([]byte("case " + c.Name)) }

// Pair implements hook.KV.
func (w *worldOf) Pair(_ context.Context, _, key string) (hook.Pair, error) {
	pair := hook.Pair{Use: hook.Use{Keys: int64(len(w.KV))}}
	for k, v := range w.KV {
		pair.Use.Bytes += int64(len(k) + len(v))
	}
	if value, found := w.KV[key]; found {
		stamp := sha256.Sum256([]byte(value))
		pair.Value, pair.Found, pair.Stamp, pair.Size = []byte(value), true, [16]byte(stamp[:16]), len(key)+len(value)
	}
	return pair, nil
}

// Collect implements hook.KV.
func (*worldOf) Collect(context.Context, string) error { return nil }

// Do implements Requester: what no exchange is about cannot be reached.
func (w *worldOf) Do(_ context.Context, _ string, r fetch.Request, limit int64) (fetch.Response, error) {
	for _, x := range w.HTTP {
		if x.URL != r.URL || r.Method != cmp.Or(x.Method, http.MethodGet) {
			continue
		}
		if int64(len(x.Answer.Body)) > limit {
			return fetch.Response{}, fetch.ErrTooLong
		}
		answer := fetch.Response{Status: x.Answer.Status, Header: http.Header{}, Body: []byte(x.Answer.Body), URL: r.URL}
		if answer.Status == 0 {
			answer.Status = http.StatusOK
		}
		for name, value := range x.Answer.Headers {
			answer.Header.Set(name, value)
		}
		return answer, nil
	}
	return fetch.Response{}, fmt.Errorf("%w: the case has no answer for %s", fetch.ErrFailed, r.Method)
}

var errNoTestKey = errors.New("the case has no such key")

// Sign implements Secrets.
func (w *worldOf) Sign(name string, data []byte) (alg, kid string, signature []byte, err error) {
	key, ok := w.private[name]
	if !ok {
		return "", "", nil, errNoTestKey
	}
	return "EdDSA", thumbprint(key), ed25519.Sign(key, data), nil
}

// thumbprint is RFC 7638's.
func thumbprint(key ed25519.PrivateKey) string {
	x := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// HMAC implements Secrets.
func (w *worldOf) HMAC(name string, data []byte) (alg, kid string, signature []byte, err error) {
	key := w.Secret[name].HMAC
	if key == "" {
		return "", "", nil, errNoTestKey
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(data)
	return "HS256", name, mac.Sum(nil), nil
}

// PluginRule implements hook.Rules. A case may write a rule with its whole path, or as the plugin's own.
func (w *worldOf) PluginRule(_ context.Context, plugin string, path []string, _ strictjson.Value) (strictjson.Value, bool, error) {
	own := strings.Join(path, ".")
	for _, name := range []string{own, "data.ostiary.plugin." + plugin + "." + own} {
		if v, known := w.Policy[name]; known {
			return v, true, nil
		}
	}
	return strictjson.Value{}, false, nil
}
