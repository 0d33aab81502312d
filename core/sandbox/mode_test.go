package sandbox

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// A mode is a way of running a module on the bare engine: as it is, or metered.
type mode struct {
	rewrite func(binary []byte) ([]byte, error)
	host    func(context.Context, wazero.Runtime) error // provides what rewrite added to the imports
	refuel  func(api.Module)                            // before each call
	spent   func(api.Module) int64                      // since refuel
}

// asItIs runs a module without any change.
func asItIs() mode {
	return mode{
		rewrite: func(binary []byte) ([]byte, error) { return binary, nil },
		host:    func(context.Context, wazero.Runtime) error { return nil },
		refuel:  func(api.Module) {},
		spent:   func(api.Module) int64 { return 0 },
	}
}

// counting runs a module that counts the instructions it executes.
func counting() mode {
	m := asItIs()
	m.rewrite = counted
	m.refuel = func(mod api.Module) { setGlobal(mod, executedExport, 0) }
	m.spent = func(mod api.Module) int64 { return getGlobal(mod, executedExport) }
	return m
}

var (
	errFuel  = errors.New("out of fuel")
	errStack = errors.New("out of stack")
)

// plenty is fuel and roomy is stack that no honest test uses up.
const (
	plenty = 1 << 60
	roomy  = 16 << 20
)

// metered runs a module with that much fuel for each call. The host gives no second slice.
func metered(fuel int64) mode {
	return mode{
		rewrite: func(binary []byte) ([]byte, error) {
			out, err := meter.Rewrite(binary, meter.Options{Fuel: plenty, Stack: roomy})
			if err != nil {
				return nil, err
			}
			return out.Wasm, nil
		},
		host: func(ctx context.Context, runtime wazero.Runtime) error {
			tick := func(_ context.Context, stack []uint64) {
				if int64(stack[1]) < 0 {
					panic(errStack)
				}
				panic(errFuel)
			}
			number := api.ValueTypeI64
			b := runtime.NewHostModuleBuilder(meter.Module)
			b.NewFunctionBuilder().WithGoFunction(api.GoFunc(tick), []api.ValueType{number, number}, []api.ValueType{number}).Export(meter.Tick)
			_, err := b.Instantiate(ctx)
			return err
		},
		refuel: func(mod api.Module) {
			setGlobal(mod, meter.FuelExport, fuel)
			setGlobal(mod, meter.StackExport, roomy)
		},
		spent: func(mod api.Module) int64 { return fuel - getGlobal(mod, meter.FuelExport) },
	}
}

func setGlobal(mod api.Module, name string, value int64) {
	mod.ExportedGlobal(name).(api.MutableGlobal).Set(uint64(value))
}

func getGlobal(mod api.Module, name string) int64 { return int64(mod.ExportedGlobal(name).Get()) }
