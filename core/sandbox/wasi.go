package sandbox

import (
	"context"
	"fmt"
	"time"
)

// WASIOptions are the two things a guest may learn or say through WASI. Both may be nil.
type WASIOptions struct {
	// Now is the wall clock. It is read once per call, on first use, and given in whole milliseconds; nil means that it
	// is always 1970. The monotonic clock never shows real time.
	Now func() time.Time
	// Log receives what the guest writes to its standard output (stream 1) and error (2), line by line, within
	// Limits.LogBytes and LogLines. The line is the guest's own bytes and not to be trusted; it must not be kept.
	Log func(ctx context.Context, stream int, line []byte)
}

// wasiModule is the import module of WASI preview 1.
const wasiModule = "wasi_snapshot_preview1"

// WASI is preview 1 with no power behind it, for guests whose toolchain imports it whether it is used or not: no files, no
// sockets, no arguments, no environment, a clock that stands still except when the guest sleeps, sleep that takes no time,
// and randomness from Instance.SetEntropy. Every function exists; those without a meaning here answer ENOSYS.
func WASI(o WASIOptions) Imports {
	all := make(Imports, 0, len(wasiFunctions))
	for _, f := range wasiFunctions {
		i := Import{Module: wasiModule, Name: f.name, Params: wasiTypes(f.params), Results: []ValueType{I32}}
		i.Call = func(ctx context.Context, mem Memory, stack []uint64) error {
			inst := instanceOf(ctx)
			stack[0] = uint64(f.call(&wasiCall{ctx: ctx, mem: mem, host: &inst.host, lease: &inst.lease, options: o, params: stack}))
			return inst.lease.overdrawn()
		}
		all = append(all, i)
	}
	return append(all, Import{Module: wasiModule, Name: "proc_exit", Params: []ValueType{I32}, Call: procExit})
}

// procExit ends the call and the instance: a reactor that exits has given up.
func procExit(_ context.Context, _ Memory, stack []uint64) error {
	code := uint32(stack[0])
	return &Trap{Kind: TrapExit, ExitCode: code, Message: fmt.Sprintf("proc_exit(%d)", code)}
}

// An errno is the answer of a WASI function.
type errno uint32

// The error numbers in use, from preview 1's witx.
const (
	wasiOK       errno = 0
	wasiBadFile  errno = 8
	wasiFault    errno = 21
	wasiInvalid  errno = 28
	wasiNoSystem errno = 52
	wasiNoSeek   errno = 70
)

// A wasiCall is one call of one function.
type wasiCall struct {
	ctx     context.Context
	mem     Memory
	host    *hostState
	lease   *lease
	options WASIOptions
	params  []uint64
}

func (c *wasiCall) u32(n int) uint32 { return uint32(c.params[n]) }

// write stores data where parameter n points to.
func (c *wasiCall) write(n int, data []byte) errno {
	if !c.mem.Write(c.u32(n), data) {
		return wasiFault
	}
	return wasiOK
}

// standard says whether the first parameter is one of the three streams a process starts with.
func (c *wasiCall) standard() bool { return c.u32(0) <= 2 }

// wasiTypes reads a parameter list: i is an i32, I an i64.
func wasiTypes(letters string) []ValueType {
	var types []ValueType
	for _, letter := range letters {
		if letter == 'I' {
			types = append(types, I64)
		} else {
			types = append(types, I32)
		}
	}
	return types
}

// A wasiFunction answers an errno; its parameters are spelled as wasiTypes reads them.
type wasiFunction struct {
	name, params string
	call         func(*wasiCall) errno
}

func noSystem(*wasiCall) errno { return wasiNoSystem }
func badFile(*wasiCall) errno  { return wasiBadFile }

// wasiFunctions is all of preview 1 except proc_exit, which answers nothing.
var wasiFunctions = []wasiFunction{
	{"args_get", "ii", nothingToGet},
	{"args_sizes_get", "ii", noSizes},
	{"clock_res_get", "ii", clockResolution},
	{"clock_time_get", "iIi", clockTime},
	{"environ_get", "ii", nothingToGet},
	{"environ_sizes_get", "ii", noSizes},
	{"fd_advise", "iIIi", badFile},
	{"fd_allocate", "iII", badFile},
	{"fd_close", "i", standardOnly},
	{"fd_datasync", "i", standardOnly},
	{"fd_fdstat_get", "ii", fdStat},
	{"fd_fdstat_set_flags", "ii", standardOnly},
	{"fd_fdstat_set_rights", "iII", badFile},
	{"fd_filestat_get", "ii", fileStat},
	{"fd_filestat_set_size", "iI", badFile},
	{"fd_filestat_set_times", "iIIi", badFile},
	{"fd_pread", "iiiIi", noSeek},
	{"fd_prestat_dir_name", "iii", badFile},
	{"fd_prestat_get", "ii", badFile},
	{"fd_pwrite", "iiiIi", noSeek},
	{"fd_read", "iiii", fdRead},
	{"fd_readdir", "iiiIi", badFile},
	{"fd_renumber", "ii", badFile},
	{"fd_seek", "iIii", noSeek},
	{"fd_sync", "i", standardOnly},
	{"fd_tell", "ii", noSeek},
	{"fd_write", "iiii", fdWrite},
	{"path_create_directory", "iii", badFile},
	{"path_filestat_get", "iiiii", badFile},
	{"path_filestat_set_times", "iiiiIIi", badFile},
	{"path_link", "iiiiiii", badFile},
	{"path_open", "iiiiiIIii", badFile},
	{"path_readlink", "iiiiii", badFile},
	{"path_remove_directory", "iii", badFile},
	{"path_rename", "iiiiii", badFile},
	{"path_symlink", "iiiii", badFile},
	{"path_unlink_file", "iii", badFile},
	{"poll_oneoff", "iiii", pollOneoff},
	{"proc_raise", "i", noSystem},
	{"random_get", "ii", randomGet},
	{"sched_yield", "", schedYield},
	{"sock_accept", "iii", noSystem},
	{"sock_recv", "iiiiii", noSystem},
	{"sock_send", "iiiii", noSystem},
	{"sock_shutdown", "ii", noSystem},
}
