package badger_test

import (
	"bufio"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// TestKill kills a writing process again and again, at random points, and lets the next one recover in the same folder:
// whatever was acknowledged is there, whole, for good; whatever was not is there whole or not at all.
func TestKill(t *testing.T) {
	if racing {
		t.Skip("the child would watch for races and be slow to kill")
	}
	folders, rounds := 5, 40
	if testing.Short() {
		folders, rounds = 1, 20
	}
	for range folders {
		k := &killing{t: t, dir: t.TempDir(), next: 1, sure: map[int]bool{}}
		for round := range rounds {
			k.round(round)
		}
		k.end()
		if len(k.sure) < 10*rounds {
			t.Errorf("only %d numbers were acknowledged in %d rounds", len(k.sure), rounds)
		}
		t.Logf("%d kills: %d numbers stored, none lost", rounds, len(k.sure))
	}
}

type killing struct {
	t    *testing.T
	dir  string
	next int          // the first number not used yet
	sure map[int]bool // acknowledged, or seen after a recovery: must be there from now on
}

// round lets one child live until so many acknowledgements came; every fourth is killed at a random time instead, mostly
// while it recovers.
func (k *killing) round(round int) {
	cmd := startChild(k.t, nil, k.dir, k.next, 0)
	said, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	patience := 60 * time.Second
	if round%4 == 3 {
		patience = time.Duration(rand.IntN(60)) * time.Millisecond
	}
	timer := time.AfterFunc(patience, func() { kill(cmd) })
	defer timer.Stop()
	k.listen(cmd, said, rand.IntN(120))
	_ = cmd.Wait() // it was killed
	k.next += 100  // numbers begun and not acknowledged may be stored as well
}

// end looks at what the last child left.
func (k *killing) end() {
	engine := mustOpen(k.t, k.dir)
	found, err := inspect(engine)
	if err != nil {
		k.t.Fatal(err)
	}
	k.check(found)
	mustClose(k.t, engine)
}

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// listen kills the child after so many acknowledgements, and takes in what it said until it was dead.
func (k *killing) listen(cmd *exec.Cmd, said io.Reader, acks int) {
	lines := bufio.NewScanner(said)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch word, rest := report(lines.Text()); word {
		case "have":
			k.have(rest)
		case "ack":
			n, err := strconv.Atoi(rest)
			if err != nil {
				k.t.Errorf("the child said %q", lines.Text())
			}
			k.sure[n] = true
			k.next = max(k.next, n)
			acks--
		default:
			k.t.Errorf("the child said %q", lines.Text())
		}
		if acks <= 0 {
			kill(cmd)
		}
	}
}

// have takes in what a child found when it had recovered.
func (k *killing) have(bits string) {
	raw, err := hex.DecodeString(bits)
	if err != nil {
		k.t.Errorf("the child has %q", bits)
	}
	k.check(&numbers{bits: raw})
}

func (k *killing) check(found *numbers) {
	for n := range k.sure {
		if !found.has(n) {
			k.t.Errorf("%d was acknowledged, or seen, and is lost", n)
		}
	}
	for n := range len(found.bits) * 8 {
		if found.has(n) {
			k.sure[n] = true
		}
	}
}
