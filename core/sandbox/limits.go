package sandbox

import (
	"fmt"
	"runtime"
	"time"
)

// Limits bound one program. A zero value means the default named beside it.
type Limits struct {
	ModuleBytes   int           // size of the module as given; 8 MiB
	MemoryPages   uint32        // linear memory of one instance in pages of 64 KiB; 512, which is 32 MiB
	TableElements uint32        // function table of one instance; 100 000
	InputBytes    int           // longest input of Exchange; 1 MiB
	OutputBytes   int           // longest output of Exchange; 256 KiB
	Fuel          uint64        // one Do, in units of about an instruction; 200 million
	InitFuel      uint64        // start function, _initialize and configure of one instance; 1 000 million
	Stack         int           // native stack of calls inside calls, in bytes; 4 MiB
	Wall          time.Duration // one Do, host functions included, waiting for room not; 250 ms
	InitWall      time.Duration // start function, _initialize and configure of one instance; 5 s
	Instances     int           // how many calls may be under way at once; 16
	Running       int           // how many of them may compute at once, the others wait in host functions; min(GOMAXPROCS, 4)
	Wait          time.Duration // how long Do waits until there is room for one more call; 500 ms
	Recycle       int           // calls after which an instance is replaced; 10 000
	LogBytes      int           // what a guest may write to its standard streams in one call; 8 KiB
	LogLines      int           // and in how many lines; 64
}

// initialStack is what a start function and _initialize may use: Limits.Stack is set behind them, so that one module is
// compiled once whatever its limits.
const initialStack = 4 << 20

// maxStack and maxFuel keep sums of charges far from overflow.
const (
	maxStack = 64 << 20
	maxFuel  = 1 << 50
)

// maxMemoryPages is half the address space of a 32-bit memory, so that every size fits an int32.
const maxMemoryPages = 1 << 15

// withDefaults fills zero values and refuses those that make no sense, all in one error.
func (l Limits) withDefaults() (Limits, error) {
	var reasons []string
	number := func(name string, value *int, standard int) {
		if *value < 0 {
			reasons = append(reasons, fmt.Sprintf("limit %s is negative", name))
		}
		if *value == 0 {
			*value = standard
		}
	}
	duration := func(name string, value *time.Duration, standard time.Duration) {
		if *value < 0 {
			reasons = append(reasons, fmt.Sprintf("limit %s is negative", name))
		}
		if *value == 0 {
			*value = standard
		}
	}
	number("ModuleBytes", &l.ModuleBytes, 8<<20)
	number("InputBytes", &l.InputBytes, 1<<20)
	number("OutputBytes", &l.OutputBytes, 256<<10)
	number("Stack", &l.Stack, 4<<20)
	number("Instances", &l.Instances, 16)
	number("Running", &l.Running, min(runtime.GOMAXPROCS(0), 4))
	number("Recycle", &l.Recycle, 10_000)
	number("LogBytes", &l.LogBytes, 8<<10)
	number("LogLines", &l.LogLines, 64)
	duration("Wall", &l.Wall, 250*time.Millisecond)
	duration("InitWall", &l.InitWall, 5*time.Second)
	duration("Wait", &l.Wait, 500*time.Millisecond)
	if l.MemoryPages == 0 {
		l.MemoryPages = 512
	}
	if l.TableElements == 0 {
		l.TableElements = 100_000
	}
	if l.Fuel == 0 {
		l.Fuel = 200_000_000
	}
	if l.InitFuel == 0 {
		l.InitFuel = 1_000_000_000
	}
	if l.Fuel > maxFuel || l.InitFuel > maxFuel {
		reasons = append(reasons, fmt.Sprintf("limit Fuel or InitFuel is over %d", uint64(maxFuel)))
	}
	if l.Stack > maxStack {
		reasons = append(reasons, fmt.Sprintf("limit Stack is over %d", maxStack))
	}
	if l.MemoryPages > maxMemoryPages {
		reasons = append(reasons, fmt.Sprintf("limit MemoryPages is over %d", maxMemoryPages))
	}
	if reasons != nil {
		return l, &LoadError{Reasons: reasons}
	}
	return l, nil
}
