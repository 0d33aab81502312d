package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A moody server plans all that it is sent, is busy at first, and is gone after so many clients.
type moody struct {
	mu      sync.Mutex
	busy    int // answers 503 so often
	vague   int // cannot judge a client so often
	last    int // how many clients are written before it is gone
	written map[string]int
	asked   int
	secrets bool // makes a secret for each client
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	switch {
	case r.Method == http.MethodPost:
		var entries bytes.Buffer
		_, _ = entries.ReadFrom(r.Body)
		var items []string
		for _, part := range strings.Split(entries.String(), `"client_id":"`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			action := `"action":"create"`
			if m.vague > 0 {
				m.vague--
				action = `"action":"refused","error":{"error":"policy_unavailable"}`
			}
			items = append(items, fmt.Sprintf(`{"client_id":"%s",%s,"secret_made":%t}`, id, action, m.secrets))
		}
		fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
	case !strings.Contains(r.URL.Path, "/clients/"):
		fmt.Fprint(w, `{"changes":[]}`)
	case m.busy > 0:
		m.busy--
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"detail":"too busy"}`)
	case len(m.written) == m.last:
		panic(http.ErrAbortHandler)
	default:
		m.written[r.URL.Path]++
		w.WriteHeader(http.StatusCreated)
		if m.secrets {
			fmt.Fprint(w, `{"client_secret":"made"}`)
			return
		}
		fmt.Fprint(w, `{}`)
	}
}

// applied has apply write so many clients to a server, and gives what it said.
func (m *moody) applied(t *testing.T, clients int, more ...string) (string, error) {
	t.Helper()
	m.written = map[string]int{}
	server := httptest.NewServer(m)
	defer server.Close()
	var text strings.Builder
	for i := range clients {
		fmt.Fprintf(&text, "- {client_id: c%03d}\n", i)
	}
	file := filepath.Join(t.TempDir(), "clients.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OSTIARY_TOKEN", "0123456789abcdef0123456789abcdef")
	root := rootCommand()
	var out bytes.Buffer
	root.SetArgs(append([]string{"apply", file, "--yes", "--server", server.URL}, more...))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// What a busy server could not do is asked of it again, and is nobody's failure.
func TestApplyIsPatient(t *testing.T) {
	m := &moody{busy: 3, vague: 2, last: -1}
	said, err := m.applied(t, 5)
	if err != nil || len(m.written) != 5 || !strings.Contains(said, "Written: 5.") || strings.Contains(said, "refused c") {
		t.Errorf("%v: %s", err, said)
	}
	for path, n := range m.written {
		if n != 1 {
			t.Errorf("%s was written %d times", path, n)
		}
	}
	still := &moody{vague: 1000, last: -1}
	if said, err := still.applied(t, 50); err == nil || !strings.Contains(said, "50 refused") || still.asked > 10 {
		t.Errorf("a server that stays busy was asked %d times: %v: %s", still.asked, err, said)
	}
}

// When the server is gone, apply says so once, with what is left.
func TestApplyStopsWhenTheServerIsGone(t *testing.T) {
	m := &moody{last: 20}
	said, err := m.applied(t, 200)
	if err == nil || !strings.Contains(err.Error(), "does not answer") || !strings.Contains(err.Error(), "Of 180 changes it is not known whether they were written; apply again") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(said, "Written: 20.") || strings.Count(said, "does not answer") > 0 || m.asked > 200 {
		t.Errorf("after %d requests: %s", m.asked, said)
	}
}

// A secret that the server made and could not say is lost. Whose it may be is told, and stands in the file.
func TestApplyTellsWhoseSecretsAreLost(t *testing.T) {
	m := &moody{last: 20, secrets: true}
	name := filepath.Join(t.TempDir(), "secrets.yaml")
	said, err := m.applied(t, 200, "--secrets-file", name, "-o", "json")
	if err == nil || !strings.Contains(err.Error(), "apply again, and give those new secrets that are there by then") {
		t.Fatalf("%v", err)
	}
	_, list, _ := strings.Cut(err.Error(), "ostiary client rotate-secret, for ")
	lost := strings.Split(list, ", ")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	written := fmt.Sprint(m.written)
	for _, id := range lost {
		if !strings.Contains(string(text), "# asked for: \""+id+"\"\n") || strings.Contains(string(text), "- client_id: \""+id+"\"\n") || strings.Contains(written, "/clients/"+id+":") {
			t.Errorf("of %s the file says\n%s", id, text)
		}
	}
	asked, kept := strings.Count(string(text), "# asked for: "), strings.Count(string(text), "client_secret: \"made\"")
	if len(lost) == 0 || kept != 20 || asked != 20+len(lost) || !strings.Contains(said, `"secretless":["`+lost[0]+`"`) {
		t.Errorf("%d asked for, %d kept, %d lost: %s", asked, kept, len(lost), said)
	}
}
