package plugins

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// retryAfter is when a caller may try again whom a busy or loading plugin kept out.
const retryAfter = time.Second

// A version is one loaded plugin: one module under one manifest. It never changes; a new file makes a new version.
type version struct {
	manifest Manifest
	digest   string   // SHA-256 of the module
	content  [32]byte // of module and manifest
	setUp    bool     // the module takes a configuration
	program  *sandbox.Program
	granted  Capabilities // asked for and granted: what it has
	limits   Allowance
	log      *slog.Logger
}

// Name implements hook.Plugin.
func (v *version) Name() string { return v.manifest.Name }

// Digest implements hook.Plugin.
func (v *version) Digest() string { return v.digest }

// MayWrite implements hook.Plugin.
func (v *version) MayWrite(p hook.Point, member string) bool { return v.manifest.mayWrite(p, member) }

// FailsOpen implements hook.Plugin: nothing of an operator's says so yet.
func (v *version) FailsOpen(hook.Point) bool { return false }

// Ask implements hook.Plugin. Nothing that one call leaves in the module's memory is there in the next.
func (v *version) Ask(ctx context.Context, call hook.Call) (hook.Result, hook.Usage, error) {
	random := newEntropy()
	in, err := writeInput(&v.manifest, call, random)
	if err != nil {
		return hook.Result{}, hook.Usage{}, call.Point.Fault(v.Name(), err)
	}
	told, journal := withJournal(ctx, v.log.With("decision_id", string(call.Context.DecisionID)), v.limits.LogLines)
	var answer []byte
	cost, err := v.program.Do(told, func(i *sandbox.Instance) (err error) {
		i.SetEntropy(sha256.Sum256(append([]byte("wasi"), random[:]...)))
		answer, err = i.Exchange(told, abi.Alloc, string(call.Point), in)
		return err
	})
	usage := hook.Usage{Wall: cost.Wall, Fuel: cost.Fuel}
	if err != nil {
		return hook.Result{}, usage, v.failure(ctx, call.Point, err, journal)
	}
	if len(answer) == 0 {
		return hook.Result{}, usage, call.Point.Fault(v.Name(), fmt.Errorf("it gave up%s", journal.because()))
	}
	result, err := readAnswer(answer, call.Point)
	if err != nil {
		return hook.Result{}, usage, call.Point.Fault(v.Name(), err)
	}
	return result, usage, nil
}

// failure tells whose failure a call was: nobody's when there was no room or the caller left, else the plugin's.
func (v *version) failure(ctx context.Context, p hook.Point, err error, j *journal) error {
	if ctx.Err() != nil || errors.Is(err, sandbox.ErrBusy) || errors.Is(err, sandbox.ErrClosed) {
		return &core.Error{
			Code: core.TemporarilyUnavailable, RetryAfter: retryAfter, Err: err,
			Detail: "The plugin " + v.Name() + " is busy. Try again in a moment.",
		}
	}
	return p.Fault(v.Name(), fmt.Errorf("%w%s", err, j.because()))
}

var _ hook.Plugin = (*version)(nil)
