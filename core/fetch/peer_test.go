package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPeerSendsAndReads(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Sent"))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.Path, r.Host, body)
	}))
	defer server.Close()
	peer := NewPeer(PeerOptions{})
	defer peer.Close()
	sent := http.Header{"X-Sent": {"1"}, "Host": {"idp.example"}}
	got, err := peer.Do(t.Context(), Request{Method: http.MethodPut, URL: server.URL + "/a", Header: sent, Body: []byte("body")})
	if err != nil || got.Status != http.StatusTeapot || got.Header.Get("X-Seen") != "1" || string(got.Body) != "PUT /a idp.example body" {
		t.Errorf("%+v, %v", got, err)
	}
	if len(sent) != 2 {
		t.Error("the caller's header was changed")
	}
}

func TestPeerFollowsOnlyWhenAsked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/from":
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
			http.Redirect(w, r, "/to", http.StatusSeeOther)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			cookie, _ := r.Cookie("session")
			fmt.Fprint(w, cookie)
		}
	}))
	defer server.Close()
	browser := NewPeer(PeerOptions{Cookies: true})
	defer browser.Close()
	stayed, err := browser.Do(t.Context(), Request{URL: server.URL + "/from"})
	if err != nil || stayed.Status != http.StatusSeeOther || stayed.Header.Get("Location") != "/to" {
		t.Errorf("%+v, %v", stayed, err)
	}
	followed, err := browser.Do(t.Context(), Request{URL: server.URL + "/from", Follow: true})
	if err != nil || followed.Status != http.StatusOK || string(followed.Body) != "session=1" || followed.URL != server.URL+"/to" {
		t.Errorf("%+v, %v", followed, err)
	}
	if _, err := browser.Do(t.Context(), Request{URL: server.URL + "/round", Follow: true}); err == nil {
		t.Error("an endless redirect ends well")
	}
	plain := NewPeer(PeerOptions{})
	defer plain.Close()
	if got, err := plain.Do(t.Context(), Request{URL: server.URL + "/from", Follow: true}); err != nil || strings.Contains(string(got.Body), "session") {
		t.Errorf("a peer without cookies sent one: %s, %v", got.Body, err)
	}
}

func TestPeerBodyIsBounded(t *testing.T) {
	size := MaxPeerBody
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }))
	defer server.Close()
	peer := NewPeer(PeerOptions{})
	defer peer.Close()
	if got, err := peer.Do(t.Context(), Request{URL: server.URL}); err != nil || len(got.Body) != MaxPeerBody {
		t.Errorf("%d bytes, %v", len(got.Body), err)
	}
	size++
	if _, err := peer.Do(t.Context(), Request{URL: server.URL}); err == nil {
		t.Error("a longer body is accepted")
	}
}

func TestPeerTrustsItsAuthorities(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%d %d", r.ProtoMajor, len(r.TLS.PeerCertificates))
	}))
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	stranger := NewPeer(PeerOptions{})
	defer stranger.Close()
	if _, err := stranger.Do(t.Context(), Request{URL: server.URL}); err == nil {
		t.Error("an unknown authority is trusted")
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, ca, 0o644); err != nil {
		t.Fatal(err)
	}
	trust, err := LoadCA(path)
	if err != nil {
		t.Fatal(err)
	}
	peer := NewPeer(PeerOptions{TrustCA: trust, Certificate: &server.TLS.Certificates[0]})
	defer peer.Close()
	if got, err := peer.Do(t.Context(), Request{URL: server.URL}); err != nil || string(got.Body) != "2 1" {
		t.Errorf("HTTP version and certificates: %s, %v", got.Body, err)
	}
}

func TestLoadCARefuses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty":   "",
		"no PEM":  "hello",
		"a key":   string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})),
		"garbage": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadCA(path); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := LoadCA(filepath.Join(dir, "absent")); err == nil {
		t.Error("an absent file is accepted")
	}
}

func TestPeerUsesItsProxyOnly(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "proxied ", r.URL) }))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	peer := NewPeer(PeerOptions{Proxy: address})
	defer peer.Close()
	if got, err := peer.Do(t.Context(), Request{URL: "http://upstream.example/x"}); err != nil || string(got.Body) != "proxied http://upstream.example/x" {
		t.Errorf("%s, %v", got.Body, err)
	}
}

// inProcess answers without a socket.
type inProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestPeerThroughAHandler(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.UserAgent()) })
	peer := NewPeer(PeerOptions{Through: inProcess{handler}, Timeout: -1})
	if got, err := peer.Do(t.Context(), Request{URL: "http://issuer/x"}); err != nil || string(got.Body) != userAgent {
		t.Errorf("%s, %v", got.Body, err)
	}
	if peer.HTTPClient().Timeout != 0 {
		t.Error("a stream has a timeout")
	}
}

func TestPeerRefusesNonsense(t *testing.T) {
	peer := NewPeer(PeerOptions{TrustCA: x509.NewCertPool()})
	for _, r := range []Request{{URL: "::"}, {URL: "ftp://127.0.0.1/"}, {Method: "A B", URL: "http://127.0.0.1/"}, {}} {
		if _, err := peer.Do(t.Context(), r); err == nil {
			t.Errorf("%+v was answered", r)
		}
	}
}

// What may be secret in an address is in no error.
func TestPeerErrorsShowNoSecrets(t *testing.T) {
	long := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, MaxPeerBody+1)) }))
	defer long.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	leads := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, gone.URL+"/there?sig=hidden", http.StatusFound)
	}))
	defer leads.Close()
	p := NewPeer(PeerOptions{})
	defer p.Close()
	for name, raw := range map[string]string{
		"gone": gone.URL + "/logs?sig=hidden#hidden", "user": strings.Replace(gone.URL, "http://", "http://hidden:hidden@", 1) + "/logs",
		"long": long.URL + "/logs?sig=hidden", "broken": "http://127.0.0.1/%zz?sig=hidden", "leads": leads.URL + "/logs",
	} {
		_, err := p.Do(t.Context(), Request{URL: raw, Follow: true})
		if err == nil || strings.Contains(err.Error(), "hidden") || name != "broken" && !strings.Contains(err.Error(), "http://127.0.0.1:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
