package plugins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Workbench is where an author tries a plugin that lies in a folder. It runs as in a server that grants what is asked and sets
// no limits of its own; what it finds outside itself is what its cases say.
type Workbench struct {
	host  *Host
	live  *version
	fresh *version // the same again, made only to be asked what live was asked
	files []testFile
	stage stage
}

// PluginName gives folder and name of the plugin that a path is about: that of its module, its manifest or the folder that has
// it alone.
func PluginName(path string) (dir, name string, err error) {
	about, err := os.Stat(path)
	if err != nil {
		return "", "", fmt.Errorf("%s is not there; name a plugin's folder, or begin one with: ostiary plugin new --lang go %s", path, path)
	}
	if !about.IsDir() {
		dir, file := filepath.Split(path)
		for _, suffix := range []string{moduleSuffix, manifestSuffix} {
			if name, ok := strings.CutSuffix(file, suffix); ok && name != "" {
				return filepath.Clean(dir), name, nil
			}
		}
		return "", "", fmt.Errorf("%s is no plugin: name its folder, its manifest (.yaml) or its module (.wasm)", path)
	}
	names, err := manifestsIn(path)
	switch {
	case err != nil:
		return "", "", err
	case len(names) == 0:
		return "", "", fmt.Errorf("%s has no manifest: there is no .yaml file in it that says apiVersion: %s", path, ManifestVersion)
	case len(names) > 1:
		return "", "", fmt.Errorf("%s has more than one plugin; name one of them: %s", path, strings.Join(names, manifestSuffix+", ")+manifestSuffix)
	}
	return path, names[0], nil
}

// manifestsIn lists the plugins of a folder by their manifests, also those that cannot be read.
func manifestsIn(dir string) ([]string, error) {
	files, err := fs.Glob(os.DirFS(dir), "*"+manifestSuffix)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		text, err := readFile(filepath.Join(dir, file), maxTestFile)
		if err == nil && !strings.HasPrefix(file, ".") && strings.Contains(string(text), "ostiary.plugin/") {
			names = append(names, strings.TrimSuffix(file, manifestSuffix))
		}
	}
	return names, nil
}

// workshop is a host for an author's own plugin.
func workshop(dir string, log *slog.Logger) (*Host, error) {
	return New(Options{Dir: dir, Operator: Operator{Unsigned: true, Trusting: true}, Log: log})
}

// unbuilt tells that a plugin has no module yet.
func unbuilt(dir, name string) error {
	if _, err := os.Stat(filepath.Join(dir, name+moduleSuffix)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no %s; build it: ostiary plugin build %s", filepath.Join(dir, name+moduleSuffix), dir)
	}
	return nil
}

// OpenWorkbench loads a plugin. The error says why a server would not. What the plugin says goes to log, if there is one.
func OpenWorkbench(ctx context.Context, dir, name string, log *slog.Logger) (*Workbench, error) {
	if err := unbuilt(dir, name); err != nil {
		return nil, err
	}
	h, err := workshop(dir, log)
	if err != nil {
		return nil, err
	}
	c := readCandidate(dir, name, h.limits.ModuleBytes)
	w := &Workbench{host: h, files: c.tests}
	c.tests = nil // to be run one by one
	if err = c.err; err == nil {
		w.live, err = h.load(ctx, c, newTally())
	}
	if err == nil {
		w.fresh, err = h.configuredAs(ctx, w.live, c.module, w.live.configuration)
	}
	w.stage = stage{host: h, live: w.live, module: c.module}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close gives everything back.
func (w *Workbench) Close() error {
	w.stage.close()
	var errs []error
	for _, v := range []*version{w.live, w.fresh} {
		if v != nil && v.program != nil {
			errs = append(errs, v.program.Close())
		}
	}
	return errors.Join(append(errs, w.host.Close())...)
}

// Manifest gives what the plugin says of itself.
func (w *Workbench) Manifest() Manifest { return w.live.manifest }

// Allowance gives what one call may use.
func (w *Workbench) Allowance() Allowance { return w.live.limits }

// Cases reads the self-tests that the manifest names.
func (w *Workbench) Cases() ([]Case, error) {
	cases := make([]Case, 0, len(w.files))
	var errs []error
	for _, f := range w.files {
		c, err := ReadCase(f.text, f.name)
		if cases = append(cases, c); err != nil {
			errs = append(errs, err)
		}
	}
	return cases, errors.Join(errs...)
}

// Test runs one case three times: twice in a row, and in an instance that ran nothing before. A plugin that does not answer the
// same each time fails.
func (w *Workbench) Test(ctx context.Context, c Case) (Checked, error) {
	v, err := w.stage.version(ctx, &c)
	if err != nil {
		return Checked{}, err
	}
	first := v.check(ctx, c)
	if _, serves := v.manifest.Hooks[c.Call.Point]; !serves {
		return first, nil
	}
	others := []*version{v}
	if v == w.live {
		others = append(others, w.fresh)
	}
	for _, other := range others {
		again := other.check(ctx, c)
		if how := first.unlike(&again); how != "" {
			first.Differences = append(first.Differences, "asked again, with all the same, it "+how)
		}
	}
	return first, ctx.Err()
}

// unlike says how another run of the same case went otherwise; empty when it did not.
func (c *Checked) unlike(other *Checked) string {
	a, b := &c.Result, &other.Result
	same := (c.Fault == nil) == (other.Fault == nil) && (c.Fault == nil || faultKind(c.Fault) == faultKind(other.Fault)) &&
		a.Action == b.Action && a.Code == b.Code && a.Message == b.Message && slices.Equal(a.Warnings, b.Warnings) &&
		strictjson.Equal(a.Patch, b.Patch) && strictjson.Equal(a.Extra, b.Extra) && strictjson.Equal(a.Audit, b.Audit) && strictjson.Equal(given(a), given(b))
	switch {
	case !same:
		return fmt.Sprintf("answered otherwise: %s, then %s", describeAnswer(c), describeAnswer(other))
	case !slices.Equal(c.Usage.Calls, other.Usage.Calls):
		return fmt.Sprintf("used something else: %s, then %s", describeCalls(c.Usage.Calls), describeCalls(other.Usage.Calls))
	}
	return ""
}

func describeCalls(calls []hook.Outcall) string {
	words := make([]string, 0, len(calls))
	for _, c := range calls {
		words = append(words, strings.Join([]string{c.Kind, c.Target, c.Status}, " "))
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// Soak runs cases n times in all, one after the other, and wants of each the answer and the memory of its first time. It tells
// what was otherwise.
func (w *Workbench) Soak(ctx context.Context, cases []Case, n int) ([]string, error) {
	first := make([]*Checked, len(cases))
	differs := make([]string, len(cases))
	for i := range n {
		at := i % len(cases)
		v, err := w.stage.version(ctx, &cases[at])
		if err != nil {
			return nil, err
		}
		one := v.check(ctx, cases[at])
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch {
		case first[at] == nil:
			first[at] = &one
		case differs[at] != "":
		case one.Memory != first[at].Memory:
			differs[at] = fmt.Sprintf("%q took %d bytes of memory, after %d calls %d", one.Case.Name, first[at].Memory, i, one.Memory)
		default:
			if how := first[at].unlike(&one); how != "" {
				differs[at] = fmt.Sprintf("%q after %d calls %s", one.Case.Name, i, how)
			}
		}
	}
	return slices.DeleteFunc(differs, func(s string) bool { return s == "" }), nil
}

// Answer puts on one line what a plugin answered. A key is not shown.
func (c *Checked) Answer() string { return describeAnswer(c) }
