// Package oidc answers what programs call under the issuer: discovery, keys, registration, tokens. A handler parses, calls a
// verb and writes; it holds no rule of the protocol. What people are shown there is core/web/people.
package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
)

// Desk takes requests for clients (core/registration).
type Desk interface {
	Do(ctx context.Context, req registration.Request) (registration.Answer, error)
}

// Keys gives the public key set and its ETag (core/keys).
type Keys interface {
	JWKS() (body []byte, etag string)
}

// Limiter says whether an address may ask now, and when to come back.
type Limiter interface {
	Allow(addr netip.Addr, now time.Time) (ok bool, retry time.Duration)
}

// Handlers serve one issuer.
type Handlers struct {
	desk     Desk
	keys     Keys
	limiter  Limiter
	metadata map[WaysIn]web.Response
	ways     func() WaysIn
	keySet   atomic.Pointer[keySet]
}

// WaysIn are the ways in which clients can come by themselves; the metadata names those that are open.
type WaysIn struct {
	Registration bool // RFC 7591
	Documents    bool // draft-ietf-oauth-client-id-metadata-document-02
}

var allWaysIn = []WaysIn{{}, {Registration: true}, {Documents: true}, {true, true}}

// A keySet is the answer with the public keys, put together once for all who ask.
type keySet struct {
	etag   string
	answer web.Response
}

// New makes the handlers of an issuer with its discovery document.
func New(desk Desk, keys Keys, limiter Limiter, metadata []byte) *Handlers {
	h := &Handlers{desk: desk, keys: keys, limiter: limiter, metadata: make(map[WaysIn]web.Response, len(allWaysIn))}
	for _, ways := range allWaysIn {
		h.metadata[ways] = cached(web.JSON(http.StatusOK, ways.in(metadata))).Prepared()
	}
	return h.Offering(func() WaysIn { return WaysIn{Registration: true} })
}

// Offering has the metadata follow what is open now, and the registration endpoint, too.
func (h *Handlers) Offering(now func() WaysIn) *Handlers {
	h.ways = now
	return h
}

// Metadata answers the discovery document (OpenID Connect Discovery 1.0 §4.2, RFC 8414 §3.2).
func (h *Handlers) Metadata(context.Context, *web.Request) (web.Response, error) {
	return h.metadata[h.ways()], nil
}

// JWKS answers the public keys (RFC 7517 §5), or 304 to who has them already.
func (h *Handlers) JWKS(_ context.Context, r *web.Request) (web.Response, error) {
	body, etag := h.keys.JWKS()
	if hasTag(web.EntityTags(r, "If-None-Match"), etag) {
		return cached(web.Response{Status: http.StatusNotModified}).With("ETag", etag), nil // it renews what a cache has
	}
	ready := h.keySet.Load()
	if ready == nil || ready.etag != etag {
		ready = &keySet{etag, cached(web.JSON(http.StatusOK, body)).With("ETag", etag).Prepared()}
		h.keySet.Store(ready)
	}
	return ready.answer, nil
}

// cached lets what is the same for everybody be kept for a few minutes.
func cached(answer web.Response) web.Response {
	return answer.With("Cache-Control", "public, max-age=300")
}

// hasTag tells whether an If-None-Match names the tag, weak or not, or "*" (RFC 9110 §13.1.2).
func hasTag(tags []string, etag string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return tag == "*" || strings.TrimPrefix(tag, "W/") == etag })
}

// Register is RFC 7591 §3.1.
func (h *Handlers) Register(ctx context.Context, r *web.Request) (web.Response, error) {
	return h.do(ctx, r, core.Register, core.ChannelDCR, http.StatusCreated)
}

// Read is RFC 7592 §2.1.
func (h *Handlers) Read(ctx context.Context, r *web.Request) (web.Response, error) {
	return h.do(ctx, r, core.Read, core.ChannelManage, http.StatusOK)
}

// Replace is RFC 7592 §2.2.
func (h *Handlers) Replace(ctx context.Context, r *web.Request) (web.Response, error) {
	return h.do(ctx, r, core.Update, core.ChannelManage, http.StatusOK)
}

// Merge is an update by JSON Merge Patch (RFC 7396).
func (h *Handlers) Merge(ctx context.Context, r *web.Request) (web.Response, error) {
	return h.do(ctx, r, core.Update, core.ChannelManage, http.StatusOK)
}

// Delete is RFC 7592 §2.3.
func (h *Handlers) Delete(ctx context.Context, r *web.Request) (web.Response, error) {
	return h.do(ctx, r, core.Delete, core.ChannelManage, http.StatusNoContent)
}

func (h *Handlers) do(ctx context.Context, r *web.Request, op core.Operation, channel core.Channel, status int) (web.Response, error) {
	req := registration.Request{
		Operation: op, Channel: channel, Decision: r.DecisionID, RequestID: r.ID,
		Merge: r.Method == http.MethodPatch, Caller: web.CallerOf(r),
	}
	req.Credential.Certificates, req.InProcess = r.Certificates, r.InProcess
	if op != core.Register {
		req.IfMatch = web.EntityTags(r, "If-Match")
	}
	if op == core.Register && !h.ways().Registration {
		req.Refused = core.Refuse(core.NotFound, "Clients are not registered here. Ask the operator to register the client.")
	} else if err := h.read(r, &req); err != nil {
		req.Refused = core.AsError(err) // the desk refuses it and writes down why
	}
	answer, err := h.desk.Do(ctx, req)
	switch {
	case err != nil:
		return web.Response{}, h.slowed(r, req, err)
	case status == http.StatusNoContent:
		return web.NoContent(), nil
	}
	return web.JSON(status, answer.Body).With("ETag", answer.Tag), nil
}

// read parses the credential and the document. Who presents no token that can be looked up is limited by address.
func (h *Handlers) read(r *web.Request, req *registration.Request) (err error) {
	req.Credential.Bearer, err = web.BearerToken(r)
	if req.Credential.Bearer == "" {
		if limited := h.mayAsk(r); limited != nil {
			return limited
		}
	}
	if err != nil {
		return err
	}
	if req.Operation != core.Register { // a ?client_id= there would put the refusal into another client's history
		if req.ClientID, err = clientID(r); err != nil {
			return err
		}
	}
	if req.Operation == core.Register || req.Operation == core.Update {
		err = readDocument(r, req)
	}
	if _, second := req.Body.Get("access_token"); second && req.Credential.Bearer != "" {
		return core.Refuse(core.InvalidRequest, "Two credentials; send the access token as Authorization: Bearer only.")
	}
	return err
}

// SignedTypes lists the media types of a request that is a JWT (RFC 7515 §9.2.1, RFC 7519 §10.3.1).
func SignedTypes() []string { return []string{"application/jwt", "application/jose"} }

// readDocument takes the document, or the JWT that it is in.
func readDocument(r *web.Request, req *registration.Request) (err error) {
	if slices.Contains(SignedTypes(), web.MediaType(r)) {
		req.Signed = strings.TrimSpace(string(r.Body))
		return nil
	}
	req.Body, err = web.ParseBody(r.Body)
	return err
}

// mayAsk spends one of the address's requests.
func (h *Handlers) mayAsk(r *web.Request) error {
	if ok, retry := h.limiter.Allow(r.RemoteIP, r.Start); !ok {
		return &core.Error{Code: core.TooManyRequests, Detail: "Too many requests from your network; wait and try again, or use an access token.", RetryAfter: retry}
	}
	return nil
}

// slowed counts a refused credential against its address: a guesser is limited, the holder of a token is not, nor who had one. Where
// the request could not be read, nobody looked whether the token is good.
func (h *Handlers) slowed(r *web.Request, req registration.Request, err error) error {
	isGuess := req.Refused != nil || core.CodeOf(err) == core.InvalidToken && !errors.Is(err, registration.ErrSpent)
	if req.Credential.Bearer == "" || !isGuess {
		return err
	}
	if limited := h.mayAsk(r); limited != nil {
		return limited
	}
	return err
}

// clientID is in the path, or in the query of the bare path.
func clientID(r *web.Request) (core.ClientID, error) {
	if id := r.Param("client_id"); id != "" {
		return core.ClientID(id), nil
	}
	id, err := web.OneQueryValue(r.RawQuery, "client_id")
	return core.ClientID(id), err
}
