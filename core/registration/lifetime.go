package registration

import (
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// SiteLifetime says how long clients live. Clients that operators registered are left alone by all of it but InRequest.
type SiteLifetime struct {
	Client    time.Duration `yaml:"client" range:"0s..876000h"` // of a client that registers itself; 0: for ever
	InRequest string        `yaml:"in_request"`                 // what the member lifetime of a registration may do: shorter, any, ignored
	Renew     bool          `yaml:"renew"`                      // being used once half of Client is over begins it anew
	NeverUsed time.Duration `yaml:"never_used" range:"0s..876000h"`
	Idle      time.Duration `yaml:"idle" range:"0s..876000h"`
	TrackUse  bool          `yaml:"track_use"`
	ReapEvery time.Duration `yaml:"reap_every" range:"0s..8760h"` // 0: only by command
	ReapBatch int64         `yaml:"reap_batch" range:"1..100000"` // clients looked at in one go

	// RotateToken says when a registration access token gives way to a new one: on_update, always (on reads, too), never.
	RotateToken string `yaml:"rotate_registration_token"`
}

// What may be said of a lifetime in a request.
const (
	lifetimeShorter = "shorter" // than the site's
	lifetimeAny     = "any"
	lifetimeIgnored = "ignored"
)

// When registration access tokens rotate.
const (
	rotateOnUpdate = "on_update"
	rotateAlways   = "always"
	rotateNever    = "never"
)

// minIdle is more than the clock of uses may be wrong by.
const minIdle = 2 * UseInterval

// DefaultLifetime lets clients live, and remembers when they were used.
func DefaultLifetime() SiteLifetime {
	return SiteLifetime{InRequest: lifetimeShorter, TrackUse: true, ReapEvery: time.Hour, ReapBatch: 1000, RotateToken: rotateOnUpdate}
}

func (l SiteLifetime) validate(add func(path, text string)) {
	switch l.InRequest {
	case lifetimeShorter, lifetimeAny, lifetimeIgnored:
	default:
		add("lifetime.in_request", "must be shorter, any or ignored")
	}
	switch l.RotateToken {
	case rotateOnUpdate, rotateAlways, rotateNever:
	default:
		add("lifetime.rotate_registration_token", "must be on_update, always or never")
	}
	if l.Idle > 0 && l.Idle < minIdle {
		add("lifetime.idle", "must be "+minIdle.String()+" or more, or 0s: when a client was used is known to the hour only")
	}
	if l.reaps() && !l.TrackUse {
		add("lifetime.track_use", "must be true for never_used and idle: without it nobody knows what is used")
	}
	if l.Renew && (l.Client == 0 || !l.TrackUse) {
		add("lifetime.renew", "needs client, which it renews, and track_use")
	}
}

// reaps tells whether there is any rule by which clients go.
func (l SiteLifetime) reaps() bool { return l.NeverUsed > 0 || l.Idle > 0 }

// JanssenLifetime holds the properties of Janssen's auth server that are about all this, by their own names.
type JanssenLifetime struct {
	Expiration      *int64 `yaml:"dynamic_registration_expiration_time,camel" range:"-1..3153600000"` // seconds; 0 and -1: never
	ForbidInRequest *bool  `yaml:"dcr_forbid_expiration_time_in_request,camel"`
	PersistConsent  *bool  `yaml:"dynamic_registration_persist_client_authorizations,camel"`
	CleanInterval   *int64 `yaml:"clean_service_interval,camel" range:"-1..31536000"` // seconds; -1: off
	CleanBatch      *int64 `yaml:"clean_service_batch_chunk_size,camel" range:"1..100000"`
	TrackUse        *bool  `yaml:"update_client_access_time,camel"`
	RotateOnUsage   *bool  `yaml:"rotate_client_registration_access_token_on_usage,camel"`
	SecretOnRead    *bool  `yaml:"return_client_secret_on_read,camel"`
	GrantTypeUpdate *bool  `yaml:"enable_client_grant_type_update,camel"`
	TrustedClients  *bool  `yaml:"trusted_client_enabled,camel"` // which are, profiles say
}

// validate refuses what this server does not do, and what is said twice.
func (p JanssenLifetime) validate(own SiteLifetime, add func(path, text string)) {
	if isTrue(p.SecretOnRead) {
		add("return_client_secret_on_read", "is not built: only the hash of a client_secret is kept, so that nobody can read it; give the client a new one with ostiary client rotate-secret")
	}
	usual := DefaultLifetime()
	twice := func(given, differs bool, name, ours string) {
		if given && differs {
			add(name, "says the same as lifetime."+ours+"; leave one of them out")
		}
	}
	twice(p.Expiration != nil, own.Client != usual.Client, "dynamic_registration_expiration_time", "client")
	twice(p.ForbidInRequest != nil, own.InRequest != usual.InRequest, "dcr_forbid_expiration_time_in_request", "in_request")
	twice(p.CleanInterval != nil, own.ReapEvery != usual.ReapEvery, "clean_service_interval", "reap_every")
	twice(p.CleanBatch != nil, own.ReapBatch != usual.ReapBatch, "clean_service_batch_chunk_size", "reap_batch")
	twice(p.TrackUse != nil, own.TrackUse != usual.TrackUse, "update_client_access_time", "track_use")
	twice(p.RotateOnUsage != nil, own.RotateToken != usual.RotateToken, "rotate_client_registration_access_token_on_usage", "rotate_registration_token")
}

// over gives the lifetimes as these properties have them, where they say something.
func (p JanssenLifetime) over(l SiteLifetime) SiteLifetime {
	if p.Expiration != nil {
		l.Client = time.Duration(max(*p.Expiration, 0)) * time.Second
	}
	if p.ForbidInRequest != nil {
		if l.InRequest = lifetimeAny; *p.ForbidInRequest {
			l.InRequest = lifetimeIgnored
		}
	}
	if p.CleanInterval != nil {
		l.ReapEvery = time.Duration(max(*p.CleanInterval, 0)) * time.Second
	}
	if p.CleanBatch != nil {
		l.ReapBatch = *p.CleanBatch
	}
	if p.TrackUse != nil {
		l.TrackUse = *p.TrackUse
	}
	if isTrue(p.RotateOnUsage) {
		l.RotateToken = rotateAlways
	}
	return l
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }

// validateLifetime holds both spellings of the same to the same rules.
func (s *Site) validateLifetime() []config.Problem {
	var problems []config.Problem
	add := func(path, text string) { problems = append(problems, config.Problem{Path: path, Text: text}) }
	s.JanssenLife.validate(s.Lifetime, add)
	s.JanssenLife.over(s.Lifetime).validate(add)
	for name, p := range s.Profiles {
		if p.Trusted && isFalse(s.JanssenLife.TrustedClients) {
			add("trusted_client_enabled", "is false, and client_profiles."+name+" has trusted; leave one of them out")
		}
	}
	for _, name := range s.JanssenMembers.over(s.CustomAttributes) {
		if name == lifetimeMember {
			add("custom_attributes", "has "+lifetimeMember+", which is how a registration says how long it shall last")
		}
	}
	return problems
}

// OwnSubject is in whose name this server's own backend gets the initial access token that it registers with. It is let live.
const OwnSubject core.Subject = "bff"

// lifetimeMember is how a registration says how long it shall last, in seconds.
const lifetimeMember = "lifetime"

// chooseLife says how long a new client lives: as long as it asks for, if it may ask, else as long as the site lets it. Policy
// can make it shorter. Afterwards nobody can ask any more.
func (j *judgement) chooseLife() error {
	own := j.site.Lifetime
	asked, sent, err := askedLifetime(j.asked.Extra)
	switch {
	case !sent:
	case j.req.Operation != core.Register:
		j.adviseLifetime("A lifetime can be asked for only when a client registers; it was not taken over.")
		return nil
	case own.InRequest == lifetimeIgnored && j.caller.Kind != KindOperator:
		j.adviseLifetime("A registration cannot say here how long it lasts; lifetime was not taken over.")
	case err != nil:
		return err
	default:
		j.life = core.Life{Lasts: asked, Asked: true}
	}
	if j.req.Channel != core.ChannelDCR || own.Client == 0 || j.isOwnBackend() {
		return nil
	}
	if !j.life.Asked || own.InRequest != lifetimeAny && own.Client < j.life.Lasts {
		j.life = core.Life{Lasts: own.Client}
	}
	return nil
}

// isOwnBackend tells this server's own backend, which holds an initial access token of its own.
func (j *judgement) isOwnBackend() bool { return j.held != nil && j.held.Token.CreatedBy == OwnSubject }

func askedLifetime(extra []strictjson.Member) (asked time.Duration, sent bool, err error) {
	for _, m := range extra {
		if m.Name != lifetimeMember || m.Value.IsNull() {
			continue
		}
		seconds, ok := m.Value.Int64()
		if !ok || seconds < 1 {
			return 0, true, core.Refuse(core.InvalidClientMetadata, "lifetime must be a whole number of seconds, 1 or more; leave it out for as long as this server lets a client live.")
		}
		return time.Duration(min(seconds, int64(longest/time.Second))) * time.Second, true, nil
	}
	return 0, false, nil
}

func (j *judgement) adviseLifetime(message string) {
	j.warnings = append(j.warnings, core.Reason{Rule: lifetimeMember, Fields: []string{lifetimeMember}, Message: message, Public: true})
}

// lifetimeEnd is when the registration ends, by its own lifetime or by what policy lets it have since it began; zero: never.
func lifetimeEnd(c *core.Client) (end time.Time) {
	if c.Life.Lasts > 0 {
		from := c.Life.From
		if from.IsZero() {
			from = c.IssuedAt
		}
		end = from.Add(c.Life.Lasts)
	}
	if lifetime, ok := limit(c.Governance.Limits, decision.LimitClientLifetime); ok {
		end = earlier(end, c.IssuedAt.Add(lifetime))
	}
	return end
}

// tellEnd says when a registration ends.
func (j *judgement) tellEnd(c *core.Client) {
	if !c.Expires.IsZero() {
		j.warnings = append(j.warnings, core.Reason{
			Rule: lifetimeMember, Public: true, Message: "This registration ends at " + c.Expires.UTC().Format(time.RFC3339) + ".",
		})
	}
}

// keepGrantTypes holds a client to the grant types that it registered, where the site wants that.
func (j *judgement) keepGrantTypes() error {
	if j.req.Operation != core.Update || j.caller.Kind == KindOperator || !isFalse(j.site.JanssenLife.GrantTypeUpdate) {
		return nil
	}
	had := j.before.Client.Metadata.GrantTypes
	if j.draft.GrantTypes == nil {
		j.draft.GrantTypes = slices.Clone(had)
	}
	if !slices.Equal(slices.Sorted(slices.Values(had)), slices.Sorted(slices.Values(j.draft.GrantTypes))) {
		return core.Refuse(core.InvalidClientMetadata, "grant_types cannot be changed here; register another client, or ask an operator.")
	}
	return nil
}

// forgetConsent demands consent every time of a client that registered itself, where the site wants that.
func (j *judgement) forgetConsent(c *core.Client) {
	if c.Provenance.Channel != core.ChannelDCR || !isFalse(j.site.JanssenLife.PersistConsent) || c.Governance.Obliges(decision.ObligeConsentAlways) {
		return
	}
	c.Governance.Obligations = append(slices.Clone(c.Governance.Obligations),
		core.Obligation{Name: decision.ObligeConsentAlways, Rule: "dynamic_registration_persist_client_authorizations"})
}

// longest keeps a limit within what a time can hold.
const longest = 100 * 365 * 24 * time.Hour

// limit gives a limit that policy set.
func limit(limits map[string]int64, name string) (time.Duration, bool) {
	seconds, ok := limits[name]
	return time.Duration(min(seconds, int64(longest/time.Second))) * time.Second, ok
}
