package registration

import (
	"context"
	"crypto/subtle"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// normalise makes one draft of the request, the statement, the profile and the defaults, in this order of strength:
// statement of a trusted issuer, request, profile, default.
func (j *judgement) normalise(ctx context.Context) error {
	if err := j.chooseProfile(); err != nil {
		return err
	}
	if err := j.checkControl(); err != nil {
		return err
	}
	j.draft = j.asked.Metadata
	if err := j.applyStatement(); err != nil {
		return err
	}
	if err := j.keepLocked(); err != nil {
		return err
	}
	if err := j.rebind(ctx); err != nil {
		return err
	}
	if err := j.choose(); err != nil {
		return err
	}
	if err := j.keepGrantTypes(); err != nil {
		return err
	}
	if err := j.chooseLife(); err != nil {
		return err
	}
	j.applyProfile()
	if err := j.applyMembers(); err != nil {
		return err
	}
	j.grantByStatement()
	some, all := ofPrograms(j.draft.RedirectURIs)
	if said := j.draft.ApplicationType; said == "" && some || said == "web" && all {
		j.draft.ApplicationType = "native"
	}
	applyDefaults(&j.draft)
	return nil
}

// keep is normalise for operations without a document: the draft is the client as it is.
func (j *judgement) keep(context.Context) error {
	j.locked = j.before.Client.Locked
	j.keepProfile()
	return nil
}

func (j *judgement) keepProfile() {
	profile, err := j.site.profile(orDefault(j.before.Client.Provenance.Profile))
	if err != nil {
		profile = Profile{Name: j.before.Client.Provenance.Profile} // a profile that was removed still names its clients
	}
	j.profile = profile
}

// chooseProfile: an update keeps the client's; a token may fix it; else client_profile names it; else it is the default.
func (j *judgement) chooseProfile() error {
	if j.req.Operation == core.Update {
		j.keepProfile()
		return nil
	}
	asked := j.req.Profile
	if j.req.Channel == core.ChannelDocument {
		asked = j.site.Documents.Profile
	}
	if v := j.asked.Control.Profile; !v.IsAbsent() {
		name, ok := v.Text()
		if !ok {
			return core.Refuse(core.InvalidClientMetadata, "client_profile must be a string, not %s.", v.Kind())
		}
		asked = name
	}
	if j.held != nil && j.held.Token.Profile != "" {
		if asked != "" && asked != j.held.Token.Profile {
			return core.Refuse(core.InvalidClientMetadata, "client_profile %q is not what the initial access token is for: leave it out or send %q.", core.Clip(asked), j.held.Token.Profile)
		}
		asked = j.held.Token.Profile
	}
	profile, err := j.site.profile(orDefault(asked))
	j.profile = profile
	return err
}

func orDefault(profile string) string {
	if profile == "" {
		return DefaultProfile
	}
	return profile
}

// checkControl judges the members that name the registration (RFC 7592 §2.2). Who comes with an access token of its own manages itself
// in another way than by RFC 7592, as the open banking standards of the UK have it, and need not send its client_id.
func (j *judgement) checkControl() error {
	c := j.asked.Control
	if j.req.Operation == core.Register {
		return nil // client_id is for approve; the others mean nothing yet
	}
	id, isText := c.ClientID.Text()
	switch {
	case c.ClientID.IsAbsent() && !j.req.Merge && j.req.Channel == core.ChannelManage && j.caller.Kind != KindClient:
		return core.Refuse(core.InvalidRequest, "client_id is missing: an update must carry it (RFC 7592 section 2.2).")
	case !c.ClientID.IsAbsent() && (!isText || core.ClientID(id) != j.req.ClientID):
		return core.Refuse(core.InvalidRequest, "client_id is not that of the client being updated; it cannot be changed.")
	case !c.ClientSecret.IsAbsent() && !j.isSecret(c.ClientSecret):
		return core.Refuse(core.InvalidRequest, "client_secret does not match; leave it out, it cannot be chosen.")
	}
	for _, own := range j.ownMembers() {
		if !own.sent.IsAbsent() && !strictjson.Equal(own.sent, own.have) {
			return core.Refuse(core.InvalidRequest, "%s cannot be changed; leave it out (RFC 7592 section 2.2).", own.name)
		}
	}
	return nil
}

type ownMember struct {
	name       string
	sent, have strictjson.Value
}

// ownMembers pairs what an update sent of our own members with what they are.
func (j *judgement) ownMembers() []ownMember {
	c := j.asked.Control
	var expires int64
	if s := j.before.Credentials.Secrets; len(s) > 0 && !s[0].ExpiresAt.IsZero() {
		expires = s[0].ExpiresAt.Unix()
	}
	return []ownMember{
		{"client_secret_expires_at", c.ClientSecretExpiresAt, strictjson.Int(expires)},
		{"client_id_issued_at", c.ClientIDIssuedAt, strictjson.Int(j.before.Client.IssuedAt.Unix())},
		{"registration_access_token", c.RegistrationToken, strictjson.String(j.req.Credential.Bearer.Reveal())},
		{"registration_client_uri", c.RegistrationURI, strictjson.String(j.desk.clientURI(j.req.ClientID))},
		{"client_profile", c.Profile, strictjson.String(orDefault(j.before.Client.Provenance.Profile))},
	}
}

func (j *judgement) isSecret(v strictjson.Value) bool {
	s, ok := v.Text()
	if !ok {
		return false
	}
	hash := []byte(core.Secret(s).Hash().String())
	found := 0
	for i, kept := range j.before.Credentials.Secrets {
		if i > 0 && !kept.ExpiresAt.IsZero() && !j.now.Before(kept.ExpiresAt) {
			continue // it was rotated, and its time beside the new one is over
		}
		found |= subtle.ConstantTimeCompare([]byte(kept.Hash), hash)
	}
	return found == 1 || slices.ContainsFunc(j.before.Credentials.Secrets, func(k core.StoredSecret) bool {
		return k.Alg != "sha256" && j.desk.keeps(k, SuppliedSecret{Clear: core.Secret(s)})
	})
}

// applyStatement lets the claims of a trusted issuer override the request and locks them (RFC 7591 §2.3).
func (j *judgement) applyStatement() error {
	if j.statement.Trust != TrustIssuer {
		return nil
	}
	stated, err := metadata.Parse(j.vouchedBy.Terms.stated(j.statement.Claims), nil)
	if err != nil {
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement: %s", core.AsError(err).Detail)
	}
	sent := j.draft
	for _, name := range stated.Present {
		if row, _ := metadata.Lookup(name); !row.Fixed {
			row.Copy(&j.draft, &stated.Metadata)
			j.locked = append(j.locked, name)
		}
	}
	j.keepTagged(stated.Metadata.Tagged)
	j.stateChoices(stated.Choices)
	j.tellOverridden(&sent)
	return nil
}

// tellOverridden warns of members that were sent and that the statement gave other values.
func (j *judgement) tellOverridden(sent *core.Metadata) {
	overridden := metadata.Changed(sent, &j.draft)
	overridden = slices.DeleteFunc(overridden, func(name string) bool { return !slices.Contains(j.asked.Present, name) })
	if len(overridden) > 0 {
		j.warnings = append(j.warnings, core.Reason{
			Rule: "statement", Fields: overridden, Public: true,
			Message: "The software statement fixes " + strings.Join(overridden, ", ") + ": what was sent was not taken over (RFC 7591 section 2.3).",
		})
	}
}

// keepTagged lets what is locked have the given translations and no others.
func (j *judgement) keepTagged(tagged map[string]string) {
	kept := make(map[string]string)
	for name, text := range tagged {
		if j.isLocked(name) {
			kept[name] = text
		}
	}
	for name, text := range j.draft.Tagged {
		if !j.isLocked(name) {
			kept[name] = text
		}
	}
	j.draft.Tagged = kept
}

// isLocked tells it of a member and of its translations.
func (j *judgement) isLocked(name string) bool {
	base, _, _ := strings.Cut(name, "#")
	return slices.Contains(j.locked, base)
}

// keepLocked holds an update to what a software statement fixed, unless it brings one of the same issuer.
func (j *judgement) keepLocked() error {
	before := &j.before.Client
	same := j.statement.Trust == TrustIssuer && j.statement.Issuer == before.Provenance.StatementIssuer
	if same || len(before.Locked) == 0 {
		return nil
	}
	sent := j.draft
	j.locked = append(slices.Clone(before.Locked), without(j.locked, before.Locked...)...)
	for _, name := range before.Locked {
		if row, ok := metadata.Lookup(name); ok {
			row.Copy(&j.draft, &before.Metadata)
		}
	}
	j.keepTagged(before.Metadata.Tagged)
	kept := metadata.Document(&j.draft)
	for _, m := range metadata.Write(&sent) {
		if now, _ := kept.Get(m.Name); !strictjson.Equal(m.Value, now) {
			return core.Refuse(core.InvalidClientMetadata, "%s was fixed by the software statement and cannot be changed without it.", m.Name)
		}
	}
	if j.draft.SoftwareStatement == "" {
		j.draft.SoftwareStatement = before.Metadata.SoftwareStatement
	}
	return nil
}

func (j *judgement) applyProfile() {
	m, p := &j.draft, j.profile
	fillText(&m.TokenEndpointAuthMethod, p.TokenEndpointAuthMethod)
	fillText(&m.IDTokenSignedResponseAlg, p.IDTokenSignedAlg)
	fillList(&m.GrantTypes, p.GrantTypes)
	fillList(&m.ResponseTypes, p.ResponseTypes)
	if m.Scope == nil {
		fillList(&m.Scope, p.DefaultScopes)
		fillList(&m.Scope, j.site.Policy.DefaultScopes)
		j.narrowDefaults()
	}
}

// applyDefaults gives what the specifications give to an absent member (RFC 7591 §2, OpenID Connect Registration §2).
func applyDefaults(m *core.Metadata) {
	fillText(&m.TokenEndpointAuthMethod, string(oauth.AuthClientSecretBasic))
	fillList(&m.GrantTypes, []string{string(oauth.GrantAuthorizationCode)})
	if m.ResponseTypes == nil {
		m.ResponseTypes = []string{}
		if slices.Contains(m.GrantTypes, string(oauth.GrantAuthorizationCode)) {
			m.ResponseTypes = []string{string(oauth.ResponseCode)}
		}
	}
	fillText(&m.ApplicationType, "web")
	fillText(&m.SubjectType, "public")
	fillText(&m.IDTokenSignedResponseAlg, "RS256")
	metadata.FillEncryptions(m)
}

// ofPrograms tells whether some and whether all redirect URIs are such as only a program on the person's own machine has (RFC 8252
// §7). Who has some and does not say what it is, is a native application: those may have https ones, too (§7.2).
func ofPrograms(redirects []string) (some, all bool) {
	all = len(redirects) > 0
	for _, raw := range redirects {
		switch oauth.ParseURI(raw).Class {
		case oauth.ClassLoopbackHTTP, oauth.ClassPrivateScheme:
			some = true
		default:
			all = false
		}
	}
	return some, all
}

func fillText(to *string, value string) {
	if *to == "" {
		*to = value
	}
}

func fillList(to *[]string, value []string) {
	if *to == nil && len(value) > 0 {
		*to = slices.Clone(value)
	}
}
