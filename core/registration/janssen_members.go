package registration

import (
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// JanssenMembers holds the properties of Janssen's auth server that say what clients are given and may be, by their own names. What
// they say becomes part of Site.Members. Beside the fields, a site takes the lists of what is supported, which bound what clients may
// register (janssen_names.go).
type JanssenMembers struct {
	CustomAttributes []string                    `yaml:"dynamic_registration_custom_attributes,camel"`
	Attributes       map[string]strictjson.Value `yaml:"dynamic_registration_default_custom_attributes,camel"`
	SubjectType      *string                     `yaml:"default_subject_type,camel"`
	SigningAlg       *string                     `yaml:"default_signature_algorithm,camel"` // of ID tokens
	CodeFlow         *bool                       `yaml:"client_reg_default_to_code_flow_with_refresh,camel"`
	WhiteList        *[]string                   `yaml:"client_white_list,camel"` // of redirect URIs
	BlackList        []string                    `yaml:"client_black_list,camel"`

	allowed map[string]boundList // by member: what is supported there
}

// A boundList is a list of what may be registered, and the key that it came by.
type boundList struct {
	key    string
	values []string // of what this server can do
}

// defaults are the members that clients get that do not send them.
func (p *JanssenMembers) defaults() map[string]strictjson.Value {
	given := make(map[string]strictjson.Value)
	for member, text := range map[string]*string{"subject_type": p.SubjectType, "id_token_signed_response_alg": p.SigningAlg} {
		if text != nil {
			given[member] = strictjson.String(*text)
		}
	}
	if isTrue(p.CodeFlow) {
		given["grant_types"] = strictjson.Strings([]string{string(oauth.GrantAuthorizationCode), string(oauth.GrantRefreshToken)})
	}
	return given
}

// names are the keys that stand for defaults.
var defaultNames = map[string]string{
	"subject_type": "default_subject_type", "id_token_signed_response_alg": "default_signature_algorithm",
	"grant_types": "client_reg_default_to_code_flow_with_refresh",
}

// validate finds what cannot be, and what is said twice.
func (p *JanssenMembers) validate(own *SiteMembers, custom []string, add func(path, text string)) {
	twice := func(key, ours string) { add(key, "says the same as "+ours+"; leave one of them out") }
	if len(p.CustomAttributes) > 0 && len(custom) > 0 {
		twice("dynamic_registration_custom_attributes", "custom_attributes")
	}
	if len(p.Attributes) > 0 && len(own.Attributes) > 0 {
		twice("dynamic_registration_default_custom_attributes", "members.attributes")
	}
	eachInvalid(p.CustomAttributes, free, func(at string) { add("dynamic_registration_custom_attributes"+at, notFree) })
	defaults := p.defaults()
	for _, member := range slices.Sorted(maps.Keys(defaults)) {
		if _, also := own.Defaults[member]; also {
			twice(defaultNames[member], "members.defaults."+member)
		} else if wrong := wrongDefault(member, defaults[member]); wrong != "" {
			add(defaultNames[member], wrong)
		}
	}
	for _, member := range slices.Sorted(maps.Keys(p.allowed)) {
		if _, also := own.Allowed[member]; also {
			twice(p.allowed[member].key, "members.allowed."+member)
		}
	}
	all := SiteMembers{Attributes: p.Attributes}
	all.validate(p.over(custom), func(path, text string) {
		add(strings.Replace(path, "members.attributes", "dynamic_registration_default_custom_attributes", 1), text)
	})
}

// over gives the custom attributes, as these properties have them where they say something.
func (p *JanssenMembers) over(custom []string) []string {
	if len(p.CustomAttributes) > 0 {
		return p.CustomAttributes
	}
	return custom
}

// merged gives the members as both say them. As with Janssen, what is not supported of grants and response types is left out, not
// refused.
func (p *JanssenMembers) merged(own SiteMembers) SiteMembers {
	own.Defaults, own.Allowed, own.Attributes = with(own.Defaults, p.defaults()), maps.Clone(own.Allowed), with(own.Attributes, p.Attributes)
	for member, list := range p.allowed {
		if own.Allowed == nil {
			own.Allowed = make(map[string][]string)
		}
		own.Allowed[member] = list.values
		if isTrimmable(member) && !slices.Contains(own.Trimmed, member) {
			own.Trimmed = append(slices.Clip(own.Trimmed), member)
		}
	}
	slices.Sort(own.Trimmed)
	return own
}

// with gives a map with the members of another one added, and changes neither.
func with(members, more map[string]strictjson.Value) map[string]strictjson.Value {
	if len(more) == 0 {
		return members
	}
	all := maps.Clone(more)
	maps.Copy(all, members)
	return all
}

// bound takes a list of what a member may be. Of what Janssen's can do, only what is done here, too, can be registered.
func (p *JanssenMembers) bound(key string, row *metadata.Row, v strictjson.Value) (wrong string) {
	values, ok := responseTypesOr(v)
	if !ok {
		return "must be a list of texts"
	}
	if _, twice := p.allowed[row.Name]; twice && row.Name != "grant_types" {
		return "bounds " + row.Name + ", as " + p.allowed[row.Name].key + " does; leave one of them out"
	}
	supported := slices.DeleteFunc(slices.Clone(values), func(value string) bool { return !row.Supports(value) })
	if before, twice := p.allowed[row.Name]; twice { // grants must be in both lists
		supported = slices.DeleteFunc(supported, func(value string) bool { return !slices.Contains(before.values, value) })
	}
	if len(supported) == 0 {
		return "has nothing that is offered here, so that no client could register " + row.Name + "; offered are: " + strings.Join(row.Values, ", ")
	}
	if p.allowed == nil {
		p.allowed = make(map[string]boundList)
	}
	p.allowed[row.Name] = boundList{key: key, values: supported}
	return ""
}

// responseTypesOr reads a list of texts, or one of lists: so Janssen writes response types that are made of several words.
func responseTypesOr(v strictjson.Value) ([]string, bool) {
	if list, ok := v.Strings(); ok {
		return list, true
	}
	if v.Kind() != strictjson.KindArray {
		return nil, false
	}
	list := make([]string, 0, v.Len())
	for _, item := range v.All() {
		words, ok := item.Strings()
		if !ok {
			return nil, false
		}
		slices.Sort(words)
		list = append(list, strings.Join(words, " "))
	}
	return list, true
}
