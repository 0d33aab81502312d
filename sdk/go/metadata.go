package ostiary

import "strings"

// Metadata is a client's metadata, as RFC 7591 §2 and OpenID Connect Dynamic Client Registration 1.0 §2 name it. An absent
// member reads as its zero value; Get tells absent from empty.
type Metadata struct {
	Value
	members []Member // of Value
}

// Get gives a member; the absent Value if there is none.
func (m Metadata) Get(name string) Value { return find(m.members, name) }

func (m Metadata) text(name string) string   { return m.Get(name).Text() }
func (m Metadata) list(name string) []string { return m.Get(name).Strings() }

// ClientName gives client_name.
func (m Metadata) ClientName() string { return m.text("client_name") }

// ClientURI gives client_uri.
func (m Metadata) ClientURI() string { return m.text("client_uri") }

// LogoURI gives logo_uri.
func (m Metadata) LogoURI() string { return m.text("logo_uri") }

// TosURI gives tos_uri.
func (m Metadata) TosURI() string { return m.text("tos_uri") }

// PolicyURI gives policy_uri.
func (m Metadata) PolicyURI() string { return m.text("policy_uri") }

// JWKSURI gives jwks_uri.
func (m Metadata) JWKSURI() string { return m.text("jwks_uri") }

// SoftwareID gives software_id.
func (m Metadata) SoftwareID() string { return m.text("software_id") }

// SoftwareVersion gives software_version.
func (m Metadata) SoftwareVersion() string { return m.text("software_version") }

// ApplicationType gives application_type.
func (m Metadata) ApplicationType() string { return m.text("application_type") }

// TokenEndpointAuthMethod gives token_endpoint_auth_method.
func (m Metadata) TokenEndpointAuthMethod() string { return m.text("token_endpoint_auth_method") }

// RedirectURIs gives redirect_uris.
func (m Metadata) RedirectURIs() []string { return m.list("redirect_uris") }

// GrantTypes gives grant_types.
func (m Metadata) GrantTypes() []string { return m.list("grant_types") }

// ResponseTypes gives response_types.
func (m Metadata) ResponseTypes() []string { return m.list("response_types") }

// Contacts gives contacts.
func (m Metadata) Contacts() []string { return m.list("contacts") }

// Scope gives the member scope, split at its spaces.
func (m Metadata) Scope() []string {
	var words []string
	for rest := m.text("scope"); rest != ""; {
		end := strings.IndexByte(rest, ' ')
		if end < 0 {
			end = len(rest)
		}
		word := rest[:end]
		if rest = rest[min(end+1, len(rest)):]; word == "" {
			continue
		}
		if words == nil {
			words = make([]string, 0, 8) // most scopes are short
		}
		words = append(words, word)
	}
	return words
}
