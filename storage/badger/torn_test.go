package badger_test

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/storage/badger"
)

const inTurn = 40 // numbers in the log of the killed process

// TestTornTail spoils the logs of a killed process as a power failure may: cut at any place, or a byte of the tail changed.
// What is then read is what was acknowledged up to some number, each whole, or a clear error.
func TestTornTail(t *testing.T) {
	template := killedStore(t)
	tried := 0
	for name, file := range template {
		if !strings.HasSuffix(name, ".mem") && !strings.HasSuffix(name, ".vlog") {
			continue
		}
		tail := max(0, len(file.data)-6000)
		for _, at := range places(len(file.data)-tail, trials(50), 10) {
			at += tail
			cut := image{file.data[:at], int64(at)}
			checkPrefix(t, template, name, cut, at, "cut")
			lost := image{file.data[:at], file.size}
			checkPrefix(t, template, name, lost, at, "zeros from")
			flipped := bytes.Clone(file.data)
			flipped[at] ^= 1 << (at % 8)
			checkPrefix(t, template, name, image{flipped, file.size}, at, "flipped")
			tried += 3
		}
	}
	if tried < 100 && !racing && !testing.Short() {
		t.Errorf("only %d variants were tried", tried)
	}
}

func checkPrefix(t *testing.T, template map[string]image, name string, by image, at int, what string) {
	t.Helper()
	engine, err := openVariant(t, template, name, by)
	if err != nil {
		if !errors.Is(err, badger.ErrDamaged) {
			t.Errorf("%s %s at %d: %v", name, what, at, err)
		}
		return
	}
	defer mustClose(t, engine)
	found, err := inspect(engine)
	if err != nil {
		t.Errorf("%s %s at %d: %v", name, what, at, err)
		return
	}
	for n := 1; n <= found.count; n++ {
		if !found.has(n) {
			t.Errorf("%s %s at %d: %d is missing among %d", name, what, at, n, found.count)
		}
	}
	if err := put(engine, 1); err != nil {
		t.Errorf("%s %s at %d: the store takes no writes: %v", name, what, at, err)
	}
}

// killedStore gives the files of a process that was killed after it had acknowledged some numbers in turn.
func killedStore(t *testing.T) map[string]image {
	t.Helper()
	dir := t.TempDir()
	cmd := startChild(t, nil, dir, 1, 1<<30)
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acks := 0
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "ack ") {
			acks++
		}
		if acks == inTurn {
			kill(cmd)
		}
	}
	_ = cmd.Wait() // it was killed
	if acks < inTurn {
		t.Fatalf("the child died after %d numbers", acks)
	}
	return readTemplate(t, dir)
}
