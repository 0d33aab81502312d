package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Options configure a Machine.
type Options struct {
	// CacheDir keeps metered and compiled modules between runs of the process; empty keeps compiled ones in memory only. It holds
	// native code that will be executed, so it is created with mode 0700 and refused if others may enter it.
	CacheDir string
	Log      *slog.Logger // is told of what is wrong with CacheDir; nil: nobody
}

// A Machine compiles modules and shares what it compiled among its programs. It is safe for concurrent use.
type Machine struct {
	dir       string // Options.CacheDir
	log       *slog.Logger
	compiling chan struct{} // one compilation at a time: it is the most expensive thing a module can make us do
	pages     *pageMap      // nil: nobody tells which pages were written to

	mu       sync.Mutex
	compiled map[moduleKey]*compiled
	closed   bool
}

// A compiled module is shared by the programs that have it open.
type compiled struct {
	cache    wazero.CompilationCache
	programs int // not yet torn down
}

// NewMachine prepares a machine. An error means that CacheDir cannot be used or trusted.
func NewMachine(o Options) (*Machine, error) {
	if err := ready(o.CacheDir); err != nil {
		return nil, fmt.Errorf("sandbox: compilation cache: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Machine{
		dir: o.CacheDir, log: o.Log, compiling: make(chan struct{}, 1), pages: openPageMap(), compiled: map[moduleKey]*compiled{},
	}, nil
}

// ready makes the folder if it is not there, and looks whether others may enter it.
func ready(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s must be a directory of mode 0700, it is %s", dir, info.Mode())
	}
	return nil
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

// closeUnused closes the machine's files if nobody needs them any more.
func (m *Machine) closeUnused() error {
	if !m.closed || len(m.compiled) > 0 {
		return nil
	}
	return m.pages.close()
}

// register counts a program in and gives what is compiled of its module.
func (m *Machine) register(s *shelf) (*compiled, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	c := m.compiled[s.key]
	if c == nil {
		c = &compiled{cache: s.cache()}
		m.compiled[s.key] = c
	}
	c.programs++
	return c, nil
}

// unregister counts a program out. Its code is given back with the last that runs it.
func (m *Machine) unregister(key moduleKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.compiled[key]
	if c.programs--; c.programs > 0 {
		return nil
	}
	delete(m.compiled, key)
	return errors.Join(c.cache.Close(context.Background()), m.closeUnused())
}

// compile makes a runtime of its own for one program, so that closing it leaves nothing behind, and compiles into it. No cache:
// what is compiled is not shared.
func (m *Machine) compile(ctx context.Context, binary []byte, imports Imports, l Limits, cache wazero.CompilationCache) (wazero.Runtime, wazero.CompiledModule, error) {
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
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	return compileWith(ctx, config, binary, imports)
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
