package plugins

import (
	"strings"
	"testing"
	"time"
)

func TestAllowance(t *testing.T) {
	server := Limits{}.withDefaults()
	for name, c := range map[string]struct {
		manifest, binding Bounds
		want              Allowance
		wrong             string
	}{
		"nobody says anything": {want: Allowance{32, 200_000_000, 500 * time.Millisecond, 256 << 10, 32, 2, 16}},
		"the manifest asks": {
			manifest: Bounds{MemoryMiB: 16, Fuel: 5000, WallMS: 100, OutputBytes: 1000, LogLines: 5, HTTPCalls: 1, AtOnce: 3},
			want:     Allowance{16, 5000, 100 * time.Millisecond, 1000, 5, 1, 3},
		},
		"the operator has the last word": {
			manifest: Bounds{MemoryMiB: 16, Fuel: 2_000_000_000, WallMS: 100}, binding: Bounds{MemoryMiB: 128, Fuel: 1500, WallMS: 9000, LogLines: 1000, AtOnce: 100},
			want: Allowance{128, 1500, 9 * time.Second, 256 << 10, 1000, 2, 100},
		},
		"too much is asked": {
			manifest: Bounds{MemoryMiB: 65, Fuel: 1_000_000_001, WallMS: 5001, LogLines: 257, HTTPCalls: 11, AtOnce: 65},
			wrong: "limits.wall_ms: 5001 is over this server's 5000, limits.memory_mib: 65 is over this server's 64, limits.fuel: 1000000001 is over " +
				"this server's 1000000000, limits.log_lines: 257 is over this server's 256, limits.http_calls: 11 is over this server's 10, " +
				"limits.at_once: 65 is over this server's 64",
		},
	} {
		got, err := server.allow(c.manifest, c.binding)
		if c.wrong != "" {
			said := strings.ReplaceAll(err.Error(), "; an operator can allow it in plugins.bindings of ostiary.yaml", "")
			if strings.ReplaceAll(said, "\n", ", ") != c.wrong {
				t.Errorf("%s:\ngot  %s\nwant %s", name, said, c.wrong)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
