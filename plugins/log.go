package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A journal takes what a plugin says during one call, within bounds, and remembers what says most if the call fails.
type journal struct {
	log   callLog
	lines int // that may still come
	said  string
}

// journalKey finds the journal of a call in the context that host functions get: they are bound to a module when it is
// loaded, and serve every call of it.
type journalKey struct{}

// A callLog gives the log of one call. It is made when there is something to say: most calls are silent.
type callLog func() *slog.Logger

func withJournal(ctx context.Context, log callLog, lines int) (context.Context, *journal) {
	j := &journal{log: log, lines: lines}
	return context.WithValue(ctx, journalKey{}, j), j
}

// take logs one line.
func (j *journal) take(ctx context.Context, level slog.Level, line []byte) {
	text := readable(line)
	if level >= slog.LevelError {
		j.said = text
	}
	if j.lines--; j.lines >= 0 {
		j.log().Log(ctx, level, text)
	}
	if j.lines == -1 {
		j.log().Log(ctx, slog.LevelWarn, "the plugin says too much; the rest of this call is not logged")
	}
}

// readable makes one harmless line of what a stranger's code wrote.
func readable(line []byte) string {
	text := strings.ToValidUTF8(string(line[:min(len(line), abi.MaxLogLine)]), "?")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, text))
}

// because adds to a fault what the plugin itself said of it.
func (j *journal) because() string {
	if j.said == "" {
		return ""
	}
	return ": " + j.said
}

// last gives that as an error of its own; nil: it said nothing.
func (j *journal) last() error {
	if j.said == "" {
		return nil
	}
	return fmt.Errorf("the plugin said: %s", j.said)
}

// hostFunctions are what a plugin with these capabilities may import.
func hostFunctions(granted Capabilities) sandbox.Imports {
	log := sandbox.Import{
		Module: abi.Imports, Name: abi.Log, Params: []sandbox.ValueType{sandbox.I32, sandbox.I32, sandbox.I32}, Call: logLine,
	}
	return append(append(sandbox.WASI(sandbox.WASIOptions{Log: logStream}), log), capabilityImports(granted)...)
}

// logLine is the import log(level, ptr, len).
func logLine(ctx context.Context, mem sandbox.Memory, stack []uint64) error {
	line, ok := mem.Read(uint32(stack[1]), min(uint32(stack[2]), abi.MaxLogLine))
	if !ok {
		return &sandbox.Trap{Kind: sandbox.TrapBadPointer, Message: "log was given a line outside the module's memory"}
	}
	if j, ok := ctx.Value(journalKey{}).(*journal); ok {
		j.take(ctx, slogLevel(int32(stack[0])), line)
	}
	return nil
}

// logStream takes what a plugin prints: Go's runtime says on the standard error why it gives up.
func logStream(ctx context.Context, stream int, line []byte) {
	j, ok := ctx.Value(journalKey{}).(*journal)
	if !ok || len(line) == 0 {
		return
	}
	if stream == 2 && j.said == "" {
		j.said = readable(line)
	}
	j.take(ctx, slog.LevelInfo, line)
}

func slogLevel(level int32) slog.Level {
	switch level {
	case abi.LevelDebug:
		return slog.LevelDebug
	case abi.LevelWarn:
		return slog.LevelWarn
	case abi.LevelError:
		return slog.LevelError
	}
	return slog.LevelInfo
}
