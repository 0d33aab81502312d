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
				"limits.at_once: 65 is over this server's 64, limits.at_once: 65 instances of 65 MiB are over this server's 1024 MiB together",
		},
		"much memory, so fewer at once": {
			manifest: Bounds{MemoryMiB: 64}, binding: Bounds{MemoryMiB: 200},
			want: Allowance{200, 200_000_000, 500 * time.Millisecond, 256 << 10, 32, 2, 5},
		},
		"very much memory, and few at once": {
			binding: Bounds{MemoryMiB: 1024}, want: Allowance{1024, 200_000_000, 500 * time.Millisecond, 256 << 10, 32, 2, 4},
		},
		"many at once, with much memory": {
			manifest: Bounds{MemoryMiB: 64, AtOnce: 17},
			wrong:    "limits.at_once: 17 instances of 64 MiB are over this server's 1024 MiB together",
		},
		"as many as that, if the operator says so": {
			manifest: Bounds{MemoryMiB: 64, AtOnce: 17}, binding: Bounds{AtOnce: 64},
			want: Allowance{64, 200_000_000, 500 * time.Millisecond, 256 << 10, 32, 2, 64},
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
