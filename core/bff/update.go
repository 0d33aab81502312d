package bff

import (
	"context"
	"net/http"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A RedirectMode says what an update makes of the redirect URIs that are registered.
type RedirectMode string

// The modes. Before an update they all do the same: a new client has what we ask for.
const (
	ReplaceRedirects RedirectMode = "replace" // ours, and no others
	MergeRedirects   RedirectMode = "merge"   // those that are registered, in their order, and then ours
	KeepRedirects    RedirectMode = "none"    // those that are registered
)

// redirects gives what is to be registered, by a mode.
func (m RedirectMode) redirects(registered, ours []string) []string {
	switch m {
	case KeepRedirects:
		return registered
	case MergeRedirects:
		for _, uri := range ours {
			if !slices.Contains(registered, uri) {
				registered = append(slices.Clip(registered), uri)
			}
		}
		return registered
	}
	return ours
}

// changes gives what the issuer's document lacks of the wish: a JSON Merge Patch (RFC 7396). Members beside keys and redirect URIs are
// compared only when the wish is another one: what policy made of them last time stays.
func (b *Backend) changes(doc, wish strictjson.Value, me *self) (patch []strictjson.Member, digest string) {
	digest = digestOf(wish)
	for name, wanted := range wish.All() {
		there, _ := doc.Get(name)
		same := digest == me.Digest || strictjson.Equal(there, wanted)
		switch name {
		case "jwks":
			wanted = me.keysAt(there, b.settings.MaxKeys)
			same = sameKeys(there, wanted)
		case "redirect_uris":
			registered, _ := there.Strings()
			uris := b.settings.Redirects.redirects(registered, b.settings.RedirectURIs)
			wanted, same = strictjson.Strings(uris), sameSet(registered, uris)
		}
		if !same {
			patch = append(patch, member(name, wanted))
		}
	}
	if len(patch) > 0 {
		patch = append(patch, b.withdrawn(doc)...)
	}
	for _, m := range beyond(doc) { // whoever added it may do so no longer
		patch = append(patch, member(m.Name, strictjson.Null()))
	}
	return patch, digest
}

// compareWish tells that what is wanted now is not what a client that cannot be managed was registered with.
func (b *Backend) compareWish(me *self) {
	wish, err := b.wish(me)
	if err == nil && digestOf(wish) != me.Digest || me.Unsaved {
		b.log.Warn("the client was registered with other settings or another key, and they cannot be changed from here", "client_id", core.Clip(string(me.ClientID)), "hint", b.say(Unmanaged))
	}
}

// withdrawn takes back what does not go with what we are now: an algorithm where nothing is signed, and the one of jwks and jwks_uri that
// we are not known by any more (RFC 7591 §2).
func (b *Backend) withdrawn(doc strictjson.Value) []strictjson.Member {
	name := "jwks_uri"
	switch {
	case b.settings.Method != oauth.AuthPrivateKeyJWT:
		name = "token_endpoint_auth_signing_alg"
	case b.settings.JWKSURI != "":
		name = "jwks"
	}
	if there, _ := doc.Get(name); there.IsAbsent() || there.IsNull() {
		return nil
	}
	return []strictjson.Member{member(name, strictjson.Null())}
}

// keysAt gives the key set that the issuer is to have: what it has, without the keys that we have given up, and ours at its end. Keys
// that are not ours stay, up to a number: the newest count.
func (me *self) keysAt(there strictjson.Value, most int) strictjson.Value {
	var keys []strictjson.Value
	list, _ := there.Get("keys")
	for _, jwk := range list.Items() {
		kid := textOf(jwk, "kid")
		if kid == "" || !slices.Contains(me.retired, kid) && !slices.Contains(me.kids, kid) {
			keys = append(keys, jwk)
		}
	}
	ours, err := strictjson.Parse(me.jwks, strictjson.Default)
	if err != nil { // it was made by us
		return there
	}
	list, _ = ours.Get("keys")
	keys = append(keys, list.Items()...)
	if most > 0 && len(keys) > most {
		keys = keys[len(keys)-most:]
	}
	return strictjson.Object(member("keys", strictjson.Array(keys...)))
}

// sameKeys tells whether two key sets have the same keys under the same names, in whatever order and with whatever beside them.
func sameKeys(a, b strictjson.Value) bool { return sameSet(keyNames(a), keyNames(b)) }

// keyNames gives each key's id with what the key is made of.
func keyNames(set strictjson.Value) []string {
	list, _ := set.Get("keys")
	var names []string
	for _, jwk := range list.Items() {
		names = append(names, textOf(jwk, "kid")+" "+textOf(jwk, "n")+" "+textOf(jwk, "x")+" "+textOf(jwk, "y"))
	}
	return names
}

func sameSet(a, b []string) bool {
	within := func(list, in []string) bool {
		return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(in, s) })
	}
	return within(a, b) && within(b, a)
}

// updateClient has the issuer know us as we wish, and changes nothing that is not ours to say. It gives what the issuer knows then.
func (b *Backend) updateClient(ctx context.Context, me *self, doc strictjson.Value) (next Registration, answer strictjson.Value, err error) {
	wish, err := b.wish(me)
	if err != nil {
		return Registration{}, doc, err
	}
	patch, digest := b.changes(doc, wish, me)
	if len(patch) == 0 {
		next = me.Registration
		next.Digest = digest
		return next, doc, nil
	}
	if answer, err = b.send(ctx, me, doc, strictjson.Object(patch...)); err != nil {
		return Registration{}, doc, err
	}
	next, err = b.asRegistered(answer, me)
	next.Digest = digest
	if _, turned := strictjson.Object(patch...).Get("jwks"); err == nil && turned {
		b.log.Info("JWKS rotated successfully", "client_id", string(next.ClientID), "kid", me.key.ID(), "keys", len(me.kids))
	}
	return next, answer, err
}

// send patches the client. An issuer that knows no PATCH gets the whole document, as RFC 7592 §2.2 has it.
func (b *Backend) send(ctx context.Context, me *self, doc, patch strictjson.Value) (strictjson.Value, error) {
	to := manage(me.Registration, me.at)
	header := bearer(me.Token)
	header.Set("Content-Type", "application/merge-patch+json")
	answer, err := b.ask(ctx, fetch.Request{Method: http.MethodPatch, URL: to, Header: header, Body: strictjson.Append(nil, patch)})
	switch statusOf(err) {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusNotImplemented:
	default:
		return answer, err
	}
	return b.putWhole(ctx, me, strictjson.MergePatch(doc, patch))
}
