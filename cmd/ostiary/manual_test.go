package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ostiary/ostiary/plugins"
)

// The manual: testdata/*.txtar are played against the real program. The commands in them are those that a reader would type,
// and checks of what comes back (curl_test.go has curl).

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "curl" { // for README.md; scripts have a command of this name
		curlMain()
		return
	}
	testscript.Main(m, map[string]func(){"ostiary": main})
}

func TestManual(t *testing.T) { testscript.Run(t, manual("testdata")) }

// manual plays the scripts of a folder.
func manual(dir string) testscript.Params {
	return testscript.Params{
		Dir:   dir,
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": start, "shutdown": shutdownServer, "unplug": unplug, "curl": curl, "status": status, "json": checkJSON, "save": save, "until": until,
			"header": checkHeader, "field": saveField, "grab": grab, "jwt": openToken, "port": freePort, "plugin": installPlugin,
			"keypair": keyPair, "vouch": vouch, "event": openEvent, "sign": signClaims,
			"authority": makeAuthority, "certify": certify,
		},
	}
}

// patience bounds every wait: ten times what is promised.
const patience = 20 * time.Second

// session is what the commands of one script share.
type session struct {
	child *exec.Cmd
	log   *bytes.Buffer
	answer
}

type sessionKey struct{}

func setup(env *testscript.Env) error {
	s := &session{log: new(bytes.Buffer)}
	env.Values[sessionKey{}] = s
	known, err := goSettings()
	if err != nil {
		return err
	}
	env.Vars = append(env.Vars, known...)
	env.Defer(func() {
		if s.child != nil {
			_ = s.child.Process.Kill()
			_ = s.child.Wait()
		}
	})
	return nil
}

// goSettings lets the Go tools that a script calls find what was compiled before: without a cache they would compile the standard
// library anew, into the home folder of nobody.
var goSettings = sync.OnceValues(func() ([]string, error) {
	var settings []string
	for _, name := range []string{"GOCACHE", "GOFLAGS", "CGO_ENABLED"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return nil, fmt.Errorf("go env %s: %w", name, err)
		}
		settings = append(settings, name+"="+strings.TrimSpace(string(value)))
	}
	return settings, nil
})

func sessionOf(ts *testscript.TestScript) *session { return ts.Value(sessionKey{}).(*session) }

// start runs "ostiary dev", or "ostiary serve": start [NAME=VALUE]... serve -c FILE; and waits until it is ready. What it leaves
// becomes variables: $BASE, $OPS and $ADMIN, and of dev also $ISSUER, $IAT, $POLICIES, $PLUGINS, $CONFIG and $PASSWORD, which is
// that of the user demo.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! start")
	}
	s := sessionOf(ts)
	environment := append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "=") {
		environment, args = append(environment, args[0]), args[1:]
	}
	binary, err := os.Executable()
	ts.Check(err)
	isServe := len(args) > 0 && args[0] == "serve"
	if !isServe {
		args = append([]string{"dev", "--data", ts.MkAbs("data"), "--listen", "localhost:0", "--ops-listen", "localhost:0", "--output", "json"}, args...)
	}
	s.child = exec.Command(binary, args...)
	s.child.Args[0] = "ostiary" // testscript.Main runs the command of this name
	s.child.Dir, s.child.Env, s.child.Stderr = ts.MkAbs("."), environment, s.log
	if isServe {
		s.startServe(ts)
	} else {
		s.startDev(ts)
	}
}

// startDev starts the child and reads its first line.
func (s *session) startDev(ts *testscript.TestScript) {
	out, err := s.child.StdoutPipe()
	ts.Check(err)
	ts.Check(s.child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = s.child.Wait()
		ts.Fatalf("ostiary dev did not start: %v\n%s", err, s.log)
	}
	setVariables(ts, line, map[string]string{
		"ISSUER": "issuer", "BASE": "base_url", "OPS": "ops_url", "ADMIN": "admin_token", "IAT": "initial_access_token",
		"POLICIES": "policy_dir", "PLUGINS": "plugin_dir", "CONFIG": "dcr_config", "PASSWORD": "demo_user.password",
	})
}

// startServe starts the child and waits for what it leaves for commands on this machine when it is ready.
func (s *session) startServe(ts *testscript.TestScript) {
	file := adminFile(ts.MkAbs("data"))
	before, _ := os.ReadFile(file)
	ts.Check(s.child.Start())
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if text, err := os.ReadFile(file); err == nil && !bytes.Equal(text, before) {
			setVariables(ts, string(text), map[string]string{"BASE": "url", "OPS": "ops_url", "ADMIN": "token"})
			return
		}
	}
	_ = s.child.Process.Kill()
	_ = s.child.Wait()
	ts.Fatalf("ostiary serve did not start:\n%s", s.log)
}

// setVariables takes variables out of a document.
func setVariables(ts *testscript.TestScript, doc string, members map[string]string) {
	for name, member := range members {
		text, found := lookup(ts, doc, member)
		if !found {
			ts.Fatalf("there is no %s in\n%s", member, doc)
		}
		ts.Setenv(name, text)
	}
}

// shutdownServer ends the server as an operator would, and wants a clean exit.
func shutdownServer(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	ts.Check(s.child.Process.Signal(syscall.SIGTERM))
	err := s.child.Wait()
	s.child = nil
	if err != nil {
		ts.Fatalf("the server did not end cleanly: %v\n%s", err, s.log)
	}
}

// unplug pulls the plug.
func unplug(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	ts.Check(s.child.Process.Kill())
	_ = s.child.Wait()
	s.child = nil
}

// curl makes a request. A file of the script is sent with -d @FILE.
func curl(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! curl")
	}
	sessionOf(ts).do(ts, curlRequest(ts, args))
}

// do makes the request and keeps the answer.
func (s *session) do(ts *testscript.TestScript, r request) {
	got, err := r.send()
	ts.Check(err)
	s.answer = got
	_, _ = io.WriteString(ts.Stdout(), got.body)
}

// curlRequest reads a command line whose files are the script's.
func curlRequest(ts *testscript.TestScript, args []string) request {
	r, err := parseCurl(args)
	ts.Check(err)
	for i, part := range r.data {
		if file, ok := strings.CutPrefix(part, "@"); ok {
			r.data[i] = strings.ReplaceAll(ts.ReadFile(file), "\n", "") // as curl does
		}
	}
	if r.cookies != "" {
		r.cookies = ts.MkAbs(r.cookies)
	}
	if r.jar != "" {
		r.jar = ts.MkAbs(r.jar)
	}
	for _, file := range []*string{&r.authority, &r.cert, &r.key} {
		if *file != "" {
			*file = ts.MkAbs(*file)
		}
	}
	return r
}

// freePort finds a port that nobody listens on: port VARIABLE.
func freePort(ts *testscript.TestScript, neg bool, args []string) {
	port, err := unusedPort()
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// Ports that are given away before anybody listens on them are below those that a system chooses for connections and for port 0: one of
// these may be somebody else's by the time that it is used. None is given twice.
const firstPort, manyPorts = 15_000, 15_000

var (
	portsBefore = int64(os.Getpid()) * 101 // other processes of tests begin elsewhere
	portsGiven  atomic.Int64
)

func unusedPort() (string, error) {
	for range manyPorts {
		port := strconv.FormatInt(firstPort+(portsBefore+portsGiven.Add(1))%manyPorts, 10)
		if ln, err := net.Listen("tcp", "localhost:"+port); err == nil {
			return port, ln.Close()
		}
	}
	return "", errors.New("no port is free")
}

// until repeats a request until its answer has a member: until PATH REGEXP curl …. It is for what is promised "within two
// seconds" and waits ten times as long, also for a server that does not listen yet.
func until(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	want := regexp.MustCompile("^(?s:" + args[1] + ")$")
	r := curlRequest(ts, args[3:])
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		answer, err := r.send()
		if errors.Is(err, syscall.ECONNREFUSED) {
			continue
		}
		ts.Check(err)
		s.answer = answer
		_, _ = io.WriteString(ts.Stdout(), answer.body)
		got, found := lookup(ts, s.body, args[0])
		if found && want.MatchString(got) || !found && args[1] == "absent" {
			return
		}
	}
	ts.Fatalf("%s did not become %q:\n%s", args[0], args[1], s.body)
}

// installPlugin builds a plugin from the source tree into $PLUGINS: plugin NAME DIR [MANIFEST]. Without a manifest the one
// beside the source is taken. The module comes first, so that no manifest ever names a module that is not there.
func installPlugin(ts *testscript.TestScript, neg bool, args []string) {
	name, source := args[0], filepath.Join(repository, args[1])
	module, err := built(source)
	ts.Check(err)
	manifest := filepath.Join(source, name+".yaml")
	if len(args) > 2 {
		manifest = ts.MkAbs(args[2])
	}
	text, err := os.ReadFile(manifest)
	ts.Check(err)
	if err := copyPlugins(filepath.Join(ts.Getenv("PLUGINS"), "cases"), os.DirFS(filepath.Join(source, "cases"))); !errors.Is(err, fs.ErrNotExist) {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("PLUGINS"), name+".wasm"), module, 0o600))
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("PLUGINS"), name+".yaml"), text, 0o600))
}

// keyPair writes what openssl genpkey and openssl pkey -pubout would: keypair PRIVATE PUBLIC [ed25519].
func keyPair(ts *testscript.TestScript, neg bool, args []string) {
	private, public, err := newKeyPair(len(args) > 2 && args[2] == "ed25519")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), private, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), public, 0o644)) // as openssl does
}

// vouch signs what lies in $PLUGINS, as its publisher does: vouch NAME KEY PUBLISHER.
func vouch(ts *testscript.TestScript, neg bool, args []string) {
	file := filepath.Join(ts.Getenv("PLUGINS"), args[0])
	module, err := os.ReadFile(file + ".wasm")
	ts.Check(err)
	manifest, err := os.ReadFile(file + ".yaml")
	ts.Check(err)
	text, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	key, err := plugins.NewSigningKey(args[2], text)
	ts.Check(err)
	signature, err := plugins.SignPlugin(module, manifest, key)
	ts.Check(err)
	ts.Check(os.WriteFile(file+".sig", signature, 0o600))
}

// newKeyPair makes a key on P-256 or an Ed25519 one, in PEM.
func newKeyPair(edwards bool) (private, public []byte, err error) {
	var key crypto.Signer
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); edwards {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	open, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}), nil
}

// repository is the module's root as seen from this package's folder.
var repository = filepath.Join("..", "..")

// built compiles a Go plugin once a run.
func built(source string) ([]byte, error) {
	modules.Lock()
	defer modules.Unlock()
	if module, ok := modules.of[source]; ok {
		return module, nil
	}
	dir, err := os.MkdirTemp("", "ostiary-plugin-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "plugin.wasm")
	build := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s", "-o", out, ".")
	build.Dir = source
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w\n%s", source, err, text)
	}
	module, err := os.ReadFile(out)
	modules.of[source] = module
	return module, err
}

var modules = struct {
	sync.Mutex
	of map[string][]byte
}{of: map[string][]byte{}}
