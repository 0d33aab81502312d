package sandbox

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A script is one of WebAssembly's own test scripts, as wabt's wast2json writes it beside the modules it was cut into.
type script struct {
	Source   string    `json:"source_filename"`
	Commands []command `json:"commands"`
}

type command struct {
	Type       string     `json:"type"`
	Line       int        `json:"line"`
	Name       string     `json:"name"`        // of a module, within the script
	Filename   string     `json:"filename"`    // of a module
	As         string     `json:"as"`          // register: the name under which others import the module before it
	Action     action     `json:"action"`      // what is called or read
	Expected   []constant `json:"expected"`    // what it gives
	Text       string     `json:"text"`        // why it fails
	ModuleType string     `json:"module_type"` // text or binary
}

type action struct {
	Type   string     `json:"type"` // invoke or get
	Module string     `json:"module"`
	Field  string     `json:"field"`
	Args   []constant `json:"args"`
}

// A constant is an argument, or the pattern of a result.
type constant struct {
	Type     string           `json:"type"`
	LaneType string           `json:"lane_type"` // of a v128
	Value    strictjson.Value `json:"value"`     // a string, for a v128 one for each lane; absent means any reference
}

func readScript(file string) (script, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return script{}, err
	}
	// One name holds a NUL, which strictjson never takes, so another character that no name holds stands in for it.
	text = bytes.ReplaceAll(text, []byte(`\u0000`), []byte(standIn))
	var s script
	err = strictjson.Decode(text, &s, strictjson.Limits{MaxBytes: len(text), MaxDepth: 8, MaxMembers: len(text)})
	for n := range s.Commands {
		s.Commands[n].Action.Field = strings.ReplaceAll(s.Commands[n].Action.Field, standIn, "\x00")
	}
	return s, err
}

const standIn = "\uf8ff"

// slots are the 64-bit numbers in which the value travels between host and guest: two for a vector, else one.
func (c constant) slots() ([]uint64, error) {
	if c.Type == "v128" {
		return c.vector()
	}
	text, ok := c.Value.Text()
	switch {
	case !ok:
		return nil, fmt.Errorf("%s without a value", c.Type)
	case text == "null":
		return []uint64{0}, nil
	case c.Type == "externref": // for the engine zero is null
		n, err := strconv.ParseUint(text, 10, 63)
		return []uint64{n + 1}, err
	}
	n, err := strconv.ParseUint(text, 10, widthOf(c.Type))
	return []uint64{n}, err
}

func (c constant) vector() ([]uint64, error) {
	texts, ok := c.Value.Strings()
	width := widthOf(c.LaneType)
	if !ok || len(texts)*width != 128 {
		return nil, fmt.Errorf("vector of %d %s", len(texts), c.LaneType)
	}
	slots := make([]uint64, 2)
	for lane, text := range texts {
		n, err := strconv.ParseUint(text, 10, width)
		if err != nil {
			return nil, err
		}
		slots[lane*width/64] |= n << (lane * width % 64)
	}
	return slots, nil
}

// widthOf gives the bits of a number type or lane type, which its name ends in.
func widthOf(t string) int {
	width, err := strconv.Atoi(strings.TrimLeft(t, "if"))
	if err != nil {
		return 64 // references
	}
	return width
}

// matches takes the slots of one value off the front of results and says whether they fit the pattern.
func (c constant) matches(results []uint64) (rest []uint64, ok bool) {
	size, lane, width := 1, []string{}, widthOf(c.Type)
	switch text, single := c.Value.Text(); {
	case c.Type == "v128":
		size, width = 2, widthOf(c.LaneType)
		lane, _ = c.Value.Strings()
	case single && c.Type != "externref":
		lane = []string{text}
	}
	if len(results) < size {
		return nil, false
	}
	got, rest := results[:size], results[size:]
	switch {
	case c.Value.IsAbsent(): // any reference
		return rest, true
	case c.Type == "externref", c.Type == "funcref":
		want, err := c.slots()
		return rest, err == nil && want[0] == got[0]
	case c.Type == "v128" && len(lane)*width != 128:
		return rest, false
	}
	for n, pattern := range lane {
		bits := got[n*width/64] >> (n * width % 64) & (math.MaxUint64 >> (64 - width))
		if !fits(pattern, bits, width) {
			return rest, false
		}
	}
	return rest, true
}

// fits compares the bits of one number with its pattern (core 2.0 §4.3.3: canonical and arithmetic NaN, either sign).
func fits(pattern string, bits uint64, width int) bool {
	quiet := uint64(0x7fc0_0000)
	if width == 64 {
		quiet = 0x7ff8_0000_0000_0000
	}
	switch pattern {
	case "nan:canonical":
		return bits&^(1<<(width-1)) == quiet
	case "nan:arithmetic":
		return bits&quiet == quiet
	}
	want, err := strconv.ParseUint(pattern, 10, width)
	return err == nil && bits == want
}

// fit compares all results of a call.
func (c command) fit(results []uint64) bool {
	for _, pattern := range c.Expected {
		var ok bool
		if results, ok = pattern.matches(results); !ok {
			return false
		}
	}
	return len(results) == 0
}

func (a action) params() ([]uint64, error) {
	var params []uint64
	for _, arg := range a.Args {
		slots, err := arg.slots()
		if err != nil {
			return nil, err
		}
		params = append(params, slots...)
	}
	return params, nil
}
