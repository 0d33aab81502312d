package config_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

type server struct {
	Listen  string            `yaml:"listen"`
	BaseURL string            `yaml:"base_url,camel"`
	Port    uint16            `yaml:"port" range:"1..65535"`
	Workers int               `yaml:"workers" range:"1..64"`
	Ratio   float64           `yaml:"ratio"`
	Debug   bool              `yaml:"debug"`
	Timeout time.Duration     `yaml:"timeout" range:"1s..10m"`
	Since   time.Time         `yaml:"since"`
	Token   core.Secret       `yaml:"token"`
	Colour  colour            `yaml:"colour"`
	Tags    []string          `yaml:"tags"`
	Headers map[string]string `yaml:"headers"`
	Data    strictjson.Value  `yaml:"data"`
	Limit   *limit            `yaml:"limit"`
	Routes  []route           `yaml:"routes"`
	Named   map[name]route    `yaml:"named"`
	Plain   string            // no tag: not configuration
}

type name string

type limit struct {
	Rate int8 `yaml:"rate"`
}

type route struct {
	Path     string `yaml:"path"`
	Upstream string `yaml:"upstream"`
}

// Validate implements config.Checker.
func (r route) Validate() []config.Problem {
	if r.Upstream == "" {
		return []config.Problem{{Path: "upstream", Text: "is required"}}
	}
	return nil
}

// Validate implements config.Checker.
func (s *server) Validate() []config.Problem {
	if s.Workers > 8 && s.Debug {
		return []config.Problem{{Path: "debug", Text: "cannot be used with more than 8 workers"}}
	}
	return nil
}

type colour struct{ red bool }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *colour) UnmarshalText(text []byte) error {
	if c.red = string(text) == "red"; !c.red && string(text) != "blue" {
		return fmt.Errorf("must be red or blue")
	}
	return nil
}

func env(pairs ...string) config.Env {
	return func(name string) (string, bool) {
		if i := slices.Index(pairs, name); i >= 0 && i%2 == 0 {
			return pairs[i+1], true
		}
		return "", false
	}
}

// problems gives the problems as lines.
func problems(t *testing.T, err error) []string {
	t.Helper()
	var found *config.Problems
	if err == nil {
		return nil
	}
	if !errors.As(err, &found) {
		t.Fatalf("%T: %v", err, err)
	}
	return strings.Split(found.Error(), "\n")
}

func TestReadsEveryKind(t *testing.T) {
	var got server
	err := config.Read([]byte(`
# comments are fine
listen: 127.0.0.1:8080
baseUrl: &url "https://idp.example"
port: 0x1F90
workers: ${WORKERS}
ratio: 0.5
debug: true
timeout: 90s
since: 2026-01-02T03:04:05Z
token: ${TOKEN}
colour: blue
tags: [a, *url, 12, 1.50]
headers: {X-One: "1", "two words": b}
data: {scopes: [openid, profile], deep: {n: 1, f: 1.5, e: ~, d: 2026-01-02, t: true}}
limit:
  rate: -128
routes:
  - path: /a
    upstream: http://a
  - {path: /b, upstream: "${UP:-http://b}"}
named:
  x: {upstream: "$${literal} $HOME"}
`), "ostiary.yaml", &got, env("WORKERS", "8", "TOKEN", "s3cret:#{}", "UP", ""))
	if err != nil {
		t.Fatal(err)
	}
	if data := got.Data.String(); data != `{"scopes":["openid","profile"],"deep":{"n":1,"f":1.5,"e":null,"d":"2026-01-02","t":true}}` {
		t.Errorf("data %s", data)
	}
	if got.Token.Reveal() != "s3cret:#{}" {
		t.Error("token was read wrongly")
	}
	got.Data, got.Token = strictjson.Value{}, ""
	want := server{
		Listen: "127.0.0.1:8080", BaseURL: "https://idp.example", Port: 8080, Workers: 8, Ratio: 0.5, Debug: true,
		Timeout: 90 * time.Second, Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Tags: []string{"a", "https://idp.example", "12", "1.50"}, Headers: map[string]string{"X-One": "1", "two words": "b"},
		Limit: &limit{Rate: math.MinInt8}, Routes: []route{{"/a", "http://a"}, {"/b", "http://b"}},
		Named: map[name]route{"x": {Upstream: "${literal} $HOME"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// One run of the program shows everything that is wrong, in the order of the file.
func TestReportsEverythingAtOnce(t *testing.T) {
	var got server
	err := config.Read([]byte(`listen: 8080
Listen: x
timeout: 90
port: 70000
port: 8080
workers: "4"
ratio: many
debug: yes
colour: green
plain: x
tags: a
limit: [1]
routes:
  - path: /a
    upsteam: http://a
  - upstream: [b]
base_url: a
baseUrl: b
token: ${NOBODY_SET_THIS}
since: yesterday
headers:
  a: {b: c}
named: {x: {upstream: "${"}}
data: .inf
`), "dir/ostiary.yaml", &got, env())
	want := []string{
		`dir/ostiary.yaml:2: Listen: unknown key; did you mean listen?`,
		`dir/ostiary.yaml:3: timeout: must be a duration such as "90s", "15m" or "24h", not "90"`,
		`dir/ostiary.yaml:4: port: must be a whole number from 1 to 65535, not "70000"`,
		`dir/ostiary.yaml:5: port: given twice, first on line 4`,
		`dir/ostiary.yaml:6: workers: must be a whole number from 1 to 64, not "4"`,
		`dir/ostiary.yaml:7: ratio: must be a number, not "many"`,
		`dir/ostiary.yaml:8: debug: must be true or false, not "yes"`,
		`dir/ostiary.yaml:9: colour: must be red or blue`,
		`dir/ostiary.yaml:10: plain: unknown key`,
		`dir/ostiary.yaml:11: tags: must be a list, not text`,
		`dir/ostiary.yaml:12: limit: must be an object, not a list`,
		`dir/ostiary.yaml:14: routes[0].upstream: is required`,
		`dir/ostiary.yaml:15: routes[0].upsteam: unknown key; did you mean upstream?`,
		`dir/ostiary.yaml:16: routes[1].upstream: must be a single value, not a list`,
		`dir/ostiary.yaml:18: baseUrl: given twice, once as base_url`,
		`dir/ostiary.yaml:19: token: the environment variable NOBODY_SET_THIS is not set`,
		`dir/ostiary.yaml:20: since: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`,
		`dir/ostiary.yaml:22: headers.a: must be a single value, not an object`,
		`dir/ostiary.yaml:23: named.x.upstream: ${ must be ${NAME} or ${NAME:-default}; write $${ for the characters themselves`,
		`dir/ostiary.yaml:24: data: .inf is not a number that can be used`,
	}
	if got := problems(t, err); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Semantic rules are asked also of what the file does not mention, and stay silent about what could not be read.
func TestCheckersReportInTheSameList(t *testing.T) {
	type file struct {
		Server server `yaml:"server"`
		Home   route  `yaml:"home"`
	}
	var got file
	err := config.Read([]byte("server:\n  workers: 9\n  debug: true\n  named:\n    x:\n      path: /\n"), "f", &got, nil)
	want := []string{
		"f:1: home.upstream: is required",
		"f:3: server.debug: cannot be used with more than 8 workers",
		"f:5: server.named.x.upstream: is required",
	}
	if got := problems(t, err); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	got = file{Home: route{Upstream: "default"}}
	if err := config.Read(nil, "f", &got, nil); err != nil || got.Home.Upstream != "default" {
		t.Errorf("an empty file: %v, %+v", err, got.Home)
	}
}

func TestRefusedFiles(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		one := fmt.Sprintf("*a%d,", i)
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(one, 10), ","))
	}
	for name, test := range map[string]struct{ data, want string }{
		"syntax":            {"listen: [", "f:1: not valid YAML: "},
		"tab":               {"a:\n\tb: c", "f:2: not valid YAML: "},
		"unknown alias":     {"listen: *x", "f: not valid YAML: unknown anchor"},
		"two documents":     {"listen: a\n---\nlisten: b\n", "f:2: there is a second document"},
		"broken second":     {"listen: a\n---\n[", "f:3: not valid YAML: "},
		"not an object":     {"- a", "f:1: must be an object, not a list"},
		"text":              {"hello", "f:1: must be an object, not text"},
		"alias bomb":        {bomb, "the file has more than 100000 values once its aliases are followed"},
		"alias of itself":   {"data: &a [*a]", "nested more than 32 deep"},
		"deep":              {"data: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), "nested more than 32 deep"},
		"merge key":         {"limit: {<<: {rate: 1}}", "f:1: limit: merge keys (<<) are not supported"},
		"list as key":       {"? [a]\n: b", "a key must be a plain name"},
		"null key":          {"~: b", "f:1: a key is empty"},
		"tag":               {"listen: !vault x", "f:1: listen: the YAML tag !vault is not supported"},
		"tag of an object":  {"limit: !x {rate: 1}", "f:1: limit: the YAML tag !x is not supported"},
		"binary":            {"listen: !!binary aGVsbG8=", "f:1: listen: the YAML tag !!binary is not supported"},
		"null value":        {"listen:", "f:1: listen: has no value"},
		"bool as text":      {"listen: true", "f:1: listen: must be text: put true in quotes"},
		"too short":         {"timeout: 1ms", `f:1: timeout: must be a duration such as "90s", "15m" or "24h" from 1s to 10m, not "1ms"`},
		"out of int8":       {"limit: {rate: 128}", "f:1: limit.rate: must be a whole number from -128 to 127"},
		"negative unsigned": {"port: -1", "f:1: port: must be a whole number from 1 to 65535"},
		"tagged lie":        {"workers: !!int four", "f:1: workers: must be a whole number from 1 to 64"},
		"NUL":               {`listen: "a\0b"`, "f:1: listen: contains a NUL character"},
		"not UTF-8":         {"listen: \xff", "not valid YAML"},
		"too large":         {"# " + strings.Repeat("x", config.MaxSize), "f: the file is larger than 1048576 bytes"},
	} {
		var got server
		err := config.Read([]byte(test.data), "f", &got, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestUnusableDestination(t *testing.T) {
	var nothing *server
	for _, dst := range []any{nil, server{}, nothing, new(int)} {
		var found *config.Problems
		if err := config.Read(nil, "f", dst, nil); err == nil || errors.As(err, &found) {
			t.Errorf("%T: %v", dst, err)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // past the umask
			t.Fatal(err)
		}
		return path
	}
	good := write("good", "secret with space \n", 0o600)
	write("group", "g\r\n", 0o640)
	write("world", "w", 0o644)
	write("chosen", "w", 0o602)
	write("empty", "\n", 0o600)
	write("large", strings.Repeat("x", 65<<10), 0o600)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"file://" + good: "secret with space ",
		"file://good":    "secret with space ", // relative to the configuration file
		"file://group":   "g",
		"${FROM}":        "g",
		"plain":          "plain",
	} {
		var got server
		err := config.Read([]byte("token: "+text), filepath.Join(dir, "ostiary.yaml"), &got, env("FROM", "file://group"))
		if err != nil || got.Token.Reveal() != want {
			t.Errorf("%s: %q, %v", text, got.Token.Reveal(), err)
		}
	}
	for text, want := range map[string]string{
		"file://world":      "can be read by everybody (mode 0644): chmod o-r it",
		"file://chosen":     "can be written by everybody (mode 0602): chmod o-w it",
		"file://absent":     "no such file or directory",
		"file://" + dir:     "is not a regular file",
		"file://pipe":       "is not a regular file", // to open it would be to wait for its other end
		"file://empty":      "the secret is empty",
		"file://large":      "is larger than",
		`""`:                "the secret is empty",
		"[very-confidence]": "must be a single value",
	} {
		var got server
		err := config.Read([]byte("token: "+text), filepath.Join(dir, "ostiary.yaml"), &got, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "confidence") {
			t.Errorf("%s: %v", text, err)
		}
	}
	// elsewhere file:// is just text
	var got server
	if err := config.Read([]byte("listen: file://world"), filepath.Join(dir, "f"), &got, nil); err != nil || got.Listen != "file://world" {
		t.Errorf("%q, %v", got.Listen, err)
	}
}

// A public key is read from a file that everybody may read, as openssl makes it, but not from one that everybody may write.
func TestPublicTexts(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"usual.pem": 0o644, "own.pem": 0o600, "open.pem": 0o666} {
		if err := errors.Join(os.WriteFile(filepath.Join(dir, name), []byte("a key\n"), mode), os.Chmod(filepath.Join(dir, name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		"a key": "", "file://usual.pem": "", "file://own.pem": "",
		"file://open.pem": "open.pem can be written by everybody (mode 0666): chmod o-w it",
		"file://none.pem": "no such file or directory",
		`""`:              "the text is empty",
	} {
		var got struct {
			Key config.Public `yaml:"key"`
		}
		err := config.Read([]byte("key: "+text), filepath.Join(dir, "ostiary.yaml"), &got, nil)
		if want == "" && (err != nil || got.Key != "a key") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v", text, got.Key, err)
		}
	}
}

// What a variable holds may be a secret that was put in the wrong place: problems show its name only.
func TestProblemsDoNotQuoteVariables(t *testing.T) {
	var got server
	err := config.Read([]byte("port: ${PASSWORD}\ndebug: ${PASSWORD}\ntimeout: x${PASSWORD}\nratio: ${PASSWORD}"), "f", &got, env("PASSWORD", "hunter2"))
	if list := problems(t, err); len(list) != 4 || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestReadValue(t *testing.T) {
	for name, test := range map[string]struct{ data, want string }{
		"YAML":       {"policy:\n  allowed_scopes:\n    - openid\n    - 'yes'\n", `{"policy":{"allowed_scopes":["openid","yes"]}}`},
		"JSON":       {`{"a": ["\ud83d\ude00", 1.50, "${X}"]}`, `{"a":["😀",1.50,"${X}"]}`},
		"flow style": {`{a: [b, ~, 0o17, 0x1f, 1e3]}`, `{"a":["b",null,15,31,1000]}`},
		"empty":      {"# nothing\n", `{}`},
		"a list":     {"- a", `["a"]`},
		"aliases":    {"a: &x [1]\nb: *x", `{"a":[1],"b":[1]}`},
	} {
		v, _, err := config.ReadValue([]byte(test.data), "f")
		if err != nil || v.String() != test.want {
			t.Errorf("%s: %s, %v; want %s", name, v, err, test.want)
		}
	}
	for name, data := range map[string]string{
		"duplicate":         "a: 1\na: 2",
		"duplicate in JSON": `{"a":1,"a":2}`,
		"no number":         "a: .nan",
		"too large":         "a: 18446744073709551615",
		"syntax":            "{",
		"two documents":     "a: 1\n---\nb: 2",
	} {
		if v, _, err := config.ReadValue([]byte(data), "f"); len(problems(t, err)) != 1 || !v.IsAbsent() {
			t.Errorf("%s: %s, %v", name, v, err)
		}
	}
}

func TestLinesOfValues(t *testing.T) {
	_, lines, err := config.ReadValue([]byte("policy:\n  allowed:\n    - a\n    - b\nother: {x: 1}\n"), "f")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"": 1, "policy": 1, "policy.allowed": 2, "policy.allowed[1]": 4, "other.x": 5,
		"other.absent": 5, "policy.allowed[9].name": 2, "absent": 1} {
		if got := lines.At(path); got != want {
			t.Errorf("%q on line %d, want %d", path, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("listen: ${A:-b}\nroutes: [{path: a}]\ntoken: x")
	f.Add("a: &a [*a]\n? b\n: c")
	f.Fuzz(func(t *testing.T, data string) {
		var got server
		if err := config.Read([]byte(data), "f", &got, env("A", "1")); err != nil {
			if list := problems(t, err); len(list) == 0 {
				t.Error("an error without problems")
			}
		}
		if v, _, err := config.ReadValue([]byte(data), "f"); err == nil {
			if _, err := strictjson.Parse([]byte(v.String()), strictjson.Stored); err != nil {
				t.Errorf("the value is no JSON: %v", err)
			}
		}
	})
}

// A struct may have the members of another among its own, and a member more than one name.
func TestInlineMembersAndOtherNames(t *testing.T) {
	type pasted struct {
		JWKSURI string `yaml:"jwks_uri,camel,or=jwksURI"`
		Limit   limit  `yaml:"limit"`
	}
	type file struct {
		Listen string `yaml:"listen"`
		Pasted pasted `yaml:",inline"`
	}
	for _, name := range []string{"jwks_uri", "jwksUri", "jwksURI"} {
		var got file
		err := config.Read([]byte("listen: a\n"+name+": b\nlimit: {rate: 3}\n"), "f", &got, nil)
		if err != nil || got.Listen != "a" || got.Pasted.JWKSURI != "b" || got.Pasted.Limit.Rate != 3 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	var got file
	err := config.Read([]byte("jwksURI: a\njwks_uri: b\nlimit: 7\n"), "f", &got, nil)
	if err == nil || !strings.Contains(err.Error(), "f:2: jwks_uri: given twice, once as jwksURI") || !strings.Contains(err.Error(), "f:3: limit: must be an object") {
		t.Errorf("%v", err)
	}
}

type box struct {
	Depth int              `yaml:"how_deep,camel"`
	Boxes map[string][]box `yaml:"inner_boxes,camel"`
}

// Validate implements config.Checker.
func (b box) Validate() []config.Problem {
	if b.Depth < 1 {
		return []config.Problem{{Path: "how_deep", Text: "must be 1 or more"}}
	}
	return nil
}

// What a Checker finds is told by the names that the file has, on their lines, and not when it could not be read in the first place.
func TestProblemsUseTheNamesOfTheFile(t *testing.T) {
	var got box
	err := config.Read([]byte("howDeep: 1\ninnerBoxes:\n  a.b:\n    - howDeep: -1\n    - how_deep: 0\n    - howDeep: far\n    - inner_boxes: {}\n"), "f", &got, nil)
	want := "f:4: innerBoxes.a.b[0].howDeep: must be 1 or more\nf:5: innerBoxes.a.b[1].how_deep: must be 1 or more\n" +
		"f:6: innerBoxes.a.b[2].howDeep: must be a whole number from -9223372036854775808 to 9223372036854775807, not \"far\"\nf:7: innerBoxes.a.b[3].how_deep: must be 1 or more"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}
