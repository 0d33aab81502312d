package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/strictjson"
)

// remoteFlags say which server a command speaks to: the one that runs on this machine with a data folder, or any other.
type remoteFlags struct{ data, server, token, trustCA string }

// tokenVariable is where a token comes from that shall stand in no list of processes.
const tokenVariable = "OSTIARY_TOKEN"

// addTo gives a command and those below it the flags.
func (f *remoteFlags) addTo(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.data, "data", "ostiary-data", "data folder of the server on this machine")
	flags.StringVar(&f.server, "server", "", "address of another server, such as https://id.example.com")
	flags.StringVar(&f.token, "token", "", "operator's token (default: $"+tokenVariable+", else that of the data folder)")
	flags.StringVar(&f.trustCA, "trust-ca", "", "PEM file of authorities to trust beside the system's")
}

// A remote is the operators' API of a running server.
type remote struct {
	base  string
	token core.Secret
	from  string // where the token is from, as an error says it
	hint  string // what to do when nobody answers
	peer  *fetch.Peer
}

// open finds the server and the token. Nothing is asked yet.
func (f remoteFlags) open() (*remote, error) {
	r := &remote{base: strings.TrimSuffix(f.server, "/"), token: core.Secret(f.token), from: "--token", hint: "is the address right?"}
	if r.token == "" {
		r.token, r.from = core.Secret(os.Getenv(tokenVariable)), "$"+tokenVariable
	}
	if strings.Trim(r.token.Reveal(), tokenCharacters) != "" {
		return nil, usagef("%s is no operator's token: it may hold A-Z a-z 0-9 - . _ ~ + / = only", r.from)
	}
	switch {
	case f.server != "" && r.token == "":
		return nil, usagef("--server needs an operator's token: give it in the environment as %s, or with --token", tokenVariable)
	case f.server != "":
		if err := checkServer(r.base); err != nil {
			return nil, err
		}
	default:
		if err := r.fromData(f.data); err != nil {
			return nil, err
		}
	}
	opt := fetch.PeerOptions{}
	if f.trustCA != "" {
		pool, err := fetch.LoadCA(f.trustCA)
		if err != nil {
			return nil, err
		}
		opt.TrustCA = pool
	}
	r.peer = fetch.NewPeer(opt)
	return r, nil
}

// checkServer refuses what is no origin, and to send a token in clear over a network.
func checkServer(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return usagef("--server must be an address such as https://id.example.com, without a path")
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return usagef("--server must begin with https://; http:// is only for localhost")
}

// fromData reads what the server of a data folder left for commands on its machine.
func (r *remote) fromData(data string) error {
	file := adminFile(data)
	r.hint = "start the server of the data folder " + data + " again"
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no server has been started with the data folder %s (there is no %s); start one with: ostiary dev --data %[1]s, or name a server with --server and --token", data, file)
	}
	if err != nil {
		return err
	}
	var access adminAccess
	if err := strictjson.Decode(text, &access, strictjson.Default); err != nil || access.URL == "" {
		return fmt.Errorf("%s cannot be used; start the server again, which writes it", file)
	}
	r.base = access.URL
	if r.token == "" {
		r.token, r.from = core.Secret(access.Token), "in "+file
	}
	return nil
}

func (r *remote) close() { r.peer.Close() }

// get asks for a document.
func (r *remote) get(ctx context.Context, path string) (strictjson.Value, error) {
	return r.do(ctx, http.MethodGet, path, nil)
}

// do sends one request to a path below /api/admin; body is what becomes its JSON, nil: none. An answer without a document gives
// an absent value. What the server refuses is an error in its own words.
func (r *remote) do(ctx context.Context, method, path string, body any) (strictjson.Value, error) {
	return r.doIf(ctx, method, path, body, "", "")
}

// doIf is do with a condition: If-Match or If-None-Match, and its value. "" for none.
func (r *remote) doIf(ctx context.Context, method, path string, body any, condition, value string) (strictjson.Value, error) {
	header := http.Header{"Authorization": {"Bearer " + r.token.Reveal()}, "Accept": {"application/json"}}
	if condition != "" {
		header.Set(condition, value)
	}
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return strictjson.Value{}, err
		}
		header.Set("Content-Type", "application/json")
	}
	res, err := r.peer.Do(ctx, fetch.Request{Method: method, URL: r.base + "/api/admin" + path, Header: header, Body: text})
	if err != nil {
		return strictjson.Value{}, r.unreachable(ctx, err)
	}
	var doc strictjson.Value
	if text := bytes.TrimSpace(res.Body); len(text) > 0 {
		if doc, err = strictjson.Parse(text, answerLimits); err != nil {
			return strictjson.Value{}, fmt.Errorf("%s answered %d with what is no JSON; is it an ostiary server?", r.base, res.Status)
		}
	}
	return doc, r.refusal(res.Status, doc)
}

// answerLimits bound what a server that is ours may answer.
var answerLimits = strictjson.Limits{MaxBytes: fetch.MaxPeerBody, MaxDepth: strictjson.Stored.MaxDepth, MaxMembers: 1 << 20}

func (r *remote) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fmt.Errorf("the certificate of %s is not trusted (%w); name its authority with --trust-ca", r.base, untrusted.Err)
	}
	var failed *url.Error // it names the address again
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return unanswering{fmt.Errorf("the server at %s does not answer (%w); %s", r.base, err, r.hint)}
}

// unanswering is a server that cannot be reached, or did not say how a request ended.
type unanswering struct{ error }

// Unwrap gives the cause.
func (e unanswering) Unwrap() error { return e.error }

// busy is a refusal that says to try again.
type busy struct{ error }

// refusal says what the server refused (RFC 9457), nil when it did not.
func (r *remote) refusal(status int, doc strictjson.Value) error {
	detail := textOf(doc, "detail")
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("the server at %s does not take the operator's token %s: %s", r.base, r.from, detail)
	case status < 200 || status > 299:
		if detail == "" {
			return fmt.Errorf("the server at %s answered with status %d", r.base, status)
		}
		if status == http.StatusServiceUnavailable {
			return busy{errors.New(printable(detail))}
		}
		return errors.New(printable(detail))
	}
	return nil
}

// textOf gives a member that is a string, or "".
func textOf(doc strictjson.Value, name string) string {
	v, _ := doc.Get(name)
	text, _ := v.Text()
	return text
}

// isOn tells whether a member is true.
func isOn(doc strictjson.Value, name string) bool {
	v, _ := doc.Get(name)
	on, _ := v.Bool()
	return on
}

// every gives the items of all pages of a list.
func (r *remote) every(ctx context.Context, path string) ([]strictjson.Value, error) {
	items := []strictjson.Value{}
	for cursor := ""; ; {
		page, err := r.get(ctx, path+"?limit=200&cursor="+url.QueryEscape(cursor))
		if err != nil {
			return nil, err
		}
		list, _ := page.Get("items")
		items = append(items, list.Items()...)
		if cursor = textOf(page, "next_cursor"); cursor == "" {
			return items, nil
		}
	}
}
