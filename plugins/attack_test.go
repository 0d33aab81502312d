package plugins

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// An attack is a module whose code is written by hand: what no SDK would do.
type attack struct {
	imports         []string // "module.name type", called by their place in this list
	alloc, hook     []byte   // bodies: an i32 and an i64 are left
	configure       []byte   // likewise an i64; nil: no such export
	start           []byte   // runs when an instance is made; nil: nothing does
	answer, another string   // at answerAt and anotherAt
	names           string   // the name that the name section gives the hook
	pages           uint64   // of memory; 0: two
}

// Types of imports. The module has them in this order behind those of its own functions.
var attackTypes = []string{"iii", "ii:i", "iiiiI:i", ":I", "iiii:i", "i:"}

const anotherAt = 32 << 10

func typeOf(letters string) []byte {
	code := map[rune]byte{'i': 0x7f, 'I': 0x7e}
	params, results, _ := strings.Cut(letters, ":")
	out := []byte{0x60}
	for _, list := range []string{params, results} {
		out = append(out, byte(len(list)))
		for _, l := range list {
			out = append(out, code[l])
		}
	}
	return out
}

// wasm assembles the module. Its functions are marker, alloc, hook, configure and start, behind the imports.
func (a attack) wasm() []byte {
	types := [][]byte{typeOf(":i"), typeOf("i:i"), typeOf("ii:I"), typeOf(":")}
	for _, letters := range attackTypes {
		types = append(types, typeOf(letters))
	}
	var imports [][]byte
	for _, i := range a.imports {
		where, letters, _ := strings.Cut(i, " ")
		module, name, _ := strings.Cut(where, ".")
		imports = append(imports, slices.Concat(named(module), named(name), []byte{0, byte(4 + slices.Index(attackTypes, letters))}))
	}
	first := byte(len(imports))
	exports := [][]byte{append(named(abi.Memory), 2, 0), append(named(abi.Marker), 0, first), append(named(abi.Alloc), 0, first+1),
		append(named(string(hook.PreRegister)), 0, first+2)}
	if a.configure != nil {
		exports = append(exports, append(named(abi.Configure), 0, first+3))
	}
	alloc := a.alloc
	if alloc == nil {
		alloc = constant32(inputAt)
	}
	var code [][]byte
	for _, body := range [][]byte{constant32(0), alloc, a.hook, append(a.configure, constant64(place(answerAt, len(a.answer)))...), a.start} {
		code = append(code, sized(slices.Concat([]byte{0}, body, []byte{0x0b})))
	}
	memory := append([]byte{0}, binary.AppendUvarint(nil, max(a.pages, 2))...)
	out := slices.Concat([]byte{0, 'a', 's', 'm', 1, 0, 0, 0}, section(1, vec(types...)), section(2, vec(imports...)),
		section(3, vec([]byte{0}, []byte{1}, []byte{2}, []byte{2}, []byte{3})), section(5, vec(memory)), section(7, vec(exports...)))
	if a.start != nil {
		out = append(out, section(8, []byte{first + 4})...)
	}
	out = slices.Concat(out, section(10, vec(code...)), section(11, vec(data(answerAt, a.answer), data(anotherAt, a.another))))
	if a.names != "" {
		out = append(out, section(0, slices.Concat(named("name"), section(1, vec(append([]byte{first + 2}, named(a.names)...)))))...)
	}
	return out
}

func invoke(n byte) []byte { return []byte{0x10, n} }

// forever goes round what leaves nothing.
func forever(body []byte) []byte {
	return slices.Concat([]byte{0x03, 0x40}, body, []byte{0x0c, 0, 0x0b})
}

const continues = `{"v":1,"action":"continue"}`

// answering is the end of a hook that answers what stands at a place.
func answering(at int, text string) []byte { return constant64(place(uint64(at), len(text))) }

// capableManifest asks for all there is.
var capableManifest = strings.Replace(allCapabilities, allHooks, "hooks: {pre_register: {}}\n", 1)

// attacked is a folder whose plugins have everything around them.
func attacked(t *testing.T, w *world, fuel int64) *folder {
	t.Helper()
	f := &folder{t: t, dir: t.TempDir()}
	limits := patient
	limits.Fuel = fuel
	f.open(Options{Operator: author, Limits: limits, Services: w.services()})
	return f
}

// What an instance begins with is the same for all: while it is made nothing can be used, also when a request is what it is made for.
func TestNothingIsUsedWhileAnInstanceIsMade(t *testing.T) {
	const key = "k"
	reads := slices.Concat(constant32(8), // where the outcome is stored
		constant32(anotherAt), constant32(int64(len(key))), invoke(0), []byte{0x36, 2, 0}) // i32.store
	report := slices.Concat(constant32(1), []byte{0x40, 0, 0x1a}, // memory.grow: the instance is replaced after the call
		constant32(8), []byte{0x28, 2, 0}, constant32(int64(abi.RefusedUnavailable)), []byte{0x46, 0x04, 0x7e}, // it is unavailable: if
		answering(answerAt, continues), []byte{0x05, 0x00, 0x0b}) // else unreachable
	for name, a := range map[string]attack{
		"in the start function": {start: reads, hook: report},
		"when it is configured": {configure: reads, hook: report},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{kept: map[string]hook.Pair{}}
			w.put("a", key, "of another request")
			f := attacked(t, w, 1e6)
			a.imports, a.answer, a.another = []string{"ostiary_v1.kv_get ii:i"}, continues, key
			f.put("a", a.wasm(), capableManifest)
			f.reload()
			for i := range 3 {
				if _, usage, err := f.only(hook.PreRegister).Ask(t.Context(), aRegistration(), taken); err != nil || len(usage.Calls) > 0 {
					t.Errorf("call %d: %v, %v", i, causeOf(err), usage.Calls)
				}
			}
		})
	}
}

func aRegistration() hook.Call {
	return hook.Call{Point: hook.PreRegister, Context: hook.Context{Writes: &hook.Writes{}}}
}

// hostCalls are all that a plugin may import, each with arguments that are good, and what it leaves.
var hostCalls = []struct {
	name, letters string
	args          [][]byte
	given         string // at anotherAt
}{
	{"ostiary_v1.log", "iii", [][]byte{constant32(3), constant32(0), constant32(1 << 16)}, ""},
	{"ostiary_v1.take", "ii:i", [][]byte{constant32(0), constant32(1 << 16)}, ""},
	{"ostiary_v1.now", ":I", nil, ""},
	{"ostiary_v1.random", "ii:i", [][]byte{constant32(0), constant32(abi.MaxRandom)}, ""},
	{"ostiary_v1.kv_get", "ii:i", [][]byte{constant32(0), constant32(abi.MaxKey)}, ""},
	{"ostiary_v1.kv_put", "iiiiI:i", [][]byte{constant32(0), constant32(9), constant32(0), constant32(9), constant64(1)}, ""},
	{"ostiary_v1.kv_delete", "ii:i", [][]byte{constant32(0), constant32(9)}, ""},
	{"ostiary_v1.http", "ii:i", [][]byte{constant32(anotherAt), nil}, `{"url":"https://api.example.com/"}`},
	{"ostiary_v1.secret", "ii:i", [][]byte{constant32(anotherAt), nil}, `{"op":"hmac","key":"partner","data":"x"}`},
	{"ostiary_v1.policy_eval", "ii:i", [][]byte{constant32(anotherAt), nil}, `{"rule":"data.ostiary.plugin.a.r"}`},
	{"wasi_snapshot_preview1.poll_oneoff", "iiii:i", [][]byte{constant32(0), constant32(1 << 16), constant32(1024), constant32(8)}, ""},
	{"wasi_snapshot_preview1.fd_write", "iiii:i", [][]byte{constant32(2), constant32(0), constant32(1024), constant32(8)}, ""},
	{"wasi_snapshot_preview1.random_get", "ii:i", [][]byte{constant32(0), constant32(1 << 16)}, ""},
}

// calling is the call of one import with its arguments, whose result is dropped.
func calling(args [][]byte, given, letters string) []byte {
	var code []byte
	for _, arg := range args {
		if arg == nil {
			arg = constant32(int64(len(given)))
		}
		code = append(code, arg...)
	}
	code = append(code, invoke(0)...)
	if strings.Contains(letters, ":i") || strings.Contains(letters, ":I") {
		code = append(code, 0x1a)
	}
	return code
}

// Whoever calls the host in a loop runs out of fuel, has used each capability as often as it may be and no more, and fills neither
// trace nor log.
func TestHostCallsInALoop(t *testing.T) {
	outside := map[string]int{"kv": kvCalls, "http": 2, "secret": secretCalls, "policy_eval": ruleCalls}
	for _, c := range hostCalls {
		t.Run(c.name, func(t *testing.T) {
			log := &logbook{}
			w := &world{kept: map[string]hook.Pair{}, shared: map[string]string{"partner": "p"}}
			w.exchange = func(context.Context, fetch.Request) (fetch.Response, error) { return fetch.Response{Status: 200}, nil }
			w.rule = func(string, strictjson.Value) (strictjson.Value, bool, error) {
				return strictjson.Bool(true), true, nil
			}
			f := &folder{t: t, dir: t.TempDir()}
			limits := patient
			limits.Fuel = 500_000
			uses := map[Use]int{}
			f.open(Options{Operator: author, Limits: limits, Services: w.services(), Log: slog.New(log), Seen: func(string, hook.Point) func(Asked) { return func(a Asked) { uses = a.Uses } }})
			f.put("a", attack{
				imports: []string{c.name + " " + c.letters}, answer: continues, another: c.given,
				hook: slices.Concat(forever(calling(c.args, c.given, c.letters)), constant64(0)),
			}.wasm(), capableManifest)
			f.reload()
			_, usage, err := f.only(hook.PreRegister).Ask(t.Context(), aRegistration(), taken)
			if e := wantCode(t, err, core.PluginFault); !strings.Contains(e.Err.Error(), "used up its fuel") {
				t.Fatalf("ended with %v", e.Err)
			}
			done := map[string]int{}
			for use, n := range uses {
				if done[use.Capability] += n; use.Outcome == "budget" {
					done[use.Capability] -= n
				}
			}
			for kind, n := range done {
				if n != outside[kind] || uses[Use{kind, "budget"}] < 1000 {
					t.Errorf("%s was used %d times, of %d: %v", kind, n, outside[kind], uses)
				}
			}
			if len(w.sent) > 2 || len(usage.Calls) > tracedCalls+1 {
				t.Errorf("%d requests, %d rows in the trace", len(w.sent), len(usage.Calls))
			}
			if said := log.count(""); said > abi.MaxLogLines+8 {
				t.Errorf("%d lines in the log", said)
			}
		})
	}
}

// No address and no length makes the host read or write outside of the module's memory, or panic.
func TestWildPointers(t *testing.T) {
	const memory = 2 << 16
	var wild [][2]int64 // address, length
	for _, at := range []int64{0, memory - 1, memory, 1<<31 - 1, -1 << 31, -1} {
		for _, size := range []int64{0, 1, 2, memory, 1<<31 - 1, -1 << 31, -1} {
			wild = append(wild, [2]int64{at, size})
		}
	}
	for _, c := range hostCalls {
		if len(c.args) < 2 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			w := &world{kept: map[string]hook.Pair{}}
			f := attacked(t, w, 1e9)
			var body []byte
			for _, p := range wild {
				for at := 0; at+1 < len(c.args); at++ { // each neighbouring pair of arguments
					args := slices.Clone(c.args)
					args[at], args[at+1] = constant32(p[0]), constant32(p[1])
					if len(args) == 5 && at == 3 {
						args[4] = constant64(uint64(p[1]))
					}
					if line := [][2]int64{{p[1], abi.MaxLogLine}, p}; c.letters == "iii" && uint64(uint32(line[at][0]))+uint64(min(uint32(line[at][1]), abi.MaxLogLine)) > memory {
						continue // log answers nothing: a line outside is a fault
					}
					body = append(body, calling(args, c.given, c.letters)...)
				}
			}
			body = append(body, answering(answerAt, continues)...)
			f.put("a", attack{imports: []string{c.name + " " + c.letters}, answer: continues, another: c.given, hook: body}.wasm(), capableManifest)
			f.reload()
			_, _, err := f.only(hook.PreRegister).Ask(t.Context(), aRegistration(), taken)
			if err != nil && !strings.Contains(causeOf(err), "not an envelope") { // a good address may be that of its answer
				t.Errorf("%v", causeOf(err))
			}
			if len(w.sent) > 0 {
				t.Errorf("sent %v", w.sent)
			}
		})
	}
}

// What an author writes into a module does not end up in log, status or error as it is.
func TestNamesAreHarmless(t *testing.T) {
	log := &logbook{}
	f := newFolder(t, slog.New(log))
	f.put("a", attack{names: "evil\x1b[31m\r\nlevel=ERROR\x00", hook: []byte{0x00}}.wasm(), "hooks: {pre_register: {}}\n")
	f.reload()
	_, _, err := f.only(hook.PreRegister).Ask(t.Context(), aRegistration(), taken)
	wantCode(t, err, core.PluginFault)
	if told := causeOf(err); !strings.Contains(told, "evil") || strings.ContainsAny(told, "\x1b\r\x00") {
		t.Errorf("%q", told)
	}
	if s := f.status("a"); strings.ContainsAny(s.Stats.LastFault, "\x1b\r\x00") {
		t.Errorf("%q", s.Stats.LastFault)
	}
}

// A module may do what it likes in ostiary_alloc, but nothing that it could not do in its hook.
func TestAlloc(t *testing.T) {
	grow := slices.Concat(constant32(1), []byte{0x40, 0, 0x1a})
	for name, c := range map[string]struct {
		alloc []byte
		says  string
	}{
		"grows":            {append(grow, constant32(inputAt)...), ""},
		"loops":            {append(forever(nil), constant32(0)...), "used up its fuel"},
		"gives up":         {[]byte{0x00}, "unreachable"},
		"calls its hook":   {slices.Concat(constant32(0), constant32(0), invoke(2), []byte{0x1a}, constant32(inputAt)), ""},
		"calls itself":     {slices.Concat(constant32(1), invoke(1)), "stack"},
		"gives the end":    {constant32(2<<16 - 1), "bad_pointer"},
		"gives beyond":     {constant32(-1), "bad_pointer"},
		"gives the answer": {constant32(answerAt), "not an envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			f := attacked(t, &world{}, 1e6)
			f.put("a", attack{alloc: c.alloc, answer: continues, hook: answering(answerAt, continues)}.wasm(), "hooks: {pre_register: {}}\n")
			f.reload()
			for range 2 {
				_, _, err := f.only(hook.PreRegister).Ask(t.Context(), aRegistration(), taken)
				if (err == nil) != (c.says == "") || err != nil && !strings.Contains(causeOf(err), c.says) {
					t.Errorf("%v, want %q", err, c.says)
				}
			}
		})
	}
}

// What fails while an instance is made keeps a module out, and says why.
func TestStart(t *testing.T) {
	for name, c := range map[string]struct {
		a    attack
		says string
	}{
		"gives up":        {attack{start: []byte{0x00}}, "unreachable"},
		"runs for ever":   {attack{start: forever(nil)}, "ostiary_meter.tick"}, // fuel or time, whichever is over first
		"calls itself":    {attack{start: invoke(4)}, "stack"},
		"memory":          {attack{pages: 600}, "a.wasm: the module begins with 38 MiB of memory, and may have 32: say limits: {memory_mib: 38} or more in a.yaml"},
		"exits":           {attack{imports: []string{"wasi_snapshot_preview1.proc_exit i:"}, start: append(constant32(7), invoke(0)...)}, "exit"},
		"has no envelope": {attack{configure: []byte{}, answer: "{}"}, "its answer has v 0"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, nil)
			c.a.hook = constant64(0)
			f.put("a", c.a.wasm(), "hooks: {pre_register: {}}\n")
			f.put("good", answers("x"), register)
			f.reload()
			f.want("a", Failed, c.says)
			f.want("good", Live, "")
		})
	}
}

// Many modules, some of them bad, are loaded side by side; none is in the way of another, and what did not change is not loaded again.
func TestManyModules(t *testing.T) {
	f := newFolderApart(t)
	for i := range 200 {
		name := fmt.Sprintf("p%03d", i)
		if i%10 == 0 {
			f.put(name, []byte("\x00asm\x01\x00\x00\x00\x0a\xff\xff\xff\xff\x0f"), register)
		} else {
			f.put(name, fake{answer: continues, note: name}.wasm(), register)
		}
	}
	f.reload()
	states := map[State]int{}
	var since time.Time
	for _, s := range f.host.Status() {
		if states[s.State]++; s.Since.After(since) {
			since = s.Since
		}
	}
	if states[Live] != 180 || states[Failed] != 20 || len(f.at(hook.PreRegister)) != 180 {
		t.Errorf("%v", states)
	}
	found, err := f.host.read(t.Context())
	if err != nil || len(found) != 200 {
		t.Fatal(len(found), err)
	}
	for _, c := range found {
		if !c.tried || c.module != nil || c.text != nil {
			t.Errorf("%s is in memory again", c.name)
		}
	}
	f.reload()
	for _, s := range f.host.Status() {
		if s.Since.After(since) {
			t.Errorf("%s was loaded again", s.Name)
		}
	}
}

// TestStrangeAnswers lets modules answer what is no answer, from places that are none. Each is a fault that names what is wrong, and takes no
// more memory or time than a good one.
func TestStrangeAnswers(t *testing.T) {
	at := func(place, size uint64) fake { return fake{packed: new(place<<32 | size)} }
	says := func(answer string) fake { return fake{answer: answer} }
	for name, c := range map[string]struct {
		module fake
		want   string
	}{
		"nowhere":             {at(0, 0), "gave up"},
		"nothing":             {at(answerAt, 0), "gave up"},
		"nothing, far away":   {at(0xffffffff, 0), "bad_pointer"},
		"around the end":      {at(0xfffffff0, 32), "bad_pointer"},
		"all there is":        {at(0xffffffff, 0xffffffff), "output_too_large"},
		"64 MiB":              {at(0, 64<<20), "output_too_large"},
		"brackets":            {says(strings.Repeat("[", 60_000)), "nested deeper than 16 levels"},
		"deep":                {says(`{"v":1,"action":"patch","patch":` + strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 17)), "nested deeper than 16 levels"},
		"a byte order mark":   {says("\xef\xbb\xbf" + `{"v":1,"action":"continue"}`), "byte order mark"},
		"a zero at the end":   {says(`{"v":1,"action":"continue"}` + "\x00"), "NUL"},
		"two answers":         {says(`{"v":1,"action":"continue"}{}`), "more data after the end"},
		"an action twice":     {says(`{"v":1,"action":"continue","action":"patch","patch":{}}`), "more than once"},
		"a member twice":      {says(`{"v":1,"action":"patch","patch":{"client_name":"a","client\u005fname":"b"}}`), "more than once"},
		"other letters":       {says(`{"v":1,"Action":"continue"}`), "unknown member"},
		"half a character":    {says(`{"v":1,"action":"patch","patch":{"client_name":"\ud800"}}`), "surrogate"},
		"no text":             {says(`{"v":1,"action":"patch","patch":{"client_name":"` + "\xff" + `"}}`), "UTF-8"},
		"a fraction":          {says(`{"v":1.0,"action":"continue"}`), "whole number"},
		"colours for people":  {says(`{"v":1,"action":"continue","warnings":["\u001b[31mred"]}`), "printable"},
		"letters turned over": {says(`{"v":1,"action":"continue","warnings":["a\u202eb"]}`), "printable"},
		"a cleared screen":    {says(`{"v":1,"action":"reject","error":{"code":"access_denied","description":"\u001b[2J"}}`), "printable"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, nil)
			f.put("a", c.module.wasm(), register)
			f.reload()
			_, _, err := f.only(hook.PreRegister).Ask(context.Background(), hook.Call{Point: hook.PreRegister}, taken)
			if e := wantCode(t, err, core.PluginFault); !strings.Contains(e.Err.Error(), c.want) {
				t.Errorf("got %v, want %q", e.Err, c.want)
			}
		})
	}
}
