package badger_test

import (
	"testing"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
	"github.com/ostiary/ostiary/storage/enginetest"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) (storage.Engine, *enginetest.Clock) {
		clock := enginetest.NewClock()
		engine, err := badger.Open(badger.Options{Dir: t.TempDir(), Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := engine.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		return engine, clock
	})
}
