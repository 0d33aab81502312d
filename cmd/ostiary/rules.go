package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/watch"
	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
)

// rules keeps the policy in force in step with the policy folder and dcr_config.yaml. A change that fails any check leaves the
// last good revision, at a start the stored one.
type rules struct {
	engine *policies.Engine
	kept   storage.Policies
	log    *slog.Logger
	now    func() time.Time
	dir    string // of the Rego
	file   string // dcr_config.yaml; empty: the defaults

	site    atomic.Pointer[registration.Site]
	changed func(*registration.Site) // told after a swap
	inForce string                   // what load put in force, as candidate.id names it; only load uses it

	mu       sync.Mutex
	problems []problem // of the last try; none when it succeeded
	said     string    // what the last failure that was logged was about
}

// candidate is what is on the disk at one moment.
type candidate struct {
	files map[string][]byte // of the policy folder
	text  []byte            // of dcr_config.yaml; nil: there is to be none
}

// start puts the first revision in force: the folder's, else the stored last good one, else the shipped rules. It fails only
// when not even those can be used.
func (r *rules) start(ctx context.Context) error {
	if err := r.load(ctx); err == nil {
		return nil
	}
	if kept, found, keptErr := r.kept.LastGood(ctx); keptErr != nil {
		r.log.Error("the stored last good policy cannot be read", "error", keptErr)
	} else if found {
		err := r.use(source(kept, policies.LastGood), r.textOf(kept))
		if err == nil {
			r.log.Warn("the stored last good policy is in force", "revision", kept.Revision)
			return nil
		}
		r.log.Error("the stored last good policy is not usable", "error", err)
	}
	r.log.Warn("the shipped policy is in force")
	if text, err := r.readFile(); err == nil && r.use(policies.Source{Origin: policies.Embedded}, text) == nil {
		return nil
	}
	return r.use(policies.Source{Origin: policies.Embedded}, nil)
}

func source(kept storage.PolicySource, origin policies.Origin) policies.Source {
	files := make(map[string][]byte, len(kept.Files))
	for name, text := range kept.Files {
		files[name] = []byte(text)
	}
	return policies.Source{Origin: origin, Files: files}
}

// textOf gives the dcr_config.yaml that was kept.
func (r *rules) textOf(kept storage.PolicySource) []byte {
	if r.file == "" && kept.Site == "" {
		return nil
	}
	return []byte(kept.Site)
}

// load reads folder and file, puts them in force and keeps them as last good. It does nothing when they are in force already.
// What keeps it from doing so is reported.
func (r *rules) load(ctx context.Context) error {
	c, err := r.read()
	if err != nil {
		r.report(err.Error(), err)
		return err
	}
	id := c.id()
	if id == r.inForce && len(r.wrong()) == 0 {
		return nil
	}
	origin := policies.Folder
	if len(c.files) == 0 {
		origin = policies.Embedded
	}
	err = r.use(policies.Source{Origin: origin, Files: c.files}, c.text)
	if err == nil {
		r.inForce = id
		r.keep(ctx, c)
	}
	r.report(id, err)
	return err
}

// read gives what is on the disk now.
func (r *rules) read() (c candidate, err error) {
	if c.files, err = policies.ReadFolder(r.dir); err != nil {
		return c, err
	}
	c.text, err = r.readFile()
	return c, err
}

// id names a candidate by its content.
func (c candidate) id() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(c.files[name]), c.files[name])
	}
	fmt.Fprintf(h, "%t\n%s", c.text != nil, c.text)
	return string(h.Sum(nil))
}

func (r *rules) readFile() ([]byte, error) {
	if r.file == "" {
		return nil, nil
	}
	about, err := os.Stat(r.file) // before opening: opening a pipe would wait for its other end
	switch {
	case err != nil:
		return nil, fmt.Errorf("dcr_config: %w", err)
	case !about.Mode().IsRegular():
		return nil, fmt.Errorf("dcr_config: %s is not a regular file", r.file)
	case about.Size() > config.MaxSize:
		return nil, fmt.Errorf("dcr_config: %s is larger than %d bytes", r.file, config.MaxSize)
	}
	text, err := os.ReadFile(r.file)
	if err != nil {
		return nil, fmt.Errorf("dcr_config: %w", err)
	}
	return text, nil
}

// use puts a source and the text of a dcr_config.yaml in force together, or nothing.
func (r *rules) use(src policies.Source, text []byte) error {
	site, file := registration.DefaultSite(), r.file
	if text == nil {
		text, file = devSite, "the shipped dcr_config.yaml"
	}
	if err := config.Read(text, file, &site, os.LookupEnv); err != nil {
		return err
	}
	ready, err := site.Prepared()
	if err != nil {
		return err
	}
	src.Site = ready.Data()
	if err := r.engine.Replace(src); err != nil {
		return err
	}
	r.site.Store(ready)
	if r.changed != nil {
		r.changed(ready)
	}
	return nil
}

// keep stores what is in force, for a start with a broken folder.
func (r *rules) keep(ctx context.Context, c candidate) {
	kept := storage.PolicySource{
		Revision: r.engine.Status().ActiveRevision, Files: make(map[string]string, len(c.files)), Site: string(c.text), SavedAt: r.now(),
	}
	for name, text := range c.files {
		kept.Files[name] = string(text)
	}
	if err := r.kept.Save(ctx, kept); err != nil {
		r.log.Error("the policy in force could not be kept as last good", "error", err)
	}
}

// report remembers what is wrong, and logs it unless the last failure was about the same.
func (r *rules) report(about string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = problemsOf(err)
	if err == nil {
		r.said = ""
		return
	}
	if about != r.said {
		r.log.Error("the policy folder or dcr_config.yaml is not usable; the last good policy stays", "error", err)
	}
	r.said = about
}

// problemsOf takes apart what reading a policy folder or dcr_config.yaml answers.
func problemsOf(err error) []problem {
	var load *policies.LoadError
	var site *config.Problems
	list := []problem{}
	switch {
	case err == nil:
	case errors.As(err, &load):
		for _, p := range load.Problems {
			list = append(list, problem(p))
		}
	case errors.As(err, &site):
		for _, p := range site.List {
			list = append(list, fromConfig(p))
		}
	default:
		list = append(list, problem{Message: err.Error()})
	}
	return list
}

// wrong gives what is wrong with the folder or the file now.
func (r *rules) wrong() []problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.problems
}

// follow reloads on every change until ctx ends.
func (r *rules) follow(ctx context.Context) error {
	folder, err := watch.Folder(ctx, r.dir, watch.Options{Log: r.log})
	if err != nil {
		return err
	}
	var file <-chan struct{} // nil, which is never told anything: there is no file
	if r.file != "" {
		if file, err = watch.File(ctx, r.file, watch.Options{Log: r.log}); err != nil {
			return err
		}
	}
	go func() {
		for ctx.Err() == nil { // at once: what changed between the start and the watch is told by nobody
			_ = r.load(ctx) // reported
			select {
			case <-ctx.Done():
			case <-folder:
			case <-file:
			}
		}
	}()
	return nil
}
