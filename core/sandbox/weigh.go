package sandbox

import "github.com/ostiary/ostiary/core/sandbox/meter"

// MeteredSize tells how many bytes a module has once it counts its own work, as Load makes it. An error means that no host of
// ours could run it.
func MeteredSize(binary []byte) (int, error) {
	metered, err := meter.Rewrite(binary, meter.Options{Stack: initialStack})
	if err != nil {
		return 0, err
	}
	return len(metered.Wasm), nil
}
