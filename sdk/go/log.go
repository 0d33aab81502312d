package ostiary

import "github.com/ostiary/ostiary/sdk/go/abi"

// A Level is how much a log line matters.
type Level int32

// The levels.
const (
	Debug Level = Level(abi.LevelDebug)
	Info  Level = Level(abi.LevelInfo)
	Warn  Level = Level(abi.LevelWarn)
	Error Level = Level(abi.LevelError)
)

// Log writes a line to the operator's log, under the plugin's name. Of one call 32 lines are kept, of a line 1,024 bytes. Under
// go test it goes to the standard error.
func Log(level Level, text string) { writeLog(int32(level), text) }
