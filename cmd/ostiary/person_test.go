package main

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A person is somebody at a browser without scripts, who signs in and allows what is asked.
type person struct {
	*testing.T
	browser            *fetch.Peer
	username, password string
	asked              int // how often the password was
}

func newPerson(t *testing.T, u demoUser) *person {
	return &person{T: t, browser: fetch.NewPeer(fetch.PeerOptions{Cookies: true}), username: u.Username, password: u.Password}
}

// get opens an address and follows nothing.
func (p *person) get(address string) fetch.Response {
	p.Helper()
	return p.ask(fetch.Request{URL: address})
}

// post sends a form as a page of the site would.
func (p *person) post(address string, form oauth.Params) fetch.Response {
	p.Helper()
	return p.ask(fetch.Request{Method: http.MethodPost, URL: address, Body: []byte(form.Encode()), Header: http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Csrf": {"1"},
	}})
}

func (p *person) ask(r fetch.Request) fetch.Response {
	p.Helper()
	got, err := p.browser.Do(p.Context(), r)
	if err != nil {
		p.Fatal(err)
	}
	return got
}

// visit goes to an address and on, through every page that asks for something, until it is sent to an address that begins so;
// it gives that address.
func (p *person) visit(address, until string) string {
	p.Helper()
	got := p.get(address)
	for range 20 {
		to := got.Header.Get("Location")
		if to == "" {
			got = p.fill(got)
			continue
		}
		if to = p.from(got.URL, to); strings.HasPrefix(to, until) {
			return to
		}
		got = p.get(to)
	}
	p.Fatalf("no way from %s to %s; the last step was %s", address, until, got.URL)
	return ""
}

var (
	formAction  = regexp.MustCompile(`<form (?:[^>]* )?(?:method="post" action="([^"]*)"|action="([^"]*)" method="post")`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"/?>`)
)

// fill answers the form of a page.
func (p *person) fill(page fetch.Response) fetch.Response {
	p.Helper()
	action := formAction.FindSubmatch(page.Body)
	if page.Status != http.StatusOK || action == nil {
		p.Fatalf("%s: %d %s", page.URL, page.Status, page.Body)
	}
	form := oauth.Params{}
	for _, field := range hiddenField.FindAllStringSubmatch(string(page.Body), -1) {
		form[field[1]] = []string{html.UnescapeString(field[2])}
	}
	has := func(text string) bool { return strings.Contains(string(page.Body), text) }
	switch {
	case has(`type="password"`):
		p.asked++
		name := "username"
		if has(`name="login"`) { // as oidc-provider has it
			name = "login"
		}
		form[name], form["password"] = []string{p.username}, []string{p.password}
	case has(`name="logout"`):
		form["logout"] = []string{"yes"}
	case has(`name="decision"`):
		form["decision"] = []string{"Allow"}
	}
	return p.post(p.from(page.URL, html.UnescapeString(string(action[1])+string(action[2]))), form)
}

// from resolves a reference.
func (p *person) from(base, reference string) string {
	p.Helper()
	at, err := url.Parse(base)
	if err != nil {
		p.Fatal(err)
	}
	to, err := at.Parse(reference)
	if err != nil {
		p.Fatal(err)
	}
	return to.String()
}

// answered reads an answer that is JSON, and wants its status.
func answered(t *testing.T, got fetch.Response, status int) strictjson.Value {
	t.Helper()
	if got.Status != status {
		t.Fatalf("%s: %d %s, want %d", got.URL, got.Status, got.Body, status)
	}
	if len(got.Body) == 0 {
		return strictjson.Value{}
	}
	doc, err := strictjson.Parse(got.Body, strictjson.Default)
	if err != nil {
		t.Fatalf("%s: %v\n%s", got.URL, err, got.Body)
	}
	return doc
}
