package core_test

import (
	"maps"
	"strings"
	"testing"
)

// A bite is a piece of code that breaks a law, and a word of the violation; with no word it is code that keeps it.
type bite struct {
	name  string
	file  string // where the code stands
	code  string
	wants string
}

func (b bite) try(t *testing.T, check func([]source) []string, around map[string]string) {
	t.Helper()
	texts := maps.Clone(around)
	if texts == nil {
		texts = make(map[string]string)
	}
	texts[b.file] = b.code
	violations := strings.Join(check(parseTree(t, texts)), "\n")
	if b.wants == "" && violations != "" {
		t.Errorf("%s: a violation where there is none: %s", b.name, violations)
	}
	if b.wants != "" && !strings.Contains(violations, b.wants) {
		t.Errorf("%s: want a violation with %q, got %q", b.name, b.wants, violations)
	}
}

func imports(paths ...string) string {
	return "package p\nimport (\n\"" + strings.Join(paths, "\"\n\"") + "\"\n)\n"
}

func TestRowsBite(t *testing.T) {
	cases := map[string]struct{ folder, row, wants string }{
		"core imports a noun's package":   {"core", "core/ledger", "may not import core/ledger"},
		"core imports storage":            {"core/keys", "storage", "may not import storage"},
		"a word imports core":             {"core/oauth", "core", "may not import core"},
		"the parser imports core":         {"core/strictjson", "core", "may not import core"},
		"policies imports plugins":        {"policies", "plugins", "may not import plugins"},
		"policies imports storage":        {"policies", "core storage", "may not import storage"},
		"plugins imports policies":        {"plugins", "policies", "may not import policies"},
		"plugins imports the guest's SDK": {"plugins", "sdk/go", "may not import sdk/go"},
		"storage imports policies":        {"storage/badger", "policies", "may not import policies"},
		"a verb imports a verb":           {"core/token", "core/authorize", "the verb core/authorize"},
		"a noun imports a verb":           {"core/ledger", "core/registration", "the verb core/registration"},
		"the frame imports a verb":        {"core/web", "core/login", "the verb core/login"},
		"core imports everything of core": {"core/hook", "core/... cmd/...", "may not import cmd/..."},
		"outside the house":               {"internal/misc", "", "no roof"},
		"good: the edge imports a verb":   {"core/web/oidc", "core core/web core/registration", ""},
		"good: a verb's own part":         {"core/bff/proxy", "core/bff", ""},
		"good: a verb asks who calls":     {"core/token", "core core/clientauth", ""},
		"good: the command":               {"cmd/ostiary", "core/... plugins policies storage/... sdk/...", ""},
	}
	for name, c := range cases {
		got := strings.Join(checkRows(map[string]string{c.folder: c.row}), "\n")
		if c.wants == "" && got != "" || !strings.Contains(got, c.wants) {
			t.Errorf("%s: want %q, got %q", name, c.wants, got)
		}
	}
}

func TestArrowsBite(t *testing.T) {
	rows := map[string]string{"core/ledger": "core", "cmd/ostiary": "core/..."}
	around := map[string]string{"core/ledger/a.go": "package p", "cmd/ostiary/a.go": "package p"}
	for _, b := range []bite{
		{"not in the row", "core/ledger/b.go", imports(module + "/core/keys"), "core/ledger/b.go:3: core/ledger may not import core/keys"},
		{"tests are bound", "core/ledger/b_test.go", imports(module + "/storage"), "may not import storage"},
		{"a new package", "core/new/b.go", "package p", "package core/new has no row"},
		{"at the root", "b.go", "package p", "package . has no row"},
		{"the row and itself", "core/ledger/b_test.go", imports("fmt", module+"/core", module+"/core/ledger"), ""},
		{"below", "cmd/ostiary/b.go", imports(module + "/core/web/admin"), ""},
	} {
		b.try(t, func(tree []source) []string { return checkArrows(tree, rows) }, around)
	}
	gone := checkArrows(parseTree(t, map[string]string{"core/ledger/a.go": "package p"}), rows)
	if len(gone) != 1 || !strings.Contains(gone[0], "no package cmd/ostiary") {
		t.Errorf("the row of a package that is gone: got %q", gone)
	}
	bite{"the SDK needs a library", "sdk/go/b.go", imports("golang.org/x/net/idna"), "no dependencies"}.try(t, checkGuestSDK, nil)
	bite{"the SDK needs the host", "sdk/go/b.go", imports(module + "/core"), "no dependencies"}.try(t, checkGuestSDK, nil)
	bite{"the SDK and std", "sdk/go/b.go", imports("fmt", module+"/sdk/go/abi"), ""}.try(t, checkGuestSDK, nil)
}

func TestDoorsBite(t *testing.T) {
	for _, b := range []bite{
		{"fiber below its door", "core/web/oidc/a.go", imports("github.com/gofiber/fiber/v2"), "by core/web only"},
		{"fasthttp", "core/fetch/a.go", imports("github.com/valyala/fasthttp"), "by core/web only"},
		{"jose", "core/keys/a.go", imports("github.com/go-jose/go-jose/v4/jwt"), "by core/keys/jose only"},
		{"opa in a test", "plugins/a_test.go", imports("github.com/open-policy-agent/opa/v1/rego"), "by policies only"},
		{"wazero", "plugins/a.go", imports("github.com/tetratelabs/wazero/api"), "by core/sandbox only"},
		{"badger", "storage/a.go", imports("github.com/dgraph-io/badger/v4"), "by storage/badger only"},
		{"pgx", "storage/a.go", imports("github.com/jackc/pgx/v5"), "by storage/postgres only"},
		{"yaml", "cmd/ostiary/a.go", imports("go.yaml.in/yaml/v3"), "by core/config only"},
		{"another yaml", "core/config/a.go", imports("gopkg.in/yaml.v3"), "in no row of doors"},
		{"watching", "policies/a.go", imports("github.com/fsnotify/fsnotify"), "by core/watch only"},
		{"metrics", "core/web/a.go", imports("github.com/prometheus/client_golang/prometheus"), "by core/metrics only"},
		{"crypto as a whole", "core/seal/a.go", imports("golang.org/x/crypto/md4"), "in no row of doors"},
		{"a name that only begins alike", "core/web/a.go", imports("github.com/gofiber/fiberous"), "in no row of doors"},
		{"through its door", "core/web/a.go", imports("github.com/gofiber/fiber/v2", "net/http", module+"/core"), ""},
	} {
		b.try(t, checkDoors, nil)
	}
}

func TestWaysBite(t *testing.T) {
	const http, json = "package p\nimport \"net/http\"\n", "package p\nimport \"encoding/json\"\n"
	for _, b := range []bite{
		{"makes a client", "core/keys/a.go", http + "var c = &http.Client{}", "net/http.Client"},
		{"news a client", "core/keys/a.go", http + "var c = new(http.Client)", "net/http.Client"},
		{"declares a client", "core/keys/a_test.go", http + "var c http.Client", "net/http.Client"},
		{"makes a transport", "core/web/a.go", http + "var c = http.Transport{}", "net/http.Transport"},
		{"the default client", "core/web/a.go", http + "var c = http.DefaultClient", "net/http.DefaultClient"},
		{"the default transport", "core/web/a.go", http + "var c = http.DefaultTransport", "net/http.DefaultTransport"},
		{"gets, under another name", "core/web/a_test.go", "package p\nimport web \"net/http\"\nvar _ = web.Get", "net/http.Get"},
		{"posts", "cmd/ostiary/a.go", http + "var _ = http.PostForm", "net/http.PostForm"},
		{"dot import", "cmd/ostiary/a.go", "package p\nimport . \"net/http\"\n", "import of net/http"},
		{"a proxy without transport", "core/bff/proxy/a.go", "package p\nimport \"net/http/httputil\"\nvar p = httputil.ReverseProxy{}", "without Transport"},
		{"the plain proxy", "core/bff/proxy/a.go", "package p\nimport \"net/http/httputil\"\nvar p = httputil.NewSingleHostReverseProxy(nil)", "NewSingleHostReverseProxy"},
		{"unmarshals", "storage/a.go", json + "var _ = json.Unmarshal", "encoding/json.Unmarshal"},
		{"decodes in a test", "storage/a_test.go", json + "var _ = json.NewDecoder(nil)", "encoding/json.NewDecoder"},
		{"a decoder", "storage/a_test.go", json + "var d json.Decoder", "encoding/json.Decoder"},
		{"the new json", "storage/a.go", imports("encoding/json/v2"), "import of encoding/json/v2"},
		{"jose's json", "core/keys/jose/a.go", imports("github.com/go-jose/go-jose/v4/json"), "import of github.com/go-jose"},
		{"unsafe", "storage/a_test.go", imports("unsafe"), "import of unsafe"},
		{"reflect", "storage/a.go", imports("reflect"), "import of reflect"},
		{"cgo", "storage/a.go", imports("C"), "import of C"},
		{"through the door", "core/fetch/a.go", http + "var c = &http.Client{Transport: &http.Transport{}}", ""},
		{"words and pointers", "core/web/a.go", http + "func f(c *http.Client) int { return http.StatusOK }\nvar _ = http.ReadResponse", ""},
		{"a proxy with transport", "core/bff/proxy/a.go", "package p\nimport \"net/http/httputil\"\nvar p = &httputil.ReverseProxy{Transport: peer}", ""},
		{"writes json", "storage/a.go", json + "var _, _ = json.Marshal(nil)\nvar _ = json.Valid", ""},
		{"reflect in a test", "storage/a_test.go", imports("reflect"), ""},
	} {
		b.try(t, checkWays, nil)
	}
}

func TestSilentLibraryBites(t *testing.T) {
	const head = "package sandbox\nimport \"github.com/tetratelabs/wazero/api\"\n"
	for _, b := range []bite{
		{"a parameter", "core/sandbox/a.go", head + "func Run(m api.Module) {}", "mentions"},
		{"a result of a method", "core/sandbox/a.go", head + "type p int\nfunc (p) Module() (api.Module, error)", "mentions"},
		{"a field", "core/sandbox/a.go", head + "type P struct { M map[string]api.Module }", "mentions"},
		{"embedded", "core/sandbox/a.go", head + "type P struct { api.Module }", "mentions"},
		{"an interface", "core/sandbox/a.go", head + "type P interface { M(api.Module) }", "mentions"},
		{"a variable", "core/sandbox/a.go", head + "var Kind = api.ExternTypeFunc", "mentions"},
		{"by way of a local name", "core/sandbox/a.go", head + "type module = api.Module\nfunc Run(m module) {}", "mentions"},
		{"inside only", "core/sandbox/a.go", head + "type P struct { m api.Module }\nfunc (p *P) run(m api.Module) {}\nfunc (p *P) Run() { p.run(p.m) }\nfunc New() *P", ""},
	} {
		b.try(t, func(tree []source) []string {
			return checkSilentLibrary(tree, "core/sandbox", "github.com/tetratelabs/wazero")
		}, nil)
	}
}

func TestEngineCallsBite(t *testing.T) {
	around := map[string]string{
		"cmd/ostiary/wire.go": imports(module + "/storage"),
		"storage/engine.go": "package storage\ntype Op struct{}\ntype Engine interface { Apply(...Op) error; Load(int) error }\n" +
			"type Store struct { Engine }\nfunc Open() Store { return Store{} }",
		"core/sandbox/machine.go": "package sandbox\nimport \"context\"\ntype Machine struct{}\nfunc (m *Machine) Load(ctx context.Context, b []byte) error { return nil }\n" +
			"func New() (*Machine, error) { return nil, nil }\ntype Loader interface { Load(int) error }\nfunc Apply(a int) {}\n" +
			"type Box[T any] struct { f func(T) }\nfunc (b Box[T]) Apply(x T) { b.f(x) }",
	}
	const both = "package p\nimport (\n\"" + module + "/core/sandbox\"\n\"" + module + "/storage\"\n)\n"
	for _, b := range []bite{
		{"a machine's Load", "cmd/ostiary/a.go", both + "func f() { m, _ := sandbox.New(); m.Load(nil, nil) }", ""},
		{"a machine's Load in a test from outside", "cmd/ostiary/a_test.go", strings.Replace(both, "package p", "package p_test", 1) + "func f(m *sandbox.Machine) { m.Load(nil, nil) }", ""},
		{"a function of another package", "cmd/ostiary/a.go", both + "func f() { sandbox.Apply(1) }", ""},
		{"a method of its own", "cmd/ostiary/a.go", both + "type own struct{}\nfunc (own) Load(int) {}\nfunc f(o own) { o.Load(1) }", ""},
		{"an opened engine", "cmd/ostiary/a.go", both + "func f() { e := storage.Open(); e.Load(1) }", "Load: only storage"},
		{"an embedded engine", "cmd/ostiary/a.go", both + "type own struct { storage.Engine }\nfunc f(o own) { o.Load(1) }", "Load: only storage"},
		{"a method that passes it on", "cmd/ostiary/a.go", both + "type own struct { e storage.Engine }\nfunc (o own) Load(n int) { o.e.Load(n) }", "Load: only storage"},
		{"what may be an engine", "cmd/ostiary/a.go", both + "func f(l sandbox.Loader) { l.Load(1) }", "Load: only storage"},
		{"what could be one for any type", "cmd/ostiary/a.go", both + "func f[E interface{ Load(int) error }](e E) { e.Load(1) }", "Load: only storage"},
		{"a function that is kept", "cmd/ostiary/a.go", both + "var x struct { Load func(int) error }\nfunc f() { x.Load(1) }", "Load: only storage"},
		{"a box of the store's operations", "cmd/ostiary/a.go", both + "func f(b sandbox.Box[storage.Op]) { b.Apply(storage.Op{}) }", "Apply: only storage"},
		{"applies in a file that imports nothing", "cmd/ostiary/a.go", "package p\nfunc f(h house) { h.engine.Apply(h.ctx) }", "Apply: only storage"},
		{"keeps Apply for later", "cmd/ostiary/a.go", "package p\nfunc f(h house) { g := h.engine.Apply; g() }", "Apply: only storage"},
		{"loads", "cmd/ostiary/a.go", "package p\nfunc f(h house) { h.engine.Load(h.ctx, nil) }", "Load: only storage"},
		{"keeps Load for later", "cmd/ostiary/a_test.go", "package p\nfunc f(h house) { g := h.engine.Load; g() }", "Load: only storage"},
		{"restore applies", "cmd/ostiary/restore.go", "package p\nfunc f(h house) { h.engine.Apply(nil) }", "Apply: only storage"},
		{"restore loads", "cmd/ostiary/restore.go", "package p\nfunc f(h house) { h.engine.Load(nil, nil) }", ""},
		{"an atomic", "cmd/ostiary/a.go", "package p\nfunc f(h house) bool { return h.started.Load() }", ""},
		{"a machine that loads", "plugins/a.go", "package p\nfunc f(h host) { h.machine.Load(nil, nil) }", ""},
		{"storage itself", "storage/plan.go", imports(module+"/storage/limits") + "func f(e Engine) { e.Apply(nil) }", ""},
	} {
		b.try(t, checkEngineCalls, around)
	}
}

func TestApprovedBites(t *testing.T) {
	const typ = "package registration\n"
	for _, b := range []bite{
		{"an exported field", "core/registration/approved.go", typ + "type Approved struct { entry int; Client int }", "unexported"},
		{"an embedded field", "core/registration/approved.go", typ + "type Approved struct { entry }", "unexported"},
		{"not a struct", "core/registration/approved.go", typ + "type Approved map[string]int", "plain struct"},
		{"an alias", "core/registration/approved.go", typ + "type Approved = struct { entry int }", "plain struct"},
		{"gone", "core/registration/approved.go", typ, "no type Approved"},
		{"as it is", "core/registration/approved.go", typ + "type Approved struct { entry, client int }", ""},
	} {
		b.try(t, checkApprovedType, nil)
	}

	around := map[string]string{
		"core/registration/approved.go": typ + "type Approved struct { client client; n int; list []int }\ntype client struct { name string }\nfunc make() (Approved, error)",
	}
	outside := imports(module + "/core/registration")
	for _, b := range []bite{
		{"a literal elsewhere in the package", "core/registration/judge.go", typ + "var a = Approved{n: 1}", "only the method approve"},
		{"a literal in a test", "core/registration/judge_test.go", typ + "func f() { g(&Approved{n: 1}) }", "only the method approve"},
		{"a literal in another function of approve.go", "core/registration/approve.go", typ + "func other() Approved { return Approved{n: 1} }", "only the method approve"},
		{"approve of another file", "core/registration/judge.go", typ + "func (j *judgement) approve() Approved { return Approved{n: 1} }", "only the method approve"},
		{"a conversion", "core/registration/judge.go", typ + "func f(x twin) Approved { return Approved(x) }", "only the method approve"},
		{"another name", "core/registration/judge.go", typ + "type granted = Approved", "no other name"},
		{"a field set", "core/registration/judge.go", typ + "func f() (a Approved) { a.n = 1; return a }", "Approved.n is written"},
		{"a field within a field", "core/registration/judge.go", typ + "func f() { a, _ := make(); a.client.name = \"x\" }", "Approved.client is written"},
		{"an element", "core/registration/judge.go", typ + "func f(a *Approved) { a.list[0]++ }", "Approved.list is written"},
		{"an address", "core/registration/judge.go", typ + "func f(a Approved) *int { return &a.n }", "Approved.n is written"},
		{"a loop", "core/registration/judge.go", typ + "func f(a Approved) { for a.n = range 3 {} }", "Approved.n is written"},
		{"a literal outside", "storage/a.go", outside + "var a = registration.Approved{1, 2}", "made by Judge only"},
		{"a conversion outside", "storage/a_test.go", outside + "var a = (registration.Approved)(x)", "made by Judge only"},
		{"the road", "core/registration/approve.go", typ + "func (j *judgement) approve() (Approved, error) { a := Approved{n: 1}; j.create(&a); return a, nil }\nfunc (j *judgement) create(a *Approved) { a.client.name = \"x\" }", ""},
		{"reading and passing on", "core/registration/judge.go", typ + "func f(j *judgement) (Approved, error) { n := j.entry; j.n = n; return Approved{}, nil }\nfunc (a Approved) N() int { return a.n }", ""},
		{"the empty one outside", "storage/a_test.go", outside + "var a = registration.Approved{}\nfunc f(a registration.Approved) {}", ""},
	} {
		b.try(t, checkApprovedMade, around)
	}
}

func TestOnlyCommitBites(t *testing.T) {
	head := imports(module + "/core/registration")
	around := map[string]string{"storage/clients.go": head + "func (c *Clients) Commit(a registration.Approved) error"}
	for _, b := range []bite{
		{"another method", "storage/a.go", head + "func (c *Clients) Write(a registration.Approved)", "Write takes an Approved"},
		{"many of them", "storage/a.go", head + "func All(a ...*registration.Approved)", "All takes an Approved"},
		{"a second Commit", "storage/a.go", head + "func (c *Other) Commit(a registration.Approved)", "exactly one"},
		{"in an engine", "storage/badger/a.go", head + "func (c *Engine) Commit(a registration.Approved)", "Commit takes an Approved"},
		{"unexported", "storage/a.go", head + "func (c *Clients) planInsert(a registration.Approved)", ""},
	} {
		b.try(t, checkOnlyCommit, around)
	}
	if none := checkOnlyCommit(parseTree(t, map[string]string{"storage/a.go": "package storage"})); len(none) != 1 {
		t.Errorf("no Commit at all: got %q", none)
	}
}

func TestWorkspaceAndInitBite(t *testing.T) {
	bite{"init", "storage/a.go", "package p\nfunc init() {}", "no init"}.try(t, checkNoInit, nil)
	bite{"a method of that name", "storage/a.go", "package p\nfunc (t) init() {}", ""}.try(t, checkNoInit, nil)
	folder := t.TempDir()
	if found := checkNoWorkspace(t, folder); len(found) != 0 {
		t.Errorf("an empty folder: got %q", found)
	}
	writeEmpty(t, folder, "go.work")
	if found := checkNoWorkspace(t, folder); len(found) != 1 {
		t.Errorf("a go.work file: got %q", found)
	}
}
