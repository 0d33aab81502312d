package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/strictjson"
)

// beside is what is declared beside clients.
type beside struct {
	issuers []strictjson.Value
	places  []spot // of the issuers
	named   map[string]strictjson.Value
	where   map[string]spot // of each thing, by "kind.name"
	broken  bool            // something of it cannot be used, so that the server is not asked about the rest
}

// document is what the server is told.
func (b beside) document() strictjson.Value {
	doc := strictjson.Object()
	if len(b.issuers) > 0 {
		doc = doc.With(declared.KindIssuers, strictjson.Array(b.issuers...))
	}
	for _, kind := range []string{declared.KindTokens, declared.KindData, declared.KindBindings} {
		if of, there := b.named[kind]; there {
			doc = doc.With(kind, of)
		}
	}
	return doc
}

// count tells how many things these are.
func (b beside) count() int {
	n := len(b.issuers)
	for _, of := range b.named {
		n += of.Len()
	}
	return n
}

// find gives the place of what the server complains about, and the rest of the path there.
func (b beside) find(path string) (at spot, rest string, found bool) {
	for i, place := range b.places {
		if rest, found = strings.CutPrefix(path, fmt.Sprintf("%s[%d]", declared.KindIssuers, i)); found {
			return place, strings.TrimPrefix(rest, "."), true
		}
	}
	longest := ""
	for name := range b.where { // names may have dots
		if rest, below := strings.CutPrefix(path, name); below && (rest == "" || rest[0] == '.' || rest[0] == '[') && len(name) > len(longest) {
			longest = name
		}
	}
	return b.where[longest], strings.TrimPrefix(path[len(longest):], "."), longest != ""
}

func (d *declarations) takeBeside(kind string, v strictjson.Value, at spot) {
	before := len(d.problems)
	if kind == declared.KindIssuers {
		d.takeIssuers(v, at)
	} else {
		d.takeNamed(kind, v, at)
	}
	d.beside.broken = d.beside.broken || len(d.problems) > before
}

func (d *declarations) takeIssuers(v strictjson.Value, at spot) {
	if v.Kind() != strictjson.KindArray {
		d.problems = append(d.problems, at.problem("", "must be a list of issuers"))
		return
	}
	for i, item := range v.Items() {
		below := at
		below.path = fmt.Sprintf("%s[%d]", at.path, i)
		if item.Kind() != strictjson.KindObject {
			d.problems = append(d.problems, below.problem("", "must be an object with issuer and its keys"))
			continue
		}
		if keys := member(item, "jwks"); keys.Kind() == strictjson.KindObject {
			item = item.With("jwks", strictjson.String(keys.String()))
		}
		d.beside.issuers = append(d.beside.issuers, d.follow(item, "shared_secret", below))
		d.beside.places = append(d.beside.places, below)
	}
}

// takeNamed takes things that stand under their names.
func (d *declarations) takeNamed(kind string, v strictjson.Value, at spot) {
	if v.Kind() != strictjson.KindObject {
		d.problems = append(d.problems, at.problem("", "must be an object: a name, and what it stands for"))
		return
	}
	if d.beside.named == nil {
		d.beside.named, d.beside.where = map[string]strictjson.Value{}, map[string]spot{}
	}
	all := d.beside.named[kind]
	if all.IsAbsent() {
		all = strictjson.Object()
	}
	for name, of := range v.All() {
		below := at
		below.path = at.path + "." + name
		if _, twice := all.Get(name); twice {
			d.problems = append(d.problems, below.problem("", "is declared twice"))
			continue
		}
		all = all.With(name, of)
		d.beside.where[below.path] = below
	}
	d.beside.named[kind] = all
}

// follow takes a secret from where ${NAME} or file:// points to.
func (d *declarations) follow(entry strictjson.Value, name string, at spot) strictjson.Value {
	text := textOf(entry, name)
	if text == "" {
		return entry
	}
	here := at.problem(name, "")
	secret, err := config.ReadSecret(text, here.File, here.Line, here.Path, os.LookupEnv)
	var wrong *config.Problems
	if errors.As(err, &wrong) {
		d.problems = append(d.problems, wrong.List...)
		return entry.Without(name)
	}
	return entry.With(name, strictjson.String(secret.Reveal()))
}

// planBeside asks what would change of what is declared beside clients.
func (f *planFlags) planBeside(ctx context.Context, t *terminal, p *changePlan) error {
	answer, err := f.putBeside(ctx, t, p, true)
	if err != nil {
		return err
	}
	p.tag = textOf(answer, "etag")
	p.Beside = append(p.Beside, member(answer, "changes").Items()...)
	return nil
}

// writeBeside carries it out, and gives what became of it.
func (f *planFlags) writeBeside(ctx context.Context, t *terminal, p *changePlan) ([]strictjson.Value, error) {
	answer, err := f.putBeside(ctx, t, p, false)
	return member(answer, "changes").Items(), err
}

func (f *planFlags) putBeside(ctx context.Context, t *terminal, p *changePlan, dry bool) (strictjson.Value, error) {
	query := url.Values{"dry_run": {fmt.Sprint(dry)}, "prune": {fmt.Sprint(f.prune)}}
	condition := ""
	if p.tag != "" {
		condition = "If-Match"
	}
	answer, err := t.doIf(ctx, http.MethodPut, "/declarations/"+url.PathEscape(p.Set)+"?"+query.Encode(), p.set.document(), condition, p.tag)
	if err == nil {
		return answer, nil
	}
	var list []config.Problem
	for _, reason := range member(answer, "errors").Items() {
		fields, _ := member(reason, "fields").Strings()
		if len(fields) == 0 {
			return answer, err
		}
		at, rest, found := p.set.find(fields[0])
		if !found {
			return answer, err
		}
		list = append(list, at.problem(rest, strings.TrimPrefix(textOf(reason, "message"), fields[0]+" ")))
	}
	if len(list) > 0 {
		return answer, &config.Problems{List: list}
	}
	return answer, err
}
