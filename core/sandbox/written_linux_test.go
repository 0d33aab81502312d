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
		if w, ok := r.written(p); !ok || len(w) > 0 {
			t.Fatal("nobody tells the truth")
		}
		if !bytes.Equal(r.space[:size], start) {
			t.Fatal("settling changed the memory")
		}
		for range 3 { // calls
			touched := make([]bool, size/page)
			was, _ := r.written(p)
			was = slices.Clone(was)
			for range dice.IntN(50) {
				at := dice.IntN(size)
				if dice.IntN(2) == 0 {
					r.space[at] = byte(dice.Uint32()) // often what it was: zero
					touched[at/page] = true
				} else if r.space[at] != start[at] && !touched[at/page] {
					t.Fatal("a page that nobody wrote to has changed")
				}
			}
			w, _ := r.written(p)
			for n := range touched {
				at := n * page
				if slices.Contains(w, at) != (slices.Contains(was, at) || touched[n]) {
					t.Fatalf("seed %d: page %d is said to be written: %v", seed, n, !touched[n])
				}
			}
			s.restoreWritten(r.space[:size], w)
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
	if _, ok := r.written(nil); ok || r.space[5] != 7 || r.file != nil {
		t.Error("a region that nobody looks after")
	}
	p := openPageMap()
	if p == nil {
		t.Skip("this system has no page map")
	}
	defer p.close()
	r.settle(p, &s) // too late: the file is gone
	if _, ok := r.written(p); ok || r.space[5] != 7 {
		t.Error("a region without a file")
	}
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	above, _ := reserve(1 << 20)
	defer above.release()
	above.settle(p, &s)
	if _, ok := above.written(p); ok {
		t.Error("a page map that is closed tells")
	}
}
