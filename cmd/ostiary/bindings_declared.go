package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/plugins"
	"github.com/ostiary/ostiary/storage"
)

// Bindings of plugins that were declared come into force here. They need no rules: where those cannot be used, plugins are bound
// all the same.

// bind puts the bindings of all sets in force, and nothing that was declared before.
func (r *rules) bind(ctx context.Context) error {
	r.binding.Lock()
	defer r.binding.Unlock()
	sets, err := r.sets.Sets(ctx)
	if err != nil {
		return fmt.Errorf("declarations: %w", err)
	}
	return r.host.Bind(ctx, r.bindingsOf(sets))
}

// bindingsOf reads what sets say of plugins. It was read before it was stored; what cannot be read any more keeps its plugin, and
// what that guards, from going on.
func (r *rules) bindingsOf(sets map[string]storage.DeclaredSet) map[string]plugins.Binding {
	all := map[string]plugins.Binding{}
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		of, _ := sets[set].Document.Get(declared.KindBindings)
		for name, v := range of.All() {
			read, err := plugins.ReadDeclared(set, declared.KindBindings, strictjson.Object(strictjson.Member{Name: name, Value: v}))
			b := read[name]
			if err != nil {
				r.log.Error("a declared binding of a plugin cannot be read; the plugin is not asked, and what it guards is refused", "plugin", name, "set", set, "error", err)
				b = plugins.Unreadable(set)
			}
			if _, twice := all[name]; !twice {
				all[name] = b
			}
		}
	}
	return all
}

// tryBindings tells all that is wrong with the bindings that an order names.
func (r *rules) tryBindings(order admin.SetOrder, sets map[string]storage.DeclaredSet) error {
	of, _ := order.Document.Get(declared.KindBindings)
	all, err := plugins.ReadDeclared(order.Set, declared.KindBindings, of)
	if err != nil {
		return err
	}
	var wrong config.Problems
	for _, name := range slices.Sorted(maps.Keys(all)) {
		found := r.host.Vet(name, all[name])
		if other := binder(sets, order.Set, name); other != "" {
			found = append(found, config.Problem{Text: "the set " + other + " declares a binding of this plugin already"})
		}
		for _, p := range found {
			path := declared.KindBindings + "." + name
			if p.Path != "" {
				path += "." + p.Path
			}
			wrong.List = append(wrong.List, config.Problem{Path: path, Text: p.Text})
		}
	}
	if len(wrong.List) > 0 {
		return &wrong
	}
	return nil
}

// binder names another set that binds a plugin; empty: none does.
func binder(sets map[string]storage.DeclaredSet, but, name string) string {
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		of, _ := sets[set].Document.Get(declared.KindBindings)
		if _, there := of.Get(name); there && set != but {
			return set
		}
	}
	return ""
}

// bothWrong gives the problems of two errors as one.
func bothWrong(errs ...error) error {
	var all config.Problems
	for _, err := range errs {
		var wrong *config.Problems
		switch {
		case errors.As(err, &wrong):
			all.List = append(all.List, wrong.List...)
		case err != nil:
			return err
		}
	}
	if len(all.List) > 0 {
		return &all
	}
	return nil
}

// foresee says what the server would make of each binding that changes.
func (r *rules) foresee(plan *admin.SetPlan, doc strictjson.Value) {
	of, _ := doc.Get(declared.KindBindings)
	for i, change := range plan.Changes {
		if change.Kind != declared.KindBindings || change.Action == "delete" {
			continue
		}
		v, _ := of.Get(change.Name)
		read, err := plugins.ReadDeclared(plan.Set, change.Kind, strictjson.Object(strictjson.Member{Name: change.Name, Value: v}))
		if err == nil {
			plan.Changes[i].Says = r.host.Foresee(change.Name, read[change.Name])
		}
	}
}

// pluginsWait bounds how long the answer waits for plugins that are loaded anew.
const pluginsWait = 20 * time.Second

// tellOfPlugins says what became of the plugins whose bindings changed.
func (r *rules) tellOfPlugins(ctx context.Context, plan *admin.SetPlan) {
	ctx, cancel := context.WithTimeout(ctx, pluginsWait)
	defer cancel()
	if slices.ContainsFunc(plan.Changes, func(c admin.SetChange) bool { return c.Kind == declared.KindBindings }) {
		_ = r.host.Ready(ctx) // what is still being loaded says so
	}
	states := map[string]plugins.Status{}
	for _, s := range r.host.Status() {
		states[s.Name] = s
	}
	for i, change := range plan.Changes {
		s, there := states[change.Name]
		if change.Kind != declared.KindBindings || !there {
			continue
		}
		says := "it is " + string(s.State)
		if wrong := wrongWith(&s); wrong != "" {
			says += ": " + wrong
		}
		plan.Changes[i].Says, plan.Changes[i].Failed = []string{says}, s.Error != "" && !s.Absent
	}
}
