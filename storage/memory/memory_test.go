package memory_test

import (
	"testing"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/enginetest"
	"github.com/ostiary/ostiary/storage/memory"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) (storage.Engine, *enginetest.Clock) {
		clock := enginetest.NewClock()
		engine := memory.New(clock.Now)
		t.Cleanup(func() { engine.Close() })
		return engine, clock
	})
}
