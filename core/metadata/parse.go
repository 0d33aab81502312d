package metadata

import (
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Request is a client document as it was sent, sorted by what its members are.
type Request struct {
	Metadata core.Metadata
	Present  []string            // rows that were sent with a value, in the order sent
	Control  Control             // members that name the registration itself
	Choices  []Choice            // what the client leaves to the server to choose; Choose does it
	Extra    []strictjson.Member // members without a row, as sent; choices too
}

// Control holds the members of a request that name a registration instead of describing a client (RFC 7591 §3.2.1, RFC 7592
// §2.2, and client_profile of our own). Each is the absent Value when it was not sent.
type Control struct {
	ClientID              strictjson.Value
	ClientSecret          strictjson.Value
	ClientSecretExpiresAt strictjson.Value
	ClientIDIssuedAt      strictjson.Value
	RegistrationToken     strictjson.Value
	RegistrationURI       strictjson.Value
	Profile               strictjson.Value
}

// answerOnly are members of our answers that mean nothing in a request.
var answerOnly = []string{"decision_id", "warnings", "registration_status"}

func (c *Control) slot(name string) *strictjson.Value {
	switch name {
	case "client_id":
		return &c.ClientID
	case "client_secret":
		return &c.ClientSecret
	case "client_secret_expires_at":
		return &c.ClientSecretExpiresAt
	case "client_id_issued_at":
		return &c.ClientIDIssuedAt
	case "registration_access_token":
		return &c.RegistrationToken
	case "registration_client_uri":
		return &c.RegistrationURI
	case "client_profile":
		return &c.Profile
	}
	return nil
}

// controls are the names of Control's members.
var controls = []string{
	"client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at", "registration_access_token", "registration_client_uri",
	"client_profile",
}

// Controls lists the members of a request that name the registration.
func Controls() []string { return slices.Clone(controls) }

// OtherNames lists names that others have for members of the table, and which.
func OtherNames() map[string]string { return maps.Clone(otherNames) }

// IsReserved tells whether a name belongs to the desk: a row, a choice, a control member or an answer-only one. Plugins may add no
// reserved member to an answer.
func IsReserved(name string) bool {
	_, isRow := byName[name]
	base, _, _ := strings.Cut(name, "#")
	_, isTagged := byName[base]
	_, isOther := otherNames[name]
	return isRow || isTagged || isOther || isUnbuilt(name) || (&Control{}).slot(name) != nil || slices.Contains(answerOnly, name) || isChoice(name)
}

// Parse reads a client document. custom lists members without a row that are stored and echoed (custom_attributes).
func Parse(doc strictjson.Value, custom []string) (Request, error) {
	if err := onceTranslated(doc); err != nil {
		return Request{}, err
	}
	return parse(doc, custom, func(string) bool { return false })
}

// ParseStored reads a document that was accepted before: of translations into one language the last counts, and what was a custom
// attribute then is one still, whatever its name means today.
func ParseStored(doc strictjson.Value, custom []string) (Request, error) {
	return parse(doc, custom, func(name string) bool { return slices.Contains(custom, name) })
}

func parse(doc strictjson.Value, custom []string, isCustom func(name string) bool) (Request, error) {
	var req Request
	if doc.Kind() != strictjson.KindObject {
		return req, core.Refuse(core.InvalidClientMetadata, "The body must be a JSON object, not %s.", doc.Kind())
	}
	for name, v := range doc.All() {
		if isCustom(name) {
			if err := setCustom(&req.Metadata, name, v); err != nil {
				return Request{}, err
			}
			continue
		}
		if err := req.take(name, v, custom); err != nil {
			return Request{}, about(name, core.AsError(err)) // as it was sent, whatever the row is called
		}
	}
	return req, nil
}

// about names the member of a refusal, and the rule, to programs.
func about(member string, e *core.Error) error {
	rule := "floor.form"
	if isUnbuilt(member) {
		rule = "floor.unsupported_member"
	}
	e.Reasons = []core.Reason{{Rule: rule, Code: e.Code, Fields: []string{core.Clip(member)}, Message: e.Detail, Public: true}}
	return e
}

func (req *Request) take(name string, v strictjson.Value, custom []string) error {
	if row, ok := byName[name]; ok {
		return req.takeRow(row, v)
	}
	if now, ok := otherNames[name]; ok {
		return req.takeRow(byName[now], v)
	}
	if done, err := refuseUnbuilt(name, v); done || err != nil {
		return err
	}
	if slot := req.Control.slot(name); slot != nil {
		if s, isText := v.Text(); !v.IsNull() && !(isText && s == "") {
			*slot = v
		}
		return nil
	}
	if slices.Contains(answerOnly, name) {
		return nil
	}
	if done, err := setTagged(&req.Metadata, name, v); done || err != nil {
		return err
	}
	if choice, ok, err := readChoice(name, v); err != nil {
		return err
	} else if ok {
		req.Choices = append(req.Choices, choice)
	}
	if slices.Contains(custom, name) && !v.IsNull() {
		return setCustom(&req.Metadata, name, v)
	}
	if len(name) > maxName {
		return core.Refuse(core.InvalidClientMetadata, "A member's name is longer than %d bytes.", maxName)
	}
	req.Extra = append(req.Extra, strictjson.Member{Name: name, Value: v})
	return nil
}

// takeRow takes a member of the table, by whatever name it was sent.
func (req *Request) takeRow(row *Row, v strictjson.Value) error {
	if slices.Contains(req.Present, row.Name) { // by another name
		return req.sameAgain(row, v)
	}
	if err := row.Set(&req.Metadata, single(row, v)); err != nil {
		return err
	}
	if row.Has(&req.Metadata) {
		req.Present = append(req.Present, row.Name)
	}
	return nil
}

// sameAgain holds that a member that was sent by two names has one value.
func (req *Request) sameAgain(row *Row, v strictjson.Value) error {
	var sent core.Metadata
	if err := row.Set(&sent, single(row, v)); err != nil {
		return err
	}
	if row.Has(&sent) && !row.same(&sent, &req.Metadata) {
		return refuse(core.InvalidClientMetadata, row.Name, "%s was sent by another name too (%s), with another value; send one of them.", row.Name, otherNamesOf(row.Name))
	}
	return nil
}

// otherNames are names that others have for members of the table.
var otherNames = map[string]string{ // Janssen's
	"require_par": "require_pushed_authorization_requests", "refreshTokenLifetime": "refresh_token_lifetime",
	"includeClaimsInIdToken": "include_claims_in_id_token", "jansInclClaimsInIdTkn": "include_claims_in_id_token",
}

func otherNamesOf(name string) string {
	var others []string
	for other, row := range otherNames {
		if row == name {
			others = append(others, other)
		}
	}
	slices.Sort(others)
	return strings.Join(others, ", ")
}

// single takes the one address out of an array: older Janssen writes this member so.
func single(row *Row, v strictjson.Value) strictjson.Value {
	if row.Name != "backchannel_logout_uri" {
		return v
	}
	switch list, ok := v.Strings(); {
	case ok && len(list) == 0:
		return strictjson.Null()
	case ok && len(list) == 1:
		return strictjson.String(list[0])
	}
	return v
}

const (
	maxName   = 128
	maxTagged = 50
)

// TaggedRow finds the human-readable member that a name is a translation of: client_name for client_name#fr.
func TaggedRow(name string) (*Row, bool) {
	base, _, found := strings.Cut(name, "#")
	row, ok := byName[base]
	return row, found && ok && row.Tagged
}

// canonicalName gives a member's name with its language tag in the one form that all spellings of it have.
func canonicalName(name string) string {
	if row, ok := TaggedRow(name); ok {
		return row.Name + "#" + oauth.CanonicalLanguage(name[len(row.Name)+1:])
	}
	return name
}

// onceTranslated refuses two translations into one language: the case of a tag says nothing (BCP 47).
func onceTranslated(doc strictjson.Value) error {
	var sent map[string]string
	for name := range doc.All() {
		if !strings.Contains(name, "#") {
			continue
		}
		if _, ok := TaggedRow(name); !ok {
			continue
		}
		if sent == nil {
			sent = make(map[string]string)
		}
		one := canonicalName(name)
		if other, twice := sent[one]; twice {
			return refuse(core.InvalidClientMetadata, one, "%s and %s are for the same language, whatever the case of the tag (BCP 47); send one of them.", core.Clip(other), core.Clip(name))
		}
		sent[one] = name
	}
	return nil
}

// Patched gives a client's document as a merge patch (RFC 7396) changes it. The patch may spell language tags in another case. With
// an algorithm by which keys are encrypted goes how contents are, unless the patch says that itself.
func Patched(m *core.Metadata, patch strictjson.Value) (strictjson.Value, error) {
	if err := onceTranslated(patch); err != nil {
		return strictjson.Value{}, err
	}
	members := patch.Members()
	for i := range members {
		members[i].Name = canonicalName(members[i].Name)
	}
	changed := strictjson.Object(members...)
	return withoutContents(strictjson.MergePatch(Document(m), changed), changed), nil
}

// setTagged takes name#tag of a human-readable member (RFC 7591 §2.2).
func setTagged(m *core.Metadata, name string, v strictjson.Value) (bool, error) {
	row, ok := TaggedRow(name)
	if !ok {
		return false, nil
	}
	if tag := name[len(row.Name)+1:]; !validTag(tag) {
		return true, refuse(core.InvalidClientMetadata, row.Name, "%s has no valid language tag after the # (BCP 47).", row.Name)
	}
	name = canonicalName(name)
	s, isText := v.Text()
	switch {
	case v.IsNull() || isText && s == "":
		delete(m.Tagged, name)
		return true, nil
	case !isText:
		return true, refuse(core.InvalidClientMetadata, name, "%s must be a string, not %s.", name, v.Kind())
	case len(s) > maxText:
		return true, refuse(core.InvalidClientMetadata, name, "%s is longer than %d bytes.", name, maxText)
	case len(m.Tagged) >= maxTagged:
		return true, core.Refuse(core.InvalidClientMetadata, "More than %d members with language tags.", maxTagged)
	}
	if m.Tagged == nil {
		m.Tagged = make(map[string]string)
	}
	m.Tagged[name] = s
	return true, nil
}

// Translate sets a translation, as client_name#fr is one; null and the empty text take it away. Who shares the present translations
// keeps them.
func Translate(m *core.Metadata, name string, v strictjson.Value) error {
	m.Tagged = maps.Clone(m.Tagged)
	_, err := setTagged(m, name, v)
	return err
}

func validTag(tag string) bool {
	if tag == "" || len(tag) > 35 || tag[0] == '-' || tag[len(tag)-1] == '-' {
		return false
	}
	for i := 0; i < len(tag); i++ {
		c := tag[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

func setCustom(m *core.Metadata, name string, v strictjson.Value) error {
	text := string(strictjson.Append(nil, v))
	if len(text) > maxText {
		return refuse(core.InvalidClientMetadata, core.Clip(name), "%s is longer than %d bytes.", core.Clip(name), maxText)
	}
	if m.Custom == nil {
		m.Custom = make(map[string]string)
	}
	m.Custom[name] = text
	return nil
}
