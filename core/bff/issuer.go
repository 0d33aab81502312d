package bff

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A refusal is an OAuth error of the issuer (RFC 6749 §5.2). Its description is the issuer's and goes to the log only.
type refusal struct {
	status      int
	code        core.Code
	description string
	decision    string // where the issuer explains it
}

// Error implements error.
func (r *refusal) Error() string {
	text := fmt.Sprintf("the identity provider answered %d %q: %q", r.status, core.Clip(string(r.code)), core.Clip(r.description))
	if r.decision != "" {
		text += fmt.Sprintf(" (decision %q)", core.Clip(r.decision))
	}
	return text
}

// useless is an answer that says yes, and says nothing that could be used.
type useless struct{ error }

// Unwrap gives the cause.
func (u useless) Unwrap() error { return u.error }

func refusedWith(err error, code core.Code) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == code
}

// ask sends a request and reads the JSON of its answer; an answer without success is a refusal.
func (b *Backend) ask(ctx context.Context, r fetch.Request) (strictjson.Value, error) {
	return ask(ctx, b.door, r)
}

func ask(ctx context.Context, door Door, r fetch.Request) (strictjson.Value, error) {
	r.Header.Set("Accept", "application/json")
	answer, err := door.Do(ctx, r)
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("the identity provider cannot be reached: %w", err)
	}
	doc, err := strictjson.Parse(answer.Body, strictjson.Default)
	if answer.Status >= 200 && answer.Status < 300 {
		if len(answer.Body) > 0 && err != nil {
			return strictjson.Value{}, useless{fmt.Errorf("the identity provider's answer is not usable JSON: %w", err)}
		}
		return doc, nil
	}
	refused := &refusal{status: answer.Status}
	for name, to := range map[string]*string{"error": (*string)(&refused.code), "error_description": &refused.description, "decision_id": &refused.decision} {
		v, _ := doc.Get(name)
		*to, _ = v.Text()
	}
	return strictjson.Value{}, refused
}

func (b *Backend) askJSON(ctx context.Context, method, to string, token core.Secret, body strictjson.Value) (strictjson.Value, error) {
	header := bearer(token)
	header.Set("Content-Type", "application/json")
	return b.ask(ctx, fetch.Request{Method: method, URL: to, Header: header, Body: strictjson.Append(nil, body)})
}

func bearer(token core.Secret) http.Header {
	return http.Header{"Authorization": {"Bearer " + token.Reveal()}}
}

// unavailable is what a browser is told when the issuer failed us.
func unavailable(err error) error {
	return &core.Error{
		Code: core.TemporarilyUnavailable, RetryAfter: 5 * time.Second, Err: err,
		Detail: "The identity provider did not answer as it should; try again in a moment.",
	}
}
