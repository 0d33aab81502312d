package bff

import (
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// What an issuer's policy adds to a client counts for the client. This is a small one: it reads signed ID tokens and plain answers of
// userinfo, and sends no request objects and no proofs of its own.

// cannot are members of a client that ask more of it than this one does, whatever their value, or when true.
var cannot = [...]struct {
	member string
	when   func(strictjson.Value) bool
}{
	{"id_token_encrypted_response_alg", isText},
	{"userinfo_encrypted_response_alg", isText},
	{"userinfo_signed_response_alg", isText},
	{"require_signed_request_object", isTrue},
	{"dpop_bound_access_tokens", isTrue},
	{"tls_client_certificate_bound_access_tokens", isTrue},
}

func isText(v strictjson.Value) bool {
	text, _ := v.Text()
	return text != ""
}

func isTrue(v strictjson.Value) bool {
	yes, _ := v.Bool()
	return yes
}

// beyond gives the members of a registered client that this backend cannot live up to.
func beyond(doc strictjson.Value) (found []strictjson.Member) {
	for _, c := range cannot {
		if v, _ := doc.Get(c.member); c.when(v) {
			found = append(found, member(c.member, v))
		}
	}
	return found
}

// able refuses to be a client that nobody could sign in with. What was registered is kept, and put right as soon as the issuer lets it.
func (w *walk) able() error {
	found := beyond(w.doc)
	if len(found) == 0 {
		return nil
	}
	var says []string
	for _, m := range found {
		says = append(says, m.Name+" "+core.Clip(m.Value.String()))
	}
	seen := "the client's history"
	if id := textOf(w.doc, "decision_id"); id != "" {
		seen = "the decision " + core.Clip(id)
	}
	return unfit("the identity provider registered %s with %s, which this backend does not ask for and cannot do, so nobody could sign in: "+
		"leave this client out of the rule or plugin there that sets it; %s says which one that is", core.Clip(string(w.have.ClientID)), strings.Join(says, ", "), seen)
}
