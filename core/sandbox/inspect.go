package sandbox

import (
	"bytes"
	"fmt"
)

// Inspect reads what a module says about itself without running, compiling or validating any of its code. An error means
// that the bytes are no WebAssembly core 2.0 module.
func Inspect(wasm []byte) (Info, error) {
	m, err := parseModule(wasm)
	if err != nil {
		return Info{}, err
	}
	return m.info, nil
}

// Section numbers of the binary format (§5.5.2).
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
)

// sectionRank is the order in which sections must stand: the data count comes before the code it is needed for.
var sectionRank = [...]int{
	sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5, sectionGlobal: 6,
	sectionExport: 7, sectionStart: 8, sectionElement: 9, sectionDataCount: 10, sectionCode: 11, sectionData: 12,
}

// maxEntries bounds a section's vector, so that what Inspect builds stays in proportion to what it reads.
const maxEntries = 100_000

var header = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// A section is where one section of a module stands: whole includes id and length, body does not.
type section struct {
	id         byte
	start, end int // of the whole
	body       int // start of the body
}

type funcType struct{ params, results []ValueType }

// A module is a parsed binary: what Info shows and what the rewriter needs besides.
type module struct {
	wasm            []byte
	sections        []section
	types           []funcType
	functions       []uint32 // type index of every function, the imported ones first
	importedGlobals int
	info            Info
}

func parseModule(wasm []byte) (*module, error) {
	if !bytes.HasPrefix(wasm, header) {
		return nil, fmt.Errorf("not a WebAssembly 1.0 binary: the header is missing")
	}
	m := &module{wasm: wasm}
	r := &reader{data: wasm, pos: len(header)}
	rank := 0
	for r.more() {
		s := section{start: r.pos}
		s.id = r.u8()
		body := r.part(r.count())
		if r.err != nil {
			return nil, r.err
		}
		s.body, s.end = body.pos, r.pos
		if s.id != sectionCustom {
			if int(s.id) >= len(sectionRank) || sectionRank[s.id] <= rank {
				return nil, fmt.Errorf("offset %d: section %d is unknown, repeated or out of order", s.start, s.id)
			}
			rank = sectionRank[s.id]
		}
		if m.sections = append(m.sections, s); len(m.sections) > maxEntries {
			return nil, fmt.Errorf("more than %d sections", maxEntries)
		}
		if err := m.parseSection(s.id, body); err != nil {
			return nil, err
		}
	}
	return m, r.err
}

func (m *module) parseSection(id byte, r *reader) error {
	parse := map[byte]func(*reader){
		sectionType: m.parseType, sectionImport: m.parseImport, sectionFunction: m.parseFunction,
		sectionTable: m.parseTable, sectionMemory: m.parseMemory, sectionGlobal: m.parseGlobal, sectionExport: m.parseExport,
	}[id]
	switch {
	case id == sectionCustom:
		name := r.name()
		m.info.Customs = append(m.info.Customs, CustomSection{Name: name, Data: r.data[r.pos:]})
		return r.err
	case id == sectionStart:
		m.info.HasStart = true
		return nil
	case parse == nil: // elements, code and data are the engine's to read; the rewriter reads code
		return nil
	}
	n := r.count()
	if n > maxEntries {
		r.fail("section %d has %d entries, at most %d are accepted", id, n, maxEntries)
	}
	for ; n > 0 && r.err == nil; n-- {
		parse(r)
	}
	if r.err == nil && r.pos != len(r.data) {
		r.fail("section %d is longer than its content", id)
	}
	return r.err
}

func (m *module) parseType(r *reader) {
	if form := r.u8(); form != 0x60 {
		r.fail("type form 0x%02x is not a function", form)
		return
	}
	m.types = append(m.types, funcType{params: r.valueTypes(), results: r.valueTypes()})
}

func (m *module) parseImport(r *reader) {
	need := ImportNeed{Module: r.name(), Name: r.name(), Kind: Kind(r.u8())}
	switch need.Kind {
	case KindFunction:
		index := r.u32()
		need.Params, need.Results = m.typeOf(r, index)
		m.functions = append(m.functions, index)
	case KindTable:
		m.parseTable(r)
	case KindMemory:
		m.parseMemory(r)
	case KindGlobal:
		m.info.Globals = append(m.info.Globals, r.globalType())
		m.importedGlobals++
	default:
		r.fail("import of unknown %s", need.Kind)
	}
	m.info.Imports = append(m.info.Imports, need)
}

func (m *module) typeOf(r *reader, index uint32) (params, results []ValueType) {
	if uint64(index) >= uint64(len(m.types)) {
		r.fail("there is no type %d", index)
		return nil, nil
	}
	return m.types[index].params, m.types[index].results
}

func (m *module) parseFunction(r *reader) {
	index := r.u32()
	m.typeOf(r, index)
	m.functions = append(m.functions, index)
	m.info.Functions++
}

func (m *module) parseTable(r *reader) {
	t := TableType{Element: r.valueType()}
	t.Min, t.Max, t.HasMax = r.limits()
	m.info.Tables = append(m.info.Tables, t)
}

func (m *module) parseMemory(r *reader) {
	var t MemoryType
	t.Min, t.Max, t.HasMax = r.limits()
	m.info.Memories = append(m.info.Memories, t)
}

func (r *reader) globalType() GlobalType {
	t := GlobalType{Type: r.valueType()}
	switch r.u8() {
	case 0:
	case 1:
		t.Mutable = true
	default:
		r.fail("a global is neither constant nor mutable")
	}
	return t
}

func (m *module) parseGlobal(r *reader) {
	m.info.Globals = append(m.info.Globals, r.globalType())
	for r.err == nil { // the initial value: a constant expression without blocks, so the first end ends it
		if op := r.instruction(); op == opEnd {
			return
		}
	}
}

func (m *module) parseExport(r *reader) {
	e := Export{Name: r.name(), Kind: Kind(r.u8())}
	index := uint64(r.u32())
	sizes := [...]int{
		KindFunction: len(m.functions), KindTable: len(m.info.Tables),
		KindMemory: len(m.info.Memories), KindGlobal: len(m.info.Globals),
	}
	if int(e.Kind) >= len(sizes) || index >= uint64(sizes[e.Kind]) {
		r.fail("export of %s %d, which is not there", e.Kind, index)
		return
	}
	if e.Kind == KindFunction {
		e.Params, e.Results = m.typeOf(r, m.functions[index])
	}
	m.info.Exports = append(m.info.Exports, e)
}
