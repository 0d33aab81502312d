package slowhash_test

import (
	"context"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/core/slowhash"
)

// What was right is known from then on; what was wrong, another secret or another hash is not.
func TestChecker(t *testing.T) {
	c, ctx := slowhash.NewChecker(), context.Background()
	made, err := c.Make(ctx, "correct horse")
	if err != nil || !c.Known(made, "correct horse") || c.Known(made, "correct hors") {
		t.Fatalf("%q, %v", made, err)
	}
	other := slowhash.Make("battery")
	h, err := slowhash.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := c.Matches(ctx, h, "staple"); ok || err != nil || c.Known(other, "staple") {
		t.Errorf("a wrong one: %v, %v", ok, err)
	}
	if ok, err := c.Matches(ctx, h, "battery"); !ok || err != nil || !c.Known(other, "battery") || c.Known(made, "battery") {
		t.Errorf("the right one: %v, %v", ok, err)
	}
	if slowhash.NewChecker().Known(other, "battery") {
		t.Error("another knows it")
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if ok, err := c.Matches(ended, h, "battery"); !ok || err != nil {
		t.Errorf("what is known needs no place: %v, %v", ok, err)
	}
}

// Many ask at once.
func TestCheckerAtOnce(t *testing.T) {
	c := slowhash.NewChecker()
	h, err := slowhash.Parse(slowhash.Make("battery"))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			secret := []string{"battery", "staple"}[i%2]
			if ok, err := c.Matches(t.Context(), h, secret); err != nil || ok != (i%2 == 0) {
				t.Errorf("%s: %v, %v", secret, ok, err)
			}
		})
	}
	all.Wait()
}
