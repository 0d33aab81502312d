package storage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/storage"
)

// An operator sees every key of one plugin, and of no other, and has some or all of it forgotten.
func TestPluginKeeps(t *testing.T) {
	onEach(t, func(s *store) {
		kept := storage.NewPluginKV(s.engine, issuer, s.ring, s.clock.now)
		put := func(plugin, key string) {
			w := &hook.Writes{}
			k := hook.Kept{Plugin: plugin, Stored: kept, Writes: w, Quota: hook.Use{Keys: 1000, Bytes: 1 << 20}, TTL: time.Hour, Now: s.clock.now()}
			if err := k.Put(t.Context(), key, []byte("value"), 0); err != nil {
				t.Fatal(err)
			}
			if err := kept.Write(t.Context(), w.All()); err != nil {
				t.Fatal(err)
			}
		}
		var want []string
		for i := range 45 {
			want = append(want, fmt.Sprintf("key-%02d", i))
			put("a", want[i])
		}
		put("ab", "of another")
		all := func(plugin string) (keys []string) {
			for cursor := ""; ; {
				page, next, err := kept.Keeps(t.Context(), plugin, cursor, 10)
				if err != nil || len(page) > 10 {
					t.Fatal(len(page), err)
				}
				for _, p := range page {
					if keys = append(keys, p.Key); p.Size != len(p.Key)+5 || !p.Expires.Equal(s.clock.now().Add(time.Hour)) {
						t.Errorf("%+v", p)
					}
				}
				if cursor = next; cursor == "" {
					slices.Sort(keys)
					return keys
				}
			}
		}
		if got := all("a"); !slices.Equal(got, want) {
			t.Errorf("keeps %v", got)
		}
		_, _, err := kept.Keeps(t.Context(), "a", "elsewhere", 10)
		checkCode(t, "a cursor", err, core.InvalidRequest)
		forget := func(plugin, key string, most int) {
			t.Helper()
			if n, err := kept.Forget(t.Context(), plugin, key); n != most || err != nil {
				t.Errorf("%s forgot %d pairs, %v, want %d", plugin, n, err, most)
			}
		}
		forget("a", "key-07", 1)
		forget("a", "key-07", 0)
		forget("a", "of another", 0)
		if use, err := kept.Use(t.Context(), "a"); err != nil || use != (hook.Use{Keys: 44, Bytes: 44 * 11}) {
			t.Errorf("uses %+v, %v", use, err)
		}
		forget("a", "", 44)
		forget("a", "", 0)
		if use, err := kept.Use(t.Context(), "a"); err != nil || use != (hook.Use{}) || len(all("a")) > 0 {
			t.Errorf("uses %+v, %v", use, err)
		}
		if got := all("ab"); !slices.Equal(got, []string{"of another"}) {
			t.Errorf("the other keeps %v", got)
		}
	})
}
