package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/plugins"
	"github.com/ostiary/ostiary/storage"
)

// plugged is what the operators' API sees of the plugins.
type plugged struct {
	host *plugins.Host
	kept *storage.PluginKV
	log  *slog.Logger
}

// pluginStatus is one row of the answer of /api/admin/plugins.
type pluginStatus struct {
	Name      string                     `json:"name"`
	Version   string                     `json:"version"`
	Digest    string                     `json:"digest,omitempty"`
	State     plugins.State              `json:"state"`
	Hooks     []hook.Point               `json:"hooks"`
	Priority  map[hook.Point]int         `json:"priority,omitempty"`
	Signature *pluginSignature           `json:"signature,omitempty"` // absent: nobody who is known signed it
	Fail      plugins.FailPolicy         `json:"fail,omitempty"`
	Required  bool                       `json:"required,omitempty"` // what it guards is refused unless it is asked
	Declared  string                     `json:"declared,omitempty"` // the set of declarations that binds it
	Asked     strictjson.Value           `json:"asked"`
	Granted   strictjson.Value           `json:"granted"`
	Missing   []string                   `json:"missing,omitempty"`  // what it, or the version that waits, was not granted
	Change    *pluginChange              `json:"change,omitempty"`   // what an approval of that would change
	Waiting   *pluginWaiting             `json:"waiting,omitempty"`  // a newer version that waits for approval
	Approval  *pluginApproval            `json:"approval,omitempty"` // what an operator approved
	Limits    *pluginLimits              `json:"limits,omitempty"`
	Breaker   pluginBreaker              `json:"breaker"`
	Instances int                        `json:"instances"`
	Calls     uint64                     `json:"calls"` // since the server's start, as all that follows
	Outcomes  map[plugins.Outcome]uint64 `json:"outcomes,omitempty"`
	Faults    map[string]uint64          `json:"faults,omitempty"` // by kind
	Fuel      pluginFuel                 `json:"fuel"`
	LastFault *pluginFault               `json:"last_fault,omitempty"`
	Error     string                     `json:"error,omitempty"`
	Since     time.Time                  `json:"since,omitzero"`
}

type pluginSignature struct {
	Publisher string `json:"publisher"`
}

type pluginChange struct {
	New     []string `json:"new"`     // what it would have more
	Dropped []string `json:"dropped"` // what it asks for no longer
}

type pluginWaiting struct {
	Version string           `json:"version"`
	Digest  string           `json:"digest"`
	Asked   strictjson.Value `json:"asked"`
}

type pluginApproval struct {
	Asked   strictjson.Value `json:"asked"`
	Version string           `json:"version"`
	Digest  string           `json:"digest"`
	By      core.Subject     `json:"by"`
	At      time.Time        `json:"at"`
}

type pluginLimits struct {
	MemoryMiB   int   `json:"memory_mib"`
	Fuel        int64 `json:"fuel"`
	WallMS      int64 `json:"wall_ms"`
	OutputBytes int   `json:"output_bytes"`
	LogLines    int   `json:"log_lines"`
	HTTPCalls   int   `json:"http_calls"`
	AtOnce      int   `json:"at_once"`
}

type pluginBreaker struct {
	State plugins.BreakerState `json:"state"`
	Until time.Time            `json:"until,omitzero"`
	For   int                  `json:"callers,omitempty"` // by their addresses, that it is not asked for; absent with an open one: for all
}

type pluginFuel struct {
	P50 uint64 `json:"p50"` // of the latest calls
	Max uint64 `json:"max"`
}

type pluginFault struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

type pluginList struct {
	Items []pluginStatus `json:"items"`
}

func pluginStatusOf(s *plugins.Status) pluginStatus {
	out := pluginStatus{
		Name: s.Name, Version: s.Version, Digest: s.Digest, State: s.State, Hooks: s.Hooks, Priority: s.Priority, Fail: s.Fail, Required: s.Required, Declared: s.Declared, Asked: s.Asked,
		Granted: s.Granted, Missing: s.Missing, Breaker: pluginBreaker{s.Breaker, s.Until, s.KeptFrom}, Instances: s.Instances, Outcomes: s.Stats.Calls,
		Faults: s.Stats.Faults, Fuel: pluginFuel{s.Stats.FuelP50, s.Stats.FuelMax}, Error: s.Error, Since: s.Since,
	}
	if s.Publisher != "" {
		out.Signature = &pluginSignature{s.Publisher}
	}
	if c := s.Change; c != nil {
		out.Change = &pluginChange{New: append([]string{}, c.New...), Dropped: append([]string{}, c.Dropped...)}
	}
	if s.Next != nil {
		next := pluginWaiting(*s.Next)
		out.Waiting = &next
	}
	if s.Approval != nil {
		approval := pluginApproval(*s.Approval)
		out.Approval = &approval
	}
	if l := s.Limits; l != (plugins.Allowance{}) {
		out.Limits = &pluginLimits{l.MemoryMiB, l.Fuel, l.Wall.Milliseconds(), l.OutputBytes, l.LogLines, l.HTTPCalls, l.AtOnce}
	}
	for _, n := range s.Stats.Calls {
		out.Calls += n
	}
	if !s.Stats.LastAt.IsZero() {
		out.LastFault = &pluginFault{s.Stats.LastAt, s.Stats.LastFault}
	}
	return out
}

// wrongWith tells what an operator should look at; empty: nothing.
func wrongWith(s *plugins.Status) string {
	wrong := troubleOf(s)
	if wrong != "" && s.Required && s.State != plugins.Live {
		wrong += refusedWithout
	}
	return wrong
}

// refusedWithout is what the absence of a required plugin means.
const refusedWithout = "; it is required, so what it guards is answered 503 until it is live"

func troubleOf(s *plugins.Status) string {
	switch {
	case s.Error != "":
		return s.Error
	case s.Next != nil:
		return "version " + s.Next.Version + " waits for approval of: " + strings.Join(s.Missing, ", ")
	case s.State == plugins.Waiting:
		return "it waits for approval of: " + strings.Join(s.Missing, ", ")
	case s.Breaker == plugins.BreakerOpen && s.KeptFrom > 0:
		return "it failed too often for " + counted(s.KeptFrom, "caller") + " and is not asked for them now: " + s.Stats.LastFault
	case s.Breaker == plugins.BreakerOpen:
		return "it failed too often and is not asked for now: " + s.Stats.LastFault
	}
	return ""
}

func (p plugged) statuses() []pluginStatus {
	items := []pluginStatus{}
	for _, s := range p.host.Status() {
		items = append(items, pluginStatusOf(&s))
	}
	return items
}

// List implements admin.Plugins.
func (p plugged) List() any { return pluginList{p.statuses()} }

// Show implements admin.Plugins.
func (p plugged) Show(name string) (any, bool) {
	for _, s := range p.statuses() {
		if s.Name == name {
			return s, true
		}
	}
	return nil, false
}

// Approve implements admin.Plugins.
func (p plugged) Approve(ctx context.Context, name string, by core.Subject, asked strictjson.Value) error {
	return p.host.Approve(ctx, name, by, asked)
}

// Revoke implements admin.Plugins.
func (p plugged) Revoke(ctx context.Context, name string, by core.Subject) error {
	return p.host.Revoke(ctx, name, by)
}
