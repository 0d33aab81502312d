package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/publicsuffix"
)

// A person is somebody at a browser without scripts, who signs in and allows what is asked.
type person struct {
	username, password string
	browser            *http.Client
}

func newPerson(username, password string) *person {
	jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List}) // never fails
	return &person{username, password, &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// visit goes to an address and on, until it is sent to the client at redirectURI, and gives the query that comes with it.
func (p *person) visit(ctx context.Context, address, redirectURI string) (url.Values, error) {
	var form url.Values
	for range 20 {
		if strings.HasPrefix(address, redirectURI) {
			back, err := url.Parse(address)
			return back.Query(), err
		}
		res, err := p.ask(ctx, address, form)
		if err != nil {
			return nil, err
		}
		if to, err := res.Location(); err == nil {
			address, form = to.String(), nil
			_ = res.Body.Close()
			continue
		}
		page, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s %s %w", address, res.Status, page, err)
		}
		action, fields, err := p.fill(string(page))
		if err != nil {
			return nil, fmt.Errorf("%s: %w in %s", address, err, page)
		}
		to, err := res.Request.URL.Parse(action)
		if err != nil {
			return nil, err
		}
		address, form = to.String(), fields
	}
	return nil, fmt.Errorf("no way back to %s; the last step was %s", redirectURI, address)
}

func (p *person) ask(ctx context.Context, address string, form url.Values) (*http.Response, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	}
	return p.browser.Do(req)
}

// fill answers the form of a page: where it goes, and with which fields.
func (p *person) fill(page string) (action string, fields url.Values, err error) {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return "", nil, err
	}
	found := false
	fields = url.Values{}
	for node := range doc.Descendants() {
		switch attr := attributes(node); {
		case node.Data == "form":
			action, found = attr["action"], true
		case node.Data != "input" && node.Data != "button":
		case attr["name"] == "username":
			fields.Set("username", p.username)
		case attr["type"] == "password":
			fields.Set(attr["name"], p.password)
		case attr["name"] == "decision":
			fields.Set("decision", "Allow")
		case attr["type"] == "hidden":
			fields.Set(attr["name"], attr["value"])
		}
	}
	if !found {
		return "", nil, fmt.Errorf("no form")
	}
	return action, fields, nil
}

func attributes(node *html.Node) map[string]string {
	found := map[string]string{}
	if node.Type == html.ElementNode {
		for _, a := range node.Attr {
			found[a.Key] = a.Val
		}
	}
	return found
}
