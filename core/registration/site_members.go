package registration

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// SiteMembers is what the operator decided about single members of clients.
type SiteMembers struct {
	Defaults   map[string]strictjson.Value `yaml:"defaults"`   // of members that are not sent, where the profile gives none
	Allowed    map[string][]string         `yaml:"allowed"`    // the values that a member may have, of those that are supported
	Attributes map[string]strictjson.Value `yaml:"attributes"` // of custom_attributes: what every client has, whatever it sends
	Trimmed    []string                    `yaml:"trimmed"`    // lists whose values are left out that are not offered here, instead of refused
}

// validate finds what could not be done.
func (s *SiteMembers) validate(custom []string, add func(path, text string)) {
	for _, name := range slices.Sorted(maps.Keys(s.Defaults)) {
		if wrong := wrongDefault(name, s.Defaults[name]); wrong != "" {
			add("members.defaults."+name, wrong)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Allowed)) {
		row, known := metadata.Lookup(name)
		switch {
		case !known || row.Kind != metadata.Text && row.Kind != metadata.List:
			add("members.allowed."+name, "is not a member with words for values")
		case len(s.Allowed[name]) == 0:
			add("members.allowed."+name, "is empty, so that no client could be registered")
		default:
			eachInvalid(s.Allowed[name], func(v string) bool { return row.Supports(v) }, func(at string) {
				add("members.allowed."+name+at, "is not supported; use one of: "+strings.Join(row.Values, ", "))
			})
		}
	}
	eachInvalid(s.Trimmed, isTrimmable, func(at string) { add("members.trimmed"+at, "is not a list with words for values, such as grant_types") })
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		switch s.Attributes[name].Kind() {
		case strictjson.KindString, strictjson.KindNumber, strictjson.KindBool:
			if !slices.Contains(custom, name) {
				add("members.attributes."+name, "is not listed in custom_attributes")
			}
		default:
			add("members.attributes."+name, "must be a string, a number, true or false")
		}
	}
}

func wrongDefault(name string, v strictjson.Value) string {
	row, known := metadata.Lookup(name)
	if !known || row.Fixed {
		return "is not a member that can have a default"
	}
	var m core.Metadata
	if err := row.Set(&m, v); err != nil {
		return "cannot be: " + core.AsError(err).Detail
	}
	for _, reason := range metadata.Floor(&m) {
		if slices.Equal(reason.Fields, []string{name}) {
			return "cannot be: " + reason.Message
		}
	}
	return ""
}

// applyMembers gives the draft what the site gives every client.
func (j *judgement) applyMembers() error {
	site := &j.site.Members
	for _, name := range slices.Sorted(maps.Keys(site.Defaults)) {
		row, _ := metadata.Lookup(name)
		if !row.Get(&j.draft).IsAbsent() {
			continue
		}
		if err := row.Set(&j.draft, site.Defaults[name]); err != nil {
			return err
		}
	}
	if len(site.Attributes) == 0 {
		return nil
	}
	custom := maps.Clone(j.draft.Custom)
	if custom == nil {
		custom = make(map[string]string)
	}
	for name, v := range site.Attributes {
		custom[name] = v.String()
	}
	j.draft.Custom = custom
	return nil
}

// membersAllowed holds the draft to the values that the site allows.
func (j *judgement) membersAllowed() []core.Reason {
	var found []core.Reason
	for _, name := range slices.Sorted(maps.Keys(j.site.Members.Allowed)) {
		row, _ := metadata.Lookup(name)
		values, isList := row.Get(&j.draft).Strings()
		if text, isText := row.Get(&j.draft).Text(); isText {
			values, isList = []string{text}, true
		}
		if !isList {
			continue
		}
		for _, value := range values {
			if allowed := j.site.Members.Allowed[name]; !slices.Contains(allowed, value) {
				found = append(found, core.Reason{
					Rule: "site.members.allowed", Code: row.Code, Fields: []string{name}, Public: true,
					Message: fmt.Sprintf("%s %q is not allowed here; use one of: %s.", name, core.Clip(value), strings.Join(allowed, ", ")),
				})
			}
		}
	}
	return found
}

func isTrimmable(name string) bool {
	row, known := metadata.Lookup(name)
	return known && row.Kind == metadata.List && row.Values != nil
}

// trimmed leaves out of a document what the site wants left out, rather than refused. Some software asks every server for all that
// there is. The grant of CIBA is kept for whoever says more of it, and nothing comes of it.
func (j *judgement) trimmed(doc strictjson.Value) strictjson.Value {
	mode, _ := field(doc, "backchannel_token_delivery_mode")
	for _, name := range j.site.Members.Trimmed {
		row, _ := metadata.Lookup(name)
		doc = j.trim(doc, name, func(value string) bool {
			return row.Supports(value) && j.site.Members.isAllowed(name, value) && (mode != "" || value != string(oauth.GrantCIBA))
		})
	}
	return doc
}

// trim leaves of a list what is offered, and says so. Of a list of which nothing is, all is left: that is then refused by name.
func (j *judgement) trim(doc strictjson.Value, name string, offered func(string) bool) strictjson.Value {
	v, _ := doc.Get(name)
	listed, ok := v.Strings()
	text, isText := v.Text()
	if isText { // scope
		listed, ok = strings.Fields(text), true
	}
	kept := slices.DeleteFunc(slices.Clone(listed), func(item string) bool { return !offered(item) })
	if !ok || len(kept) == 0 || len(kept) == len(listed) {
		return doc
	}
	j.warnings = append(j.warnings, core.Reason{
		Rule: "members.trimmed", Fields: []string{name}, Public: true,
		Message: "Of " + name + " only what this server offers was taken over: " + strings.Join(kept, " ") + ".",
	})
	if isText {
		return doc.With(name, strictjson.String(strings.Join(kept, " ")))
	}
	return doc.With(name, strictjson.Strings(kept))
}

// isAllowed tells whether the site lets a member have a value.
func (s *SiteMembers) isAllowed(member, value string) bool {
	allowed, limited := s.Allowed[member]
	return !limited || slices.Contains(allowed, value)
}
