package badger_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
)

// The crash tests run this test binary again as a child that writes to a store until it is killed. What it is to do stands
// in these variables.
const (
	childDir   = "STORE_CHILD_DIR"   // the store's folder; its presence makes a child
	childFirst = "STORE_CHILD_FIRST" // the first number to write
	childLast  = "STORE_CHILD_LAST"  // writing one by one: the last number; 0 writes with many goroutines, for ever
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// startChild starts a child that is killed, at the latest, when the test ends.
func startChild(t *testing.T, before []string, dir string, first, last int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(before, self)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childDir+"="+dir, childFirst+"="+strconv.Itoa(first), childLast+"="+strconv.Itoa(last))
	cmd.Stderr = os.Stderr
	return cmd
}

// child says "have" with what it found, then "ack N" for each number that is durable.
func child(dir string) error {
	engine, err := badger.Open(badger.Options{Dir: dir})
	if err != nil {
		return err
	}
	found, err := inspect(engine)
	if err != nil {
		return err
	}
	fmt.Println("have", hex.EncodeToString(found.bits))
	first, err := strconv.Atoi(os.Getenv(childFirst))
	if err != nil {
		return err
	}
	last, err := strconv.Atoi(os.Getenv(childLast))
	if err != nil {
		return err
	}
	if last > 0 {
		return writeInTurn(engine, first, last)
	}
	return writeForEver(engine, first)
}

// writeInTurn writes one number after the other and says when it begins each.
func writeInTurn(engine *badger.Engine, first, last int) error {
	for n := first; n <= last; n++ {
		fmt.Println("begin", n)
		if err := engine.Apply(context.Background(), numberOps(n)...); err != nil {
			return err
		}
		fmt.Println("ack", n)
	}
	return nil
}

func writeForEver(engine *badger.Engine, first int) error {
	var next atomic.Int64
	next.Store(int64(first) - 1)
	failed := make(chan error)
	for range 16 {
		go func() {
			for {
				n := int(next.Add(1))
				if err := engine.Apply(context.Background(), numberOps(n)...); err != nil {
					failed <- err
				}
				fmt.Println("ack", n)
			}
		}()
	}
	return <-failed
}

// numberOps is the Apply of one number: two or three records that belong together, and a counter of all numbers.
func numberOps(n int) []storage.Op {
	ops := []storage.Op{
		storage.Insert(numberKey("a", n), numberValue("a", n), time.Time{}),
		storage.Insert(numberKey("b", n), numberValue("b", n), time.Time{}),
		storage.Add("numbers", 1, 0, 1<<40, time.Time{}),
	}
	if n%2 == 1 {
		ops = append(ops, storage.Insert(numberKey("c", n), numberValue("c", n), time.Now().Add(24*time.Hour)))
	}
	return ops
}

func numberKey(table string, n int) storage.Key { return storage.NewKey(table, fmt.Sprintf("%08d", n)) }

// numberValue is mostly small and sometimes 40 kB, so that logs fill and tables are written.
func numberValue(table string, n int) []byte {
	size := 50 + n%300
	if n%24 == 0 {
		size = 40 << 10
	}
	unit := []byte(table + strconv.Itoa(n) + ".")
	return bytes.Repeat(unit, size/len(unit)+1)
}

// numbers is what a store holds: a bit for each number.
type numbers struct {
	bits  []byte
	count int
}

func (s *numbers) has(n int) bool { return n/8 < len(s.bits) && s.bits[n/8]&(1<<(n%8)) != 0 }

func (s *numbers) add(n int) {
	for n/8 >= len(s.bits) {
		s.bits = append(s.bits, 0)
	}
	s.bits[n/8] |= 1 << (n % 8)
	s.count++
}

// inspect reads a whole store. A number that is there in part, or a counter that is not their count, is an error.
func inspect(engine *badger.Engine) (*numbers, error) {
	parts, versions, counter := map[int]string{}, map[int]storage.Version{}, int64(0)
	err := engine.Dump(context.Background(), func(r storage.Record) error {
		if r.Key == "numbers" {
			counter = r.Count
			return nil
		}
		key := r.Key.Parts()
		n, err := strconv.Atoi(key[1])
		if err != nil {
			return err
		}
		if !bytes.Equal(r.Value, numberValue(key[0], n)) {
			return fmt.Errorf("%s of %d has another value", key[0], n)
		}
		if parts[n] != "" && versions[n] != r.Version {
			return fmt.Errorf("the parts of %d have different versions", n)
		}
		parts[n], versions[n] = parts[n]+key[0], r.Version
		return nil
	})
	if err != nil {
		return nil, err
	}
	found := &numbers{}
	for n, has := range parts {
		if want := "abc"[:2+n%2]; has != want {
			return nil, fmt.Errorf("half an apply: of %d there is %q, want %q", n, has, want)
		}
		found.add(n)
	}
	if counter != int64(found.count) {
		return nil, fmt.Errorf("the counter says %d, there are %d", counter, found.count)
	}
	return found, nil
}

// report reads a child's line.
func report(line string) (word, rest string) {
	word, rest, _ = strings.Cut(line, " ")
	return word, rest
}
