package plugins

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A Case is one self-test of a plugin: what a hook is told, and what it must answer. It is a YAML file beside the manifest.
type Case struct {
	File string // where it stands; not part of the file

	Name          string
	Call          hook.Call
	Configuration strictjson.Value // absent: the manifest's
	World         World
	Expect        Expect
}

// A World is what a plugin finds outside itself during a case, instead of the real one.
type World struct {
	KV     map[string]string           // what it keeps
	HTTP   []Exchange                  // what other servers answer; anything else fails
	Secret map[string]TestKey          // keys by their names
	Policy map[string]strictjson.Value // values of rules
}

// An Exchange is a request that a plugin makes in a case, and its answer.
type Exchange struct {
	Method string     `json:"method"` // empty: GET
	URL    string     `json:"url"`
	Answer HTTPAnswer `json:"answer"`
}

// An HTTPAnswer is what another server answers in a case.
type HTTPAnswer struct {
	Status  int               `json:"status"` // 0: 200
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// A TestKey is a key of a case; one of the two is given.
type TestKey struct {
	HMAC    string `json:"hmac"`    // the key's text
	Ed25519 string `json:"ed25519"` // a private key in PEM
}

// An Expect is what a plugin must answer. What is absent is not looked at, but for the action.
type Expect struct {
	Action     string           `json:"action"` // continue, patch, result, reject, or fault
	Patch      strictjson.Value `json:"patch"`
	Result     strictjson.Value `json:"result"`
	Error      *ExpectedError   `json:"error"`
	Warnings   *[]string        `json:"warnings"`
	Audit      strictjson.Value `json:"audit"`
	FuelAtMost uint64           `json:"fuel_at_most"`
}

// An ExpectedError is a refusal that is expected.
type ExpectedError struct {
	Code        string           `json:"code"`
	Description string           `json:"description"`
	Extra       strictjson.Value `json:"extra"`
}

// caseFile is the form of the file.
type caseFile struct {
	Name          string                        `json:"name"`
	Hook          string                        `json:"hook"`
	Context       abi.Context[strictjson.Value] `json:"context"`
	Client        strictjson.Value              `json:"client"`
	Before        strictjson.Value              `json:"before"`
	Signed        *abi.Signed[strictjson.Value] `json:"signed"`
	Certificate   *abi.Certificate              `json:"certificate"`
	Token         *abi.Token[strictjson.Value]  `json:"token"`
	Configuration strictjson.Value              `json:"configuration"`
	KV            map[string]string             `json:"kv"`
	HTTP          []Exchange                    `json:"http"`
	Secret        map[string]TestKey            `json:"secret"`
	Policy        map[string]strictjson.Value   `json:"policy_eval"`
	Expect        Expect                        `json:"expect"`
}

// ReadCase reads a self-test. Its errors name file, line and member.
func ReadCase(data []byte, file string) (Case, error) {
	doc, lines, err := config.ReadValue(data, file)
	if err != nil {
		return Case{}, err
	}
	var f caseFile
	if err := doc.Decode(&f); err != nil {
		var e *strictjson.Error
		if !errors.As(err, &e) {
			return Case{}, err
		}
		return Case{}, &config.Problems{List: []config.Problem{{File: file, Line: lines.At(e.Path), Path: e.Path, Text: e.Problem}}}
	}
	c := Case{
		File: file, Name: f.Name, Configuration: f.Configuration, Expect: f.Expect,
		World: World{KV: f.KV, HTTP: f.HTTP, Secret: f.Secret, Policy: f.Policy},
		Call: callFrom(input{
			Hook: f.Hook, Context: f.Context, Client: members(f.Client), Before: f.Before, Signed: f.Signed, Certificate: f.Certificate, Token: f.Token,
		}),
	}
	c.fill()
	if wrong := c.check(); len(wrong) > 0 {
		for i := range wrong {
			wrong[i].File, wrong[i].Line = file, lines.At(wrong[i].Path)
		}
		return Case{}, &config.Problems{List: wrong}
	}
	return c, nil
}

// fill gives a case what it leaves out of the context.
func (c *Case) fill() {
	if c.Call.Context.Operation == "" {
		c.Call.Context.Operation = map[hook.Point]core.Operation{
			hook.PreUpdate: core.Update, hook.PostUpdate: core.Update, hook.OnRead: core.Read, hook.PreDelete: core.Delete, hook.TokenClaims: "token",
		}[c.Call.Point]
		if c.Call.Context.Operation == "" {
			c.Call.Context.Operation = core.Register
		}
	}
	if c.Call.Context.DecisionID == "" {
		c.Call.Context.DecisionID = "d-00000000000000000000000000"
	}
	if c.Call.Context.Channel == "" && c.Call.Point != hook.TokenClaims {
		c.Call.Context.Channel = core.ChannelDCR
	}
	if c.Call.Context.Now.Unix() == 0 {
		c.Call.Context.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
}

const expectFault = "fault"

func (c *Case) check() problems {
	var found problems
	if c.Name == "" {
		found.add("name", "is missing: say what the case is about")
	}
	if !slices.Contains(hook.Points(), c.Call.Point) {
		found.add("hook", "must be one of %v", abi.Hooks())
	}
	switch c.Expect.Action {
	case abi.ActionContinue, abi.ActionPatch, abi.ActionResult, abi.ActionReject, expectFault:
	default:
		found.add("expect.action", "must be continue, patch, result, reject or fault")
	}
	for i, e := range c.World.HTTP {
		if e.URL == "" {
			found.add(fmt.Sprintf("http[%d].url", i), "is missing")
		}
	}
	for name, key := range c.World.Secret {
		if (key.HMAC == "") == (key.Ed25519 == "") {
			found.add("secret."+name, "needs hmac or ed25519")
		}
	}
	return found
}

// callFrom makes the call that a plugin is told so.
func callFrom(in input) hook.Call {
	c := in.Context
	call := hook.Call{
		Point: hook.Point(in.Hook), Client: in.Client, Before: in.Before,
		Context: hook.Context{
			DecisionID: core.DecisionID(c.DecisionID), Operation: core.Operation(c.Operation), Channel: core.Channel(c.Channel),
			ClientID: core.ClientID(c.ClientID), Profile: c.Profile, Now: time.Unix(c.Now, 0), Locked: c.Locked,
			Caller: core.Caller{
				Kind: c.Caller.Kind, IP: c.Caller.IP, Origin: c.Caller.Origin, UserAgent: c.Caller.UserAgent,
				Subject: core.Subject(c.Caller.Subject), ClientID: core.ClientID(c.Caller.ClientID),
				Scopes: c.Caller.Scopes, Roles: c.Caller.Roles, Certificate: certificateFrom(c.Certificate),
			},
		},
		Certificate: certificateFrom(in.Certificate),
	}
	if t := c.InitialAccessToken; t != nil {
		call.Context.IAT = &hook.InitialAccessToken{Label: t.Label, Profile: t.Profile, Terms: t.Terms}
	}
	if c.SoftwareStatement != nil {
		call.Context.Statement = c.SoftwareStatement.Claims
	}
	if s := in.Signed; s != nil {
		call.Signed = &hook.Signed{Kind: s.Kind, Alg: s.Alg, Kid: s.Kid, Claims: s.Claims}
	}
	if t := in.Token; t != nil {
		call.Token = &hook.Token{GrantType: t.GrantType, Subject: core.Subject(t.Subject), Scopes: t.Scopes, Audience: t.Audience, Claims: t.Claims}
	}
	return call
}

func certificateFrom(c *abi.Certificate) *core.Certificate {
	if c == nil {
		return nil
	}
	return &core.Certificate{
		Subject: c.Subject, Issuer: c.Issuer, Serial: c.Serial, SHA256: c.SHA256, PEM: c.PEM,
		SAN:       core.AlternativeNames{DNS: c.SAN.DNS, URI: c.SAN.URI, Email: c.SAN.Email, IP: c.SAN.IP},
		NotBefore: time.Unix(c.NotBefore, 0), NotAfter: time.Unix(c.NotAfter, 0),
	}
}

// testFile is a self-test as it lies in the folder.
type testFile struct {
	name string
	text []byte
}

// Bounds of self-tests.
const (
	maxTests    = 200
	maxTestFile = 256 << 10
)

// readTests reads the files of self-tests below a folder and nowhere else, in the order of the patterns and then of their names.
func readTests(dir string, patterns []string) ([]testFile, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("tests: %w", errors.Unwrap(err))
	}
	defer root.Close()
	var found []testFile
	for _, pattern := range patterns {
		names, err := fs.Glob(root.FS(), pattern)
		if err != nil || len(names) == 0 {
			return found, fmt.Errorf("tests: there is no file %s beside the manifest; copy the tests too, or take them out of the manifest", pattern)
		}
		for _, name := range names {
			if slices.ContainsFunc(found, func(f testFile) bool { return f.name == name }) {
				continue
			}
			text, err := readTest(root, name)
			if err != nil {
				return found, fmt.Errorf("tests: %w", err)
			}
			if found = append(found, testFile{name, text}); len(found) > maxTests {
				return found, fmt.Errorf("tests: there are more than %d", maxTests)
			}
		}
	}
	return found, nil
}

// readTest reads one file, and waits for nobody.
func readTest(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer f.Close()
	about, err := f.Stat()
	if err := isFile(name, about, err); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTestFile+1))
	if err == nil && len(text) > maxTestFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxTestFile)
	}
	return text, err
}
