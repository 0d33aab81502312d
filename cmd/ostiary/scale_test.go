package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/strictjson"
)

const operatorToken = "0123456789abcdef0123456789abcdef"

// openHall serves a new data folder, as ostiary serve does, and gives the house and its address.
func openHall(tb testing.TB) (*house, string) {
	tb.Helper()
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	address := "http://" + public.Addr().String()
	s := defaults()
	s.DataDir, s.PolicyDir, s.Issuer, s.Sites = tb.TempDir(), tb.TempDir(), address+"/api/oidc", []string{public.Addr().String()}
	s.Operators = []operatorSetting{{Subject: "ada", Token: operatorToken}}
	s.Policy.Deadline, s.Storage.MinFreeMiB = time.Minute, 1 // the machine may be busy, and small
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan *house, 1), make(chan error, 1)
	go func() {
		ended <- serveOn(ctx, s, slog.New(slog.DiscardHandler), public, ops, func(h *house) error { ready <- h; return nil })
	}()
	var h *house
	select {
	case h = <-ready:
	case err := <-ended:
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return h, address
}

// declareClients writes a folder that declares the clients from one number up to another.
func declareClients(tb testing.TB, first, end int) string {
	tb.Helper()
	const perFile = 500
	dir := tb.TempDir()
	for from := first; from < end; from += perFile {
		text := bytes.NewBufferString("clients:\n")
		for i := from; i < min(end, from+perFile); i++ {
			fmt.Fprintf(text, `  - client_id: client-%d
    client_name: Client %d
    redirect_uris: ["https://app%d.example.com/cb", "https://app%d.example.com/silent"]
    scopes: [openid, profile, email]
    token_endpoint_auth_method: none
`, i, i, i, i)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("clients-%05d.yaml", from)), text.Bytes(), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// declarer runs plan or apply on a folder against the server at an address, and gives what it counted.
func declarer(tb testing.TB, address, command, dir string, more ...string) (summary planSummary) {
	tb.Helper()
	tb.Setenv("OSTIARY_TOKEN", operatorToken)
	root := rootCommand()
	var out bytes.Buffer
	root.SetArgs(append([]string{command, dir, "--server", address, "-o", "json"}, more...))
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	if err := root.ExecuteContext(tb.Context()); err != nil && !errors.As(err, new(wouldChange)) {
		tb.Fatal(err)
	}
	limits := strictjson.Stored
	limits.MaxBytes, limits.MaxMembers = max(limits.MaxBytes, out.Len()), max(limits.MaxMembers, out.Len())
	doc, err := strictjson.Parse(out.Bytes(), limits)
	if err != nil {
		tb.Fatal(err)
	}
	counts := member(doc, "summary")
	return planSummary{
		Create: int(number(counts, "create")), Update: int(number(counts, "update")), Delete: int(number(counts, "delete")),
		Unchanged: int(number(counts, "unchanged")), Refused: int(number(counts, "refused")),
	}
}

// Whoever waits for a plan is told how far it is, batch by batch, up to the last client.
func TestPlanTellsProgress(t *testing.T) {
	_, address := openHall(t)
	declared, err := readDeclarations(declareClients(t, 0, 350))
	if err != nil {
		t.Fatal(err)
	}
	server, err := remoteFlags{server: address, token: operatorToken}.open()
	if err != nil {
		t.Fatal(err)
	}
	defer server.close()
	p := &changePlan{Clients: make([]strictjson.Value, len(declared.clients)), declared: declared.clients}
	var said bytes.Buffer
	told := newProgress(&said)
	told.quiet, told.next = 0, time.Time{}
	if err := (&terminal{remote: server}).planAll(t.Context(), "default", p, told); err != nil {
		t.Fatal(err)
	}
	lines, last := strings.Split(strings.TrimSpace(said.String()), "\n"), 0
	for _, line := range lines {
		var done, of int
		if _, err := fmt.Sscanf(line, "planned %d of %d clients", &done, &of); err != nil || done <= last || of != 350 {
			t.Errorf("%q after %d: %v", line, last, err)
		}
		last = done
	}
	if p.sum(); len(lines) != 4 || last != 350 || p.Summary != (planSummary{Create: 350}) {
		t.Errorf("%d lines up to %d, planned %v", len(lines), last, p.Summary)
	}
	if quick := newProgress(&said); quick.quiet != time.Second || quick.next.Before(quick.started.Add(quick.quiet)) {
		t.Errorf("people are told every %v", quick.quiet)
	}
}

// A plan of twice as many clients is twice the work, for the command and for the server: both are in this process, and what they allocate
// is counted. What is there already makes no difference.
func TestPlanIsLinear(t *testing.T) {
	_, address := openHall(t)
	warm, few, many := declareClients(t, 0, 50), declareClients(t, 1000, 1200), declareClients(t, 2000, 2400)
	allocated := func(dir string, want planSummary) float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if got := declarer(t, address, "plan", dir); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
		runtime.ReadMemStats(&after)
		return float64(after.Mallocs - before.Mallocs)
	}
	check := func(what string, one, two float64) {
		if ratio := two / one; ratio > 2.1 {
			t.Errorf("%s: 400 clients take %.2f times what 200 take", what, ratio)
		}
	}
	allocated(warm, planSummary{Create: 50}) // what is made once
	check("first", allocated(few, planSummary{Create: 200}), allocated(many, planSummary{Create: 400}))
	declarer(t, address, "apply", few, "--yes")
	declarer(t, address, "apply", many, "--yes")
	check("unchanged", allocated(few, planSummary{Unchanged: 200}), allocated(many, planSummary{Unchanged: 400}))
}
