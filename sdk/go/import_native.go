//go:build !wasip1

package ostiary

import "os"

// writeLog stands in for the host under go test.
func writeLog(_ int32, text string) { _, _ = os.Stderr.WriteString("plugin: " + text + "\n") }
