package metadata

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An encryption is a pair of members: how the key is encrypted, and how the content (OpenID Connect Registration §2, RFC 9701 §6,
// JARM §3).
type encryption struct {
	alg, enc string
	toClient bool // with a key of the client's, not of ours
}

// encryptions are all of them, in the order of the table.
var encryptions = []encryption{
	{"id_token_encrypted_response_alg", "id_token_encrypted_response_enc", true},
	{"userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc", true},
	{"request_object_encryption_alg", "request_object_encryption_enc", false},
	{"introspection_encrypted_response_alg", "introspection_encrypted_response_enc", true},
	{"authorization_encrypted_response_alg", "authorization_encrypted_response_enc", true},
	{"tx_token_encrypted_response_alg", "tx_token_encrypted_response_enc", true},
}

// encryptionRules are what is wrong with a pair by itself, and with what the client has to decrypt with.
func encryptionRules() []joint {
	var rules []joint
	for _, e := range encryptions {
		rules = append(rules, joint{"encryption", core.InvalidClientMetadata, []string{e.enc, e.alg}, e.incomplete})
	}
	for _, e := range encryptions {
		if e.toClient {
			rules = append(rules, joint{"encryption_keys", core.InvalidClientMetadata, []string{e.alg, "jwks", "jwks_uri"}, e.toNobody})
		}
	}
	return rules
}

// incomplete: how the content is encrypted is said only beside how its key is.
func (e encryption) incomplete(m *core.Metadata) string {
	if byName[e.enc].Has(m) && !byName[e.alg].Has(m) {
		return e.enc + " says nothing without " + e.alg + ": send both, or neither."
	}
	return ""
}

// toNobody: what is encrypted to a client is encrypted to a key of its own.
func (e encryption) toNobody(m *core.Metadata) string {
	if byName[e.alg].Has(m) && !hasKeys(m) {
		return e.alg + " needs jwks or jwks_uri, with the key to encrypt to."
	}
	return ""
}

func hasKeys(m *core.Metadata) bool { return m.JWKS != "" || m.JWKSURI != "" }

// An Encrypted member asks for something to be encrypted to the client, with an algorithm.
type Encrypted struct{ Member, Alg string }

// EncryptedTo lists what m asks to be encrypted to the client, in the order of the table.
func EncryptedTo(m *core.Metadata) []Encrypted {
	var asked []Encrypted
	for _, e := range encryptions {
		if alg := byName[e.alg].Text(m); e.toClient && alg != "" {
			asked = append(asked, Encrypted{e.alg, alg})
		}
	}
	return asked
}

// NeedsRecipient tells the members that name an algorithm to encrypt with to a key of the client's.
func NeedsRecipient(member string) bool {
	return slices.ContainsFunc(encryptions, func(e encryption) bool { return e.toClient && e.alg == member })
}

// algOf gives the member without which how a content is encrypted says nothing; "" for any other member.
func algOf(name string) string {
	for _, e := range encryptions {
		if e.enc == name {
			return e.alg
		}
	}
	return ""
}

// FillEncryptions says how the content is encrypted where m only says how the key is: A128CBC-HS256 (OpenID Connect Registration §2,
// RFC 9701 §6, JARM §3).
func FillEncryptions(m *core.Metadata) {
	for _, e := range encryptions {
		if content := byName[e.enc].str(m); *content == "" && byName[e.alg].Has(m) {
			*content = string(oauth.A128CBCHS256)
		}
	}
}

// EndEncryptions takes how a content is encrypted out of m where somebody has just ended that it is, and did not say so of the content:
// FillEncryptions may have said it. says tells the members that they wrote, and those that they may not.
func EndEncryptions(m *core.Metadata, says func(member string) bool) {
	for _, e := range encryptions {
		if says(e.alg) && !says(e.enc) && !byName[e.alg].Has(m) {
			*byName[e.enc].str(m) = ""
		}
	}
}

// withoutContents takes out of a patched document how contents are encrypted where the patch ended that they are: a client that
// did not say so itself would have to take back what FillEncryptions said for it.
func withoutContents(doc, patch strictjson.Value) strictjson.Value {
	for _, e := range encryptions {
		_, ends := patch.Get(e.alg)
		_, says := patch.Get(e.enc)
		if left, _ := doc.Get(e.alg); ends && !says && isNothing(left) {
			doc = doc.Without(e.enc)
		}
	}
	return doc
}

// isNothing tells the values that equal an absent text.
func isNothing(v strictjson.Value) bool {
	text, isText := v.Text()
	return v.IsAbsent() || v.IsNull() || isText && text == ""
}
