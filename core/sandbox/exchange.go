package sandbox

import (
	"context"
	"fmt"
)

// Exchange passes bytes in and out: it calls alloc(len) -> ptr, writes in there, calls export(ptr, len) -> ptr<<32|len and
// copies that range out. Both functions must have these types: (i32) -> i32 and (i32, i32) -> i64.
func (i *Instance) Exchange(ctx context.Context, alloc, export string, in []byte) ([]byte, error) {
	if len(in) > i.program.limits.InputBytes {
		return nil, ErrInputTooLarge
	}
	if err := i.program.exchanges(alloc, export); err != nil {
		return nil, err
	}
	var out []byte
	err := i.run(ctx, func(ctx context.Context) (err error) {
		out, err = i.exchange(ctx, alloc, export, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (p *Program) exchanges(alloc, export string) error {
	a, okA := p.module.info.function(alloc)
	e, okE := p.module.info.function(export)
	if !okA || signature(a.Params, a.Results) != "i32 -> i32" {
		return fmt.Errorf("sandbox: no exported function %s of type i32 -> i32", alloc)
	}
	if !okE || signature(e.Params, e.Results) != "(i32, i32) -> i64" {
		return fmt.Errorf("sandbox: no exported function %s of type (i32, i32) -> i64", export)
	}
	return nil
}

// exchange runs on the guest's goroutine.
func (i *Instance) exchange(ctx context.Context, alloc, export string, in []byte) ([]byte, error) {
	results, err := i.call(ctx, alloc, uint64(len(in)))
	if err != nil {
		return nil, err
	}
	mem, at := i.memoryView(), uint32(results[0])
	if !mem.Write(at, in) {
		return nil, &Trap{Kind: TrapBadPointer, Message: fmt.Sprintf("%s gave %#x for %d bytes", alloc, at, len(in))}
	}
	if results, err = i.call(ctx, export, uint64(at), uint64(len(in))); err != nil {
		return nil, err
	}
	at, size := uint32(results[0]>>32), uint32(results[0])
	if uint64(size) > uint64(i.program.limits.OutputBytes) {
		return nil, &Trap{Kind: TrapOutputTooLarge, Message: fmt.Sprintf("%s answered %d bytes", export, size)}
	}
	out, ok := mem.Read(at, size)
	if !ok {
		return nil, &Trap{Kind: TrapBadPointer, Message: fmt.Sprintf("%s answered %d bytes at %#x", export, size, at)}
	}
	return out, nil
}
