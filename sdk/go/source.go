//go:build !wasip1

package ostiary

import (
	"embed"
	"io/fs"
)

//go:embed *.go go.mod abi/*.go
var source embed.FS

// Source gives this SDK's own files, for tools that copy it beside a plugin. It is not in modules built for WASM.
func Source() fs.FS { return source }
