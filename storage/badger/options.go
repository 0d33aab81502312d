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
	return o
}

const (
	// memTableSize bounds one log and the memory that mirrors it. It must not become smaller: the log of a killed process is
	// replayed into memory of this size, and 15 % of it, the most that one commit may hold, has to hold MaxApply.
	memTableSize = 7 << 20

	// tableSize bounds the tables below level 0. What builds a table takes twice that, rounded up to a power of two, and as much
	// again for each time that is not enough: 8 MiB hold a whole log, so eight builders never take more than 64.
	tableSize = 3584 << 10

	// baseLevel is how much gathers above the last level before it is merged into it. New keys come at the end of every noun's
	// range, so that merging touches nearly every table of the last level: it had better be seldom.
	baseLevel = 64 << 20

	// valueLogThreshold is the size from which Badger would put a value into its value log. No record reaches it (MaxApply
	// counts OpSize for each op), so that log stays empty: nothing there to collect, and none of its traps.
	valueLogThreshold = 1 << 20

	// storeForm is what Badger's manifest carries as ours: another number is another layout of keys and is not opened.
	storeForm = 1
)

// settings are Badger's options; the reasons stand in RATIONALE.md.
func (o Options) settings() badgerdb.Options {
	opt := badgerdb.DefaultOptions(o.Dir).
		WithSyncWrites(true).
		WithDetectConflicts(false). // the committer is the only writer
		WithNumVersionsToKeep(1).
		WithExternalMagic(storeForm).
		WithBypassLockGuard(true). // open.go holds the same lock
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithBaseTableSize(tableSize).
		WithBaseLevelSize(baseLevel).
		WithNumLevelZeroTables(20).
		WithNumLevelZeroTablesStall(40).
		WithNumCompactors(2).
		WithCompactL0OnClose(true).
		WithCompression(options.None). // large records come packed; compressing again costs more memory than it saves disk
		WithBlockCacheSize(0).         // blocks that are not compressed are read where they lie
		WithValueThreshold(valueLogThreshold).
		WithValueLogFileSize(1 << 20).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.OnBlockRead). // at opening check.go verifies every table
		WithMetricsEnabled(false).
		WithLogger(logger{o.Log})
	opt.TableSizeMultiplier = 1 // what builds a table takes several times its size in memory
	return opt
}
