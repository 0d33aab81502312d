package sandbox

import "fmt"

// check parses and rewrites a module and lists every reason to refuse it that can be found without compiling it.
func check(wasm []byte, imports Imports, l Limits) (*module, rewritten, Imports, error) {
	if len(wasm) > l.ModuleBytes {
		return nil, rewritten{}, nil, refuse(nil, "the module has %d bytes, the limit is %d", len(wasm), l.ModuleBytes)
	}
	m, err := parseModule(wasm)
	if err != nil {
		return nil, rewritten{}, nil, refuse(err, "%s", err)
	}
	reasons := append(imports.check(), m.refusals(l)...)
	chosen, missing := imports.resolve(m.info.Imports)
	reasons = append(reasons, missing...)
	out, bad := rewrite(m)
	if reasons = append(reasons, bad...); len(reasons) > 0 {
		return nil, rewritten{}, nil, &LoadError{Reasons: reasons}
	}
	return m, out, chosen, nil
}

// refusals are the rules about what a module declares. What it imports is checked by Imports.resolve, its code by rewrite.
func (m *module) refusals(l Limits) []string {
	var reasons []string
	refuse := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if len(m.info.Memories) > 1 {
		refuse("it has %d memories, at most one is supported", len(m.info.Memories))
	}
	for _, memory := range m.info.Memories {
		if memory.Min > l.MemoryPages {
			refuse("it starts with %d pages of memory, the limit is %d", memory.Min, l.MemoryPages)
		}
	}
	var elements uint64
	for _, table := range m.info.Tables {
		elements += uint64(table.Min)
	}
	if elements > uint64(l.TableElements) {
		refuse("it starts with %d table elements, the limit is %d", elements, l.TableElements)
	}
	for index, g := range m.info.Globals {
		if g.Mutable && !g.Type.numeric() {
			refuse("global %d is a mutable %s, which cannot be restored", index, g.Type)
		}
	}
	if m.usesReserved() {
		refuse("it exports names that start with %s", reservedPrefix)
	}
	return reasons
}
