package sandbox

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// The page map tells every page that was written to, even with what it held, and none that was only read.
func TestPageMapTellsWhatWasWritten(t *testing.T) {
	p := openPageMap()
	if p == nil {
		t.Skip("this system has no page map")
	}
	defer p.close()
	page := os.Getpagesize()
	for seed := range uint64(30) {
		dice := rand.New(rand.NewPCG(seed, 1))
		size := page * 16 * (1 + dice.IntN(30))
		r, ok := reserve(4 * size)
		if !ok {
			t.Fatal("no memory")
		}
		for range dice.IntN(200) { // the rest stays zero
			r.space[dice.IntN(size)] = byte(dice.Uint32())
		}
		start := bytes.Clone(r.space[:size])
		s := take(r.space[:size], nil, snapshot{})
		r.settle(p, &s)
		if r.written(p) == nil {
			t.Fatal("nobody tells")
		}
		if !bytes.Equal(r.space[:size], start) {
			t.Fatal("settling changed the memory")
		}
		for range 3 { // calls
			touched := make([]bool, size/page)
			was := slices.Clone(r.written(p))
			for range dice.IntN(50) {
				at := dice.IntN(size)
				if dice.IntN(2) == 0 {
					r.space[at] = byte(dice.Uint32()) // often what it was: zero
					touched[at/page] = true
				} else if r.space[at] != start[at] && !touched[at/page] {
					t.Fatal("a page that nobody wrote to has changed")
				}
			}
			w := r.written(p)
			for n := range touched {
				if w[n] != (was[n] || touched[n]) {
					t.Fatalf("seed %d: page %d is said to be written: %v", seed, n, w[n])
				}
			}
			s.restore(r.space[:size], w)
			if !bytes.Equal(r.space[:size], start) {
				t.Fatalf("seed %d: something is left", seed)
			}
		}
		r.release()
	}
}

// Without a page map, or when the region is not above a file, nobody tells, and the memory is what it was.
func TestWhoCannotTellSaysSo(t *testing.T) {
	r, ok := reserve(1 << 20)
	if !ok {
		t.Fatal("no memory")
	}
	defer r.release()
	r.space[5] = 7
	s := take(r.space[:1<<16], nil, snapshot{})
	r.settle(nil, &s)
	if r.written(nil) != nil || r.space[5] != 7 || r.file != nil {
		t.Error("a region that nobody looks after")
	}
	p := openPageMap()
	if p == nil {
		t.Skip("this system has no page map")
	}
	defer p.close()
	r.settle(p, &s) // too late: the file is gone
	if r.written(p) != nil || r.space[5] != 7 {
		t.Error("a region without a file")
	}
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	above, _ := reserve(1 << 20)
	defer above.release()
	above.settle(p, &s)
	if above.written(p) != nil {
		t.Error("a page map that is closed tells")
	}
}
