package core_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

// The log sees the cause, the caller's face does not have it.
func TestErrorHasTwoFaces(t *testing.T) {
	err := core.Fail(core.InsufficientStorage, "No room.", io.ErrShortWrite)
	if got := err.Error(); got != "insufficient_storage: No room.: short write" {
		t.Errorf("log face = %q", got)
	}
	if !errors.Is(err, io.ErrShortWrite) {
		t.Error("the cause is not in the chain")
	}
	if strings.Contains(err.Detail, "short write") {
		t.Errorf("the caller sees the cause: %q", err.Detail)
	}
	refused := core.Refuse(core.InvalidScope, "scope %s is not offered.", "admin")
	if refused.Detail != "scope admin is not offered." || refused.Err != nil || refused.Error() != "invalid_scope: scope admin is not offered." {
		t.Errorf("Refuse = %+v", refused)
	}
}

func TestAsErrorFindsOrWraps(t *testing.T) {
	inner := &core.Error{Code: core.TemporarilyUnavailable, Detail: "Later.", RetryAfter: time.Second, Decision: "d-1"}
	if got := core.AsError(fmt.Errorf("store client: %w", inner)); got != inner {
		t.Errorf("AsError of a wrapped error = %+v", got)
	}
	foreign := core.AsError(io.ErrUnexpectedEOF)
	if foreign.Code != core.ServerError || !errors.Is(foreign, io.ErrUnexpectedEOF) {
		t.Errorf("AsError of a foreign error = %+v", foreign)
	}
	if strings.Contains(foreign.Detail, io.ErrUnexpectedEOF.Error()) {
		t.Errorf("a foreign error speaks to the caller: %q", foreign.Detail)
	}
}

func TestCodeOf(t *testing.T) {
	for _, test := range []struct {
		err  error
		want core.Code
	}{
		{nil, ""},
		{io.EOF, core.ServerError},
		{core.Refuse(core.Conflict, "x"), core.Conflict},
		{fmt.Errorf("a: %w", core.Refuse(core.NotFound, "x")), core.NotFound},
	} {
		if got := core.CodeOf(test.err); got != test.want {
			t.Errorf("CodeOf(%v) = %q, want %q", test.err, got, test.want)
		}
	}
}

func TestClip(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "",
		strings.Repeat("a", 120):             strings.Repeat("a", 120),
		strings.Repeat("a", 121):             strings.Repeat("a", 120) + "...",
		strings.Repeat("a", 119) + "é" + "b": strings.Repeat("a", 119) + "...", // never half a character
	} {
		if got := core.Clip(in); got != want {
			t.Errorf("Clip(%d bytes) = %q", len(in), got)
		}
	}
}
