package sandbox

import (
	"context"
	"errors"
	"strings"
	"unicode"
)

// trapKinds maps the engine's texts. It has no exported error values to compare with; a test provokes each of these, so a
// new version that words them differently is noticed.
var trapKinds = map[string]TrapKind{
	"unreachable":                   TrapUnreachable,
	"out of bounds memory access":   TrapMemory,
	"integer divide by zero":        TrapArithmetic,
	"integer overflow":              TrapArithmetic,
	"invalid conversion to integer": TrapArithmetic,
	"invalid table access":          TrapTable,
	"indirect call type mismatch":   TrapTable,
	"stack overflow":                TrapStack,
}

// trapOf turns what the engine returned from a call into a Trap.
func trapOf(err error) *Trap {
	var trap *Trap
	if errors.As(err, &trap) { // raised by ourselves inside a host function; the outer error knows the guest's stack
		raised := *trap
		raised.Message = clean(trap.Message + stackOf(err))
		return &raised
	}
	kind, known := trapKinds[innermost(err).Error()]
	if !known {
		kind = TrapOther
	}
	return &Trap{Kind: kind, Message: clean(err.Error())}
}

// stackOf is the guest's stack in what the engine says.
func stackOf(err error) string {
	text := err.Error()
	if at := strings.Index(text, "\nwasm stack trace:"); at >= 0 {
		return text[at:]
	}
	return ""
}

// expired says that a call ended because its context did.
func expired(err error) *Trap {
	if errors.Is(err, context.DeadlineExceeded) {
		return &Trap{Kind: TrapDeadline, Message: "the call was still running at its deadline", Err: context.DeadlineExceeded}
	}
	return &Trap{Kind: TrapCanceled, Message: "the caller gave up", Err: context.Canceled}
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

const maxMessage = 2 << 10

// clean makes an engine's message fit for a log: it carries names chosen by the module's author.
func clean(message string) string {
	if len(message) > maxMessage {
		message = message[:maxMessage] + "…"
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n':
			return '\n'
		case c == '\t':
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(message, ""))
}
