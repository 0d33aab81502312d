package plugins

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Checked is how one case went.
type Checked struct {
	Case        Case
	Differences []string // between what was expected and what was answered; none: it passed
	Result      hook.Result
	Usage       hook.Usage
	Memory      int64 // bytes of the plugin's memory at the end, which is the most that there was
	PagesReset  int   // pages of 4 KiB that the call had changed
	Fault       error // nil: the plugin answered
}

// selfTest runs a plugin's own tests, as a request would run it. Those that say nothing of it run with the author's configuration,
// because the operator's may well give other answers.
func (h *Host) selfTest(ctx context.Context, v *version, c *candidate) error {
	if len(c.tests) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.limits.SelfTest)
	defer cancel()
	var cases []Case
	var errs []error
	for _, f := range c.tests {
		one, err := ReadCase(f.text, f.name)
		if cases = append(cases, one); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	checked, err := h.runCases(ctx, v, c.module, cases)
	if err != nil {
		return err
	}
	for _, one := range checked {
		if len(one.Differences) > 0 {
			errs = append(errs, fmt.Errorf("self-test %q (%s) failed: %s", one.Case.Name, one.Case.File, strings.Join(one.Differences, "; ")))
		}
	}
	return errors.Join(errs...)
}

// Try runs cases on the plugin of a name that is live and lies in the folder so, without any of it counting.
func (h *Host) Try(ctx context.Context, name string, cases []Case) ([]Checked, error) {
	c := readCandidate(h.dir, name, h.limits.ModuleBytes)
	h.mu.Lock()
	s := h.slots[name]
	if s == nil || s.live == nil || s.live.content != c.content || !s.live.users.take() {
		h.mu.Unlock()
		return nil, core.Refuse(core.NotFound, "There is no plugin %s that is live.", core.Clip(name))
	}
	v := s.live
	h.mu.Unlock()
	defer v.users.release()
	return h.runCases(ctx, v, c.module, cases)
}

// runCases runs cases in their order. The error is that of a configuration which a case wants and the plugin does not take, or
// the context's.
func (h *Host) runCases(ctx context.Context, v *version, module []byte, cases []Case) ([]Checked, error) {
	on := &stage{host: h, live: v, module: module}
	defer on.close()
	checked := make([]Checked, 0, len(cases))
	for _, c := range cases {
		as, err := on.version(ctx, &c)
		if err != nil {
			return checked, err
		}
		one := as.check(ctx, c)
		if err := ctx.Err(); err != nil {
			return checked, fmt.Errorf("self-test %q (%s) did not end in time: %w", c.Name, c.File, err)
		}
		checked = append(checked, one)
	}
	return checked, nil
}

// A stage has a plugin in every configuration that cases want.
type stage struct {
	host   *Host
	live   *version
	module []byte
	made   []*version // one for each configuration beyond the live one
}

// version gives the plugin as a case wants it.
func (s *stage) version(ctx context.Context, c *Case) (*version, error) {
	wanted := c.Configuration
	if wanted.IsAbsent() {
		wanted = (&Binding{}).configuration(&s.live.manifest)
	}
	if strictjson.Equal(wanted, s.live.configuration) {
		return s.live, nil
	}
	if i := slices.IndexFunc(s.made, func(o *version) bool { return strictjson.Equal(o.configuration, wanted) }); i >= 0 {
		return s.made[i], nil
	}
	other, err := s.host.configuredAs(ctx, s.live, s.module, wanted)
	if err != nil {
		return nil, fmt.Errorf("self-test %q (%s): %w", c.Name, c.File, err)
	}
	s.made = append(s.made, other)
	return other, nil
}

// close gives back what was made beyond the live one.
func (s *stage) close() {
	for _, other := range s.made {
		_ = other.program.Close()
	}
	s.made = nil
}

// configuredAs gives the same plugin with another configuration.
func (h *Host) configuredAs(ctx context.Context, v *version, module []byte, configuration strictjson.Value) (*version, error) {
	if err := v.manifest.configured(configuration); err != nil {
		return nil, err
	}
	if configuration.Len() > 0 && !v.setUp {
		return nil, errors.New("there is a configuration, but the module does not take one")
	}
	other := &version{
		manifest: v.manifest, writes: v.writes, digest: v.digest, configuration: configuration, setUp: v.setUp, granted: v.granted, limits: v.limits, now: v.now, log: v.log,
		digests: v.digests,
	}
	return other, h.begin(ctx, other, module)
}

// check runs one case.
func (v *version) check(ctx context.Context, c Case) Checked {
	out := Checked{Case: c}
	if _, serves := v.manifest.Hooks[c.Call.Point]; !serves {
		out.Differences = []string{fmt.Sprintf("the manifest does not name the hook %s", c.Call.Point)}
		return out
	}
	around, err := c.World.services()
	if err != nil {
		out.Differences = []string{err.Error()}
		return out
	}
	c.Call.Context.Writes = &hook.Writes{}
	var cost spending
	out.Result, out.Usage, cost, out.Fault = v.call(ctx, &c.Call, c.entropy(), &around)
	out.Memory, out.PagesReset = int64(cost.MemoryPages)*pageSize, cost.PagesReset
	if out.Fault == nil {
		out.Fault = v.mayAnswer(&c.Call, out.Result)
	}
	out.Differences = c.Expect.compare(&out)
	return out
}

// compare lists how an answer differs from what was expected.
func (e *Expect) compare(got *Checked) []string {
	action := string(got.Result.Action)
	if got.Fault != nil {
		action = expectFault
	}
	if e.Action != action {
		return []string{fmt.Sprintf("expected %s, got %s", e.Action, describeAnswer(got))}
	}
	var differs []string
	value := func(what string, want, is strictjson.Value) {
		if !want.IsAbsent() && !strictjson.Equal(want, is) {
			differs = append(differs, fmt.Sprintf("expected the %s %s, got %s", what, want, is))
		}
	}
	r := &got.Result
	value("patch", e.Patch, r.Patch)
	value("audit", e.Audit, r.Audit)
	if !e.Result.IsAbsent() && !strictjson.Equal(e.Result, given(r)) { // which may be a key
		differs = append(differs, "it gave another result than expected")
	}
	if e.Error != nil {
		if e.Error.Code != "" && e.Error.Code != string(r.Code) {
			differs = append(differs, fmt.Sprintf("expected the code %s, got %s", e.Error.Code, r.Code))
		}
		if e.Error.Description != "" && e.Error.Description != r.Message {
			differs = append(differs, fmt.Sprintf("expected the description %q, got %q", e.Error.Description, r.Message))
		}
		value("extra", e.Error.Extra, r.Extra)
	}
	if e.Warnings != nil && !slices.Equal(*e.Warnings, r.Warnings) {
		differs = append(differs, fmt.Sprintf("expected the warnings %q, got %q", *e.Warnings, r.Warnings))
	}
	if e.FuelAtMost > 0 && got.Usage.Fuel > e.FuelAtMost {
		differs = append(differs, fmt.Sprintf("expected at most %d fuel, it took %d", e.FuelAtMost, got.Usage.Fuel))
	}
	return differs
}

// given puts a result as the plugin had it.
func given(r *hook.Result) strictjson.Value {
	switch {
	case r.ClientID != "":
		return strictjson.Object(strictjson.Member{Name: "client_id", Value: strictjson.String(string(r.ClientID))})
	case r.Keys.Secret != "":
		return strictjson.Object(strictjson.Member{Name: "secret", Value: strictjson.String(r.Keys.Secret.Reveal())})
	case r.Keys.JWKS != "":
		if set, err := strictjson.Parse([]byte(r.Keys.JWKS), strictjson.Stored); err == nil {
			return strictjson.Object(strictjson.Member{Name: "jwks", Value: set})
		}
	}
	return strictjson.Value{}
}

// describeAnswer puts what a plugin answered on one line.
func describeAnswer(got *Checked) string {
	r := &got.Result
	switch {
	case got.Fault != nil:
		return "the fault: " + causeOf(got.Fault)
	case r.Action == hook.Patch:
		return fmt.Sprintf("patch %s", r.Patch)
	case r.Action == hook.Reject:
		return fmt.Sprintf("reject %s %q", r.Code, r.Message)
	}
	return string(r.Action)
}

// mayAnswer verifies what whoever asks verifies, too: that a plugin patched nothing that it may not, with nothing that a client cannot
// have, adds no more to a token than fits, and gave no id that only the server gives.
func (v *version) mayAnswer(call *hook.Call, r hook.Result) error {
	switch {
	case core.IsMinted(string(r.ClientID)):
		return call.Point.Fault(v.Name(), errors.New("its client_id has the form of the server's own ids"))
	case call.Point == hook.TokenClaims && r.Patch.Len() > 0 && len(strictjson.Append(nil, r.Patch)) > hook.MaxAddedClaims:
		return call.Point.Fault(v.Name(), fmt.Errorf("what it adds to the token is longer than %d bytes", hook.MaxAddedClaims))
	}
	var client *core.Metadata // that patches are tried on; it is large, and most answers patch none
	if r.Patch.Len() > 0 && call.Point.Answers().Patches {
		client = new(core.Metadata)
	}
	for name, value := range r.Patch.All() {
		if err := v.mayPatch(call, name, value, client); err != nil {
			return call.Point.Fault(v.Name(), err)
		}
	}
	return nil
}

func (v *version) mayPatch(call *hook.Call, name string, value strictjson.Value, client *core.Metadata) error {
	base, _, _ := strings.Cut(name, "#")
	switch {
	case !v.MayWrite(call.Point, name):
		return fmt.Errorf("it patched %s, which its manifest does not let it write", clipped(name))
	case client == nil:
		return nil
	case slices.Contains(call.Context.Locked, base):
		return fmt.Errorf("it patched %s, which the software statement fixed", clipped(name))
	}
	var err error
	if row, known := metadata.Lookup(name); known {
		err = row.Set(client, value)
	} else {
		err = metadata.Translate(client, name, value)
	}
	if err != nil {
		return fmt.Errorf("its patch is not valid: %s", core.AsError(err).Detail)
	}
	return nil
}
