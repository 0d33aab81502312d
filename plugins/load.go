package plugins

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// load checks, compiles, starts and configures one plugin, and runs its self-tests. The error gives every reason that was found.
func (h *Host) load(ctx context.Context, c candidate, counts *tally) (*version, error) {
	info, err := sandbox.Inspect(c.module)
	if err != nil {
		return nil, err
	}
	b := h.binding(c.name)
	configuration := b.configuration(&c.manifest)
	allowed, limitErr := h.limits.allow(c.manifest.Limits, b.Limits)
	err = errors.Join(in(c.name+moduleSuffix, checkExports(&info, &c.manifest)), in(c.name+manifestSuffix, limitErr),
		c.manifest.configured(configuration), fits(&info, &c, allowed))
	if configuration.Len() > 0 && !exports(&info, abi.Configure) {
		err = errors.Join(err, fmt.Errorf("there is a configuration, but %s%s does not export %s", c.name, moduleSuffix, abi.Configure))
	}
	if err != nil {
		return nil, err
	}
	v := &version{
		manifest: c.manifest, binding: b, digest: c.digest, content: c.content, configuration: configuration,
		setUp: exports(&info, abi.Configure), writes: c.manifest.writesAt(), log: h.log.With("plugin", c.name), granted: c.manifest.Capabilities,
		limits: allowed, services: h.services, breaker: &breaker{now: h.now}, tally: counts, now: h.now, seen: h.watched(&c.manifest), digests: h.digests, tripped: h.tripped,
	}
	if err := h.begin(ctx, v, c.module); err != nil {
		return nil, err
	}
	if err := h.selfTest(ctx, v, &c); err != nil {
		return nil, errors.Join(err, v.program.Close())
	}
	return v, nil
}

// watched gives, by point, who is told of a plugin's calls.
func (h *Host) watched(m *Manifest) map[hook.Point]func(Asked) {
	if h.seen == nil {
		return nil
	}
	told := map[hook.Point]func(Asked){}
	for _, p := range m.points() {
		told[p] = h.seen(m.Name, p)
	}
	return told
}

// in says in which file something is wrong, of each thing that is.
func in(file string, err error) error {
	var all []error
	for _, reason := range Reasons(err) {
		all = append(all, errors.New(file+": "+reason))
	}
	return errors.Join(all...)
}

// fits verifies that a module's memory is within its limit from the beginning, and says by which word it gets more.
func fits(info *sandbox.Info, c *candidate, may Allowance) error {
	for _, m := range info.Memories {
		if mib := (int(m.Min) + pagesPerMiB - 1) / pagesPerMiB; int64(m.Min) > int64(may.MemoryMiB)*pagesPerMiB {
			return fmt.Errorf("%s%s: the module begins with %d MiB of memory, and may have %d: say limits: {memory_mib: %[3]d} or more in %[1]s%[5]s",
				c.name, moduleSuffix, mib, may.MemoryMiB, manifestSuffix)
		}
	}
	return nil
}

// begin compiles a version's module and makes its first instance.
func (h *Host) begin(ctx context.Context, v *version, module []byte) (err error) {
	visit := &visit{Context: ctx, journal: journal{log: v.log, lines: v.limits.LogLines}}
	v.program, err = h.machine.Load(visit, module, hostFunctions(v.granted), h.limits.sandboxed(v.limits), v.start)
	if err != nil {
		return errors.Join(in(v.Name()+moduleSuffix, err), visit.journal.last())
	}
	return nil
}

// start prepares a new instance: what it leaves in the module's memory is what every call begins with.
func (v *version) start(ctx context.Context, i *sandbox.Instance) error {
	results, err := i.Call(ctx, abi.Marker)
	if err != nil {
		return err
	}
	if minor := int64(int32(uint32(results[0]))); minor < int64(v.manifest.ABI.MinMinor) {
		return fmt.Errorf("the module was built for version %d.%d of the wire, its manifest asks for %d.%d",
			abi.Major, minor, abi.Major, v.manifest.ABI.MinMinor)
	}
	if !v.setUp {
		return nil
	}
	setup, err := writeSetup(&v.manifest, v.configuration)
	if err != nil {
		return err
	}
	answer, err := i.Exchange(ctx, abi.Alloc, abi.Configure, setup)
	if err != nil {
		return err
	}
	if len(answer) == 0 {
		return errors.New("it failed while it was configured")
	}
	return readSetUp(answer)
}

// exportType is the type that an export must have.
type exportType struct {
	name            string
	kind            sandbox.Kind
	params, results []sandbox.ValueType
}

// exchange is the type of hooks and of ostiary_configure.
func exchange(name string) exportType {
	return exportType{name, sandbox.KindFunction, []sandbox.ValueType{sandbox.I32, sandbox.I32}, []sandbox.ValueType{sandbox.I64}}
}

// checkExports verifies that a module speaks our wire and serves every hook that its manifest asks for. A module may
// serve more: those hooks are never called.
func checkExports(info *sandbox.Info, m *Manifest) error {
	needed := []exportType{
		{name: abi.Memory, kind: sandbox.KindMemory},
		{abi.Marker, sandbox.KindFunction, nil, []sandbox.ValueType{sandbox.I32}},
		{abi.Alloc, sandbox.KindFunction, []sandbox.ValueType{sandbox.I32}, []sandbox.ValueType{sandbox.I32}},
	}
	for _, p := range m.points() {
		needed = append(needed, exchange(string(p)))
	}
	if exports(info, abi.Configure) {
		needed = append(needed, exchange(abi.Configure))
	}
	problems := m.unasked(info)
	for _, n := range needed {
		if err := n.in(info); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// unasked tells which imports need a capability that the manifest does not ask for.
func (m *Manifest) unasked(info *sandbox.Info) (problems []error) {
	for _, need := range info.Imports {
		name, known := capabilityOf[need.Name]
		if need.Module == abi.Imports && known && !m.Capabilities.has(name) {
			problems = append(problems, fmt.Errorf("the module imports %s, which needs the capability %[2]s: add %[2]s to the manifest's capabilities", need.Name, name))
		}
	}
	return problems
}

func (t exportType) in(info *sandbox.Info) error {
	for _, e := range info.Exports {
		switch {
		case e.Name != t.name:
		case e.Kind == t.kind && slices.Equal(e.Params, t.params) && slices.Equal(e.Results, t.results):
			return nil
		default:
			return fmt.Errorf("the module exports %s with another type", t.name)
		}
	}
	if slices.Contains(hook.Points(), hook.Point(t.name)) {
		return fmt.Errorf("the manifest asks for the hook %s, but the module does not export it", t.name)
	}
	return fmt.Errorf("the module does not export %s: it was not built for version %d of the wire", t.name, abi.Major)
}

func exports(info *sandbox.Info, name string) bool {
	return slices.ContainsFunc(info.Exports, func(e sandbox.Export) bool { return e.Name == name })
}
