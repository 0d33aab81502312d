package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// Exchange passes bytes in and out: it calls alloc(len) -> ptr, writes in there, calls export(ptr, len) -> ptr<<32|len and
// copies that range out. Both functions must have these types: (i32) -> i32 and (i32, i32) -> i64.
func (i *Instance) Exchange(ctx context.Context, alloc, export string, in []byte) ([]byte, error) {
	if len(in) > i.program.limits.InputBytes {
		return nil, ErrInputTooLarge
	}
	room, hook, err := i.program.exchanges(alloc, export)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = i.run(ctx, func(ctx context.Context) (err error) {
		out, err = i.exchange(ctx, room, hook, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// exchanges finds both functions, of the right types.
func (p *Program) exchanges(alloc, export string) (room, hook *function, err error) {
	if room = p.functions[alloc]; !room.is([]ValueType{I32}, I32) {
		return nil, nil, fmt.Errorf("sandbox: no exported function %s of type i32 -> i32", alloc)
	}
	if hook = p.functions[export]; !hook.is([]ValueType{I32, I32}, I64) {
		return nil, nil, fmt.Errorf("sandbox: no exported function %s of type (i32, i32) -> i64", export)
	}
	return room, hook, nil
}

func (f *function) is(params []ValueType, result ValueType) bool {
	return f != nil && slices.Equal(f.params, params) && len(f.results) == 1 && f.results[0] == result
}

// exchange runs while the instance is in use.
func (i *Instance) exchange(ctx context.Context, alloc, export *function, in []byte) ([]byte, error) {
	stack := i.stack[:]
	stack[0] = uint64(len(in))
	if err := i.call(ctx, alloc, stack); err != nil {
		return nil, err
	}
	at := uint32(stack[0])
	if i.mem == nil || !i.mem.Write(at, in) {
		return nil, &Trap{Kind: TrapBadPointer, Message: fmt.Sprintf("%s gave %#x for %d bytes", alloc.name, at, len(in))}
	}
	stack[0], stack[1] = uint64(at), uint64(len(in))
	if err := i.call(ctx, export, stack); err != nil {
		return nil, err
	}
	at, size := uint32(stack[0]>>32), uint32(stack[0])
	if uint64(size) > uint64(i.program.limits.OutputBytes) {
		return nil, &Trap{Kind: TrapOutputTooLarge, Message: fmt.Sprintf("%s answered %d bytes", export.name, size)}
	}
	out, ok := i.mem.Read(at, size)
	if !ok {
		return nil, &Trap{Kind: TrapBadPointer, Message: fmt.Sprintf("%s answered %d bytes at %#x", export.name, size, at)}
	}
	return bytes.Clone(out), nil // it is the guest's memory, which the next call changes
}
