package policies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
)

// A contract is what the rules of one decision are: where they stand, what they read and what they may say.
type contract struct {
	name        string        // of the decision: "registration"
	pkg         string        // assembles the verdict; it is embedded and cannot be replaced
	required    []string      // modules that must report for a request to be allowed; each is embedded and can be replaced
	sets        []string      // that rules may add to
	codes       []core.Code   // words a denial may answer with, the most telling first
	obligations []string      // that the server enforces
	limits      []string      // that the server enforces
	schema      func() []byte // of the input
}

// which names a decision: its place in contracts.
type which int

// The decisions.
const (
	registration which = iota
	authorization
	token
	session
	decisions // how many there are
)

var contracts = [decisions]*contract{
	registration: {
		name: "registration", pkg: "ostiary.registration",
		required: []string{"acceptance", "scopes", "redirects", "software_statement", "obligations"},
		sets:     []string{"deny", "warn", "grant", "strip", "set", "default_value", "require", "limit", "trust", "label"},
		codes: []core.Code{
			core.InvalidRedirectURI, core.InvalidClientMetadata, core.InvalidSoftwareStatement, core.UnapprovedSoftwareStmt,
			core.InvalidScope, core.AccessDenied,
		},
		obligations: []string{decision.ObligePKCE, decision.ObligePAR, decision.ObligeConsentAlways, decision.ObligeMTLS, decision.ObligeIDTokenClaims, decision.ObligeApproval},
		limits: []string{
			decision.LimitClientSecretLifetime, decision.LimitClientLifetime,
			decision.LimitAccessToken, decision.LimitIDToken, decision.LimitRefreshToken,
		},
		schema: decision.RegistrationSchema,
	},
	authorization: {
		name: "authorization", pkg: "ostiary.authorization",
		required:    []string{"scopes", "consent"},
		sets:        []string{"deny", "strip", "require", "limit"},
		codes:       []core.Code{core.UnauthorizedClient, core.InvalidRequest, core.InvalidScope, core.InvalidTarget, core.AccessDenied},
		obligations: []string{decision.ObligeConsent, decision.WaiveConsent},
		limits:      []string{decision.LimitMaxAge},
		schema:      decision.AuthorizationSchema,
	},
	token: {
		name: "token", pkg: "ostiary.token",
		required: []string{"scopes", "lifetimes"},
		sets:     []string{"deny", "strip", "limit"},
		codes:    []core.Code{core.UnauthorizedClient, core.InvalidGrant, core.InvalidScope, core.InvalidTarget, core.AccessDenied},
		limits:   []string{decision.LimitAccessToken, decision.LimitIDToken, decision.LimitRefreshToken},
		schema:   decision.TokenSchema,
	},
	session: {
		name: "session", pkg: "ostiary.session",
		required: []string{"people"},
		sets:     []string{"deny", "limit"},
		codes:    []core.Code{core.AccessDenied},
		limits:   []string{decision.LimitSession},
		schema:   decision.SessionSchema,
	},
}

// A form is what the findings of one set look like.
type form struct {
	must []string
	may  []string
}

// forms lists the sets whose findings are objects. Decoding holds every finding to its form; loading holds every rule to it
// whose head shows the object.
var forms = map[string]form{
	"deny":          {must: []string{"rule", "code", "message"}, may: []string{"field", "fields", "public"}},
	"warn":          {must: []string{"rule", "message"}, may: []string{"field", "fields"}},
	"grant":         {must: []string{"rule", "scope"}, may: []string{"message"}},
	"strip":         {must: []string{"rule", "scope"}, may: []string{"message"}},
	"set":           {must: []string{"rule", "field", "value"}},
	"default_value": {must: []string{"rule", "field", "value"}},
	"require":       {must: []string{"rule", "name"}, may: []string{"params"}},
	"limit":         {must: []string{"rule", "name", "value"}},
}

// unenforced are obligations that the contract has a name for and that this server cannot hold clients to.
var unenforced = []string{"dpop", "signed_request_object"}

// plainSets are the sets whose findings are strings.
var plainSets = []string{"trust", "label"}

// isSet tells whether any decision has a set of this name.
func isSet(name string) bool { return forms[name].must != nil || slices.Contains(plainSets, name) }

// has tells whether this decision has a set of this name.
func (c *contract) has(set string) bool { return slices.Contains(c.sets, set) }

// entry is the one document that the server asks for.
func (c *contract) entry() string { return "data." + c.pkg + ".decision" }

// moduleName says how findings name a package: "redirects", "site.partners"; "" for one that has no findings.
func (c *contract) moduleName(pkg string) string {
	name, found := strings.CutPrefix(pkg, c.pkg+".")
	switch {
	case !found:
		return ""
	case slices.Contains(c.required, name):
		return name
	}
	site, found := strings.CutPrefix(name, "site.")
	if !found || site == "" {
		return ""
	}
	site, _, _ = strings.Cut(site, ".")
	return "site." + site
}

// pluginRules is what rules are that plugins ask for: no decision, and each plugin has a package of its own.
var pluginRules = &contract{name: "plugin", pkg: "ostiary.plugin", schema: func() []byte { return []byte("{}") }}

// title names what the rules are for.
func (c *contract) title() string {
	if c == pluginRules {
		return "plugins"
	}
	return c.name + " decision"
}

// contractOf gives the decision that a package belongs to, or pluginRules; nil: none.
func contractOf(pkg string) *contract {
	for _, c := range append(contracts[:], pluginRules) {
		if pkg == c.pkg || pkg == c.pkg+"_test" || strings.HasPrefix(pkg, c.pkg+".") {
			return c
		}
	}
	return nil
}

// wrongValue says what is wrong with a text member of a finding; empty: nothing.
func (c *contract) wrongValue(set, member, value string) string {
	switch {
	case member == "code" && !slices.Contains(c.codes, core.Code(value)):
		return "code " + value + " is not one of " + c.listCodes()
	case set == "require" && member == "name" && slices.Contains(unenforced, value):
		return "this server cannot enforce the obligation " + value + " yet, so no rule may require it; it can enforce " + strings.Join(c.obligations, ", ")
	case set == "require" && member == "name" && !slices.Contains(c.obligations, value):
		return "the server knows no obligation " + value + "; it knows " + strings.Join(c.obligations, ", ")
	case set == "limit" && member == "name" && !slices.Contains(c.limits, value):
		return "the server knows no limit " + value + "; it knows " + strings.Join(c.limits, ", ")
	case (set == "set" || set == "default_value") && member == "field":
		return wrongField(value)
	case member == "rule" && value == "":
		return "rule is empty"
	case set == "grant" && member == "scope" && !oauth.ValidScope(value):
		return fmt.Sprintf("%q is no scope (RFC 6749 section 3.3); each finding grants one", value)
	}
	return ""
}

func wrongField(name string) string {
	row, known := metadata.Lookup(name)
	switch {
	case !known:
		return "field " + name + " is not a member of client metadata"
	case row.Fixed:
		return "field " + name + " cannot be changed"
	}
	return ""
}

func (c *contract) listCodes() string {
	words := make([]string, 0, len(c.codes))
	for _, code := range c.codes {
		words = append(words, string(code))
	}
	return strings.Join(words, ", ")
}
