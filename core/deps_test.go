package core_test

import (
	"strings"
	"testing"
)

// The laws of this repository, as tables. They are never loosened to fit the code: a new arrow or a new library is argued for
// first. The checkers are in the deps_*_test.go files beside this one; deps_bites_test.go proves that each of them can fail.

// arrows has one row per package: the packages of ours that it may import. "x/..." is x and everything below. A package may
// always import itself (its outer tests do). Every row must also keep law 1 (roofs, verbs).
var arrows = map[string]string{
	// words and nouns
	"core":                        "core/oauth",
	"core/oauth":                  "",
	"core/strictjson":             "",
	"core/config":                 "core core/strictjson",
	"core/declared":               "core core/metadata core/oauth core/slowhash core/strictjson",
	"core/decision":               "core core/metadata core/oauth core/strictjson",
	"core/decisionlog":            "core core/decision core/fetch core/strictjson",
	"core/fetch":                  "core core/strictjson",
	"core/hook":                   "core core/strictjson",
	"core/keys":                   "core core/keys/jose core/oauth core/strictjson",
	"core/keys/jose":              "core core/keys/jose/josetest core/oauth core/strictjson", // josetest: its outer tests
	"core/keys/jose/josetest":     "core/strictjson",
	"core/ledger":                 "core core/strictjson",
	"core/metadata":               "core core/oauth core/strictjson",
	"core/metrics":                "",
	"core/rate":                   "",
	"core/sandbox":                "core/sandbox/meter core/sandbox/wasm core/strictjson",
	"core/sandbox/meter":          "core/sandbox/wasm",
	"core/sandbox/wasm":           "",
	"core/sandbox/testdata/guest": "",
	"core/seal":                   "core",
	"core/slowhash":               "",
	"core/watch":                  "",

	// verbs
	"core/authorize":    "core core/clientauth core/decision core/keys/jose core/oauth core/seal core/strictjson",
	"core/bff":          "core core/fetch core/keys/jose core/oauth core/strictjson",
	"core/bff/files":    "core core/bff core/keys/jose core/strictjson",
	"core/bff/proxy":    "core core/bff",
	"core/clientauth":   "core core/keys core/keys/jose core/oauth core/rate core/slowhash core/strictjson",
	"core/login":        "core core/decision core/oauth core/slowhash core/strictjson",
	"core/token":        "core core/clientauth core/decision core/hook core/keys core/keys/jose core/keys/jose/josetest core/metadata core/oauth core/strictjson",
	"core/operator":     "core core/strictjson",
	"core/replay":       "core core/decision core/ledger core/strictjson",
	"core/registration": "core core/config core/decision core/hook core/keys core/keys/jose core/ledger core/metadata core/oauth core/rate core/slowhash core/strictjson",

	// the edge
	"core/web":         "core core/oauth core/rate core/strictjson",
	"core/web/bff":     "core core/bff core/bff/proxy core/oauth core/strictjson core/web",
	"core/web/console": "core core/ledger core/login core/metadata core/oauth core/registration core/strictjson core/web",
	"core/web/people":  "core core/authorize core/login core/oauth core/strictjson core/web",
	"core/web/admin":   "core core/declared core/keys core/ledger core/login core/metadata core/operator core/registration core/replay core/strictjson core/web",
	"core/web/oidc":    "core core/authorize core/clientauth core/oauth core/registration core/strictjson core/token core/web",
	"core/web/routes":  "core/web core/web/admin core/web/bff core/web/console core/web/oidc core/web/people",

	// what stands around core
	"policies":           "core core/config core/decision core/metadata core/oauth core/strictjson",
	"sdk":                "",
	"plugins":            "core core/config core/fetch core/hook core/metadata core/oauth core/sandbox core/strictjson core/watch sdk/go/abi",
	"storage":            "core core/authorize core/bff core/clientauth core/decision core/hook core/keys core/keys/jose core/ledger core/login core/metadata core/oauth core/registration core/seal core/strictjson core/token storage/badger storage/memory", // its outer tests open a desk on each engine
	"storage/badger":     "storage storage/enginetest storage/limits",
	"storage/enginetest": "storage storage/memory",
	"storage/limits":     "storage",
	"storage/memory":     "storage storage/enginetest storage/limits",
	"cmd/ostiary":        "core/... plugins policies storage/... sdk/...",
}

// roofs are law 1: what a folder and everything below it may import at most, whatever arrows says. The longest name counts.
var roofs = map[string]string{
	"core":            "core/...",
	"core/oauth":      "",
	"core/strictjson": "",
	"storage":         "core/... storage/...",
	"policies":        "core/... policies/...",
	"plugins":         "core/... plugins/... sdk/go/abi",
	"sdk":             "",
	"cmd":             "core/... storage/... policies/... plugins/... cmd/... sdk/...",
}

// verbs do not import each other. Inside core only the edge's parts import them; storage and cmd may.
var verbs = strings.Fields("core/registration core/authorize core/token core/login core/bff core/operator core/replay") // not core/clientauth: others ask it

// doors: the one folder that may import an outside library. A library that is not here may not be imported at all.
var doors = map[string]string{
	"github.com/dgraph-io/badger":          "storage/badger",
	"github.com/dgraph-io/ristretto":       "storage/badger",
	"github.com/fsnotify/fsnotify":         "core/watch",
	"github.com/go-jose/go-jose":           "core/keys/jose",
	"github.com/gofiber/fiber":             "core/web",
	"github.com/jackc/pgx":                 "storage/postgres",
	"github.com/klauspost/compress":        "storage",
	"github.com/open-policy-agent/opa":     "policies",
	"github.com/prometheus":                "core/metrics",
	"github.com/rogpeppe/go-internal":      "cmd/ostiary",
	"github.com/spf13/cobra":               "cmd/ostiary",
	"github.com/tetratelabs/wazero":        "core/sandbox",
	"github.com/valyala/fasthttp":          "core/web",
	"go.yaml.in/yaml":                      "core/config",
	"golang.org/x/crypto/argon2":           "core/slowhash",
	"golang.org/x/crypto/bcrypt":           "core/slowhash",
	"golang.org/x/crypto/chacha20poly1305": "core/seal",
	"golang.org/x/crypto/cryptobyte":       "core/keys/jose",
	"golang.org/x/net/idna":                "core/oauth",
	"golang.org/x/net/publicsuffix":        "core/oauth",
	"golang.org/x/sys/unix":                "core/sandbox",
}

// ways are parts of packages that only some folders may use.
var ways = []way{
	{of: "net/http", names: "Client Transport DefaultClient DefaultTransport Get Head Post PostForm", only: "core/fetch", instead: "take a client from core/fetch"},
	{of: "net/http/httputil", names: "NewSingleHostReverseProxy NewClientConn NewProxyClientConn", only: "core/fetch", instead: "take a client from core/fetch"},
	{of: "encoding/json", names: "Unmarshal NewDecoder Decoder", only: "core/strictjson", instead: "call strictjson.Parse or strictjson.Decode"},
	{of: "encoding/json/v2", names: "*", only: "core/strictjson", instead: "call strictjson.Parse or strictjson.Decode"},
	{of: "encoding/json/jsontext", names: "*", only: "core/strictjson", instead: "call strictjson.Parse or strictjson.Decode"},
	{of: "github.com/go-jose/go-jose/v4/json", names: "*", only: "core/strictjson", instead: "call strictjson.Parse or strictjson.Decode"},
	{of: "unsafe", names: "*", only: "core/sandbox/testdata/guest", instead: "do without: it could forge registration.Approved"},
	{of: "reflect", names: "*", only: "core/config core/strictjson", testsToo: true, instead: "do without: it could forge registration.Approved"},
	{of: "C", names: "*", only: "", instead: "do without cgo"},
}

func TestEveryArrowPointsAtCore(t *testing.T) {
	report(t, checkRows(arrows))
	report(t, checkArrows(readTree(t), arrows))
	report(t, checkGuestSDK(readModule(t, "sdk/go")))
}

func TestEveryLibraryHasOneDoor(t *testing.T) {
	tree := readTree(t)
	report(t, checkDoors(tree))
	report(t, checkWays(tree))
	report(t, checkSilentLibrary(tree, "core/sandbox", "github.com/tetratelabs/wazero"))
}

func TestEveryClientWriteWalksOneRoad(t *testing.T) {
	tree := readTree(t)
	report(t, checkEngineCalls(tree))
	report(t, checkApprovedType(tree))
	report(t, checkApprovedMade(tree))
	report(t, checkOnlyCommit(tree))
}

func TestNoWorkspaceAndNoInit(t *testing.T) {
	report(t, checkNoWorkspace(t, ".."))
	report(t, checkNoInit(readTree(t)))
}

func report(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}
