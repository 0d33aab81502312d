package decisionlog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/fetch"
)

// lines are what a file holds; "" when there is none.
func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func openFile(t *testing.T, max int64, keep int) (*File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "decisions.ndjson")
	f, err := OpenFile(FileOptions{Path: path, MaxSize: max, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, path
}

// put writes lines, which must all be taken.
func put(t *testing.T, s Sink, texts ...string) {
	t.Helper()
	var lines [][]byte
	for _, text := range texts {
		lines = append(lines, []byte(text))
	}
	if n, err := s.Write(t.Context(), lines); err != nil || n != len(lines) {
		t.Fatalf("took %d of %v: %v", n, texts, err)
	}
}

// A file that would be too long is put aside; so many are kept, and nobody else reads them.
func TestFileRotates(t *testing.T) {
	f, path := openFile(t, 8, 2)
	put(t, f, "111", "222") // 8 bytes
	put(t, f, "333", "444", "555")
	put(t, f, "longer than all")
	put(t, f, "666")
	for name, want := range map[string]string{"": "666\n", ".1": "longer than all\n", ".2": "555\n", ".3": ""} {
		if got := content(t, path+name); got != want {
			t.Errorf("%s holds %q, want %q", path+name, got, want)
		}
	}
	for _, name := range []string{"", ".1", ".2"} {
		if about, err := os.Stat(path + name); err != nil || about.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, about.Mode(), err)
		}
	}
	none, path := openFile(t, 4, 0)
	put(t, none, "111", "222")
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 || content(t, path) != "222\n" {
		t.Errorf("%v", files)
	}
}

// Somebody else may move the file away, remove it or empty it; and what is there already stays.
func TestFileIsFollowed(t *testing.T) {
	f, path := openFile(t, 1000, 1)
	put(t, f, "one")
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	put(t, f, "two")
	if content(t, path+".moved") != "one\n" || content(t, path) != "two\n" {
		t.Errorf("%q and %q", content(t, path+".moved"), content(t, path))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(t, f, "three")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	put(t, f, "four")
	if f.size != 5 || f.Close() != nil {
		t.Errorf("size %d", f.size)
	}
	again, err := OpenFile(f.opt)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	put(t, again, "five")
	if got := content(t, path); got != "four\nfive\n" {
		t.Errorf("%q", got)
	}
}

// A line that a crash tore is ended, so that the next one is whole.
func TestTornLine(t *testing.T) {
	f, path := openFile(t, 1000, 1)
	if err := errors.Join(f.Close(), os.WriteFile(path, []byte("{\"torn"), 0o600)); err != nil {
		t.Fatal(err)
	}
	put(t, f, "whole")
	if got := content(t, path); got != "{\"torn\nwhole\n" || f.size != int64(len(got)) {
		t.Errorf("%q, size %d", got, f.size)
	}
}

// A disk that is full takes nothing, and the file stays as it was; when there is room again, it goes on.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	f, path := openFile(t, 1000, 1)
	put(t, f, "one")
	disk := f.file
	f.file = full
	if err := f.append([]byte("two\n")); err == nil || f.size != 4 {
		t.Errorf("error %v, size %d", err, f.size)
	}
	f.file = disk
	put(t, f, "three")
	if got := content(t, path); got != "one\nthree\n" {
		t.Errorf("%q", got)
	}
}

func TestFilesThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "absent", "file")} {
		if _, err := OpenFile(FileOptions{Path: path, MaxSize: 10}); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
	f, path := openFile(t, 4, 1)
	if err := os.Mkdir(path+".1", 0o700); err != nil {
		t.Fatal(err)
	}
	n, err := f.Write(t.Context(), [][]byte{[]byte("111"), []byte("222")})
	if n != 1 || err == nil || content(t, path) != "111\n" {
		t.Errorf("took %d: %v", n, err)
	}
	if err := os.Remove(path + ".1"); err != nil {
		t.Fatal(err)
	}
	put(t, f, "222")
	if content(t, path) != "222\n" || content(t, path+".1") != "111\n" {
		t.Error("it did not go on")
	}
}

// halting is a stream that takes so many bytes.
type halting struct {
	bytes.Buffer
	room int
}

func (h *halting) Write(p []byte) (int, error) {
	n := min(h.room, len(p))
	h.room -= n
	h.Buffer.Write(p[:n])
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestStream(t *testing.T) {
	to := &halting{room: 6}
	s := NewStream(to)
	n, err := s.Write(t.Context(), [][]byte{[]byte("111"), []byte("222"), []byte("333")})
	if n != 2 || err == nil { // 222 has begun, and must go on
		t.Errorf("took %d: %v", n, err)
	}
	if n, err := s.Write(t.Context(), [][]byte{[]byte("333")}); n != 0 || err == nil {
		t.Errorf("took %d: %v", n, err)
	}
	to.room = 100
	put(t, s, "333")
	if to.String() != "111\n222\n333\n" {
		t.Errorf("%q", to.String())
	}
}

// service is what an HTTP sink speaks to, without a network.
type service struct {
	status []int // of the next answers, then 200
	seen   []*http.Request
	bodies []string
	fail   error
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	zip, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(zip)
	if err != nil {
		return nil, err
	}
	s.seen, s.bodies = append(s.seen, r), append(s.bodies, string(body))
	status := http.StatusOK
	if len(s.status) > 0 {
		status, s.status = s.status[0], s.status[1:]
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("whatever"))}, nil
}

func (s *service) sink(batch int) *HTTP {
	return NewHTTP(HTTPOptions{
		URL: "https://logs.example/logs", Bearer: "very-secret", Batch: batch, Interval: time.Second, Peer: fetch.NewPeer(fetch.PeerOptions{Through: s}),
	})
}

func TestHTTP(t *testing.T) {
	s := &service{}
	put(t, s.sink(10), `{"a":1}`, `{"b":2}`)
	r := s.seen[0]
	if s.bodies[0] != `[{"a":1},{"b":2}]` || r.Method != "POST" || r.URL.String() != "https://logs.example/logs" {
		t.Errorf("%s %s: %s", r.Method, r.URL, s.bodies[0])
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip", "Authorization": "Bearer very-secret"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A server that fails is asked again with the same events; one that refuses them is not.
func TestHTTPRetries(t *testing.T) {
	for status, tries := range map[int]int{500: 2, 503: 2, 429: 2, 401: 2, 404: 2, 302: 2, 408: 2, 400: 1, 413: 1, 422: 1} {
		var said output
		s, c := &service{status: []int{status}}, newClock()
		l := open(t, Options{Sinks: []Sink{s.sink(1)}, After: c.after, Log: said.log()})
		l.Record(allowed("d-1"))
		if tries > 1 {
			<-c.set // that it likes to wait for others does not come into it: a batch is one
			c.fire <- time.Time{}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		st := l.Status()[0]
		if len(s.bodies) != tries || tries == 2 && (s.bodies[0] != s.bodies[1] || st.Written != 1) || tries == 1 && st.Dropped != 1 {
			t.Errorf("%d: %d tries, %+v", status, len(s.bodies), st)
		}
		if text := said.String(); !strings.Contains(text, fmt.Sprint("status ", status)) || strings.Contains(text, "very-secret") {
			t.Errorf("%d: said %s", status, text)
		}
	}
}

// While the server is away the queue fills; what is lost is counted, and refusals stay.
func TestHTTPServerIsAway(t *testing.T) {
	s, c := &service{fail: errors.New("connection refused")}, newClock()
	l := open(t, Options{Sinks: []Sink{s.sink(1)}, After: c.after, Queue: 3})
	l.Record(allowed("d-0"))
	<-c.set
	for i := 1; i <= 5; i++ {
		l.Record(allowed(fmt.Sprint("d-", i)))
		l.Record(denied(fmt.Sprint("r-", i)))
	}
	if st := l.Status()[0]; st.Dropped != 7 || st.Waiting != 4 || !strings.Contains(st.Error, "connection refused") {
		t.Errorf("status %+v", st)
	}
	s.fail = nil // nobody else looks: it waits
	c.fire <- time.Time{}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, body := range s.bodies {
		got = append(got, textAt(t, read(t, body).Items()[0], "decision_id"))
	}
	if !slices.Equal(got, []string{"d-0", "r-1", "r-2", "r-3"}) {
		t.Errorf("got %v", got)
	}
}
