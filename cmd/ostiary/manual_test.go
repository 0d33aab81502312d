package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ostiary/ostiary/core/strictjson"
)

// The manual: testdata/*.txtar are played against the real program. The commands in them are those that a reader would type;
// curl is a small stand-in that knows the options used, so that the manual needs nothing but Go.

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "curl" { // for README.md; scripts have a command of this name
		curlMain()
		return
	}
	testscript.Main(m, map[string]func(){"ostiary": main})
}

func TestManual(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": start, "shutdown": shutdownServer, "unplug": unplug, "curl": curl, "status": status, "json": checkJSON, "save": save, "until": until,
			"plugin": installPlugin,
		},
	})
}

// patience bounds every wait: ten times what is promised.
const patience = 20 * time.Second

// session is what the commands of one script share.
type session struct {
	child  *exec.Cmd
	log    *bytes.Buffer
	status int
	body   string
}

type sessionKey struct{}

func setup(env *testscript.Env) error {
	s := &session{log: new(bytes.Buffer)}
	env.Values[sessionKey{}] = s
	env.Defer(func() {
		if s.child != nil {
			_ = s.child.Process.Kill()
			_ = s.child.Wait()
		}
	})
	return nil
}

func sessionOf(ts *testscript.TestScript) *session { return ts.Value(sessionKey{}).(*session) }

// start runs "ostiary dev" or "ostiary serve" and waits for its first line. What dev prints becomes variables: $ISSUER, $BASE,
// $OPS, $ADMIN, $IAT, $POLICIES, $PLUGINS, $CONFIG.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! start")
	}
	s := sessionOf(ts)
	binary, err := os.Executable()
	ts.Check(err)
	all := append([]string{"dev", "--data", ts.MkAbs("data"), "--listen", "localhost:0", "--ops-listen", "localhost:0", "--output", "json"}, args...)
	s.child = exec.Command(binary, all...)
	s.child.Args[0] = "ostiary" // testscript.Main runs the command of this name
	s.child.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
	s.child.Stderr = s.log
	out, err := s.child.StdoutPipe()
	ts.Check(err)
	ts.Check(s.child.Start())
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		_ = s.child.Wait()
		ts.Fatalf("ostiary dev did not start: %v\n%s", err, s.log)
	}
	doc, err := strictjson.Parse(line, strictjson.Default)
	ts.Check(err)
	for name, member := range map[string]string{
		"ISSUER": "issuer", "BASE": "base_url", "OPS": "ops_url", "ADMIN": "admin_token", "IAT": "initial_access_token",
		"POLICIES": "policy_dir", "PLUGINS": "plugin_dir", "CONFIG": "dcr_config",
	} {
		v, _ := doc.Get(member)
		text, ok := v.Text()
		if !ok {
			ts.Fatalf("dev printed no %s", member)
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

// request is what a curl command line asks for.
type request struct {
	method, url, body string
	header            http.Header
}

// parseCurl knows -X -H -d -i -s -S and their joined forms.
func parseCurl(args []string) (request, error) {
	r := request{header: http.Header{}}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		takes := arg == "-X" || arg == "-H" || arg == "-d" || arg == "--data-binary"
		switch {
		case takes && i+1 == len(args):
			return r, fmt.Errorf("%s needs a value", arg)
		case arg == "-X":
			i++
			r.method = args[i]
		case arg == "-H":
			i++
			name, value, _ := strings.Cut(args[i], ":")
			r.header.Add(name, strings.TrimSpace(value))
		case arg == "-d" || arg == "--data-binary":
			i++
			r.body = args[i]
		case arg == "-i" || arg == "-s" || arg == "-S" || arg == "-sS":
		case strings.HasPrefix(arg, "-"):
			return r, fmt.Errorf("unknown option %s", arg)
		default:
			r.url = arg
		}
	}
	if r.method == "" {
		r.method = http.MethodGet
		if r.body != "" {
			r.method = http.MethodPost
		}
	}
	if r.body != "" && r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does
	}
	return r, nil
}

// send makes one request on a connection of its own.
func (r request) send() (int, string, error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return 0, "", err
	}
	conn, err := net.DialTimeout("tcp", u.Host, patience)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	req, err := http.NewRequest(r.method, r.url, strings.NewReader(r.body))
	if err != nil {
		return 0, "", err
	}
	req.Header, req.Close = r.header, true
	if err := req.Write(conn); err != nil {
		return 0, "", err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// curlMain is curl for the shell snippets of README.md.
func curlMain() {
	r, err := parseCurl(os.Args[1:])
	if err == nil {
		_, body, failed := r.send()
		fmt.Println(body)
		err = failed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(1)
	}
}

func curl(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	r, err := parseCurl(args)
	ts.Check(err)
	if file, ok := strings.CutPrefix(r.body, "@"); ok {
		r.body = ts.ReadFile(file)
	}
	s.status, s.body, err = r.send()
	ts.Check(err)
	_, _ = io.WriteString(ts.Stdout(), s.body)
}

// status checks the last answer's.
func status(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if (s.status == want) == neg {
		ts.Fatalf("status %d, want %s\n%s", s.status, args[0], s.body)
	}
}

// checkJSON checks a member of the last answer: json PATH REGEXP, or ! json PATH for an absent one.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	got, found := lookup(ts, s.body, args[0])
	if neg && len(args) == 1 {
		if found {
			ts.Fatalf("%s is %s, want nothing", args[0], got)
		}
		return
	}
	if !found {
		ts.Fatalf("there is no %s in\n%s", args[0], s.body)
	}
	if len(args) > 1 && regexp.MustCompile("^(?s:"+args[1]+")$").MatchString(got) == neg {
		ts.Fatalf("%s is %q, want %q\n%s", args[0], got, args[1], s.body)
	}
}

// save puts a member of the last answer into a variable: save NAME PATH.
func save(ts *testscript.TestScript, neg bool, args []string) {
	got, found := lookup(ts, sessionOf(ts).body, args[1])
	if !found {
		ts.Fatalf("there is no %s in\n%s", args[1], sessionOf(ts).body)
	}
	ts.Setenv(args[0], got)
}

// lookup follows a path such as "stages[2].by.name"; texts come without quotes, everything else as JSON. "[key=value]" finds
// the first item of a list with such a member.
func lookup(ts *testscript.TestScript, body, path string) (string, bool) {
	v, err := strictjson.Parse([]byte(body), strictjson.Stored)
	if err != nil {
		ts.Fatalf("the answer is no JSON: %v\n%s", err, body)
	}
	for _, step := range regexp.MustCompile(`\[[^\]]*\]|[^.\[]+`).FindAllString(path, -1) {
		var ok bool
		if v, ok = stepInto(v, step); !ok {
			return "", false
		}
	}
	if text, ok := v.Text(); ok {
		return text, true
	}
	return string(strictjson.Append(nil, v)), true
}

func stepInto(v strictjson.Value, step string) (strictjson.Value, bool) {
	inner, isItem := strings.CutPrefix(strings.TrimSuffix(step, "]"), "[")
	if !isItem {
		return v.Get(step)
	}
	items := v.Items()
	if key, want, ok := strings.Cut(inner, "="); ok {
		for _, item := range items {
			if m, found := item.Get(key); found && string(strictjson.Append(nil, m)) == `"`+want+`"` {
				return item, true
			}
		}
		return strictjson.Value{}, false
	}
	i, err := strconv.Atoi(inner)
	if err != nil || i < 0 || i >= len(items) {
		return strictjson.Value{}, false
	}
	return items[i], true
}

// until repeats a request until its answer has a member: until PATH REGEXP curl …. It is for what is promised "within two
// seconds" and waits ten times as long.
func until(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	want := regexp.MustCompile("^(?s:" + args[1] + ")$")
	r, err := parseCurl(args[3:])
	ts.Check(err)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		s.status, s.body, err = r.send()
		ts.Check(err)
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
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("PLUGINS"), name+".wasm"), module, 0o600))
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("PLUGINS"), name+".yaml"), text, 0o600))
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
