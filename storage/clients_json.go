package storage

import (
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

// What every registration writes, written without reflection. A test holds each to what encoding/json makes of its fields.

func (f *clientForm) AppendJSON(dst []byte) ([]byte, error) {
	r := strictjson.RecordTo(dst)
	r.Begin('{')
	r.Text("id", string(f.ID))
	r.Value("metadata", f.Metadata)
	r.TextsIf("custom", f.Custom)
	r.Time("issued_at", f.IssuedAt)
	r.Time("updated_at", f.UpdatedAt)
	r.TimeIf("expires", f.Expires)
	f.recordLife(r)
	r.Text("channel", string(f.Channel))
	r.TextIf("iat", string(f.IAT))
	r.TextIf("iat_label", f.IATLabel)
	f.IATTerms.record(r)
	r.TextIf("profile", f.Profile)
	r.TextIf("statement_issuer", f.Statement)
	r.TextIf("statement_entry", f.Entry)
	r.Text("registered_by", string(f.Registered))
	r.Text("written_by", string(f.Written))
	r.TextIf("approved_by", string(f.Approved))
	r.TextIf("revision", f.Revision)
	r.TextIf("declared", f.Declared)
	if f.Shared {
		r.Bool("shared", true)
	}
	f.recordPlugins(r)
	r.TextsIf("locked", f.Locked)
	r.Uint("generation", f.Generation)
	f.recordGovernance(r)
	r.End('}')
	return r.Bytes()
}

func (f *termsForm) record(r *strictjson.Record) {
	if f.IsZero() {
		return
	}
	r.Key("iat_terms")
	r.Begin('{')
	r.TextsIf("scopes", f.Scopes)
	r.TextsIf("redirect_hosts", f.RedirectHosts)
	r.TextsIf("software_ids", f.SoftwareIDs)
	r.TextsIf("origins", f.Origins)
	r.TextIf("policy_data", f.PolicyData)
	r.End('}')
}

func (f *clientForm) recordLife(r *strictjson.Record) {
	if f.Lasts != 0 {
		r.Int("lasts", f.Lasts)
	}
	if f.Asked {
		r.Bool("lasts_as_asked", true)
	}
	r.TimeIf("renewed_at", f.Renewed)
}

func (f *clientForm) recordPlugins(r *strictjson.Record) {
	if len(f.Plugins) == 0 {
		return
	}
	r.Key("plugins")
	r.Begin('[')
	for _, p := range f.Plugins {
		r.Begin('{')
		r.Text("name", p.Name)
		r.Text("digest", p.Digest)
		r.End('}')
	}
	r.End(']')
}

func (f *clientForm) recordGovernance(r *strictjson.Record) {
	if len(f.Require) > 0 {
		r.Key("obligations")
		r.Begin('[')
		for _, o := range f.Require {
			r.Begin('{')
			r.Text("name", o.Name)
			r.TextIf("params", o.Params)
			r.Text("rule", o.Rule)
			r.End('}')
		}
		r.End(']')
	}
	if len(f.Limits) > 0 {
		r.Key("limits")
		r.Begin('{')
		for _, name := range slices.Sorted(maps.Keys(f.Limits)) {
			r.Int(name, f.Limits[name])
		}
		r.End('}')
	}
	r.TextsIf("labels", f.Labels)
	r.TextIf("trust", f.Trust)
}

func (f *credentialsForm) AppendJSON(dst []byte) ([]byte, error) {
	r := strictjson.RecordTo(dst)
	r.Begin('{')
	if len(f.Secrets) > 0 {
		r.Key("secrets")
		r.Begin('[')
		for _, s := range f.Secrets {
			r.Begin('{')
			r.Text("alg", s.Alg)
			r.Text("hash", s.Hash)
			r.TimeIf("created_at", s.CreatedAt)
			r.TimeIf("expires_at", s.ExpiresAt)
			r.TextIf("from", s.From)
			r.End('}')
		}
		r.End(']')
	}
	if len(f.Registration) > 0 {
		r.Key("registration")
		r.Begin('[')
		for _, t := range f.Registration {
			r.Begin('{')
			r.Text("hash", t.Hash)
			r.TimeIf("valid_until", t.ValidUntil)
			r.End('}')
		}
		r.End(']')
	}
	r.End('}')
	return r.Bytes()
}

// stagesForm are the rows of an entry's shaping.
type stagesForm []ledger.Stage

func (f *stagesForm) AppendJSON(dst []byte) ([]byte, error) { return ledger.AppendStages(dst, *f) }

var _, _, _, _ appender = (*clientForm)(nil), (*credentialsForm)(nil), (*stagesForm)(nil), (*ledger.Entry)(nil)
