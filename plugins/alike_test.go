package plugins

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// TestLanguagesReadAlike sends random registrations to the kit in each language, which reports what it read. They scan JSON in ways of
// their own, many bytes at a time; what one of them takes for another text shows here. An answer is compared with what was drawn, too.
func TestLanguagesReadAlike(t *testing.T) {
	unraced(t)
	kits := map[string]func(testing.TB) []byte{"go": kit, "rust": languages["rust"], "assemblyscript": languages["assemblyscript"]}
	f := newFolder(t, nil)
	for language, kit := range kits {
		f.put(language, kit(t), allHooks+`configuration: {steps: [{op: report, member: seen}]}`+"\n")
	}
	f.reload()
	d := drawer{rand.New(rand.NewPCG(1, 2))}
	for range 2000 {
		name, uris := d.text(), []string{d.text(), d.text(), d.text()}
		client := d.spaced(`{`, d.quoted("é"+d.text()), `:`, `[`, d.quoted(d.text()), `,`, `{`, `"a"`, `:`, d.quoted(d.text()), `}`, `,`, `-1.5e3`, `]`, `,`,
			d.quoted("client_name"), `:`, d.quoted(name), `,`,
			d.quoted("redirect_uris"), `:`, `[`, d.quoted(uris[0]), `,`, d.quoted(uris[1]), `,`, d.quoted(uris[2]), `]`, `,`,
			d.quoted("scope"), `:`, d.quoted(d.text()), `,`,
			`"extra"`, `:`, `{`, d.quoted(d.text()), `:`, `{`, `"b"`, `:`, `[`, `[`, `]`, `,`, d.quoted(d.text()), `]`, `}`, `}`, `,`,
			`""`, `:`, d.quoted(d.text()), `}`)
		in := `{"v":1,"hook":"pre_register","context":{"profile":` + d.quoted(d.text()) + `},"client":` + client + `,"entropy":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}`
		var first strictjson.Value
		for n, language := range []string{"go", "rust", "assemblyscript"} {
			got, err := exchanged(f.named(hook.PreRegister, language), string(hook.PreRegister), []byte(in))
			if err != nil {
				t.Fatalf("%s: %v\n%s", language, err, in)
			}
			answer, wrong := strictjson.Parse(got, strictjson.Limits{})
			if wrong != nil {
				t.Fatalf("%s: %v\n%s\n%s", language, wrong, in, got)
			}
			if n == 0 {
				first = answer
				wantSeen(t, answer, name, uris)
			} else if !strictjson.Equal(answer, first) {
				t.Fatalf("%s\n%s: %s\nGo: %s", in, language, answer, first)
			}
		}
	}
}

// wantSeen compares what a kit reports with what was drawn.
func wantSeen(t *testing.T, answer strictjson.Value, name string, uris []string) {
	t.Helper()
	for _, member := range []string{"patch", "seen", "client"} {
		answer, _ = answer.Get(member)
	}
	texts, _ := answer.Get("texts")
	lists, _ := answer.Get("lists")
	if len(texts.Items()) == 0 || len(lists.Items()) == 0 {
		t.Fatalf("nothing was seen: %s", answer)
	}
	if got, _ := texts.Items()[0].Text(); got != name {
		t.Fatalf("got the name %q, want %q", got, name)
	}
	for n, uri := range lists.Items()[0].Items() {
		if got, _ := uri.Text(); got != uris[n] {
			t.Fatalf("got %q, want %q", got, uris[n])
		}
	}
}

// A drawer draws texts, and ways to write them.
type drawer struct{ *rand.Rand }

var alphabets = [][]rune{[]rune("abcdefgh ,:[]{}"), []rune(`ab"\/ ` + "\n\t\b\f\r\x01\x7f"), []rune("aé€😀\u2028 ")}

func (d drawer) text() string {
	alphabet, text := alphabets[d.IntN(len(alphabets))], make([]rune, d.IntN([]int{4, 10, 20, 60}[d.IntN(4)]))
	for n := range text {
		text[n] = alphabet[d.IntN(len(alphabet))]
	}
	return string(text)
}

// spaced puts tokens together, sometimes with white space between them, which the host never writes.
func (d drawer) spaced(tokens ...string) string {
	if d.IntN(2) == 0 {
		return strings.Join(tokens, "")
	}
	var b strings.Builder
	for _, token := range tokens {
		b.WriteString(token + strings.Repeat([]string{" ", "\n", "\r", "\t"}[d.IntN(4)], max(0, d.IntN(12)-9)))
	}
	return b.String()
}

func (d drawer) quoted(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || d.IntN(20) == 0:
			for _, unit := range utf16.Encode([]rune{c}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		default:
			b.WriteRune(c)
		}
	}
	return `"` + b.String() + `"`
}
