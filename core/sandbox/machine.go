package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Options configure a Machine.
type Options struct {
	// CacheDir keeps compiled code between runs of the process; empty keeps it in memory only. It holds native code that
	// will be executed, so it is created with mode 0700 and refused if others may enter it.
	CacheDir string
}

// A Machine compiles modules and shares what it compiled among its programs. It is safe for concurrent use.
type Machine struct {
	cache     wazero.CompilationCache
	onDisk    bool
	compiling chan struct{} // one compilation at a time: it is the most expensive thing a module can make us do
	pages     *pageMap      // nil: nobody tells which pages were written to

	mu       sync.Mutex
	programs int // not yet torn down
	closed   bool
}

// NewMachine prepares a machine. An error means that CacheDir cannot be used or trusted.
func NewMachine(o Options) (*Machine, error) {
	cache, err := openCache(o.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("sandbox: compilation cache: %w", err)
	}
	return &Machine{cache: cache, onDisk: o.CacheDir != "", compiling: make(chan struct{}, 1), pages: openPageMap()}, nil
}

func openCache(dir string) (wazero.CompilationCache, error) {
	if dir == "" {
		return wazero.NewCompilationCache(), nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s must be a directory of mode 0700, it is %s", dir, info.Mode())
	}
	return wazero.NewCompilationCacheWithDir(dir)
}

// Close gives the compiled code back. If programs are still open it happens when the last of them is closed; new ones
// are refused at once.
func (m *Machine) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	return m.closeUnused()
}

// closeUnused closes the cache if nobody needs it any more: code that is running must stay mapped.
func (m *Machine) closeUnused() error {
	if !m.closed || m.programs > 0 {
		return nil
	}
	return errors.Join(m.cache.Close(context.Background()), m.pages.close())
}

// register counts a program in.
func (m *Machine) register() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.programs++
	return nil
}

// unregister counts a program out.
func (m *Machine) unregister() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.programs--
	return m.closeUnused()
}

// compile makes a runtime of its own for one program, so that closing it leaves nothing behind, and compiles into it. A
// damaged entry of the disk cache must not keep a good module away, so a failure is tried once more without the cache.
func (m *Machine) compile(ctx context.Context, binary []byte, imports Imports, l Limits) (wazero.Runtime, wazero.CompiledModule, error) {
	select {
	case m.compiling <- struct{}{}:
		defer func() { <-m.compiling }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2).
		WithMemoryLimitPages(l.MemoryPages).
		WithDebugInfoEnabled(false) // the rewriter moved the code that DWARF points into
	runtime, code, err := compileWith(ctx, config.WithCompilationCache(m.cache), binary, imports)
	if err != nil && m.onDisk && ctx.Err() == nil {
		return compileWith(ctx, config, binary, imports)
	}
	return runtime, code, err
}

func compileWith(ctx context.Context, config wazero.RuntimeConfig, binary []byte, imports Imports) (wazero.Runtime, wazero.CompiledModule, error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	err := errors.Join(bindMeter(ctx, runtime), imports.bind(ctx, runtime))
	if err != nil {
		return nil, nil, errors.Join(err, runtime.Close(context.Background()))
	}
	code, err := runtime.CompileModule(experimental.WithCompilationWorkers(ctx, 2), binary) // with workers it heeds ctx
	if err != nil {
		return nil, nil, errors.Join(err, runtime.Close(context.Background()))
	}
	return runtime, code, nil
}
