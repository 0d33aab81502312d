package metadata

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Choice is a member of OpenID Connect Relying Party Metadata Choices 1.0 §2: all the values that a client can work with, of
// which the server picks one for the member that takes one.
type Choice struct {
	Name   string   // token_endpoint_auth_methods_supported
	Of     string   // token_endpoint_auth_method
	Values []string // as the client lists them
}

// A choosable is a member that Choose picks for.
type choosable struct {
	name, of string
	needed   bool     // the member always has a value, so that one must be found
	best     []string // the order of preference; nil: the client's own
}

// choices lists what can be chosen. How a client proves itself goes first: the algorithm of its proof depends on it.
var choices = []choosable{
	{name: "token_endpoint_auth_methods_supported", of: "token_endpoint_auth_method", needed: true, best: []string{
		string(oauth.AuthPrivateKeyJWT), string(oauth.AuthTLS), string(oauth.AuthSelfSignedTLS), string(oauth.AuthClientSecretBasic),
		string(oauth.AuthClientSecretPost), string(oauth.AuthNone),
	}},
	{name: "token_endpoint_auth_signing_alg_values_supported", of: "token_endpoint_auth_signing_alg"},
	{name: "subject_types_supported", of: "subject_type", needed: true},
	{name: "id_token_signing_alg_values_supported", of: "id_token_signed_response_alg", needed: true},
	{name: "id_token_encryption_alg_values_supported", of: "id_token_encrypted_response_alg"},
	{name: "id_token_encryption_enc_values_supported", of: "id_token_encrypted_response_enc"},
	{name: "userinfo_signing_alg_values_supported", of: "userinfo_signed_response_alg"},
	{name: "userinfo_encryption_alg_values_supported", of: "userinfo_encrypted_response_alg"},
	{name: "userinfo_encryption_enc_values_supported", of: "userinfo_encrypted_response_enc"},
	{name: "request_object_signing_alg_values_supported", of: "request_object_signing_alg"},
	{name: "request_object_encryption_alg_values_supported", of: "request_object_encryption_alg"},
	{name: "request_object_encryption_enc_values_supported", of: "request_object_encryption_enc"},
	{name: "introspection_signing_alg_values_supported", of: "introspection_signed_response_alg"},
	{name: "introspection_encryption_alg_values_supported", of: "introspection_encrypted_response_alg"},
	{name: "introspection_encryption_enc_values_supported", of: "introspection_encrypted_response_enc"},
	{name: "authorization_signing_alg_values_supported", of: "authorization_signed_response_alg"},
	{name: "authorization_encryption_alg_values_supported", of: "authorization_encrypted_response_alg"},
	{name: "authorization_encryption_enc_values_supported", of: "authorization_encrypted_response_enc"},
	{name: "backchannel_authentication_request_signing_alg_values_supported", of: "backchannel_authentication_request_signing_alg"},
}

// ChosenBy gives the member that is chosen from a list, by the list's name as servers publish it (RFC 8414 §2):
// id_token_signed_response_alg for id_token_signing_alg_values_supported.
func ChosenBy(list string) (*Row, bool) {
	for _, c := range choices {
		if c.name == list {
			return byName[c.of], true
		}
	}
	return nil, false
}

// Choices lists everything that a client may leave to the server to choose, also for members of which nothing comes.
func Choices() []Choice {
	list := make([]Choice, len(choices))
	for i, c := range choices {
		list[i] = Choice{Name: c.name, Of: c.of}
	}
	return list
}

// isChoice tells the names of choices.
func isChoice(name string) bool {
	return slices.ContainsFunc(choices, func(c choosable) bool { return c.name == name })
}

// readChoice reads a choice: an array of strings. Null is none.
func readChoice(name string, v strictjson.Value) (Choice, bool, error) {
	at := slices.IndexFunc(choices, func(c choosable) bool { return c.name == name })
	if at < 0 || v.IsNull() {
		return Choice{}, false, nil
	}
	values, ok := v.Strings()
	switch {
	case !ok:
		return Choice{}, false, refuse(core.InvalidClientMetadata, name, "%s must be an array of strings, not %s.", name, v.Kind())
	case len(values) == 0:
		return Choice{}, false, refuse(core.InvalidClientMetadata, name, "%s is empty, so that nothing could be chosen; leave it out.", name)
	case len(values) > MaxItems:
		return Choice{}, false, refuse(core.InvalidClientMetadata, name, "%s has more than %d items.", name, MaxItems)
	}
	return Choice{Name: name, Of: choices[at].of, Values: values}, true, nil
}

// Choose gives each member that m leaves open the value that suits best of those that the client can work with, and names the
// members that it set. What m says already stands, if it is among them; a contradiction is refused, naming both. offers says
// what may be chosen; nil: whatever this server does. Of ways to prove itself a client gets the strongest that it has the means
// for, of all else what it lists first. Where nothing fits, a member that needs no value stays without.
func Choose(m *core.Metadata, made []Choice, offers func(member, value string) bool) (chosen []string, err error) {
	for _, known := range choices {
		at := slices.IndexFunc(made, func(c Choice) bool { return c.Name == known.name })
		if at < 0 {
			continue
		}
		row := byName[known.of]
		switch said := row.Text(m); {
		case said != "" && !slices.Contains(made[at].Values, said):
			return nil, refuse(core.InvalidClientMetadata, row.Name, "%s is %q, which is not in %s; leave one of them out.", row.Name, core.Clip(said), known.name)
		case said != "":
			continue
		}
		if isIdle(row.Name) {
			continue // who lists values for it would take the choice for a promise
		}
		value := known.pick(m, made[at].Values, row, offers)
		if value == "" && known.needed {
			return nil, refuse(core.InvalidClientMetadata, known.name, "%s has nothing that can be chosen for this client; %s can be one of: %s.",
				known.name, row.Name, strings.Join(row.Values, ", "))
		}
		if value != "" {
			*row.str(m) = value
			chosen = append(chosen, row.Name)
		}
	}
	return chosen, nil
}

// pick gives the best of the values, "" when none will do.
func (c choosable) pick(m *core.Metadata, values []string, row *Row, offers func(member, value string) bool) string {
	order := values
	if c.best != nil {
		order = slices.DeleteFunc(slices.Clone(c.best), func(v string) bool { return !slices.Contains(values, v) })
	}
	for _, value := range order {
		if row.Supports(value) && fits(m, row.Name, value) && (offers == nil || offers(row.Name, value)) {
			return value
		}
	}
	return ""
}

// fits tells whether a client has the means for a value.
func fits(m *core.Metadata, member, value string) bool {
	switch method := oauth.AuthMethod(value); {
	case member == "token_endpoint_auth_signing_alg":
		return oauth.UsesAssertion(oauth.AuthMethod(m.TokenEndpointAuthMethod)) // else it signs nothing
	case NeedsRecipient(member):
		return hasKeys(m)
	case algOf(member) != "":
		return byName[algOf(member)].Has(m) // else nothing is encrypted
	case member != "token_endpoint_auth_method":
		return true
	case oauth.UsesKeys(method):
		return hasKeys(m)
	case method == oauth.AuthTLS:
		return slices.ContainsFunc(certificateNames, func(name string) bool { return byName[name].Has(m) })
	}
	return true
}

// Choosable lists what is chosen from which list. Of members of which nothing comes, nothing is.
func Choosable() []Choice {
	var list []Choice
	for _, c := range choices {
		if !isIdle(c.of) {
			list = append(list, Choice{Name: c.name, Of: c.of})
		}
	}
	return list
}
