// Package declared is the form of declared clients: an entry of a clients.yaml. It reads an entry (Read), which gives the metadata
// that the desk judges and, apart from it, the secrets; and writes one (Write) for a client that is stored. It knows no files, no
// YAML and no desk.
package declared

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/slowhash"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An Entry is one declared client.
type Entry struct {
	ID       core.ClientID
	Document strictjson.Value // client metadata (RFC 7591), with client_profile; no secrets
	Secrets  []Secret
}

// A Secret is one client secret, in clear or as a hash.
type Secret struct {
	Clear     core.Secret
	Alg, Hash string
	ExpiresAt time.Time // zero: never
}

// A Problem is one thing that is wrong with an entry.
type Problem struct {
	Path string `json:"path"` // within the entry: "jwks.keys[0]"; empty: the entry as a whole
	Text string `json:"text"`
}

// MaxSecrets is how many secrets a client may have at once.
const MaxSecrets = 2

// The members of an entry that are no metadata.
const (
	memberID      = "client_id"
	memberScopes  = "scopes"
	memberSecret  = "client_secret"
	memberHash    = "client_secret_hash"
	memberHashes  = "client_secret_hashes"
	memberExpires = "client_secret_expires_at"
	memberProfile = "client_profile"
)

type reader struct {
	doc      strictjson.Value
	entry    Entry
	kept     []strictjson.Member
	problems []Problem
}

// Read reads an entry and tells everything that is wrong with it. custom are the further members that the server keeps
// (custom_attributes); nil: that is not known, and any other name is let pass.
func Read(doc strictjson.Value, custom []string) (Entry, []Problem) {
	r := &reader{doc: doc}
	if doc.Kind() != strictjson.KindObject {
		r.add("", "must be an object with client_id and metadata, not "+doc.Kind().String())
		return Entry{}, r.problems
	}
	r.entry.ID = core.ClientID(r.text(memberID))
	if _, there := doc.Get(memberID); !there {
		r.add("", "client_id is missing")
	} else if r.entry.ID == "" && len(r.problems) == 0 {
		r.add(memberID, "is empty")
	}
	r.metadata(custom)
	r.scopes()
	r.secrets()
	r.entry.Document = strictjson.Object(r.kept...)
	return r.entry, r.problems
}

func (r *reader) add(path, text string) { r.problems = append(r.problems, Problem{path, text}) }

// text reads a member that must be a string.
func (r *reader) text(name string) string {
	v, there := r.doc.Get(name)
	text, isText := v.Text()
	if there && !isText && !v.IsNull() {
		r.add(name, "must be a string, not "+v.Kind().String()+"; put it in quotes")
	}
	return text
}

// metadata takes what is metadata, and checks the kind of each member.
func (r *reader) metadata(custom []string) {
	for name, v := range r.doc.All() {
		switch name {
		case memberID, memberScopes, memberSecret, memberHash, memberHashes, memberExpires:
			continue
		case memberProfile:
			r.text(name)
		case "jwks":
			v = r.keys(v)
			r.check(name, v, custom)
		default:
			r.check(name, v, custom)
		}
		r.kept = append(r.kept, strictjson.Member{Name: name, Value: v})
	}
}

func (r *reader) check(name string, v strictjson.Value, custom []string) {
	request, err := metadata.Parse(strictjson.Object(strictjson.Member{Name: name, Value: v}), custom)
	switch {
	case err != nil:
		detail := core.AsError(err).Detail
		r.add(name, strings.TrimSuffix(strings.TrimPrefix(detail, name+" "), "."))
	case metadata.IsReserved(name) && !isMetadata(name):
		r.add(name, "cannot be declared; leave it out")
	case custom != nil && len(request.Extra) > 0:
		r.add(name, "is no member of client metadata, nor one of custom_attributes in dcr_config.yaml"+near(name))
	}
}

func isMetadata(name string) bool {
	_, isRow := metadata.Lookup(name)
	_, isTagged := metadata.TaggedRow(name)
	return isRow || isTagged
}

// near suggests the member that was probably meant.
func near(name string) string {
	for _, row := range metadata.Rows() {
		if strings.EqualFold(strings.NewReplacer("_", "", "-", "").Replace(row.Name), strings.NewReplacer("_", "", "-", "").Replace(name)) ||
			strings.TrimSuffix(row.Name, "s") == strings.TrimSuffix(name, "s") {
			return "; did you mean " + row.Name + "?"
		}
	}
	return ""
}

// keys gives RSA keys that say n and e their kty, which the files of others leave out.
func (r *reader) keys(set strictjson.Value) strictjson.Value {
	list, _ := set.Get("keys")
	if list.Kind() != strictjson.KindArray {
		return set
	}
	items := list.Items()
	for i, key := range items {
		if key.Kind() != strictjson.KindObject {
			continue
		}
		_, named := key.Get("kty")
		_, n := key.Get("n")
		_, e := key.Get("e")
		if !named && n && e {
			items[i] = key.With("kty", strictjson.String("RSA"))
		}
	}
	return set.With("keys", strictjson.Array(items...))
}

// scopes takes the scopes as a list, as a string, or as both, which must say the same.
func (r *reader) scopes() {
	listed, there := r.doc.Get(memberScopes)
	if !there || listed.IsNull() {
		return
	}
	scopes, ok := listed.Strings()
	if !ok {
		r.add(memberScopes, "must be a list of scopes")
		return
	}
	for i, scope := range scopes {
		if !oauth.ValidScope(scope) {
			r.add(memberScopes+"["+strconv.Itoa(i)+"]", "is no scope (RFC 6749 section 3.3)")
			return
		}
	}
	if v, both := r.doc.Get("scope"); both {
		text, _ := v.Text()
		if !sameSet(scopes, strings.Fields(text)) {
			r.add("scope", "does not name the same scopes as scopes; leave one of them out")
		}
		return
	}
	r.kept = append(r.kept, strictjson.Member{Name: "scope", Value: strictjson.String(strings.Join(scopes, " "))})
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// secrets takes client_secret, client_secret_hash and client_secret_hashes.
func (r *reader) secrets() {
	expires := r.expiry("", r.doc)
	if clear := r.text(memberSecret); clear != "" {
		if len(clear) > slowhash.MaxSecret {
			r.add(memberSecret, "is longer than "+strconv.Itoa(slowhash.MaxSecret)+" bytes")
		}
		r.entry.Secrets = append(r.entry.Secrets, Secret{Clear: core.Secret(clear), ExpiresAt: expires})
	}
	if v, there := r.doc.Get(memberHash); there && !v.IsNull() {
		r.hash(memberHash, v, expires)
	}
	if v, there := r.doc.Get(memberHashes); there && !v.IsNull() {
		if v.Kind() != strictjson.KindArray {
			r.add(memberHashes, "must be a list")
			return
		}
		for i, item := range v.Items() {
			r.hash(memberHashes+"["+strconv.Itoa(i)+"]", item, expires)
		}
	}
	if len(r.entry.Secrets) > MaxSecrets {
		r.add("", "has more than "+strconv.Itoa(MaxSecrets)+" secrets")
	}
}

// hash takes a hash as its text, or as {alg, hash, expires_at}.
func (r *reader) hash(path string, v strictjson.Value, expires time.Time) {
	text, isText := v.Text()
	alg := ""
	if !isText {
		if v.Kind() != strictjson.KindObject {
			r.add(path, "must be a hash, or {alg, hash, expires_at}")
			return
		}
		for name := range v.All() {
			if name != "alg" && name != "hash" && name != "expires_at" {
				r.add(path+"."+name, "is unknown; a hash has alg, hash and expires_at")
			}
		}
		a, _ := v.Get("alg")
		h, _ := v.Get("hash")
		alg, _ = a.Text()
		text, _ = h.Text()
		if own, has := v.Get("expires_at"); has && !own.IsNull() {
			expires = r.moment(path+".expires_at", own)
		}
	}
	found, err := kindOf(alg, text)
	if err != "" {
		r.add(path, err)
		return
	}
	r.entry.Secrets = append(r.entry.Secrets, Secret{Alg: found, Hash: text, ExpiresAt: expires})
}

// kindOf finds the kind of a hash and checks it. No problem quotes it.
func kindOf(alg, text string) (found, problem string) {
	if alg == "sha256" {
		if len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" {
			return "", "must be 64 hexadecimal digits for alg sha256"
		}
		return alg, ""
	}
	h, err := slowhash.Parse(text)
	switch {
	case err != nil:
		return "", "is no hash that can be used: give argon2id, bcrypt or PBKDF2 in their usual forms, or alg sha256 for a secret that a server made"
	case alg != "" && alg != h.Alg:
		return "", "says alg " + core.Clip(alg) + " and is " + h.Alg
	}
	return h.Alg, ""
}

func (r *reader) expiry(prefix string, of strictjson.Value) time.Time {
	v, there := of.Get(memberExpires)
	if !there || v.IsNull() {
		return time.Time{}
	}
	return r.moment(prefix+memberExpires, v)
}

// moment takes seconds since 1970, 0 for never, or a time of RFC 3339.
func (r *reader) moment(path string, v strictjson.Value) time.Time {
	if n, ok := v.Int64(); ok && n >= 0 && n < 1<<40 {
		if n == 0 {
			return time.Time{}
		}
		return time.Unix(n, 0)
	}
	text, _ := v.Text()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.add(path, "must be seconds since 1970, or a time such as 2027-01-31T00:00:00Z")
	}
	return at
}
