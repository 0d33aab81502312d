package metadata

import (
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An unbuilt member asks for what this server does not do. To ignore it would leave its sender to believe in a protection that
// is not there; so it is refused, unless its value asks for nothing. Nothing of it is kept.
type unbuilt struct {
	source   string
	why      string
	harmless []strictjson.Value // values that ask for nothing, beside null, "", false and []
}

const (
	noUMA     = "this server is no UMA authorization server"
	noScripts = "there are no scripts here; plugins are configured by the operator"
	noPattern = "redirect URIs are compared as they are; list each in redirect_uris"
	noGuesses = "scopes are registered by name; list each in scope"
	noACR     = "this server knows no authentication context classes, so it could not hold anybody to them"
	noMore    = "a client proves itself in one way; name it in token_endpoint_auth_method"
)

// unbuiltMembers lists them by name.
var unbuiltMembers = map[string]unbuilt{
	"redirect_uris_regex":                    {source: janssen, why: noPattern},
	"claims_redirect_uri":                    {source: janssen, why: noUMA},
	"rpt_as_jwt":                             {source: janssen, why: noUMA},
	"allow_spontaneous_scopes":               {source: janssen, why: noGuesses},
	"spontaneous_scopes":                     {source: janssen, why: noGuesses},
	"authorized_acr_values":                  {source: janssen, why: noACR},
	"minimum_acr_level_autoresolve":          {source: janssen, why: noACR},
	"minimum_acr_priority_list":              {source: janssen, why: noACR},
	"minimum_acr_level":                      {source: janssen, why: noACR, harmless: []strictjson.Value{strictjson.Int(0), strictjson.Int(-1)}},
	"id_token_token_binding_cnf":             {source: janssen, why: "ID tokens are not bound to TLS connections", harmless: []strictjson.Value{strictjson.String("tbh")}}, // by which a client only says that it could
	"additional_token_endpoint_auth_methods": {source: janssen, why: noMore},
	"public_subject_identifier_attribute":    {source: janssen, why: "sub is never an attribute of the person"},

	"spontaneous_scope_script_dns": {source: janssen, why: noScripts},
	"update_token_script_dns":      {source: janssen, why: noScripts},
	"post_authn_script_dns":        {source: janssen, why: noScripts},
	"consent_gathering_script_dns": {source: janssen, why: noScripts},
	"introspection_script_dns":     {source: janssen, why: noScripts},
	"rpt_claims_script_dns":        {source: janssen, why: noScripts},
	"ropc_script_dns":              {source: janssen, why: noScripts},
	"token_exchange_script_dns":    {source: janssen, why: noScripts},
	"logout_status_jwt_script_dns": {source: janssen, why: noScripts},

	"run_introspection_script_before_jwt_creation": {source: janssen, why: noScripts},
}

// A Missing member is one that is refused unless it asks for nothing.
type Missing struct{ Name, Source, Why string }

// Unbuilt lists the members that are refused unless they ask for nothing, by name.
func Unbuilt() []Missing {
	list := make([]Missing, 0, len(unbuiltMembers))
	for _, name := range slices.Sorted(maps.Keys(unbuiltMembers)) {
		list = append(list, Missing{Name: name, Source: unbuiltMembers[name].source, Why: unbuiltMembers[name].why})
	}
	return list
}

func isUnbuilt(name string) bool {
	_, ok := unbuiltMembers[name]
	return ok
}

// refuseUnbuilt refuses a member that asks for what is not done here. It tells whether the name is one of those.
func refuseUnbuilt(name string, v strictjson.Value) (bool, error) {
	member, known := unbuiltMembers[name]
	if !known || asksNothing(v) || slices.ContainsFunc(member.harmless, func(h strictjson.Value) bool { return strictjson.Equal(h, v) }) {
		return known, nil
	}
	code := core.InvalidClientMetadata
	if name == "redirect_uris_regex" {
		code = core.InvalidRedirectURI
	}
	return true, core.Refuse(code, "%s %s is not supported: %s. Leave it out.", name, core.Clip(v.String()), member.why)
}

// asksNothing tells the values that equal leaving a member out: null, "", false and [].
func asksNothing(v strictjson.Value) bool {
	text, isText := v.Text()
	on, isFlag := v.Bool()
	return v.IsNull() || isText && text == "" || isFlag && !on || v.Kind() == strictjson.KindArray && v.Len() == 0
}
