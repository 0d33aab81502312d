package declared

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// first are the members that stand first in an entry, for people.
var first = []string{"client_name", "token_endpoint_auth_method", "jwks_uri", "jwks", "redirect_uris"}

// Write writes the entry of a stored client, from which Read makes the same client. Hashes of its secrets are in it only when
// they are given.
func Write(c core.Client, secrets []core.StoredSecret) strictjson.Value {
	doc := metadata.Document(&c.Metadata)
	members := []strictjson.Member{{Name: memberID, Value: strictjson.String(string(c.ID))}}
	if p := c.Provenance.Profile; p != "" && p != "default" {
		members = append(members, strictjson.Member{Name: memberProfile, Value: strictjson.String(p)})
	}
	for _, name := range first {
		if v, there := doc.Get(name); there {
			members = append(members, strictjson.Member{Name: name, Value: v})
			doc = doc.Without(name)
		}
	}
	if len(c.Metadata.Scope) > 0 {
		members = append(members, strictjson.Member{Name: memberScopes, Value: strictjson.Strings(c.Metadata.Scope)})
	}
	members = append(members, doc.Members()...)
	if len(secrets) > 0 {
		items := make([]strictjson.Value, len(secrets))
		for i, s := range secrets {
			items[i] = hashOf(s)
		}
		members = append(members, strictjson.Member{Name: memberHashes, Value: strictjson.Array(items...)})
	}
	return strictjson.Object(members...)
}

func hashOf(s core.StoredSecret) strictjson.Value {
	v := strictjson.Object(
		strictjson.Member{Name: "alg", Value: strictjson.String(s.Alg)},
		strictjson.Member{Name: "hash", Value: strictjson.String(s.Hash)},
	)
	if !s.ExpiresAt.IsZero() {
		v = v.With("expires_at", strictjson.String(s.ExpiresAt.UTC().Format(time.RFC3339)))
	}
	return v
}
