package plugins

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// retryAfter is when a caller may try again whom a busy or loading plugin kept out.
const retryAfter = time.Second

// A version is one loaded plugin: one module under one manifest. What it is never changes; a new file makes a new version.
type version struct {
	manifest Manifest
	binding  Binding
	digest   string   // SHA-256 of the module
	content  [32]byte // of module and manifest
	setUp    bool     // the module takes a configuration
	writes   map[hook.Point][]string
	program  *sandbox.Program
	granted  Capabilities // asked for and granted: what it has
	limits   Allowance
	services Services
	log      *slog.Logger

	publisher     string           // who signed it; empty: nobody
	configuration strictjson.Value // the one that holds: an object
	users         users
	inputs        inputs
	breaker       *breaker
	tally         *tally
	now           func() time.Time
	seen          map[hook.Point]func(Asked) // none: nobody wants to know
	digests       [32]byte                   // key of the digests in traces
	tripped       func(*version)             // told when the breaker opened
}

// Name implements hook.Plugin.
func (v *version) Name() string { return v.manifest.Name }

// Digest implements hook.Plugin.
func (v *version) Digest() string { return v.digest }

// Reads implements hook.Plugin.
func (v *version) Reads() hook.Reads { return v.manifest.Reads }

// MayWrite implements hook.Plugin.
func (v *version) MayWrite(p hook.Point, member string) bool { return mayWrite(v.writes[p], member) }

// FailsOpen implements hook.Plugin.
func (v *version) FailsOpen(p hook.Point) bool { return v.binding.Fail == Open && p.MayFailOpen() }

// A spending is what one call took of the server.
type spending struct {
	sandbox.Usage
	uses map[Use]int // of capabilities
}

// call runs the module. Called again with the same entropy and the same world around it, it ends the same.
func (v *version) call(ctx context.Context, call *hook.Call, random entropy, around *Services) (result hook.Result, usage hook.Usage, cost spending, err error) {
	in := v.inputs.take()
	defer v.inputs.give(in)
	*in = writeInput((*in)[:0], &v.manifest, call, &random)
	visit, export := v.visit(ctx, call, &random, around), string(call.Point)
	before := call.Context.Writes.All()
	var answer []byte
	cost.Usage, err = v.program.Do(visit, func(i *sandbox.Instance) (err error) {
		visit.uses.open()
		i.SetEntropy(seedOf("wasi", &random))
		answer, err = i.Exchange(visit, abi.Alloc, export, *in)
		return err
	})
	usage = hook.Usage{Wall: cost.Wall, Fuel: cost.Fuel, Calls: visit.uses.end()}
	cost.uses = visit.uses.counts
	if err == nil {
		err = ctx.Err() // nobody waits for the answer, and what was used may have ended for that reason
	}
	switch {
	case err != nil:
		err = v.failure(ctx, call.Point, err, &visit.journal)
	case len(answer) == 0:
		err = call.Point.Fault(v.Name(), fmt.Errorf("%w%s", errGaveUp, visit.journal.because()))
	default:
		if result, err = readAnswer(answer, call.Point); err != nil {
			err = call.Point.Fault(v.Name(), err)
		}
	}
	if err != nil {
		call.Context.Writes.Restore(before) // what a failed call put does not count, even where its fault is forgiven
		return hook.Result{}, usage, cost, err
	}
	return result, usage, cost, nil
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
