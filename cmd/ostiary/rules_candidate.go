package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
)

// candidate is what is on the disk at one moment.
type candidate struct {
	files  map[string][]byte // of the policy folder or the bundle
	text   []byte            // of dcr_config.yaml; nil: there is to be none
	sets   map[string]storage.DeclaredSet
	bundle *delivery // nil: the files are a folder's
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
