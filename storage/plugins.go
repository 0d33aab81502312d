package storage

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Plugins keeps what is remembered of plugins: the version that went live last, and what operators approved.
type Plugins struct {
	marks     Table[pluginMark]
	approvals Table[pluginApproval]
}

// pluginMark is the version that went live last.
type pluginMark struct {
	Version string       `json:"version"`
	Hooks   []hook.Point `json:"hooks,omitempty"`
}

type pluginApproval struct {
	Asked   strictjson.Value `json:"asked"`
	Version string           `json:"version"`
	Digest  string           `json:"digest"`
	By      core.Subject     `json:"by"`
	At      time.Time        `json:"at"`
}

// NewPlugins opens what is remembered of the plugins of one issuer. It is sealed: nobody who can only write to the disk approves
// anything.
func NewPlugins(engine Engine, issuer core.IssuerID, ring *seal.Ring) Plugins {
	return Plugins{
		marks:     NewTable[pluginMark](engine, string(issuer), "plugin_mark", 1).Sealed(ring),
		approvals: NewTable[pluginApproval](engine, string(issuer), "plugin_approval", 1).Sealed(ring),
	}
}

// pluginPage is how many records are read at once.
const pluginPage = 100

// Plugins gives everything that is remembered, by the plugin's name.
func (p Plugins) Plugins(ctx context.Context) (map[string]hook.Standing, error) {
	all := map[string]hook.Standing{}
	err := eachPlugin(ctx, p.marks, func(name string, m pluginMark) {
		s := all[name]
		s.Accepted, s.Hooks = m.Version, m.Hooks
		all[name] = s
	})
	if err != nil {
		return nil, asError(err)
	}
	err = eachPlugin(ctx, p.approvals, func(name string, a pluginApproval) {
		s := all[name]
		s.Approval = &hook.Approval{Asked: a.Asked, Version: a.Version, Digest: a.Digest, By: a.By, At: a.At}
		all[name] = s
	})
	return all, asError(err)
}

// eachPlugin reads all records of a table, which are named by plugins.
func eachPlugin[T any](ctx context.Context, t Table[T], take func(name string, value T)) error {
	for after := Key(""); ; {
		records, err := t.engine.Scan(ctx, Range{Prefix: t.Prefix(), After: after, Limit: pluginPage})
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			after = r.Key
			value, err := t.Decode(r)
			if err != nil {
				return err
			}
			if parts := r.Key.Parts(); len(parts) > 0 {
				take(parts[len(parts)-1], value)
			}
		}
	}
}

// Accept remembers the version of a plugin that went live last, and its hooks. It refuses when somebody else has done so since it was read.
func (p Plugins) Accept(ctx context.Context, name, version string, hooks []hook.Point) error {
	_, record, err := p.marks.Get(ctx, name)
	if err != nil {
		return asError(err)
	}
	var op Op
	if record.Version.IsZero() {
		op, err = p.marks.Insert(pluginMark{version, hooks}, time.Time{}, name)
	} else {
		op, err = p.marks.Update(record.Version, pluginMark{version, hooks}, time.Time{}, name)
	}
	if err != nil {
		return asError(err)
	}
	return asError(p.marks.engine.Apply(ctx, op))
}

// Approve remembers what an operator approved, in the place of what was approved before.
func (p Plugins) Approve(ctx context.Context, name string, a hook.Approval) error {
	op, err := p.approvals.Put(pluginApproval(a), time.Time{}, name)
	if err != nil {
		return asError(err)
	}
	return asError(p.approvals.engine.Apply(ctx, op))
}

// Revoke forgets what an operator approved.
func (p Plugins) Revoke(ctx context.Context, name string) error {
	return asError(p.approvals.engine.Apply(ctx, Delete(p.approvals.Key(name), Version{})))
}
