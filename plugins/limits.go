package plugins

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// Limits are the server's: what a plugin gets when nobody says anything, and the most that a manifest may ask for. Zero values
// mean the defaults named beside them.
type Limits struct {
	ModuleBytes             int           // size of a module; 8 MiB
	MemoryMiB, MaxMemoryMiB int           // memory of one instance; 32, 64
	Fuel, MaxFuel           int64         // instructions of one call, about; 200 and 1000 million
	Wall, MaxWall           time.Duration // one call, what it waits for included; 500 ms, 5 s
	OutputBytes             int           // of an answer, also the most; abi.MaxAnswer
	LogLines, MaxLogLines   int           // that are kept of one call; abi.MaxLogLines, 256
	HTTPCalls, MaxHTTPCalls int           // requests of one call; 2, 10
	AtOnce, MaxAtOnce       int           // calls under way, those that wait included; 16, 64
	TogetherMiB             int           // memory of all instances of a plugin, which bounds how many there are; 1024
	SelfTest                time.Duration // all self-tests of a plugin; 30 s
}

func (l Limits) withDefaults() Limits {
	l.ModuleBytes = cmp.Or(l.ModuleBytes, 8<<20)
	l.MemoryMiB = cmp.Or(l.MemoryMiB, 32)
	l.MaxMemoryMiB = max(cmp.Or(l.MaxMemoryMiB, 64), l.MemoryMiB)
	l.Fuel = cmp.Or(l.Fuel, 200_000_000)
	l.MaxFuel = max(cmp.Or(l.MaxFuel, 1_000_000_000), l.Fuel)
	l.Wall = cmp.Or(l.Wall, 500*time.Millisecond)
	l.MaxWall = max(cmp.Or(l.MaxWall, 5*time.Second), l.Wall)
	l.OutputBytes = cmp.Or(l.OutputBytes, abi.MaxAnswer)
	l.LogLines = cmp.Or(l.LogLines, abi.MaxLogLines)
	l.MaxLogLines = max(cmp.Or(l.MaxLogLines, 256), l.LogLines)
	l.HTTPCalls = cmp.Or(l.HTTPCalls, 2)
	l.MaxHTTPCalls = max(cmp.Or(l.MaxHTTPCalls, 10), l.HTTPCalls)
	l.AtOnce = cmp.Or(l.AtOnce, 16)
	l.MaxAtOnce = max(cmp.Or(l.MaxAtOnce, 64), l.AtOnce)
	l.TogetherMiB = cmp.Or(l.TogetherMiB, 1024)
	l.SelfTest = cmp.Or(l.SelfTest, 30*time.Second)
	return l
}

// Bounds are what a plugin's manifest asks for instead of the server's defaults, or what the operator's binding says instead of
// both. What is zero is left open. The ranges are what no binding goes beyond.
type Bounds struct {
	MemoryMiB   int   `yaml:"memory_mib" range:"1..1024"`
	Fuel        int64 `yaml:"fuel" range:"1000..100000000000"`
	WallMS      int   `yaml:"wall_ms" range:"1..60000"`
	OutputBytes int   `yaml:"output_bytes" range:"64..262144"`
	LogLines    int   `yaml:"log_lines" range:"1..10000"`
	HTTPCalls   int   `yaml:"http_calls" range:"1..100"`
	AtOnce      int   `yaml:"at_once" range:"1..1000"`
}

// An Allowance is what one plugin may use in a call, in the end, and how many calls there may be at once.
type Allowance struct {
	MemoryMiB   int
	Fuel        int64
	Wall        time.Duration
	OutputBytes int
	LogLines    int
	HTTPCalls   int
	AtOnce      int
}

// allow settles what a plugin may use: what the operator's binding says, else what the manifest asks for, which must be within
// the server's limits, else the server's defaults. The error names every limit that is asked too much of.
func (l Limits) allow(manifest, binding Bounds) (Allowance, error) {
	var errs []error
	settle := func(name string, bound, asked, otherwise, most int64) int64 {
		if bound == 0 && asked > most {
			errs = append(errs, fmt.Errorf("limits.%s: %d is over this server's %d; an operator can allow it in plugins.bindings of ostiary.yaml", name, asked, most))
		}
		return cmp.Or(bound, asked, otherwise)
	}
	number := func(name string, bound, asked, otherwise, most int) int {
		return int(settle(name, int64(bound), int64(asked), int64(otherwise), int64(most)))
	}
	wall := number("wall_ms", binding.WallMS, manifest.WallMS, int(l.Wall.Milliseconds()), int(l.MaxWall.Milliseconds()))
	memory := number("memory_mib", binding.MemoryMiB, manifest.MemoryMiB, l.MemoryMiB, l.MaxMemoryMiB)
	together := l.together(memory)
	a := Allowance{
		MemoryMiB:   memory,
		Fuel:        settle("fuel", binding.Fuel, manifest.Fuel, l.Fuel, l.MaxFuel),
		Wall:        time.Duration(wall) * time.Millisecond,
		OutputBytes: number("output_bytes", binding.OutputBytes, manifest.OutputBytes, l.OutputBytes, abi.MaxAnswer),
		LogLines:    number("log_lines", binding.LogLines, manifest.LogLines, l.LogLines, l.MaxLogLines),
		HTTPCalls:   number("http_calls", binding.HTTPCalls, manifest.HTTPCalls, l.HTTPCalls, l.MaxHTTPCalls),
		AtOnce:      number("at_once", binding.AtOnce, manifest.AtOnce, min(l.AtOnce, together), l.MaxAtOnce),
	}
	if binding.AtOnce == 0 && a.AtOnce > together {
		errs = append(errs, fmt.Errorf("limits.at_once: %d instances of %d MiB are over this server's %d MiB together; an operator can allow it in plugins.bindings of ostiary.yaml",
			a.AtOnce, memory, l.TogetherMiB))
	}
	return a, errors.Join(errs...)
}

// beyond lists what a binding gives beyond what the server lets a manifest ask for.
func (l Limits) beyond(b Bounds) (list []error) {
	for _, limit := range []struct {
		name        string
		bound, most int64
	}{
		{"memory_mib", int64(b.MemoryMiB), int64(l.MaxMemoryMiB)}, {"fuel", b.Fuel, l.MaxFuel}, {"wall_ms", int64(b.WallMS), l.MaxWall.Milliseconds()},
		{"output_bytes", int64(b.OutputBytes), abi.MaxAnswer}, {"log_lines", int64(b.LogLines), int64(l.MaxLogLines)},
		{"http_calls", int64(b.HTTPCalls), int64(l.MaxHTTPCalls)}, {"at_once", int64(b.AtOnce), int64(l.MaxAtOnce)},
	} {
		if limit.bound > limit.most {
			list = append(list, fmt.Errorf("%s: %d is over this server's %d, and only plugins.bindings of ostiary.yaml goes beyond that", limit.name, limit.bound, limit.most))
		}
	}
	if memory := cmp.Or(b.MemoryMiB, l.MaxMemoryMiB); b.AtOnce > l.together(memory) {
		list = append(list, fmt.Errorf("at_once: %d instances of %d MiB (memory_mib) are over this server's %d MiB together, and only plugins.bindings of ostiary.yaml goes beyond that",
			b.AtOnce, memory, l.TogetherMiB))
	}
	return list
}

// together is how many instances there may be at once, each with that much memory. A few there may always be.
func (l Limits) together(memoryMiB int) int { return max(l.TogetherMiB/memoryMiB, 4) }

// Linear memory comes in pages.
const (
	pagesPerMiB = 16
	pageSize    = 64 << 10
)

// sandboxed gives the limits of the machine for a plugin.
func (l Limits) sandboxed(a Allowance) sandbox.Limits {
	return sandbox.Limits{
		ModuleBytes: l.ModuleBytes, MemoryPages: uint32(a.MemoryMiB * pagesPerMiB), Fuel: uint64(a.Fuel), Wall: a.Wall, OutputBytes: a.OutputBytes,
		Instances: a.AtOnce,
	}
}
