package ostiary

import (
	"errors"
	"runtime"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// Run asks the plugin as the host would: input is an abi.Input as JSON, the answer an abi.Envelope. It is for go test; members
// that a test has no use for may be left out of the input. An error is a plugin fault.
func Run(hook string, input []byte) ([]byte, error) {
	v, err := Parse(string(input))
	if err != nil {
		return nil, err
	}
	return module.run(hook, v)
}

// SetUp configures the plugin as the host would after loading it, with the configuration of the manifest as a JSON object.
// It is for go test. An error would keep the plugin from going live.
func SetUp(configuration string) error {
	setup, err := Parse(`{"v":1,"name":"test","version":"0","hooks":[],"configuration":` + configuration + `}`)
	if err != nil {
		return err
	}
	answer, err := module.setUp(setup)
	if err != nil {
		return err
	}
	v, err := Parse(string(answer))
	if err == nil && v.Get("action").Text() == abi.ActionReject {
		err = errors.New(v.Get("error").Get("description").Text())
	}
	return err
}

// run answers one hook.
func (p *plugin) run(hook string, input Value) (answer []byte, err error) {
	defer caught(&err)
	serve := p.of(hook)
	if serve == nil {
		return nil, errors.New("no function is registered for the hook " + hook)
	}
	c, err := readCall(input)
	if err != nil {
		return nil, err
	}
	c.Hook, p.serving = hook, hook // a test may leave it out of the input
	envelope := abi.Envelope[Value]{V: abi.Major, Action: abi.ActionContinue}
	if err := c.answer(&envelope, serve(c)); err != nil {
		return nil, err
	}
	return appendEnvelope(p.room, &envelope), nil
}

// answer completes the envelope of a call that was served with a given outcome.
func (c *Call) answer(e *abi.Envelope[Value], outcome error) error {
	e.Warnings = c.warnings
	if len(c.audit) > 0 {
		e.Audit = Object(c.audit...)
	}
	if outcome != nil {
		return c.refusal(e, outcome)
	}
	switch {
	case c.result.Exists():
		e.Action, e.Result = abi.ActionResult, c.result
	case len(c.Patch.members) == 0:
	case !abi.Patches(c.Hook):
		return errors.New("the hook " + c.Hook + " has no patch")
	default:
		e.Action, e.Patch = abi.ActionPatch, Object(c.Patch.members...)
	}
	return nil
}

// refusal completes the envelope of a call that ended with an error.
func (c *Call) refusal(e *abi.Envelope[Value], outcome error) error {
	var r *Rejection
	if !errors.As(outcome, &r) {
		return outcome
	}
	if err := r.allowed(c.Hook); err != nil {
		return err
	}
	e.Action = abi.ActionReject
	e.Error = &abi.Error[Value]{Code: string(r.Code), Description: r.Description}
	if len(r.Extra) > 0 {
		e.Error.Extra = Object(r.Extra...)
	}
	return nil
}

// setUp takes the configuration. A hook that the manifest asks for and nothing serves is refused here, before the plugin
// goes live.
func (p *plugin) setUp(input Value) (answer []byte, err error) {
	defer caught(&err)
	p.name = input.Get("name").Text()
	for _, hook := range input.Get("hooks").Strings() {
		if p.of(hook) == nil {
			return refuseSetup("the manifest asks for the hook " + hook + ", but the plugin registers no function for it"), nil
		}
	}
	if p.configure != nil {
		if err := p.configure(input.Get("configuration")); err != nil {
			return refuseSetup(err.Error()), nil
		}
	}
	return appendEnvelope(nil, &abi.Envelope[Value]{V: abi.Major, Action: abi.ActionContinue}), nil
}

func refuseSetup(text string) []byte {
	return appendEnvelope(nil, &abi.Envelope[Value]{V: abi.Major, Action: abi.ActionReject,
		Error: &abi.Error[Value]{Code: abi.InvalidClientMetadata, Description: describable(text)}})
}

// caught turns a panic into an error that says where it happened.
func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case error:
		*err = errors.New("panic: " + r.Error() + whereabouts())
	case string:
		*err = errors.New("panic: " + r + whereabouts())
	default:
		*err = errors.New("panic" + whereabouts())
	}
}

// whereabouts names the functions that were running, innermost first, without those of the Go runtime.
func whereabouts() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var b strings.Builder
	for shown := 0; shown < 8; {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			b.WriteString(" in " + f.Function + " (" + f.File[strings.LastIndexByte(f.File, '/')+1:] + ":" + strconv.Itoa(f.Line) + ")")
			shown++
		}
		if !more {
			break
		}
	}
	return b.String()
}
