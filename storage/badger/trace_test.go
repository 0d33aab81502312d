package badger_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const traced = 40 // Applies under strace

// TestSyncBeforeAck watches the system calls of a writing process. Between the begin and the acknowledgement of each Apply a
// log in the store's folder must have been synced, begun after the one and ended before the other. A kill does not test
// this: what a killed process wrote stays in the page cache.
func TestSyncBeforeAck(t *testing.T) {
	strace := needStrace(t)
	dir, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	cmd := startChild(t, []string{strace, "-f", "-y", "-e", "trace=mmap,mremap,munmap,msync,fsync,fdatasync,write", "-o", trace}, dir, 1, traced)
	if out, err := cmd.Output(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	found, err := unsynced(file, dir)
	if err != nil || found.acks != traced || len(found.missing) > 0 {
		t.Fatalf("%d of %d acknowledged; not synced before: %v; %v", found.acks, traced, found.missing, err)
	}
}

// needStrace gives strace, or skips where it cannot trace; in CI it must.
func needStrace(t *testing.T) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(strace, "-o", os.DevNull, "true").Run()
	}
	if err == nil {
		return strace
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("strace is needed in CI: %v", err)
	}
	t.Skipf("strace cannot trace here: %v", err)
	return ""
}

// TestTraceReader gives the reader of traces what it must and must not take for a sync.
func TestTraceReader(t *testing.T) {
	const mapped = "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 7</store/00001.mem>, 0) = 0x7f0000001000\n"
	const other = "1 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 8</elsewhere/00001.mem>, 0) = 0x7f0000009000\n"
	const begin, ack = "2 write(1<pipe:[9]>, \"begin 1\\n\", 8) = 8\n", "2 write(1<pipe:[9]>, \"ack 1\\n\", 6) = 6\n"
	const sync = "1 msync(0x7f0000001000, 4096, MS_SYNC) = 0\n"
	cases := map[string]struct {
		trace  string
		synced bool
	}{
		"msync":                 {mapped + begin + sync + ack, true},
		"fsync":                 {begin + "1 fsync(7</store/00001.mem>) = 0\n" + ack, true},
		"fdatasync":             {begin + "1 fdatasync(7</store/00001.mem>) = 0\n" + ack, true},
		"in two parts":          {mapped + begin + "1 msync(0x7f0000001000, 4096, MS_SYNC <unfinished ...>\n3 write(2, \"\", 0) = 0\n1 <... msync resumed>) = 0\n" + ack, true},
		"none":                  {mapped + begin + ack, false},
		"before the begin":      {mapped + sync + begin + ack, false},
		"begun before":          {mapped + "1 msync(0x7f0000001000, 4096, MS_SYNC <unfinished ...>\n" + begin + "1 <... msync resumed>) = 0\n" + ack, false},
		"ended after":           {mapped + begin + "1 msync(0x7f0000001000, 4096, MS_SYNC <unfinished ...>\n" + ack + "1 <... msync resumed>) = 0\n", false},
		"ended within the ack":  {mapped + begin + "1 msync(0x7f0000001000, 4096, MS_SYNC <unfinished ...>\n2 write(1<pipe:[9]>, \"ack 1\\n\", 6 <unfinished ...>\n1 <... msync resumed>) = 0\n2 <... write resumed>) = 6\n", false},
		"failed":                {mapped + begin + "1 msync(0x7f0000001000, 4096, MS_SYNC) = -1 EIO (Input/output error)\n" + ack, false},
		"mapped in two parts":   {strings.Replace(mapped, ") =", " <unfinished ...>\n2 write(2, \"\", 0) = 0\n1 <... mmap resumed>)      =", 1) + begin + sync + ack, true},
		"asynchronous":          {mapped + begin + "1 msync(0x7f0000001000, 4096, MS_ASYNC) = 0\n" + ack, false},
		"of another folder":     {mapped + other + begin + "1 msync(0x7f0000009000, 4096, MS_SYNC) = 0\n" + ack, false},
		"mapped again":          {"1 munmap(0x7f0000001000, 4096 <unfinished ...>\n2 " + mapped[2:] + "1 <... munmap resumed>) = 0\n" + begin + sync + ack, true},
		"moved":                 {mapped + "1 mremap(0x7f0000001000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f0000005000\n" + begin + "1 msync(0x7f0000005000, 4096, MS_SYNC) = 0\n" + ack, true},
		"of where it was":       {mapped + "1 mremap(0x7f0000001000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f0000005000\n" + begin + sync + ack, false},
		"of what was unmapped":  {mapped + "1 munmap(0x7f0000001000, 4096) = 0\n" + begin + sync + ack, false},
		"of the folder's table": {begin + "1 fsync(7</store/000001.sst>) = 0\n" + ack, false},
	}
	for name, c := range cases {
		found, err := unsynced(strings.NewReader(c.trace), "/store")
		if err != nil || found.acks != 1 || (len(found.missing) == 0) != c.synced {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

// findings are the acknowledgements of a trace, and those that no sync preceded.
type findings struct {
	acks    int
	missing []string
}

type traceReader struct {
	dir     string
	line    int
	begun   map[string]int    // line of each call's beginning, by thread
	pending map[string]string // first half of a call, by thread
	mapped  map[uint64]string // file at each mapped address
	start   int               // line at which the last "begin" had ended
	synced  bool              // since then
	found   findings
}

var (
	unfinished = regexp.MustCompile(`^(.*) <unfinished \.\.\.>$`)
	resumed    = regexp.MustCompile(`^<\.\.\. \w+ resumed>(.*)$`)
	said       = regexp.MustCompile(`^write\(1<.*>, "(begin|ack) (\d+)\\n"`)
	mapping    = regexp.MustCompile(`^mmap\(.*, \d+<([^>]*)>, \w+\) += 0x([0-9a-f]+)$`)
	remapping  = regexp.MustCompile(`^mremap\(0x([0-9a-f]+), .*\) += 0x([0-9a-f]+)$`)
	unmapping  = regexp.MustCompile(`^munmap\(0x([0-9a-f]+), \d+`)
	msync      = regexp.MustCompile(`^msync\(0x([0-9a-f]+), \d+, MS_SYNC\) += 0$`)
	fsync      = regexp.MustCompile(`^(?:fsync|fdatasync)\(\d+<([^>]*)>\) += 0$`)
)

func unsynced(trace io.Reader, dir string) (findings, error) {
	r := &traceReader{dir: dir, begun: map[string]int{}, pending: map[string]string{}, mapped: map[uint64]string{}}
	lines := bufio.NewScanner(trace)
	for lines.Scan() {
		thread, call, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			return r.found, fmt.Errorf("not a line of strace: %q", lines.Text())
		}
		r.line++
		r.part(thread, strings.TrimSpace(call))
	}
	return r.found, lines.Err()
}

// part takes a line: a whole call, or the first or second half of one. An acknowledgement counts from its beginning.
func (r *traceReader) part(thread, call string) {
	if first := unfinished.FindStringSubmatch(call); first != nil {
		r.pending[thread], r.begun[thread] = first[1], r.line
		r.ack(call)
		r.unmap(call) // the address may be another map's before this call has ended
		return
	}
	r.unmap(call)
	start := r.line
	if second := resumed.FindStringSubmatch(call); second != nil {
		call, start = r.pending[thread]+second[1], r.begun[thread]
	} else {
		r.ack(call)
	}
	r.whole(call, start)
}

func (r *traceReader) ack(call string) {
	if m := said.FindStringSubmatch(call); m != nil && m[1] == "ack" {
		r.found.acks++
		if !r.synced {
			r.found.missing = append(r.found.missing, m[2])
		}
		r.synced = false
	}
}

// unmap forgets a map when the call that takes it away begins.
func (r *traceReader) unmap(call string) {
	if m := unmapping.FindStringSubmatch(call); m != nil {
		delete(r.mapped, address(m[1]))
	}
}

func (r *traceReader) whole(call string, start int) {
	if m := said.FindStringSubmatch(call); m != nil && m[1] == "begin" {
		r.start, r.synced = r.line, false
	}
	if m := mapping.FindStringSubmatch(call); m != nil {
		r.mapped[address(m[2])] = m[1]
	}
	if m := remapping.FindStringSubmatch(call); m != nil {
		from, to := address(m[1]), address(m[2])
		file := r.mapped[from]
		delete(r.mapped, from)
		r.mapped[to] = file
	}
	file := ""
	if m := msync.FindStringSubmatch(call); m != nil {
		file = r.mapped[address(m[1])]
	}
	if m := fsync.FindStringSubmatch(call); m != nil {
		file = m[1]
	}
	isLog := filepath.Dir(file) == r.dir && filepath.Ext(file) == ".mem"
	if isLog && start > r.start {
		r.synced = true
	}
}

func address(hex string) uint64 {
	at, err := strconv.ParseUint(hex, 16, 64)
	if err != nil {
		return 0
	}
	return at
}
