package storage_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/storage"
)

func TestPluginsAreRemembered(t *testing.T) {
	onEach(t, func(s *store) {
		ctx := context.Background()
		must := func(err error) {
			s.Helper()
			if err != nil {
				s.Fatal(err)
			}
		}
		kept := storage.NewPlugins(s.engine, issuer, s.ring)
		if all, err := kept.Plugins(ctx); err != nil || len(all) != 0 {
			s.Fatalf("an empty store: %v, %v", all, err)
		}
		asked, err := strictjson.Parse([]byte(`{"http":{"hosts":["a.example"],"methods":["GET"]}}`), strictjson.Stored)
		if err != nil {
			s.Fatal(err)
		}
		given := hook.Approval{Asked: asked, Version: "1.2.0", Digest: "abc", By: "ada", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		for _, version := range []string{"1.0.0", "1.2.0", "1.1.0"} { // the operator may have gone back
			must(kept.Accept(ctx, "acme-a", version, []hook.Point{hook.PreRegister}))
		}
		must(kept.Approve(ctx, "acme-a", hook.Approval{Asked: strictjson.Object(), By: "bob"}))
		must(kept.Approve(ctx, "acme-a", given))
		must(kept.Approve(ctx, "acme-b", given))
		must(kept.Revoke(ctx, "acme-b"))
		must(kept.Revoke(ctx, "nobody"))
		for i := range 120 { // more than a page
			must(kept.Accept(ctx, fmt.Sprintf("many-%03d", i), "1", nil))
		}
		all, err := storage.NewPlugins(s.engine, issuer, s.ring).Plugins(ctx)
		if err != nil || len(all) != 121 {
			s.Fatalf("%d, %v", len(all), err)
		}
		got := all["acme-a"]
		if got.Accepted != "1.1.0" || !slices.Equal(got.Hooks, []hook.Point{hook.PreRegister}) {
			s.Errorf("got %+v", got)
		}
		if got.Approval == nil || got.Approval.Asked.String() != asked.String() || got.Approval.By != "ada" ||
			got.Approval.Version != "1.2.0" || got.Approval.Digest != "abc" || !got.Approval.At.Equal(given.At) {
			s.Errorf("got %+v, %+v", got, got.Approval)
		}
		if all["many-119"].Accepted != "1" || all["many-119"].Approval != nil {
			s.Errorf("got %+v", all["many-119"])
		}
		if others, err := storage.NewPlugins(s.engine, "other", s.ring).Plugins(ctx); err != nil || len(others) != 0 {
			s.Errorf("another issuer remembers %v, %v", others, err)
		}
	})
}
