package registration

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A client that is described by a document at its client_id (draft-ietf-oauth-client-id-metadata-document-02) takes the road as one
// that registers does, up to the approval: its document is the request, and nothing is written. It has no secret, waits for no
// operator, and is given no id. What plugins would keep of it is let go.

// ErrNoDocument says that what is at an address is no client metadata document. Any other error of a DocumentSource says that it
// could not be reached.
var ErrNoDocument = errors.New("there is no client metadata document at the address")

// ErrAnswered says, beside ErrNoDocument or alone, that the address answered, with an error: such answers are not remembered (draft §4.4).
var ErrAnswered = errors.New("the address answered with an error")

// DocumentSource reads what is at the address of a client's document, of at most limit bytes. fresh is how long it says that it
// may be kept.
type DocumentSource interface {
	ClientDocument(ctx context.Context, address string, limit int64) (body []byte, fresh time.Duration, err error)
}

// A fetched document is what the document stage read, for who keeps it.
type fetched struct {
	body  []byte
	fresh time.Duration
}

// documentAccess holds the address to the site's word before anything is asked for there.
func (j *judgement) documentAccess() error {
	j.caller = core.Caller{Kind: KindDocument} // whoever's browser made us look has no part in it: the verdict is for all who come
	if !j.site.Documents.IsOn() {
		return core.Refuse(core.AccessDenied, "Clients are not known by metadata documents here: register the client.")
	}
	return j.site.Documents.unfit(j.req.ClientID)
}

// readClientDocument gets the document, unless it came along, and makes it a request for a registration.
func (j *judgement) readClientDocument(ctx context.Context) error {
	start := time.Now()
	doc, err := j.clientDocument(ctx)
	if err == nil {
		j.req.Body, err = j.adapted(doc)
	}
	row := ledger.Stage{Stage: "document", By: ledger.By{Kind: "core"}}
	if e := core.AsError(err); err != nil && e.Err != nil {
		row.Fault = e.Err.Error() // for operators: who asks could otherwise find out what our network looks like
	}
	j.add(row, start, err)
	return err
}

// clientDocument gives the document as it was published.
func (j *judgement) clientDocument(ctx context.Context) (strictjson.Value, error) {
	if !j.req.Body.IsAbsent() {
		return j.req.Body, nil
	}
	if j.fetched.body == nil {
		source := j.desk.documents
		if source == nil {
			return strictjson.Value{}, core.Refuse(core.InvalidRequest, "The document is missing: this server fetches none.")
		}
		limit := j.site.Documents.MaxBytes
		body, fresh, err := source.ClientDocument(ctx, string(j.req.ClientID), limit)
		switch {
		case errors.Is(err, ErrNoDocument):
			return strictjson.Value{}, core.Fail(core.InvalidClientMetadata, "What is at that address is no client metadata document: a public address must answer 200, "+
				"without a redirect, with application/json of at most "+strconv.FormatInt(limit, 10)+" bytes.", err)
		case err != nil:
			return strictjson.Value{}, &core.Error{
				Code: core.TemporarilyUnavailable, Detail: "The client's metadata document could not be fetched. Try again in a moment.", RetryAfter: keepRefusal, Err: err,
			}
		}
		j.fetched = fetched{body, fresh}
	}
	doc, err := strictjson.Parse(j.fetched.body, strictjson.Default)
	if err != nil {
		return strictjson.Value{}, core.Fail(core.InvalidClientMetadata, "The client's metadata document is not valid JSON.", err)
	}
	return doc, nil
}

// adapted holds a document to its own rules (draft §4) and takes of its lists what this server can do: the document is the same
// for all servers, so that what it offers beyond that is no mistake.
func (j *judgement) adapted(doc strictjson.Value) (strictjson.Value, error) {
	if kind := doc.Kind(); kind != strictjson.KindObject {
		return doc, core.Refuse(core.InvalidClientMetadata, "The client's metadata document must be a JSON object, not %s.", kind)
	}
	own, _ := doc.Get("client_id")
	if id, isText := own.Text(); !isText || core.ClientID(id) != j.req.ClientID {
		return doc, core.Refuse(core.InvalidClientMetadata, "client_id in the document is not the address it was fetched from, character by character.")
	}
	for _, name := range [...]string{"client_secret", "client_secret_expires_at"} {
		if v, there := doc.Get(name); there && !v.IsNull() {
			return doc, core.Refuse(core.InvalidClientMetadata, "The client's metadata document must not have %s: everybody can read it.", name)
		}
	}
	method, err := j.chosenMethod(doc)
	if err != nil {
		return doc, err
	}
	doc = doc.Without("client_profile") // the site's to say
	doc = doc.Without(methodsOffered).With("token_endpoint_auth_method", strictjson.String(method))
	doc = j.trim(doc, "grant_types", forPeople)
	doc = j.trim(doc, "response_types", func(t string) bool { return t == string(oauth.ResponseCode) })
	return j.trim(doc, "scope", j.site.allows), nil
}

// forPeople tells the grant types by which a client acts for somebody who was asked.
func forPeople(grant string) bool {
	return grant == string(oauth.GrantAuthorizationCode) || grant == string(oauth.GrantRefreshToken)
}

// methodsOffered is the member in which a client lists all the ways in which it can authenticate (OpenID Connect RP Metadata Choices 1.0).
const methodsOffered = "token_endpoint_auth_methods_supported"

// chosenMethod is how the client authenticates: as it says, if this server can do that; else by the strongest of what it offers;
// if it says nothing, by its keys, when it has any. A secret would have to be shared, and with whom?
func (j *judgement) chosenMethod(doc strictjson.Value) (string, error) {
	said, _ := doc.Get("token_endpoint_auth_method")
	method, isText := said.Text()
	switch {
	case !said.IsAbsent() && !said.IsNull() && !isText:
		return "", core.Refuse(core.InvalidClientMetadata, "token_endpoint_auth_method must be a string, not %s.", said.Kind())
	case sharesSecret(method):
		return "", core.Refuse(core.InvalidClientMetadata, "token_endpoint_auth_method %s needs a shared secret, which a client metadata document cannot have; "+
			"use private_key_jwt with jwks or jwks_uri, or none.", core.Clip(method))
	case method != "" && j.canAuthenticate(doc, method):
		return method, nil
	}
	list, _ := doc.Get(methodsOffered)
	offered, _ := list.Strings()
	for _, strong := range [...]oauth.AuthMethod{oauth.AuthPrivateKeyJWT, oauth.AuthTLS, oauth.AuthSelfSignedTLS, oauth.AuthNone} {
		if slices.Contains(offered, string(strong)) && j.canAuthenticate(doc, string(strong)) {
			return string(strong), nil
		}
	}
	switch {
	case method != "": // it is refused by name
		return method, nil
	case len(offered) > 0:
		return "", core.Refuse(core.InvalidClientMetadata, "%s has no method that this server can do; add private_key_jwt, or none.", methodsOffered)
	case canSign(doc):
		return string(oauth.AuthPrivateKeyJWT), nil
	}
	return string(oauth.AuthNone), nil
}

func sharesSecret(method string) bool { return strings.HasPrefix(method, "client_secret_") }

// canAuthenticate tells whether a method works here, with what the document has.
func (j *judgement) canAuthenticate(doc strictjson.Value, method string) bool {
	switch m := oauth.AuthMethod(method); m {
	case oauth.AuthNone:
		return true
	case oauth.AuthPrivateKeyJWT:
		return canSign(doc)
	default:
		return oauth.UsesCertificate(m) && slices.Contains(j.desk.certified, m)
	}
}

// canSign tells whether a document has keys that may sign. Those at an address are not known yet, and a set that cannot be read is
// refused as what it is.
func canSign(doc strictjson.Value) bool {
	if v, there := doc.Get("jwks"); there && !v.IsNull() {
		set, err := jose.ReadJWKS(v)
		return err != nil || slices.ContainsFunc(jose.Asymmetric(), func(alg string) bool {
			return slices.ContainsFunc(set.Facts(), func(k jose.KeyFact) bool { return k.Signs(alg) })
		})
	}
	v, there := doc.Get("jwks_uri")
	return there && !v.IsNull()
}

// returns are the addresses to which a client sends people; with what identifies it they are what somebody who trusted it trusted.
var returns = []string{"redirect_uris", "post_logout_redirect_uris"}

// Identity gives the generation of a client that is described by a document: a digest of what makes it the client that somebody
// trusted. It is the same on every node and after every start, and when the document changes in one of these members, consents
// and grants are void as after a change of generation of any other client.
func Identity(m *core.Metadata) uint64 {
	digest := sha256.New()
	for _, member := range metadata.Write(m) {
		if metadata.Identifies(member.Name) || slices.Contains(returns, member.Name) {
			digest.Write(strictjson.Append(nil, strictjson.Strings([]string{member.Name, member.Value.String()})))
		}
	}
	const positive = 1<<63 - 1
	return binary.BigEndian.Uint64(digest.Sum(nil))&positive | 1 // 0 is the generation of no client
}
