package main

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A devServer is "ostiary dev" on a folder and an address that stay the same from one run to the next.
type devServer struct {
	*testing.T
	introduction
	data, listen string
	flags        []string // further ones; files that they name are beside the data folder
	child        *exec.Cmd
	log          bytes.Buffer
}

func runDev(t *testing.T) *devServer {
	t.Helper()
	return runDevIn(t, t.TempDir())
}

// runDevIn runs dev with its data folder in another, where the files are that further flags name.
func runDevIn(t *testing.T, dir string, flags ...string) *devServer {
	t.Helper()
	s := &devServer{T: t, data: filepath.Join(dir, "ostiary-data"), listen: "localhost:0", flags: flags}
	s.start()
	base, err := url.Parse(s.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	s.listen = base.Host
	t.Cleanup(func() {
		_ = s.child.Process.Kill()
		_ = s.child.Wait()
		if t.Failed() {
			t.Logf("the server:\n%s", s.log.String())
		}
	})
	return s
}

func (s *devServer) start() {
	s.Helper()
	binary, err := os.Executable()
	if err != nil {
		s.Fatal(err)
	}
	s.child = exec.Command(binary, "dev", "--data", s.data, "--listen", s.listen, "--ops-listen", "localhost:0", "--output", "json")
	s.child.Args = append(s.child.Args, s.flags...)
	s.child.Dir = filepath.Dir(s.data)
	s.child.Args[0] = "ostiary" // testscript.Main runs the command of this name
	s.child.Stderr = &s.log
	out, err := s.child.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := s.child.Start(); err != nil {
		s.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		_ = s.child.Wait()
		s.Fatalf("ostiary dev did not start: %v\n%s", err, s.log.String())
	}
	s.introduction = introduction{}
	if err := strictjson.Decode(line, &s.introduction, strictjson.Default); err != nil {
		s.Fatal(err)
	}
}

// restart ends the server by a signal and starts it again.
func (s *devServer) restart(by syscall.Signal) {
	s.Helper()
	if err := s.child.Process.Signal(by); err != nil {
		s.Fatal(err)
	}
	if err := s.child.Wait(); (err == nil) != (by == syscall.SIGTERM) {
		s.Fatalf("ended by %v: %v", by, err)
	}
	s.start()
}

// An app is a public OAuth client: it proves nothing, so its refresh tokens rotate.
type app struct {
	*devServer
	peer *fetch.Peer
	id   string
}

const (
	appRedirect = "https://app.example.com/cb"
	appVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636 appendix B
)

func (s *devServer) newApp() *app {
	s.Helper()
	a := &app{devServer: s, peer: fetch.NewPeer(fetch.PeerOptions{})}
	doc := answered(s.T, a.ask(fetch.Request{
		Method: http.MethodPost, URL: s.Issuer + "/dcr/register",
		Header: http.Header{"Authorization": {"Bearer " + s.IAT}, "Content-Type": {"application/json"}},
		Body: []byte(`{"client_name":"App","redirect_uris":["` + appRedirect + `"],"token_endpoint_auth_method":"none",
			"grant_types":["authorization_code","refresh_token"],"scope":"openid profile offline_access"}`),
	}), http.StatusCreated)
	a.id = textOf(doc, "client_id")
	return a
}

func (a *app) ask(r fetch.Request) fetch.Response {
	a.Helper()
	got, err := a.peer.Do(a.Context(), r)
	if err != nil {
		a.Fatal(err)
	}
	return got
}

// code has a person sign in. With prompt "none" no page may be shown for it.
func (a *app) code(p *person, prompt string) string {
	a.Helper()
	request := oauth.Params{
		"client_id": {a.id}, "response_type": {"code"}, "redirect_uri": {appRedirect}, "scope": {"openid profile offline_access"},
		"code_challenge": {oauth.S256Challenge(appVerifier)}, "code_challenge_method": {"S256"},
	}
	if prompt != "" {
		request["prompt"] = []string{prompt}
	}
	back, err := url.Parse(p.visit(a.Issuer+"/authorize?"+request.Encode(), appRedirect))
	if err != nil || back.Query().Get("code") == "" {
		a.Fatalf("no code: %v %v", back, err)
	}
	return back.Query().Get("code")
}

// token asks the token endpoint and wants a status.
func (a *app) token(form oauth.Params, status int) strictjson.Value {
	a.Helper()
	form["client_id"] = []string{a.id}
	return answered(a.T, a.ask(fetch.Request{
		Method: http.MethodPost, URL: a.Issuer + "/token", Body: []byte(form.Encode()), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}), status)
}

func (a *app) redeem(code string, status int) strictjson.Value {
	a.Helper()
	return a.token(oauth.Params{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appRedirect}, "code_verifier": {appVerifier}}, status)
}

func (a *app) refresh(token string, status int) strictjson.Value {
	a.Helper()
	return a.token(oauth.Params{"grant_type": {"refresh_token"}, "refresh_token": {token}}, status)
}

func (a *app) wantUser(access string, status int) {
	a.Helper()
	answered(a.T, a.ask(fetch.Request{URL: a.Issuer + "/userinfo", Header: http.Header{"Authorization": {"Bearer " + access}}}), status)
}

// Whether the server was told to end or the plug was pulled: who was signed in still is, at the issuer and at the site, tokens
// go on, and what was spent stays spent. The password is asked for once.
func TestRestartKeepsSessions(t *testing.T) {
	s := runDev(t)
	p, a := newPerson(t, s.DemoUser), s.newApp()
	p.visit(s.BaseURL+"/auth/login?return_to=%2F%3Fwelcome", s.BaseURL+"/?welcome")
	kept := a.redeem(a.code(p, ""), http.StatusOK)
	for _, by := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
		wantSignedIn(p, s)
		waiting, spent := a.code(p, "none"), a.code(p, "none")
		void := a.redeem(spent, http.StatusOK)
		lost := a.refresh(textOf(kept, "refresh_token"), http.StatusOK) // its answer does not arrive
		p.browser.Close()
		a.peer.Close()

		s.restart(by)
		wantSignedIn(p, s)
		a.redeem(a.code(p, "none"), http.StatusOK)
		a.redeem(waiting, http.StatusOK)
		a.wantUser(textOf(kept, "access_token"), http.StatusOK)
		again := a.refresh(textOf(kept, "refresh_token"), http.StatusOK)
		if textOf(again, "refresh_token") != textOf(lost, "refresh_token") {
			t.Errorf("%v: the refresh token that comes again gets another successor", by)
		}
		kept = a.refresh(textOf(again, "refresh_token"), http.StatusOK)

		refused := a.redeem(spent, http.StatusBadRequest)
		if textOf(refused, "error") != "invalid_grant" || !strings.Contains(textOf(refused, "error_description"), "used before") {
			t.Errorf("%v: a code that was redeemed before: %s", by, refused)
		}
		a.refresh(textOf(void, "refresh_token"), http.StatusBadRequest)
		a.wantUser(textOf(void, "access_token"), http.StatusUnauthorized)
	}
	if p.asked != 1 {
		t.Errorf("the password was asked for %d times", p.asked)
	}
}

// wantSignedIn holds that the site knows the person, calls its API for it and can renew its tokens.
func wantSignedIn(p *person, s *devServer) {
	p.Helper()
	session := answered(p.T, p.get(s.BaseURL+"/auth/session"), http.StatusOK)
	if !isOn(session, "authenticated") || textOf(session, "preferred_username") != p.username {
		p.Fatalf("session: %s", session)
	}
	me := answered(p.T, p.get(s.BaseURL+"/api/demo/me"), http.StatusOK)
	if textOf(me, "sub") != textOf(session, "sub") {
		p.Errorf("the API sees %s, the session is of %s", me, session)
	}
	answered(p.T, p.post(s.BaseURL+"/auth/refresh", nil), http.StatusOK)
}
