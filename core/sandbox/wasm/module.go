package wasm

import (
	"bytes"
	"errors"
	"fmt"
)

// Section numbers of the binary format (§5.5.2).
const (
	SectionCustom    = 0
	SectionType      = 1
	SectionImport    = 2
	SectionFunction  = 3
	SectionTable     = 4
	SectionMemory    = 5
	SectionGlobal    = 6
	SectionExport    = 7
	SectionStart     = 8
	SectionElement   = 9
	SectionCode      = 10
	SectionData      = 11
	SectionDataCount = 12
)

// sectionRank is the order in which sections must stand: the data count comes before the code it is needed for.
var sectionRank = [...]int{
	SectionType: 1, SectionImport: 2, SectionFunction: 3, SectionTable: 4, SectionMemory: 5, SectionGlobal: 6,
	SectionExport: 7, SectionStart: 8, SectionElement: 9, SectionDataCount: 10, SectionCode: 11, SectionData: 12,
}

// Order lists the sections that have a meaning to an engine, as they must stand.
var Order = [...]byte{
	SectionType, SectionImport, SectionFunction, SectionTable, SectionMemory, SectionGlobal,
	SectionExport, SectionStart, SectionElement, SectionDataCount, SectionCode, SectionData,
}

// maxEntries bounds a section's vector, so that what is built stays in proportion to what is read.
const maxEntries = 100_000

// maxTypeValues does the same for what types list.
const maxTypeValues = 1_000_000

// Header is how a binary starts: the magic number and the version.
const Header = "\x00asm\x01\x00\x00\x00"

// A Section is where one section of a module stands: from Start to End with its number and length, from Body without.
type Section struct {
	ID               byte
	Start, Body, End int
}

// A FuncType is the type of a function or of a block.
type FuncType struct{ Params, Results []ValueType }

// A Module is a parsed binary: what Info shows, and what a rewriter needs besides. Functions and globals are counted with
// the imported ones first.
type Module struct {
	Wasm              []byte
	Sections          []Section
	Types             []FuncType
	Functions         []uint32 // type index of every function
	ImportedFunctions int
	ImportedGlobals   int
	Info              Info

	typeValues int // parameters and results of all types
}

// Parse reads the sections that declare something. An error means that the bytes are no WebAssembly core 2.0 module; code
// is neither read nor validated.
func Parse(wasm []byte) (*Module, error) {
	if !bytes.HasPrefix(wasm, []byte(Header)) {
		return nil, errors.New("not a WebAssembly 1.0 binary: the header is missing")
	}
	m := &Module{Wasm: wasm}
	r := &Reader{Data: wasm, Pos: len(Header)}
	rank := 0
	for r.More() {
		s := Section{Start: r.Pos}
		s.ID = r.U8()
		body := r.Part(r.Count())
		if r.Err != nil {
			return nil, r.Err
		}
		s.Body, s.End = body.Pos, r.Pos
		if s.ID != SectionCustom {
			if int(s.ID) >= len(sectionRank) || sectionRank[s.ID] <= rank {
				return nil, fmt.Errorf("offset %d: section %d is unknown, repeated or out of order", s.Start, s.ID)
			}
			rank = sectionRank[s.ID]
		}
		if m.Sections = append(m.Sections, s); len(m.Sections) > maxEntries {
			return nil, fmt.Errorf("more than %d sections", maxEntries)
		}
		if err := m.parseSection(s.ID, body); err != nil {
			return nil, err
		}
	}
	return m, r.Err
}

func (m *Module) parseSection(id byte, r *Reader) error {
	parse := map[byte]func(*Reader){
		SectionType: m.parseType, SectionImport: m.parseImport, SectionFunction: m.parseFunction,
		SectionTable: m.parseTable, SectionMemory: m.parseMemory, SectionGlobal: m.parseGlobal, SectionExport: m.parseExport,
	}[id]
	switch {
	case id == SectionCustom:
		name := r.Name()
		m.Info.Customs = append(m.Info.Customs, CustomSection{Name: name, Data: r.Data[r.Pos:]})
		return r.Err
	case id == SectionStart:
		m.Info.HasStart = true
		return nil
	case id == SectionCode:
		return nil
	case id == SectionDataCount:
		if r.U32(); r.Err == nil && r.Pos != len(r.Data) {
			r.Fail("section %d is longer than its content", id)
		}
		return r.Err
	}
	n := r.Count()
	if n > maxEntries {
		r.Fail("section %d has %d entries, at most %d are accepted", id, n, maxEntries)
	}
	if parse == nil { // element and data segments are the rewriter's to read
		return r.Err
	}
	for ; n > 0 && r.Err == nil; n-- {
		parse(r)
	}
	if r.Err == nil && r.Pos != len(r.Data) {
		r.Fail("section %d is longer than its content", id)
	}
	return r.Err
}

func (m *Module) parseType(r *Reader) {
	if form := r.U8(); form != 0x60 {
		r.Fail("type form 0x%02x is not a function", form)
		return
	}
	t := FuncType{Params: r.valueTypes(), Results: r.valueTypes()}
	if m.typeValues += len(t.Params) + len(t.Results); m.typeValues > maxTypeValues {
		r.Fail("types with more than %d parameters and results in all", maxTypeValues)
	}
	m.Types = append(m.Types, t)
}

func (m *Module) parseImport(r *Reader) {
	need := ImportNeed{Module: r.Name(), Name: r.Name(), Kind: Kind(r.U8())}
	switch need.Kind {
	case KindFunction:
		index := r.U32()
		need.Params, need.Results = m.typeOf(r, index)
		m.Functions = append(m.Functions, index)
		m.ImportedFunctions++
	case KindTable:
		m.parseTable(r)
	case KindMemory:
		m.parseMemory(r)
	case KindGlobal:
		m.Info.Globals = append(m.Info.Globals, r.globalType())
		m.ImportedGlobals++
	default:
		r.Fail("import of unknown %s", need.Kind)
	}
	m.Info.Imports = append(m.Info.Imports, need)
}

func (m *Module) typeOf(r *Reader, index uint32) (params, results []ValueType) {
	if uint64(index) >= uint64(len(m.Types)) {
		r.Fail("there is no type %d", index)
		return nil, nil
	}
	return m.Types[index].Params, m.Types[index].Results
}

func (m *Module) parseFunction(r *Reader) {
	index := r.U32()
	m.typeOf(r, index)
	m.Functions = append(m.Functions, index)
	m.Info.Functions++
}

func (m *Module) parseTable(r *Reader) {
	t := TableType{Element: r.ValueType()}
	t.Min, t.Max, t.HasMax = r.limits()
	m.Info.Tables = append(m.Info.Tables, t)
}

func (m *Module) parseMemory(r *Reader) {
	var t MemoryType
	t.Min, t.Max, t.HasMax = r.limits()
	m.Info.Memories = append(m.Info.Memories, t)
}

func (r *Reader) globalType() GlobalType {
	t := GlobalType{Type: r.ValueType()}
	switch r.U8() {
	case 0:
	case 1:
		t.Mutable = true
	default:
		r.Fail("a global is neither constant nor mutable")
	}
	return t
}

func (m *Module) parseGlobal(r *Reader) {
	m.Info.Globals = append(m.Info.Globals, r.globalType())
	var i Instruction
	for r.Err == nil { // the initial value: a constant expression without blocks, so the first end ends it
		if r.Instruction(&i); i.Op == OpEnd {
			return
		}
	}
}

func (m *Module) parseExport(r *Reader) {
	e := Export{Name: r.Name(), Kind: Kind(r.U8())}
	index := uint64(r.U32())
	sizes := [...]int{
		KindFunction: len(m.Functions), KindTable: len(m.Info.Tables),
		KindMemory: len(m.Info.Memories), KindGlobal: len(m.Info.Globals),
	}
	if int(e.Kind) >= len(sizes) || index >= uint64(sizes[e.Kind]) {
		r.Fail("export of %s %d, which is not there", e.Kind, index)
		return
	}
	if e.Kind == KindFunction {
		e.Params, e.Results = m.typeOf(r, m.Functions[index])
	}
	m.Info.Exports = append(m.Info.Exports, e)
}

// Section finds the section of that number; ok is false if there is none. Of custom sections it finds the first.
func (m *Module) Section(id byte) (s Section, ok bool) {
	for _, s := range m.Sections {
		if s.ID == id {
			return s, true
		}
	}
	return Section{}, false
}

// Read gives a reader for the body of a section.
func (m *Module) Read(s Section) *Reader { return &Reader{Data: m.Wasm[:s.End], Pos: s.Body} }

// TypeOf gives the type of a function.
func (m *Module) TypeOf(function uint32) FuncType { return m.Types[m.Functions[function]] }

// FunctionNames reads the name section (§7.4.1): what the toolchain called the functions. A damaged section names nothing.
func (m *Module) FunctionNames() map[uint32]string {
	for _, custom := range m.Info.Customs {
		if custom.Name == "name" {
			return functionNames(custom.Data)
		}
	}
	return nil
}

// FunctionName gives the name of a function that the module defines, the first of them being 0, or its number if it has none.
func (m *Module) FunctionName(defined int) string {
	number := uint32(m.ImportedFunctions + defined)
	if name, ok := m.FunctionNames()[number]; ok {
		return name
	}
	return fmt.Sprint(number)
}

func functionNames(data []byte) map[uint32]string {
	r := &Reader{Data: data}
	for r.More() {
		id := r.U8()
		sub := r.Part(r.Count())
		if id != 1 {
			continue
		}
		n := sub.Count()
		names := make(map[uint32]string, n)
		for ; n > 0 && sub.Err == nil; n-- {
			index := sub.U32()
			names[index] = sub.Name()
		}
		if sub.Err != nil {
			return nil
		}
		return names
	}
	return nil
}
