package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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

	mu       sync.Mutex
	problems []problem // of the last try; none when it succeeded
	said     string    // the last failure that was logged
}

// start puts the first revision in force: the folder's, else the stored last good one, else the shipped rules. It fails only
// when not even those can be used.
func (r *rules) start(ctx context.Context) error {
	err := r.load(ctx)
	if err == nil {
		return nil
	}
	r.report(err)
	if kept, found, keptErr := r.kept.LastGood(ctx); keptErr != nil {
		r.log.Error("the stored last good policy cannot be read", "error", keptErr)
	} else if found {
		if err := r.use(source(kept, policies.LastGood), []byte(kept.Site)); err == nil {
			r.log.Warn("the stored last good policy is in force", "revision", kept.Revision)
			return nil
		}
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

// load reads folder and file, puts them in force and keeps them as last good.
func (r *rules) load(ctx context.Context) error {
	files, err := policies.ReadFolder(r.dir)
	if err != nil {
		return err
	}
	text, err := r.readFile()
	if err != nil {
		return err
	}
	origin := policies.Folder
	if len(files) == 0 {
		origin = policies.Embedded
	}
	if err := r.use(policies.Source{Origin: origin, Files: files}, text); err != nil {
		return err
	}
	r.report(nil)
	r.keep(ctx, files, text)
	return nil
}

func (r *rules) readFile() ([]byte, error) {
	if r.file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(r.file)
	if err != nil {
		return nil, fmt.Errorf("dcr_config: %w", err)
	}
	return text, nil
}

// use puts a source and the text of a dcr_config.yaml in force together, or nothing.
func (r *rules) use(src policies.Source, text []byte) error {
	site := registration.DefaultSite()
	if text != nil {
		if err := config.Read(text, r.file, &site, os.LookupEnv); err != nil {
			return err
		}
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
func (r *rules) keep(ctx context.Context, files map[string][]byte, text []byte) {
	kept := storage.PolicySource{Revision: r.engine.Status().ActiveRevision, Files: make(map[string]string, len(files)), Site: string(text), SavedAt: r.now()}
	for name, text := range files {
		kept.Files[name] = string(text)
	}
	if err := r.kept.Save(ctx, kept); err != nil {
		r.log.Error("the policy in force could not be kept as last good", "error", err)
	}
}

// report remembers what is wrong and logs each distinct failure once.
func (r *rules) report(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = problemsOf(err)
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != r.said {
		r.log.Error("the changed policy is not in force; the last good one stays", "error", err)
	}
	r.said = text
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
	changes, err := watchAll(ctx, r.log, r.dir, dirOf(r.file))
	if err != nil {
		return err
	}
	go func() {
		for range changes {
			if err := r.load(ctx); err != nil {
				r.report(err)
			}
		}
	}()
	return nil
}

func dirOf(file string) string {
	if file == "" {
		return ""
	}
	return filepath.Dir(file)
}

// watchAll joins the changes of several folders; empty names are left out.
func watchAll(ctx context.Context, log *slog.Logger, dirs ...string) (<-chan struct{}, error) {
	joined := make(chan struct{}, 1)
	var open sync.WaitGroup
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		changes, err := watch.Folder(ctx, dir, watch.Options{Log: log})
		if err != nil {
			return nil, err
		}
		open.Go(func() {
			for range changes {
				select {
				case joined <- struct{}{}:
				default:
				}
			}
		})
	}
	go func() {
		open.Wait()
		close(joined)
	}()
	return joined, nil
}
