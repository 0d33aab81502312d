package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/watch"
	"github.com/ostiary/ostiary/plugins"
	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
)

// rules keeps the policy in force in step with the policy folder, or the bundle in its place, and dcr_config.yaml. A change that fails any check leaves the
// last good revision, at a start the stored one.
type rules struct {
	engine    *policies.Engine
	kept      storage.Policies
	sets      storage.Declarations
	host      *plugins.Host // of the plugins that are declared bindings of; made after the first rules are in force
	log       *slog.Logger
	now       func() time.Time
	dir       string // of the Rego
	file      string // dcr_config.yaml; empty: the defaults
	documents bool   // client ID metadata documents are on where the file does not say

	bundle *bundleSource // nil: the rules are those of dir

	site    atomic.Pointer[registration.Site]
	changed func(*registration.Site) // told after a swap
	anew    time.Duration            // after a load that failed, so long until the next; 0: a minute
	unkept  bool                     // what is in force could not be stored as last good yet; only load uses it
	inForce string                   // what load put in force, as candidate.id names it; only load uses it

	loading sync.Mutex                     // held by load
	binding sync.Mutex                     // held by bind
	added   map[string]storage.DeclaredSet // what was declared, as it is in force, by set; it is replaced, never changed

	mu       sync.Mutex
	problems []problem        // of the last try; none when it succeeded
	said     string           // what the last failure that was logged was about
	bundled  *policies.Bundle // in force; nil: none is
	lastGood *lastGood        // what is stored; nil: nothing that is known of
}

// start puts the first revision in force: the folder's, else the stored last good one, else the shipped rules. It fails only
// when not even those can be used.
func (r *rules) start(ctx context.Context) error {
	sets, err := r.sets.Sets(ctx)
	if err != nil {
		return fmt.Errorf("declarations: %w", err)
	}
	r.setAdded(sets)
	if err := r.load(ctx); err == nil {
		return nil
	}
	if kept, found, keptErr := r.kept.LastGood(ctx); keptErr != nil {
		r.log.Error("the stored last good policy cannot be read", "error", keptErr)
	} else if found {
		r.setLastGood(kept)
		err := r.useKept(kept)
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
	if err := r.use(policies.Source{Origin: policies.Embedded}, nil); err == nil || len(sets) == 0 {
		return err
	}
	r.log.Error("what was declared is not usable and left out; declare it anew")
	r.setAdded(nil)
	return r.use(policies.Source{Origin: policies.Embedded}, nil)
}

// load reads folder or bundle and file, puts them in force and keeps them as last good. It does nothing when they are in force
// already. What keeps it from doing so is reported.
func (r *rules) load(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	c, err := r.read(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // the server ends
	}
	if err != nil {
		about := err.Error()
		if errors.As(err, new(unreached)) {
			about = notReached // the text is another every time
		}
		r.report(about, err)
		return err
	}
	id := c.id()
	if id == r.inForce && r.nothingElse() {
		if r.unkept {
			r.keep(ctx, c)
		}
		r.report(id, nil)
		return nil
	}
	before := r.addedNow()
	r.setAdded(c.sets)
	err = r.use(policies.Source{Origin: c.origin(), Files: c.files}, c.text)
	if err != nil {
		r.setAdded(before)
	}
	if err == nil {
		r.inForce = id
		if c.bundle != nil {
			r.setBundle(c.bundle.Bundle)
		}
		r.keep(ctx, c)
	}
	r.report(id, err)
	return err
}

// use puts a source and the text of a dcr_config.yaml in force together, or nothing.
func (r *rules) use(src policies.Source, text []byte) error {
	ready, err := r.complete(&src, text, r.addedNow())
	if err != nil {
		return err
	}
	if err := r.engine.Replace(src); err != nil {
		return err
	}
	r.site.Store(ready)
	if r.changed != nil {
		r.changed(ready)
	}
	return nil
}

// complete reads the text of a dcr_config.yaml, and adds what was declared to it and to the source.
func (r *rules) complete(src *policies.Source, text []byte, sets map[string]storage.DeclaredSet) (*registration.Site, error) {
	site, file := registration.DefaultSite(), r.file
	if text == nil {
		text, file = devSite, "the shipped dcr_config.yaml"
	}
	if err := config.Read(text, file, &site, os.LookupEnv); err != nil {
		return nil, err
	}
	if site.Documents.Enabled == nil {
		site.Documents.Enabled = &r.documents
	}
	site, files, err := withDeclared(site, src.Files, sets)
	if err != nil {
		return nil, err
	}
	ready, err := site.Prepared()
	if err != nil {
		return nil, err
	}
	if unused := ready.UnusedKeys(); len(unused) > 0 {
		r.log.Warn("keys of kinds that are not used here stand in the table of trusted issuers; what they sign is refused", "keys", unused)
	}
	src.Site, src.Files = ready.Data(), files
	return ready, nil
}

// follow reloads on every change until ctx ends; beside waits for its end.
func (r *rules) follow(ctx context.Context, beside *sync.WaitGroup) error {
	source, err := r.watch(ctx)
	if err != nil {
		return err
	}
	var file <-chan struct{} // nil, which is never told anything: there is no file
	if r.file != "" {
		if file, err = watch.File(ctx, r.file, watch.Options{Log: r.log}); err != nil {
			return err
		}
	}
	beside.Go(func() {
		for ctx.Err() == nil { // at once: what changed between the start and the watch is told by nobody
			err := r.load(ctx) // reported
			var again <-chan time.Time
			switch {
			case r.bundle != nil && r.bundle.peer != nil:
				again = time.After(r.bundle.pause())
			case err != nil: // it may lie at something else than the files: rules are too slow for a machine that is busy just now
				again = time.After(cmp.Or(r.anew, time.Minute))
			}
			select {
			case <-ctx.Done():
			case <-source:
			case <-file:
			case <-again:
			}
		}
	})
	return nil
}

// watch is told of changes of the folder or the bundle's file; of an address nobody is.
func (r *rules) watch(ctx context.Context) (<-chan struct{}, error) {
	switch {
	case r.bundle == nil:
		return watch.Folder(ctx, r.dir, watch.Options{Log: r.log})
	case r.bundle.file != "":
		return watch.File(ctx, r.bundle.file, watch.Options{Log: r.log})
	}
	return nil, nil
}
