package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

// doors is a whole server and a browser, at both of its sign-in forms.
type doors struct {
	*testing.T
	h       *house
	cookies map[string]string
}

const (
	accountPage = "/api/oidc/account"
	accountDoor = "/api/oidc/login"
	consolePage = "/console/decisions"
	consoleDoor = "/console/login"
)

func openDoors(t *testing.T) *doors {
	t.Helper()
	s := defaults()
	s.DataDir, s.Issuer, s.Sites = t.TempDir(), "http://localhost:8080/api/oidc", []string{"localhost:8080"}
	s.DCRConfig, s.Storage.MinFreeMiB = filepath.Join(s.DataDir, "dcr_config.yaml"), 0
	if err := os.WriteFile(s.DCRConfig, devSite, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := build(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := h.people.login.Create(t.Context(), login.NewUser{Username: "ann", Password: "correct horse", Admin: true}); err != nil {
		t.Fatal(err)
	}
	return &doors{T: t, h: h, cookies: map[string]string{}}
}

func (d *doors) ask(method, path string, form url.Values) (int, string) {
	d.Helper()
	req, err := http.NewRequestWithContext(d.Context(), method, "http://localhost:8080"+path, strings.NewReader(form.Encode()))
	if err != nil {
		d.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range d.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := d.h.server.RoundTripper().RoundTrip(req)
	if err != nil {
		d.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		d.Fatal(err)
	}
	for _, c := range res.Cookies() {
		d.cookies[c.Name] = c.Value
	}
	return res.StatusCode, string(body)
}

var formsToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// signIn fills the form of a page and posts it to a door.
func (d *doors) signIn(page, door, name, password string) int {
	d.Helper()
	_, body := d.ask(http.MethodGet, page, nil)
	token := formsToken.FindStringSubmatch(body)
	if token == nil {
		d.Fatalf("no form on %s: %s", page, body)
	}
	status, _ := d.ask(http.MethodPost, door, url.Values{"token": {token[1]}, "flow": {""}, "username": {name}, "password": {password}})
	return status
}

// inside tells who is signed in, at the account and at the console.
func (d *doors) inside() (account, console bool) {
	d.Helper()
	_, body := d.ask(http.MethodGet, accountPage, nil)
	status, _ := d.ask(http.MethodGet, consolePage, nil)
	return strings.Contains(body, "Where you are signed in"), status == http.StatusOK
}

// The console has sessions of its own: the value of one cookie is nothing under the name of the other.
func TestConsoleSessionIsItsOwn(t *testing.T) {
	d := openDoors(t)
	for _, at := range [][2]string{{accountPage, accountDoor}, {consoleDoor, consoleDoor}} {
		if status := d.signIn(at[0], at[1], "ann", "correct horse"); status != http.StatusSeeOther {
			t.Fatalf("%s: %d", at[1], status)
		}
	}
	if account, console := d.inside(); !account || !console {
		t.Fatalf("signed in at both, and yet %t, %t", account, console)
	}
	browser, office := d.cookies["ostiary_session"], d.cookies["ostiary_console"]
	d.cookies["ostiary_session"], d.cookies["ostiary_console"] = office, browser
	if account, console := d.inside(); account || console {
		t.Errorf("with the cookies exchanged: %t, %t", account, console)
	}
	d.cookies["ostiary_session"], d.cookies["ostiary_console"] = browser, office
	ann, err := d.h.people.login.Find(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.h.people.login.Sessions(t.Context(), ann.User.Subject, "", 10)
	if err != nil || len(list) != 2 || list[0].Kind != core.ConsoleSession || list[1].Kind != core.BrowserSession ||
		list[0].ExpiresAt.Sub(list[0].CreatedAt) != consoleLifetime {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := d.h.people.login.End(t.Context(), ann.User.Subject, list[0].ID); err != nil {
		t.Error(err)
	}
	if account, console := d.inside(); !account || console {
		t.Errorf("the console's session was ended: %t, %t", account, console)
	}
}

// An address that has failed too often waits at both doors, and others do not.
func TestFailuresCountAtBothDoors(t *testing.T) {
	for address, want := range map[string]int{"192.0.2.1": http.StatusOK, "127.0.0.1": http.StatusTooManyRequests} {
		for _, at := range [][2]string{{accountPage, accountDoor}, {consoleDoor, consoleDoor}} {
			d := openDoors(t)
			for ok := true; ok; {
				ok, _ = d.h.people.failed.Allow(netip.MustParseAddr(address), time.Now())
			}
			if status := d.signIn(at[0], at[1], "nobody", "wrong horse"); status != want {
				t.Errorf("%s after the failures of %s: %d", at[1], address, status)
			}
		}
	}
}
