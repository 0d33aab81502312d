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

// lastGood is the policy that a start without folder or bundle would go on with.
type lastGood struct {
	Revision string    `json:"revision"`
	SavedAt  time.Time `json:"saved_at"`
}

// candidate is what is on the disk at one moment.
type candidate struct {
	files  map[string][]byte // of the policy folder or the bundle
	text   []byte            // of dcr_config.yaml; nil: there is to be none
	sets   map[string]storage.DeclaredSet
	bundle *delivery // nil: the files are a folder's
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

// useKept puts what was stored in force. A bundle is verified again. What a folder had before there was a bundle counts still, and
// is more than the shipped rules alone: it was sealed when it was stored.
func (r *rules) useKept(kept storage.PolicySource) error {
	src := policies.Source{Origin: policies.LastGood, Files: make(map[string][]byte, len(kept.Files))}
	for name, text := range kept.Files {
		src.Files[name] = []byte(text)
	}
	if len(kept.Bundle) == 0 {
		return r.use(src, r.textOf(kept))
	}
	var key *policies.VerificationKey
	if r.bundle != nil {
		key = r.bundle.key
	}
	b, err := policies.ReadBundle(kept.Bundle, key)
	if err != nil {
		return err
	}
	src.Files = b.Files
	if err := r.use(src, r.textOf(kept)); err != nil {
		return err
	}
	r.setBundle(b)
	return nil
}

// bundleInForce gives the bundle that decides now; nil: none does.
func (r *rules) bundleInForce() *policies.Bundle {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bundled
}

func (r *rules) setBundle(b *policies.Bundle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bundled = b
}

func (r *rules) setLastGood(kept storage.PolicySource) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastGood = &lastGood{kept.Revision, kept.SavedAt}
}

// lastStored tells of the stored policy; nil: nothing is.
func (r *rules) lastStored() *lastGood {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastGood
}

// textOf gives the dcr_config.yaml that was kept.
func (r *rules) textOf(kept storage.PolicySource) []byte {
	if r.file == "" && kept.Site == "" {
		return nil
	}
	return []byte(kept.Site)
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

// notReached is what failures to fetch a bundle are about.
const notReached = "the bundle cannot be fetched"

// nothingElse tells whether nothing was wrong the last time, or only the network.
func (r *rules) nothingElse() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.problems) == 0 || r.said == notReached
}

func (c candidate) origin() policies.Origin {
	switch {
	case c.bundle != nil:
		return policies.Bundled
	case len(c.files) == 0:
		return policies.Embedded
	}
	return policies.Folder
}

// read gives what there is now.
func (r *rules) read(ctx context.Context) (c candidate, err error) {
	if r.bundle == nil {
		c.files, err = policies.ReadFolder(r.dir)
	} else if c.bundle, err = r.bundle.read(ctx, r.older); err == nil {
		c.files = c.bundle.Files
	}
	if err != nil {
		return c, err
	}
	if c.text, err = r.readFile(); err != nil {
		return c, err
	}
	c.sets, err = r.sets.Sets(ctx)
	return c, err
}

// older refuses a signed bundle that comes before one that was accepted, or claims its place: somebody may bring back rules that
// were withdrawn.
func (r *rules) older(ctx context.Context, d *delivery) error {
	if d.Signer == "" || r.bundle.older {
		return nil
	}
	accepted, content, err := r.kept.Accepted(ctx)
	if err != nil {
		return fmt.Errorf("whether the bundle is older than the last one cannot be told: %w", err)
	}
	if now := r.bundleInForce(); now != nil && now.Signer != "" && now.Sequence >= accepted {
		accepted, content = now.Sequence, now.Content() // it may not have been possible to store it
	}
	switch {
	case d.Sequence < accepted:
		return fmt.Errorf("the bundle is older than one that was in force: its sequence is %d, and was %d already. "+
			"Build it anew, or set policy.bundle.allow_downgrade to go back to it", d.Sequence, accepted)
	case d.Sequence == accepted && content != "" && d.Content() != content:
		return fmt.Errorf("the bundle has the sequence %d of one that was in force, and other content. "+
			"Build or sign it anew with a higher sequence, or set policy.bundle.allow_downgrade", accepted)
	}
	return nil
}

// id names a candidate by its content.
func (c candidate) id() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(c.files[name]), c.files[name])
	}
	fmt.Fprintf(h, "%t\n%s", c.text != nil, c.text)
	for _, name := range slices.Sorted(maps.Keys(c.sets)) {
		fmt.Fprintf(h, "\n%q %s", name, c.sets[name].Tag)
	}
	if c.bundle != nil { // its signature and sequence count, too
		fmt.Fprintf(h, "\n%s", c.bundle.packed)
	}
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
	src.Site, src.Files = ready.Data(), files
	return ready, nil
}

// keep stores what is in force, for a start with a broken folder.
func (r *rules) keep(ctx context.Context, c candidate) {
	kept := storage.PolicySource{
		Revision: r.engine.Status().ActiveRevision, Files: make(map[string]string, len(c.files)), Site: string(c.text), SavedAt: r.now(),
	}
	if c.bundle != nil {
		if kept.Bundle = c.bundle.packed; c.bundle.Signer != "" {
			kept.Sequence, kept.Content = c.bundle.Sequence, c.bundle.Content()
		}
	} else {
		for name, text := range c.files {
			kept.Files[name] = string(text)
		}
	}
	err := r.kept.Save(ctx, kept)
	r.unkept = err != nil && !errors.Is(err, storage.ErrUntidy)
	switch {
	case r.unkept:
		r.log.Error("the policy in force could not be kept as last good", "error", err)
	case err != nil:
		r.log.Warn("the policy in force was kept as last good", "error", err)
	}
	if !r.unkept {
		r.setLastGood(kept)
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
		r.log.Error(r.what()+" or dcr_config.yaml is not usable; the last good policy stays", "error", err)
	}
	r.said = about
}

// what names where the rules come from.
func (r *rules) what() string {
	if r.bundle != nil {
		return "the policy bundle"
	}
	return "the policy folder"
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
			_ = r.load(ctx) // reported
			var again <-chan time.Time
			if r.bundle != nil && r.bundle.peer != nil {
				again = time.After(r.bundle.pause())
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
