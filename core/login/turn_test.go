package login_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

// behind begins a right try at ann's account and n more behind it. What is found meanwhile happens while the first one is being
// compared and all others wait for their turn.
func behind(t *testing.T, h *house, n int, password func(i int) core.Secret, meanwhile func()) (codes []core.Code) {
	t.Helper()
	h.create("ann")
	comparing, compare := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	h.Deriving(func(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte {
		if !first.Swap(true) {
			close(comparing)
			<-compare
		}
		h.hashes.Add(1)
		return login.Quick(password, salt, passes, memory, threads, keyLength)
	})
	before := h.hashes.Load()
	codes = make([]core.Code, n+1)
	try := func(i int, password core.Secret) {
		_, _, err := h.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password, IP: fmt.Sprint("192.0.2.", i)})
		codes[i] = core.CodeOf(err)
	}
	var all sync.WaitGroup
	all.Go(func() { try(0, "correct horse") })
	<-comparing
	for i := range n {
		all.Go(func() { try(i+1, password(i)) })
	}
	for h.Wanting("ann") <= n && t.Context().Err() == nil {
		runtime.Gosched()
	}
	meanwhile()
	close(compare)
	all.Wait()
	if h.Wanting("ann") != 0 {
		t.Error("turns are still wanted")
	}
	h.hashes.Add(-before)
	return codes
}

func nothing() {}

func (h *house) tries() int {
	h.Helper()
	tries, err := h.vault.Tries(h.Context(), "ann")
	if err != nil {
		h.Error(err)
	}
	return tries.Count
}

// Right tries at once are counted once: each leaves its place to the next, and the last takes it back.
func TestRightOnesShareAPlace(t *testing.T) {
	h := open(t)
	for _, code := range behind(t, h, 30, func(int) core.Secret { return password }, nothing) {
		if code != "" {
			t.Error(code)
		}
	}
	if h.vault.counted != 1 || h.tries() != 0 {
		t.Errorf("counted %d times, %d tries left", h.vault.counted, h.tries())
	}
}

// A place that was left is good for one wrong password: with it too no more than five are compared, and it is not forgiven.
func TestPlaceIsSpentOnce(t *testing.T) {
	h := open(t)
	said := map[core.Code]int{}
	for _, code := range behind(t, h, 30, func(i int) core.Secret { return core.Secret(fmt.Sprintf("guess %d...", i)) }, nothing) {
		said[code]++
	}
	if said[""] != 1 || said[core.AccessDenied] != 5 || said[core.TooManyRequests] != 25 || h.hashes.Load() != 6 || h.tries() != 5 {
		t.Errorf("%v, %d hashes, %d tries", said, h.hashes.Load(), h.tries())
	}
}

// A place that another process has forgotten meanwhile, or counted beside, is none any more.
func TestPlaceIsThatOfTheStore(t *testing.T) {
	for name, c := range map[string]struct {
		elsewhere core.Secret
		want      int
	}{"forgotten": {password, 1}, "counted beside": {"wrong horse", 3}} {
		h := open(t)
		codes := behind(t, h, 1, func(int) core.Secret { return "wrong pony" }, func() {
			_, _, _ = h.another().SignIn(t.Context(), login.Attempt{Username: "ann", Password: c.elsewhere})
		})
		if codes[0] != "" || codes[1] != core.AccessDenied || h.tries() != c.want {
			t.Errorf("%s: %q, %d tries", name, codes, h.tries())
		}
	}
}

// After a wrong password nothing is left behind: a right one forgives it, and the next is counted.
func TestWrongIsForgivenByRight(t *testing.T) {
	h := open(t)
	h.create("bob")
	for range 20 {
		for range 4 {
			_, _, err := h.try("bob", "wrong horse")
			checkCode(t, err, core.AccessDenied, "Wrong")
		}
		h.signIn("bob", password)
	}
}
