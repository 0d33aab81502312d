package badger

import (
	"log/slog"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Options say where a store is and what it may use. Zero members take the defaults named with them.
type Options struct {
	Dir string           // the folder; made with mode 0700 when absent
	Now func() time.Time // the clock that decides what is expired; default time.Now
	Log *slog.Logger     // default: silent

	FreeSpace func(dir string) (uint64, error) // bytes free; default asks the file system
	MinFree   uint64                           // below it writes are refused; default 512 MiB
	OpenRetry time.Duration                    // how long to wait for another process to let go of Dir; default 30 s

	BlockCache int64 // bytes of table blocks kept in memory; default 16 MiB
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FreeSpace == nil {
		o.FreeSpace = freeSpace
	}
	if o.MinFree == 0 {
		o.MinFree = 512 << 20
	}
	if o.OpenRetry == 0 {
		o.OpenRetry = 30 * time.Second
	}
	if o.BlockCache == 0 {
		o.BlockCache = 16 << 20
	}
	return o
}

const (
	// memTableSize bounds one log and the memory that mirrors it. It must not become smaller: the log of a killed process is
	// replayed into memory of this size, and 15 % of it, the most that one commit may hold, has to hold MaxApply.
	memTableSize = 8 << 20

	// valueLogThreshold is the size from which Badger would put a value into its value log. No record reaches it (MaxApply
	// counts OpSize for each op), so that log stays empty: nothing there to collect, and none of its traps.
	valueLogThreshold = 1 << 20

	// storeForm is what Badger's manifest carries as ours: another number is another layout of keys and is not opened.
	storeForm = 1
)

// settings are Badger's options; the reasons stand in RATIONALE.md.
func (o Options) settings() badgerdb.Options {
	return badgerdb.DefaultOptions(o.Dir).
		WithSyncWrites(true).
		WithDetectConflicts(false). // the committer is the only writer
		WithNumVersionsToKeep(1).
		WithExternalMagic(storeForm).
		WithBypassLockGuard(true). // open.go holds the same lock
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithNumLevelZeroTables(4).
		WithNumLevelZeroTablesStall(12).
		WithNumCompactors(2).
		WithCompactL0OnClose(true).
		WithCompression(options.Snappy).
		WithBlockCacheSize(o.BlockCache).
		WithValueThreshold(valueLogThreshold).
		WithValueLogFileSize(1 << 20).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.OnBlockRead). // at opening check.go verifies every table
		WithMetricsEnabled(false).
		WithLogger(logger{o.Log})
}
