package registration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An initial access token may say what it is good for. No plugin and no policy gives a client more than its token does, neither
// when it registers nor when it changes itself later: the registration access token inherits the terms. Only operators go beyond,
// and what they gave, the client may keep.

// terms are those that hold the caller; nil: none.
func (j *judgement) terms() *core.Terms {
	t := &j.before.Client.Provenance.Terms
	switch {
	case j.caller.Kind == KindOperator:
		return nil
	case j.kept != nil:
		t = &j.kept.IAT.Terms
	case j.held != nil:
		t = &j.held.Token.Terms
	}
	if t.IsZero() {
		return nil
	}
	return t
}

// bounds refuses a draft that goes beyond what the caller's credential allows. It leaves a row in the entry where there are terms, or
// something to refuse.
func (j *judgement) bounds(context.Context) error {
	if j.stored { // operators may have given it more
		return nil
	}
	start, terms := time.Now(), j.terms()
	found := append(append(j.proven(), j.canComeBack()...), j.attested()...)
	if terms != nil {
		found = append(found, j.beyond(terms)...)
	}
	if terms == nil && len(found) == 0 {
		return nil
	}
	err := refusal(found)
	j.add(ledger.Stage{Stage: "bounds", By: ledger.By{Kind: "core", Name: j.tokenID()}}, start, err)
	return err
}

// tokenID names the token that laid down the terms.
func (j *judgement) tokenID() string {
	switch {
	case j.kept != nil:
		return string(j.kept.IAT.ID)
	case j.held != nil:
		return string(j.held.Token.ID)
	}
	return string(j.before.Client.Provenance.IAT)
}

// beyond lists what of the draft the terms do not allow. What the client has already, an operator let it have.
func (j *judgement) beyond(terms *core.Terms) []core.Reason {
	var found []core.Reason
	before := &j.before.Client.Metadata
	if excess := beyondScopes(terms, without(j.draft.Scope, before.Scope...)); len(excess) > 0 {
		found = append(found, outside("scopes", core.InvalidScope, "scope", "scope has %s, which the initial access token does not allow; it allows: %s.",
			core.Clip(strings.Join(excess, " ")), core.Clip(strings.Join(terms.Scopes, " "))))
	}
	for _, member := range []string{"redirect_uris", "post_logout_redirect_uris"} {
		row, _ := metadata.Lookup(member)
		for _, raw := range without(row.List(&j.draft), row.List(before)...) {
			if !allowsHost(terms, oauth.ParseURI(raw)) {
				found = append(found, outside("redirect_hosts", row.Code, member, "%s: %q is not at a host that the initial access token allows; it allows: %s.",
					member, core.Clip(raw), core.Clip(strings.Join(terms.RedirectHosts, ", "))))
			}
		}
	}
	id := j.draft.SoftwareID
	if len(terms.SoftwareIDs) > 0 && !slices.Contains(terms.SoftwareIDs, id) && (id == "" || id != before.SoftwareID) {
		found = append(found, outside("software_ids", core.InvalidClientMetadata, "software_id", "software_id %q is not one that the initial access token allows; it allows: %s.",
			core.Clip(id), core.Clip(strings.Join(terms.SoftwareIDs, ", "))))
	}
	return found
}

func outside(rule string, code core.Code, field, format string, args ...any) core.Reason {
	return core.Reason{Rule: "iat." + rule, Code: code, Fields: []string{field}, Message: fmt.Sprintf(format, args...), Public: true}
}

// beyondScopes gives those that the terms do not allow.
func beyondScopes(terms *core.Terms, scopes []string) []string {
	if terms == nil || len(terms.Scopes) == 0 {
		return nil
	}
	return without(scopes, terms.Scopes...)
}

// allowsHost looks for the host of a web address. What follows a private-use scheme is none, however it looks: the scheme says who
// is sent there.
func allowsHost(terms *core.Terms, uri oauth.URI) bool {
	return len(terms.RedirectHosts) == 0 || uri.Class != oauth.ClassPrivateScheme && slices.ContainsFunc(terms.RedirectHosts, func(pattern string) bool {
		matches, err := oauth.HostMatches(uri.Host, pattern)
		return err == nil && matches
	})
}

// fromOrigin holds the caller to the pages that may present the token. Who sends no Origin is none of them.
func (j *judgement) fromOrigin() error {
	terms := j.terms()
	if terms == nil || len(terms.Origins) == 0 || slices.Contains(terms.Origins, j.caller.Origin) {
		return nil
	}
	return refusal([]core.Reason{{
		Rule: "iat.origins", Code: core.AccessDenied, Public: true,
		Message: "The initial access token is for pages of " + core.Clip(strings.Join(terms.Origins, ", ")) + ": the request must come from one of them, with its Origin.",
	}})
}

// narrowDefaults lets a client that named no scope have what of the defaults its token allows.
func (j *judgement) narrowDefaults() {
	if excess := beyondScopes(j.terms(), j.draft.Scope); len(excess) > 0 {
		j.draft.Scope = without(j.draft.Scope, excess...)
	}
}

// told gives terms as plugins are told them: of what they say nothing about there is no member, and nothing at all when they say
// nothing.
func told(t *core.Terms) strictjson.Value {
	if t.IsZero() {
		return strictjson.Value{}
	}
	said := strictjson.Object()
	for _, list := range []struct {
		name  string
		items []string
	}{{"scopes", t.Scopes}, {"redirect_hosts", t.RedirectHosts}, {"software_ids", t.SoftwareIDs}, {"origins", t.Origins}} {
		if len(list.items) > 0 {
			said = said.With(list.name, strictjson.Strings(list.items))
		}
	}
	if data, err := strictjson.Parse([]byte(t.PolicyData), strictjson.Stored); err == nil {
		said = said.With("policy_data", data)
	}
	return said
}
