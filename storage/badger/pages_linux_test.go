package badger

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
)

// TestPagesAreGivenBack: tables leave the memory when they are asked to, and what is in them is read as before.
func TestPagesAreGivenBack(t *testing.T) {
	e := openTemp(t)
	value := func(i int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%08d", i)), 4<<10) } // incompressible enough: 32 kB
	const records = 1000
	for i := range records {
		mustApply(t, e, storage.Put(storage.Key(fmt.Sprintf("%04d", i)), value(i), time.Time{}))
	}
	if asked := e.pager.release(); asked == 0 {
		t.Fatal("no table is mapped")
	}
	for i := range records {
		if r := mustGet(t, e, storage.Key(fmt.Sprintf("%04d", i)))[0]; !bytes.Equal(r.Value, value(i)) {
			t.Fatalf("record %d is another", i)
		}
	}
	if resident() == 0 {
		t.Error("the system does not tell what is resident")
	}
}

// TestTableMaps: only tables of the store's own folder are meant.
func TestTableMaps(t *testing.T) {
	p := &pager{dir: "/srv/store"}
	for line, want := range map[string]bool{
		"7f0000000000-7f0000200000 rw-s 00000000 fe:00 12   /srv/store/000001.sst":           true,
		"7f0000000000-7f0000200000 rw-s 00000000 fe:00 12   /srv/store/000001.sst (deleted)": true,
		"7f0000000000-7f0000200000 rw-s 00000000 fe:00 12   /srv/store/00001.mem":            false,
		"7f0000000000-7f0000200000 rw-s 00000000 fe:00 12   /srv/store2/000001.sst":          false,
		"7f0000000000-7f0000200000 rw-p 00000000 00:00 0 ":                                   false,
		"7f0000000000-7f0000000000 rw-s 00000000 fe:00 12   /srv/store/000001.sst":           false,
		"garbage /srv/store/000001.sst":                                                      false,
	} {
		if _, _, got := p.tableMap(line); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}
