package metadata

import (
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A foreign member is one of another server's clients that has no meaning here, and nobody is the worse for that: it describes, or it
// asks for what no protection hangs on. Policy and plugins see it as any other member that is not known. It is not kept, and who sends
// it is told, unless the operator lists it in custom_attributes, under which name it is the operator's.
type foreign struct {
	why  string
	asks func(strictjson.Value) bool // tells the values that ask for something; nil: all but null, "", false, 0 and []
}

const (
	yours    = "it would describe the client and no more; an operator can list it in custom_attributes"
	internal = "it is what Janssen keeps of a client, and not for the client to say"
	noTokens = "there are no transaction tokens here"
)

// foreignMembers lists those of Janssen's auth server by name.
var foreignMembers = map[string]foreign{
	"org_id": {why: yours}, "groups": {why: yours}, "description": {why: yours},

	"authorized_origins":                         {why: "scripts of every origin may call the endpoints that they need, without cookies"},
	"additional_audience":                        {why: "tokens are for the resources that a request names (RFC 8707)"},
	"claims":                                     {why: "what is told of a person goes by scopes"},
	"access_token_as_jwt":                        {why: "access tokens are JWTs (RFC 9068)", asks: isFalse},
	"includeClaimsInIdToken":                     {why: "what is to say of a person, userinfo says"},
	"keep_client_authorization_after_expiration": {why: "what a person allowed lasts as long as this server keeps it"},

	"tx_token_lifetime": {why: noTokens}, "tx_token_signed_response_alg": {why: noTokens},
	"tx_token_encrypted_response_alg": {why: noTokens}, "tx_token_encrypted_response_enc": {why: noTokens},
	"logout_status_jwt_signed_response_alg": {why: "there are no logout status tokens here"},

	"dn": {why: internal}, "inum": {why: internal}, "trustedClient": {why: internal}, "persistClientAuthorizations": {why: internal},
	"lastAccessTime": {why: internal}, "lastLogonTime": {why: internal}, "disabled": {why: internal}, "deletable": {why: internal},
	"expirationDate": {why: internal}, "customAttributes": {why: internal}, "customObjectClasses": {why: internal}, "jansId": {why: internal},
	"ttl": {why: internal + "; lifetime asks how long it is to last"},
}

// Foreign lists the members that are known to have no meaning here, by name.
func Foreign() []Missing {
	list := make([]Missing, 0, len(foreignMembers))
	for _, name := range slices.Sorted(maps.Keys(foreignMembers)) {
		list = append(list, Missing{Name: name, Source: janssen, Why: foreignMembers[name].why})
	}
	return list
}

// ForeignAmong gives those of a request's extra members, in the order sent, that are foreign and ask for something.
func ForeignAmong(extra []strictjson.Member) []Missing {
	var list []Missing
	for _, m := range extra {
		known, is := foreignMembers[m.Name]
		if is && known.asked(m.Value) {
			list = append(list, Missing{Name: m.Name, Source: janssen, Why: known.why})
		}
	}
	return list
}

func (f foreign) asked(v strictjson.Value) bool {
	if f.asks != nil {
		return f.asks(v)
	}
	n, isNumber := v.Int64()
	return !asksNothing(v) && !(isNumber && n == 0)
}

func isFalse(v strictjson.Value) bool {
	on, isFlag := v.Bool()
	return isFlag && !on
}
