package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of the machine that are nobody's fault inside the guest.
var (
	// ErrBusy: in time there was no room for one more call, or for one more that computes.
	ErrBusy = errors.New("sandbox: no room for one more call")
	// ErrClosed: the program or machine was closed.
	ErrClosed = errors.New("sandbox: closed")
	// ErrInputTooLarge: Exchange was given more than Limits.InputBytes. The guest did not see it.
	ErrInputTooLarge = errors.New("sandbox: input too large")
	// ErrNotLeased: an Instance was used outside the function it was lent to, after a fault, by two goroutines at once or
	// from inside a host function.
	ErrNotLeased = errors.New("sandbox: the instance is not leased, has failed or is in use")
)

// A LoadError says why a module was refused: every reason that was found, and the cause if it was an error.
type LoadError struct {
	Reasons []string
	Err     error
}

// Error lists all reasons.
func (e *LoadError) Error() string {
	return "sandbox: module refused: " + strings.Join(e.Reasons, "; ")
}

// Unwrap gives the cause, for instance the *Trap that ended initialisation.
func (e *LoadError) Unwrap() error { return e.Err }

func refuse(err error, format string, args ...any) *LoadError {
	return &LoadError{Reasons: []string{fmt.Sprintf(format, args...)}, Err: err}
}

// A TrapKind says how a guest failed.
type TrapKind string

// The kinds of traps.
const (
	TrapUnreachable    TrapKind = "unreachable"      // it gave up: a panic, an assertion, an abort
	TrapMemory         TrapKind = "memory"           // it reached outside its memory
	TrapArithmetic     TrapKind = "arithmetic"       // division by zero, overflow, a conversion without result
	TrapTable          TrapKind = "table"            // an indirect call to nothing or to another type
	TrapStack          TrapKind = "stack"            // calls inside calls beyond Limits.Stack
	TrapFuel           TrapKind = "fuel"             // it used up Limits.Fuel or Limits.InitFuel
	TrapDeadline       TrapKind = "deadline"         // Limits.Wall, Limits.InitWall or the caller's deadline passed
	TrapCanceled       TrapKind = "canceled"         // the caller gave up
	TrapExit           TrapKind = "exit"             // it called proc_exit
	TrapBadPointer     TrapKind = "bad_pointer"      // it handed the host an address outside its memory
	TrapOutputTooLarge TrapKind = "output_too_large" // its answer is longer than Limits.OutputBytes
	TrapHost           TrapKind = "host"             // a host function returned an error or panicked
	TrapOther          TrapKind = "other"            // the engine reported something else
)

// A Trap is a fault of the guest. The instance it happened in is never used again. Message is for the log: it holds names
// that the module's author chose, with control characters removed and its length bounded.
type Trap struct {
	Kind     TrapKind
	Message  string
	ExitCode uint32 // of TrapExit
	Err      error  // what the host function returned, or the context's error
}

// Error gives kind and message.
func (t *Trap) Error() string {
	if t.Message == "" {
		return "sandbox: trap: " + string(t.Kind)
	}
	return "sandbox: trap: " + string(t.Kind) + ": " + t.Message
}

// Unwrap gives the host function's error or the context's.
func (t *Trap) Unwrap() error { return t.Err }
