package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
)

// What was declared beside clients is added to dcr_config.yaml and to the policy folder here, and nowhere else: trusted issuers to
// the site's, templates of initial access tokens, and policy data as files of the folder.

func (r *rules) addedNow() map[string]storage.DeclaredSet {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.added
}

func (r *rules) setAdded(sets map[string]storage.DeclaredSet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.added = sets
}

// withDeclared adds what sets declare to a site and the files of a policy.
func withDeclared(site registration.Site, files map[string][]byte, sets map[string]storage.DeclaredSet) (registration.Site, map[string][]byte, error) {
	if len(sets) == 0 {
		return site, files, nil
	}
	files = maps.Clone(files)
	if files == nil {
		files = map[string][]byte{}
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		adds, err := registration.ReadAdditions(sets[name].Document.Without(declared.KindBindings))
		if err == nil {
			site, err = site.With(name, adds)
		}
		if err != nil {
			return site, nil, fmt.Errorf("what the set %s declares: %w", name, err)
		}
		for data, v := range adds.PolicyData {
			file := "ostiary/data/" + data + "/data.json"
			if _, twice := files[file]; twice {
				return site, nil, fmt.Errorf("the set %s declares the policy data %s, which the policy folder or another set has already", name, data)
			}
			files[file] = strictjson.Append(nil, v)
		}
	}
	return site, files, nil
}

// withData adds the policy data that was declared to the files of a candidate. What the candidate brings itself stays.
func (r *rules) withData(files map[string][]byte) map[string][]byte {
	_, all, err := withDeclared(registration.Site{}, nil, r.addedNow())
	if err != nil || len(all) == 0 {
		return files
	}
	maps.Copy(all, files)
	return all
}

// List implements admin.DeclaredSets.
func (r *rules) List(ctx context.Context) ([]admin.DeclaredSet, error) {
	sets, err := r.sets.Sets(ctx)
	if err != nil {
		return nil, err
	}
	list := []admin.DeclaredSet{}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		s := sets[name]
		list = append(list, admin.DeclaredSet{Set: name, ETag: s.Tag, By: s.By, At: s.At.UTC(), Entries: entriesOf(s.Document)})
	}
	return list, nil
}

// Show implements admin.DeclaredSets.
func (r *rules) Show(ctx context.Context, name string) (admin.ShownSet, error) {
	sets, err := r.sets.Sets(ctx)
	if err != nil {
		return admin.ShownSet{}, err
	}
	s, there := sets[name]
	if !there {
		return admin.ShownSet{}, core.Refuse(core.NotFound, "The set %s declares nothing beside clients.", name)
	}
	shown := admin.ShownSet{
		DeclaredSet: admin.DeclaredSet{Set: name, ETag: s.Tag, By: s.By, At: s.At.UTC(), Entries: entriesOf(s.Document)}, Document: s.Document, LeftOut: []string{},
	}
	issuers, _ := s.Document.Get(declared.KindIssuers)
	items := issuers.Items()
	for i, item := range items {
		if _, has := item.Get("shared_secret"); has {
			items[i] = item.Without("shared_secret")
			shown.LeftOut = append(shown.LeftOut, fmt.Sprintf("%s[%d].shared_secret, of %s", declared.KindIssuers, i, textOf(item, "issuer")))
		}
	}
	if len(items) > 0 {
		shown.Document = s.Document.With(declared.KindIssuers, strictjson.Array(items...))
	}
	return shown, nil
}

// Declare implements admin.DeclaredSets. The whole is tried before it is stored: what would not load is not taken.
func (r *rules) Declare(ctx context.Context, order admin.SetOrder) (admin.SetPlan, error) {
	sets, err := r.sets.Sets(ctx)
	if err != nil {
		return admin.SetPlan{}, err
	}
	before := sets[order.Set]
	if order.IfMatch != "" && order.IfMatch != before.Tag {
		return admin.SetPlan{}, core.Refuse(core.PreconditionFailed, "The set was changed meanwhile; plan again.")
	}
	doc := canonicalSet(order.Document)
	if !order.Prune {
		doc = joinSets(before.Document, doc)
	}
	plan := admin.SetPlan{Set: order.Set, ETag: before.Tag, Changes: changesOf(before.Document, doc)}
	next := storage.DeclaredSet{Document: doc, By: order.By, At: r.now(), Tag: before.Tag}
	trial := maps.Clone(sets)
	trial[order.Set] = next
	if err := r.try(ctx, order, trial); err != nil {
		return plan, err
	}
	r.foresee(&plan, doc)
	if order.DryRun {
		return plan, nil
	}
	if len(plan.Changes) > 0 { // else it may have been stored without having come into force
		err = r.sets.Save(ctx, order.Set, next)
	}
	if errors.Is(err, registration.ErrChanged) {
		return plan, core.Refuse(core.Conflict, "The set was changed by another request meanwhile; plan again.")
	}
	if err != nil {
		return plan, err
	}
	if err := errors.Join(r.load(ctx), r.bind(ctx)); err != nil {
		return plan, err
	}
	r.tellOfPlugins(ctx, &plan)
	return plan, nil
}

// try tells what is wrong with a set as it was ordered, and with all of them beside the present folder and dcr_config.yaml.
func (r *rules) try(ctx context.Context, order admin.SetOrder, sets map[string]storage.DeclaredSet) error {
	_, err := registration.ReadAdditions(order.Document.Without(declared.KindBindings))
	if err := bothWrong(err, r.tryBindings(order, sets)); err != nil {
		return unusableSet(err)
	}
	r.loading.Lock()
	c, err := r.read(ctx)
	r.loading.Unlock()
	if err != nil {
		return fmt.Errorf("the present rules cannot be read: %w", err)
	}
	src := policies.Source{Origin: c.origin(), Files: c.files}
	if _, err := r.complete(&src, c.text, sets); err != nil {
		return unusableSet(err)
	}
	if _, err := r.engine.Candidate(src); err != nil {
		return unusableSet(err)
	}
	return nil
}

// unusableSet gives what is wrong as a refusal that lists it.
func unusableSet(err error) error {
	e := &core.Error{Code: core.InvalidRequest}
	var read *config.Problems
	if errors.As(err, &read) {
		for _, p := range read.List {
			e.Reasons = append(e.Reasons, reasonOf(p.Path, p.Text))
		}
	} else {
		for _, p := range problemsOf(err) {
			e.Reasons = append(e.Reasons, reasonOf("", strings.TrimPrefix(p.File+": "+p.Message, ": ")))
		}
	}
	e.Detail = "What is declared cannot be used: " + e.Reasons[0].Message + "."
	return e
}

func reasonOf(path, text string) core.Reason {
	reason := core.Reason{Rule: "declared", Code: core.InvalidRequest, Message: strings.TrimPrefix(path+" "+text, " "), Public: true, Fields: []string{}}
	if path != "" {
		reason.Fields = append(reason.Fields, path)
	}
	return reason
}

// canonicalSet brings the issuers of a set in the order of their names, so that the order of files does not matter.
func canonicalSet(doc strictjson.Value) strictjson.Value {
	issuers, _ := doc.Get(declared.KindIssuers)
	if issuers.Len() == 0 {
		return doc
	}
	items := issuers.Items()
	slices.SortStableFunc(items, func(a, b strictjson.Value) int { return strings.Compare(textOf(a, "issuer"), textOf(b, "issuer")) })
	return doc.With(declared.KindIssuers, strictjson.Array(items...))
}

// entry is one thing that a set declares.
type setEntry struct {
	kind, name string
	value      strictjson.Value
}

func setEntries(doc strictjson.Value) []setEntry {
	var list []setEntry
	issuers, _ := doc.Get(declared.KindIssuers)
	for _, item := range issuers.Items() {
		list = append(list, setEntry{declared.KindIssuers, textOf(item, "issuer"), item})
	}
	for _, kind := range []string{declared.KindTokens, declared.KindData, declared.KindBindings} {
		of, _ := doc.Get(kind)
		for name, v := range of.All() {
			list = append(list, setEntry{kind, name, v})
		}
	}
	return list
}

func entriesOf(doc strictjson.Value) []admin.SetEntry {
	entries := []admin.SetEntry{}
	for _, e := range setEntries(doc) {
		entries = append(entries, admin.SetEntry{Kind: e.kind, Name: e.name})
	}
	return entries
}

// joinSets keeps what was declared before and is not named now.
func joinSets(before, now strictjson.Value) strictjson.Value {
	named := map[[2]string]bool{}
	for _, e := range setEntries(now) {
		named[[2]string{e.kind, e.name}] = true
	}
	doc := now
	for _, e := range setEntries(before) {
		if named[[2]string{e.kind, e.name}] {
			continue
		}
		of, _ := doc.Get(e.kind)
		switch {
		case e.kind == declared.KindIssuers:
			doc = doc.With(e.kind, strictjson.Array(append(of.Items(), e.value)...))
		case of.IsAbsent():
			doc = doc.With(e.kind, strictjson.Object(strictjson.Member{Name: e.name, Value: e.value}))
		default:
			doc = doc.With(e.kind, of.With(e.name, e.value))
		}
	}
	return canonicalSet(doc)
}

// shownDiff tells what changes, but for secrets and, where it is new, for data, which may be long.
func shownDiff(kind string, before, now strictjson.Value) []strictjson.PatchOp {
	if kind == declared.KindData && before.Len() == 0 {
		return nil
	}
	ops := strictjson.Diff(before, now)
	for i := range ops {
		if kind == declared.KindIssuers && ops[i].Top() == "shared_secret" && !ops[i].Value.IsAbsent() {
			ops[i].Value = strictjson.String("[redacted]")
		}
	}
	return ops
}

// changesOf tells what would be made, changed and removed.
func changesOf(before, now strictjson.Value) []admin.SetChange {
	changes := []admin.SetChange{}
	was := map[[2]string]strictjson.Value{}
	for _, e := range setEntries(before) {
		was[[2]string{e.kind, e.name}] = e.value
	}
	for _, e := range setEntries(now) {
		key := [2]string{e.kind, e.name}
		old, there := was[key]
		delete(was, key)
		change := admin.SetChange{Action: "create", Kind: e.kind, Name: e.name}
		if there {
			change.Action = "update"
		} else {
			old = strictjson.Object()
		}
		if !there || !strictjson.Equal(old, e.value) {
			change.Diff = shownDiff(e.kind, old, e.value)
			changes = append(changes, change)
		}
	}
	for _, e := range setEntries(before) {
		if _, gone := was[[2]string{e.kind, e.name}]; gone {
			changes = append(changes, admin.SetChange{Action: "delete", Kind: e.kind, Name: e.name})
		}
	}
	return changes
}

var _ admin.DeclaredSets = (*rules)(nil)
