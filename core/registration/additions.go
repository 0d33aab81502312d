package registration

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Additions are what a set of declarations adds to the operator's own dcr_config.yaml. They never take the place of what stands
// there.
type Additions struct {
	Issuers    []TrustedIssuer             `yaml:"trusted_issuers"`
	Templates  map[string]strictjson.Value `yaml:"initial_access_tokens"` // bodies that tokens are minted from, by name
	PolicyData map[string]strictjson.Value `yaml:"policy_data"`           // data.ostiary.data.NAME of the rules
}

// ReadAdditions reads what was declared. Secrets are taken as they are: whoever declared them has followed ${NAME} and file://,
// and nobody reads the server's own files by it.
func ReadAdditions(doc strictjson.Value) (Additions, error) {
	var a Additions
	issuers, _ := doc.Get("trusted_issuers")
	items := issuers.Items()
	secrets := make([]core.Secret, len(items))
	for i, item := range items {
		if _, there := item.Get("revocation"); there { // it may name the server's own files
			return a, &config.Problems{List: []config.Problem{{Path: fmt.Sprintf("trusted_issuers[%d].revocation", i), Text: "cannot be declared; the issuer belongs into dcr_config.yaml then"}}}
		}
		if v, there := item.Get("shared_secret"); there {
			text, _ := v.Text()
			if text == "" {
				return a, &config.Problems{List: []config.Problem{{Path: fmt.Sprintf("trusted_issuers[%d].shared_secret", i), Text: "must be text"}}}
			}
			secrets[i], items[i] = core.Secret(text), item.Without("shared_secret").With("shared_secret", strictjson.String(held))
		}
	}
	if len(items) > 0 {
		doc = doc.With("trusted_issuers", strictjson.Array(items...))
	}
	if err := config.Read(strictjson.Append(nil, doc), "", &a, nil); err != nil {
		return Additions{}, err
	}
	for i, secret := range secrets {
		if secret != "" {
			a.Issuers[i].SharedSecret = secret
		}
	}
	if problems := a.problems(); len(problems) > 0 {
		return Additions{}, &config.Problems{List: problems}
	}
	return a, nil
}

// held stands in the place of a secret while the rest is read.
const held = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func (a *Additions) problems() []config.Problem {
	var problems []config.Problem
	add := func(path, text string) { problems = append(problems, config.Problem{Path: path, Text: text}) }
	for i, t := range a.Issuers {
		path := fmt.Sprintf("trusted_issuers[%d]", i)
		if t.Issuer == "" {
			add(path+".issuer", "is missing")
		}
		if slices.ContainsFunc(a.Issuers[:i], func(o TrustedIssuer) bool { return o.Issuer == t.Issuer }) {
			add(path+".issuer", "is listed twice; put all its keys into one jwks")
		}
		t.validate(func(member, text string) { add(path+member, text) })
	}
	for _, name := range slices.Sorted(maps.Keys(a.Templates)) {
		if !validAddition(name) {
			add("initial_access_tokens."+name, "is no name: 1 to 64 of a-z, 0-9, - and _")
		}
		if a.Templates[name].Kind() != strictjson.KindObject {
			add("initial_access_tokens."+name, "must be an object, as the body of a new token")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.PolicyData)) {
		if !validAddition(name) {
			add("policy_data."+name, "is no name: 1 to 64 of a-z, 0-9, - and _")
		}
	}
	return problems
}

func validAddition(name string) bool {
	return name != "" && len(name) <= 64 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// With gives the site with what a set adds to it. It refuses what stands there already.
func (s Site) With(set string, a Additions) (Site, error) {
	s.TrustedIssuers = slices.Clone(s.TrustedIssuers)
	for _, t := range a.Issuers {
		if slices.ContainsFunc(s.TrustedIssuers, func(o TrustedIssuer) bool { return o.Issuer == t.Issuer }) {
			return s, fmt.Errorf("the set %s declares the issuer %s, which dcr_config.yaml or another set has already", set, t.Issuer)
		}
		t.from, t.set = FromDeclared, set
		s.TrustedIssuers = append(s.TrustedIssuers, t)
	}
	s.templates = maps.Clone(s.templates)
	for name, body := range a.Templates {
		if _, twice := s.templates[name]; twice {
			return s, fmt.Errorf("the set %s declares the initial access token %s, which another set has already", set, name)
		}
		if s.templates == nil {
			s.templates = map[string]strictjson.Value{}
		}
		s.templates[name] = body
	}
	return s, nil
}

// Template gives the body that tokens of a name are minted from.
func (s *Site) Template(name string) (strictjson.Value, error) {
	body, ok := s.templates[name]
	if !ok {
		return body, core.Refuse(core.InvalidRequest, "There is no template %q of initial access tokens; declared are: %s.",
			core.Clip(name), strings.Join(slices.Sorted(maps.Keys(s.templates)), ", "))
	}
	return body, nil
}
