package ostiary

import (
	"go/build"
	"slices"
	"testing"
)

// TestGuestsStaySmall holds what the SDK brings into each plugin's module: a package counts with all that it starts, whether it is called
// or not. Package time would make a module of 2.1 MB one of 2.4, package os one of 2.5, package fmt one of 2.8, and the server reads all of it
// whenever it loads the plugin.
func TestGuestsStaySmall(t *testing.T) {
	small := []string{
		"encoding/base64", "errors", "iter", "math/bits", "runtime", "slices", "strconv", "strings", "unicode", "unicode/utf16", "unicode/utf8",
		"unsafe", "github.com/ostiary/ostiary/sdk/go/abi",
	}
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "wasip1", "wasm", false
	for _, dir := range []string{".", "abi"} {
		guest, err := context.ImportDir(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(guest.Imports) == 0 && dir == "." {
			t.Fatal("no imports were found")
		}
		for _, path := range guest.Imports {
			if !slices.Contains(small, path) {
				t.Errorf("%s imports %s, which is not one of %s", guest.ImportPos[path], path, small)
			}
		}
	}
}
