package main

import (
	"context"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web/admin"
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
