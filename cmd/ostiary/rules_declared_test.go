package main

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/plugins"
	"github.com/ostiary/ostiary/storage"
)

func order(t *testing.T, set, doc string) admin.SetOrder {
	t.Helper()
	v, err := strictjson.Parse([]byte(doc), strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	return admin.SetOrder{Set: set, Document: v, By: "ada"}
}

const declaredData = `{"policy_data":{"partners":{"a":1}},"trusted_issuers":[{"issuer":"https://i.example","shared_secret":"file:///etc/passwd-which-is-no-file-here"}]}`

// What is declared comes into force, survives a start, and keeps to itself. Nobody reads the server's files by it.
func TestDeclaredSets(t *testing.T) {
	d := newRuleDesk(t)
	ctx := context.Background()
	if err := d.start(ctx); err != nil {
		t.Fatal(err)
	}
	dry := order(t, "a", declaredData)
	dry.DryRun = true
	if plan, err := d.Declare(ctx, dry); err != nil || len(plan.Changes) != 2 {
		t.Fatalf("dry: %+v, %v", plan, err)
	}
	if list, err := d.List(ctx); err != nil || len(list) != 0 {
		t.Errorf("a dry run stored %+v, %v", list, err)
	}
	if plan, err := d.Declare(ctx, order(t, "a", declaredData)); err != nil || len(plan.Changes) != 2 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if issuers := d.site.Load().TrustedIssuers; len(issuers) != 1 || issuers[0].SharedSecret.Reveal() != "file:///etc/passwd-which-is-no-file-here" {
		t.Errorf("trusted are %+v", issuers)
	}
	if plan, err := d.Declare(ctx, order(t, "a", declaredData)); err != nil || len(plan.Changes) != 0 {
		t.Errorf("the second time: %+v, %v", plan, err)
	}
	again := d.again()
	again.sets = d.sets
	if err := again.start(ctx); err != nil || len(again.site.Load().TrustedIssuers) != 1 {
		t.Errorf("after a start: %+v, %v", again.site.Load().TrustedIssuers, err)
	}

	for what, o := range map[string]admin.SetOrder{
		"has already":  order(t, "b", declaredData),
		"needs jwks":   order(t, "b", `{"trusted_issuers":[{"issuer":"https://j.example"}]}`),
		"unknown key":  order(t, "b", `{"trusted_issuers":[{"issuer":"https://j.example","shared":"x"}]}`),
		"is no name":   order(t, "b", `{"policy_data":{"../x":1}}`),
		"is not set":   order(t, "b", `{"trusted_issuers":[{"issuer":"${HOME_OF_NOBODY}","jwks_uri":"https://j.example/jwks"}]}`),
		"folder or an": order(t, "b", `{"policy_data":{"partners":{}}}`),
	} {
		if _, err := d.Declare(ctx, o); core.CodeOf(err) != core.InvalidRequest || !strings.Contains(err.Error()+core.AsError(err).Detail, what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	stale := order(t, "a", `{}`)
	stale.IfMatch = `"0000"`
	if _, err := d.Declare(ctx, stale); core.CodeOf(err) != core.PreconditionFailed {
		t.Errorf("a stale tag: %v", err)
	}
	if plan, err := d.Declare(ctx, order(t, "a", `{"policy_data":{"more":1}}`)); err != nil || len(plan.Changes) != 1 || plan.Changes[0].Action != "create" {
		t.Errorf("what is not named goes: %+v, %v", plan, err)
	}
	prune := order(t, "a", `{"policy_data":{"more":2}}`)
	prune.Prune = true
	if plan, err := d.Declare(ctx, prune); err != nil || len(plan.Changes) != 3 || len(d.site.Load().TrustedIssuers) != 0 {
		t.Errorf("pruned: %+v, %v, trusted %d", plan, err, len(d.site.Load().TrustedIssuers))
	}
}

// Bindings of plugins come into force whatever becomes of the rules, are told apart from those of the settings and of other sets, and
// survive a start.
func TestDeclaredBindings(t *testing.T) {
	d := newRuleDesk(t)
	ctx := context.Background()
	if err := d.start(ctx); err != nil {
		t.Fatal(err)
	}
	const bindings = `{"plugin_bindings":{"guard":{"required":true,"grant":{"now":{}},"configuration":{"x":"y"}}}}`
	dry := order(t, "a", bindings)
	dry.DryRun = true
	plan, err := d.Declare(ctx, dry)
	if err != nil || len(plan.Changes) != 1 || len(plan.Changes[0].Diff) != 3 || !slices.Equal(plan.Changes[0].Says, []string{"grants now", "the server has no folder of plugins (plugin_dir)"}) {
		t.Fatalf("dry: %+v, %v", plan, err)
	}
	if _, err := d.host.At(hook.PreRegister); err != nil {
		t.Fatalf("a dry run binds: %v", err)
	}
	if _, err := d.Declare(ctx, order(t, "a", bindings)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.host.At(hook.PreRegister); err == nil {
		t.Fatal("what is required is not missed")
	}
	if plan, err := d.Declare(ctx, order(t, "a", bindings)); err != nil || len(plan.Changes) != 0 {
		t.Errorf("the second time: %+v, %v", plan, err)
	}
	for doc, want := range map[string][]string{
		`{"plugin_bindings":{"guard":{}}}`:           {"the set a declares a binding of this plugin already"},
		`{"plugin_bindings":{"of-the-settings":{}}}`: {"ostiary.yaml has a binding of this plugin"},
		`{"plugin_bindings":{"b":{"fail":"x"},"c":{"limits":{"fuel":100000000000}}},"trusted_issuers":[{"issuer":"https://j.example"}]}`: {
			"plugin_bindings.b.fail must be closed", "needs jwks",
		},
		`{"plugin_bindings":{"c":{"limits":{"fuel":100000000000}},"d":{"limits":{"memory_mib":1024}}}}`: {"over this server's 1000000000", "over this server's 64"},
	} {
		_, err := d.Declare(ctx, order(t, "b", doc))
		var said []string
		for _, r := range core.AsError(err).Reasons {
			said = append(said, r.Message)
		}
		for _, says := range want {
			if core.CodeOf(err) != core.InvalidRequest || !strings.Contains(strings.Join(said, "\n"), says) {
				t.Errorf("%s: %v, %q, want %s", doc, err, said, says)
			}
		}
	}

	again := d.again()
	again.sets = d.sets
	if err := again.bind(ctx); err != nil { // before, and without, any rules
		t.Fatal(err)
	}
	if _, err := again.host.At(hook.PreRegister); err == nil {
		t.Error("after a start what is required is not missed")
	}
	prune := order(t, "a", `{}`)
	prune.Prune = true
	if plan, err := d.Declare(ctx, prune); err != nil || len(plan.Changes) != 1 || plan.Changes[0].Action != "delete" {
		t.Errorf("pruned: %+v, %v", plan, err)
	}
	if _, err := d.host.At(hook.PreRegister); err != nil {
		t.Errorf("taken back: %v", err)
	}
}

// What is stored and cannot be read any more binds its plugin to nothing.
func TestBindingThatCannotBeRead(t *testing.T) {
	d := newRuleDesk(t)
	ctx := context.Background()
	doc := order(t, "a", `{"plugin_bindings":{"of-tomorrow":{"fences":"high"},"known":{"priority":3}}}`).Document
	if err := d.sets.Save(ctx, "a", storage.DeclaredSet{Document: doc}); err != nil {
		t.Fatal(err)
	}
	if err := d.bind(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.host.At(hook.PreRegister); err == nil || !strings.Contains(core.AsError(err).Detail, "of-tomorrow") || d.log.count("cannot be read") != 1 {
		t.Errorf("%v\n%s", err, d.log.text.String())
	}
}

// What is shown of a change is never a secret.
func TestShownDiff(t *testing.T) {
	doc := func(text string) strictjson.Value { return order(t, "a", text).Document }
	ops := shownDiff(declared.KindIssuers, doc(`{"issuer":"i","shared_secret":"hush"}`), doc(`{"issuer":"i","shared_secret":"hush hush","require":["x"]}`))
	if len(ops) != 2 || ops[0].Value.String() != `"[redacted]"` || ops[1].Path != "/require" {
		t.Errorf("%+v", ops)
	}
	if ops := shownDiff(declared.KindData, strictjson.Object(), doc(`{"a":1}`)); ops != nil {
		t.Errorf("%+v", ops)
	}
}

// The schema of bindings has the members that are read, and no others.
func TestSchemaOfBindings(t *testing.T) {
	var tagged func(of reflect.Type) []string
	tagged = func(of reflect.Type) (names []string) {
		for i := range of.NumField() {
			f := of.Field(i)
			name := f.Tag.Get("yaml")
			if name == "" || name == "allow_downgrade" {
				continue
			}
			names = append(names, name)
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[strictjson.Value]() {
				for _, below := range tagged(inner) {
					names = append(names, name+"."+below)
				}
			}
		}
		return names
	}
	var described func(schema strictjson.Value) []string
	described = func(schema strictjson.Value) (names []string) {
		for name, of := range member(schema, "properties").All() {
			names = append(names, name)
			for _, below := range described(of) {
				names = append(names, name+"."+below)
			}
		}
		return names
	}
	want, got := tagged(reflect.TypeFor[plugins.Binding]()), described(member(declared.BindingsSchema(), "additionalProperties"))
	slices.Sort(want)
	slices.Sort(got)
	if len(want) < 20 || !slices.Equal(want, got) {
		t.Errorf("the schema has %q\nwant %q", got, want)
	}
}
