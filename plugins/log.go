package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A journal takes what a plugin says during one call, within bounds, and remembers what says most if the call fails.
type journal struct {
	log      *slog.Logger
	decision core.DecisionID // that the call belongs to; empty: to none
	lines    int             // that may still come
	said     string
}

// logger gives the log of the call. It is made when there is something to say: most calls are silent.
func (j *journal) logger() *slog.Logger {
	if j.decision == "" {
		return j.log
	}
	return j.log.With("decision_id", string(j.decision))
}

// take logs one line.
func (j *journal) take(ctx context.Context, level slog.Level, line []byte) {
	text := readable(line)
	if level >= slog.LevelError {
		j.said = text
	}
	if j.lines--; j.lines >= 0 {
		j.logger().Log(ctx, level, text)
	}
	if j.lines == -1 {
		j.logger().Log(ctx, slog.LevelWarn, "the plugin says too much; the rest of this call is not logged")
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
	if v, ok := visitOf(ctx); ok {
		v.journal.take(ctx, slogLevel(int32(stack[0])), line)
	}
	return nil
}

// logStream takes what a plugin prints: Go's runtime says on the standard error why it gives up.
func logStream(ctx context.Context, stream int, line []byte) {
	v, ok := visitOf(ctx)
	if !ok || len(line) == 0 {
		return
	}
	j := &v.journal
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
