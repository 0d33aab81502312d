package main

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
)

// lastGood is the policy that a start without folder or bundle would go on with.
type lastGood struct {
	Revision string    `json:"revision"`
	SavedAt  time.Time `json:"saved_at"`
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
