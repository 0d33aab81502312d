package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

// keyFlags name a key.
type keyFlags struct{ file, id string }

// check wants both or, when they may be left out, neither.
func (k keyFlags) check(needed bool, file string) error {
	if needed && (k.file == "" || k.id == "") || (k.file == "") != (k.id == "") {
		return usagef("name the key with both %s FILE and --key-id ID", file)
	}
	return nil
}

func (k keyFlags) signing() (*policies.SigningKey, error) {
	if k.file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(k.file)
	if err != nil {
		return nil, fmt.Errorf("the private key cannot be read: %w", err)
	}
	key, err := policies.NewSigningKey(k.id, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.file, err)
	}
	return key, nil
}

// buildFlags are those of policy build.
type buildFlags struct {
	to, revision string
	sequence     int64
	key          keyFlags
}

func policyBuildCommand(f *policyFlags) *cobra.Command {
	o := &buildFlags{}
	cmd := f.configured(f.about("build DIR --to FILE", "Pack a folder into a bundle that servers and OPA read",
		"build does what check does, tests included, and packs the folder's rules, tests and data when nothing is wrong. The same folder\n"+
			"always gives the same bytes. With --sign-key it is signed, and has a sequence that must grow: servers take no older bundle.",
		func(_ *cobra.Command, b *bench) error {
			if o.to == "" {
				return usagef("name the bundle to write: --to bundle.tar.gz")
			}
			if o.sequence < 0 {
				return usagef("--sequence must be 1 or more")
			}
			if err := o.key.check(false, "--sign-key"); err != nil {
				return err
			}
			return b.build(o)
		}))
	flags := cmd.Flags()
	flags.StringVar(&o.to, "to", "", "the file to write")
	flags.StringVar(&o.revision, "revision", "", "what the bundle is called (default: a digest of its files)")
	flags.Int64Var(&o.sequence, "sequence", 0, "a number that grows from bundle to bundle (default, when it is signed: the time in seconds)")
	flags.StringVar(&o.key.file, "sign-key", "", "PEM file of a private key: P-256, RSA or Ed25519")
	flags.StringVar(&o.key.id, "key-id", "", "the id that servers know the key by")
	return cmd
}

func (b *bench) build(o *buildFlags) error {
	key, err := o.key.signing()
	if err != nil {
		return err
	}
	src, err := b.source()
	if err != nil {
		return b.unusable(src, err)
	}
	report, err := policies.Check(src, policies.DefaultTrialTime)
	if err != nil {
		return b.unusable(src, err)
	}
	if key != nil && o.sequence == 0 {
		o.sequence = time.Now().Unix()
	}
	packed, err := policies.Build(src, policies.BuildOptions{Revision: o.revision, Sequence: o.sequence, Key: key})
	if err != nil {
		return err
	}
	if err := putFile(o.to, packed); err != nil {
		return err
	}
	bundle, err := policies.ReadBundle(packed, nil)
	if err != nil {
		return err
	}
	doc := bundleOutput{File: o.to, Revision: bundle.Revision, Sequence: bundle.Sequence, KeyID: o.key.id, Files: slices.Sorted(maps.Keys(bundle.Files)), Tests: report.Tests}
	return b.tellBundle("wrote", doc)
}

// bundleOutput is the document of build, sign and verify.
type bundleOutput struct {
	File      string   `json:"file"`
	Revision  string   `json:"revision"`
	Sequence  int64    `json:"sequence,omitempty"`
	KeyID     string   `json:"key_id,omitempty"` // absent: it is not signed
	Algorithm string   `json:"algorithm,omitempty"`
	Files     []string `json:"files"`
	Tests     int      `json:"tests,omitempty"` // that passed
}

func (b *bench) tellBundle(did string, doc bundleOutput) error {
	if b.json {
		return b.printJSON(doc)
	}
	fmt.Fprintf(b.out, "%s %s: revision %s, %s", did, doc.File, printable(doc.Revision), counted(len(doc.Files), "file"))
	if doc.Sequence > 0 {
		fmt.Fprintf(b.out, ", sequence %d", doc.Sequence)
	}
	if doc.KeyID != "" {
		fmt.Fprintf(b.out, ", signed by %s", printable(doc.KeyID))
	}
	_, err := fmt.Fprintln(b.out)
	return err
}

// putFile writes a file in one step: a server that watches it never reads the half of it.
func putFile(name string, text []byte) error {
	if isFolder(name) {
		return fmt.Errorf("%s is a folder; name the file to write", name)
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".ostiary-*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be written: there is no folder %s", name, filepath.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", name, err)
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func policySignCommand(f *policyFlags) *cobra.Command {
	var key keyFlags
	var sequence int64
	cmd := f.about("sign BUNDLE --key key.pem --key-id ID", "Sign a bundle, or a folder as OPA does",
		"sign puts .signatures.json into a bundle, in the place of the one it has. In a folder it writes that file and, where there is\n"+
			"none, .manifest, as opa sign does: the folder is then a signed bundle that is not packed. A sequence is added when there is none,\n"+
			"and raised when rules or data have changed since it was given.",
		func(_ *cobra.Command, b *bench) error {
			if err := key.check(true, "--key"); err != nil {
				return err
			}
			if sequence < 0 {
				return usagef("--sequence must be 1 or more")
			}
			return b.sign(key, sequence)
		})
	cmd.Flags().StringVar(&key.file, "key", "", "PEM file of a private key: P-256, RSA or Ed25519")
	cmd.Flags().StringVar(&key.id, "key-id", "", "the id that servers know the key by")
	cmd.Flags().Int64Var(&sequence, "sequence", 0, "a number that grows from bundle to bundle (default: the bundle's own while its rules and data are the same, or else the time in seconds)")
	return cmd
}

func (b *bench) sign(k keyFlags, sequence int64) error {
	key, err := k.signing()
	if err != nil {
		return err
	}
	if err := b.there(); err != nil {
		return b.unusable(policies.Source{}, err)
	}
	var signed *policies.Bundle
	if isFolder(b.dir) {
		signed, err = b.signFolder(key, sequence)
	} else {
		signed, err = b.signBundle(key, sequence)
	}
	if err != nil {
		return b.unusable(policies.Source{}, err)
	}
	return b.tellBundle("signed", bundleOutput{
		File: b.dir, Revision: signed.Revision, Sequence: signed.Sequence, KeyID: k.id, Algorithm: key.Algorithm(), Files: slices.Sorted(maps.Keys(signed.Files)),
	})
}

func isFolder(name string) bool {
	about, err := os.Stat(name)
	return err == nil && about.IsDir()
}

func (b *bench) signBundle(key *policies.SigningKey, sequence int64) (*policies.Bundle, error) {
	packed, err := policies.ReadBundleFile(b.dir)
	if err != nil {
		return nil, err
	}
	if packed, err = policies.Sign(packed, key, sequence, time.Now().Unix()); err != nil {
		return nil, err
	}
	if err := putFile(b.dir, packed); err != nil {
		return nil, err
	}
	return policies.ReadBundle(packed, nil)
}

func (b *bench) signFolder(key *policies.SigningKey, sequence int64) (*policies.Bundle, error) {
	files, err := policies.SignFolder(b.dir, key, sequence, time.Now().Unix())
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := putFile(filepath.Join(b.dir, file.Name), file.Text); err != nil {
			return nil, err
		}
	}
	return policies.ReadUnpacked(b.dir, nil)
}

func policyVerifyCommand(f *policyFlags) *cobra.Command {
	var key keyFlags
	cmd := f.about("verify BUNDLE --key pub.pem --key-id ID", "Tell whether a bundle is signed by a key, and what it is",
		"verify does to a bundle, or a folder that was signed, what a server does that has the key: every file must be as it was signed.",
		func(_ *cobra.Command, b *bench) error {
			if err := key.check(true, "--key"); err != nil {
				return err
			}
			return b.verify(key)
		})
	cmd.Flags().StringVar(&key.file, "key", "", "PEM file of the public key")
	cmd.Flags().StringVar(&key.id, "key-id", "", "its id")
	return cmd
}

func (b *bench) verify(k keyFlags) error {
	text, err := os.ReadFile(k.file)
	if err != nil {
		return fmt.Errorf("the public key cannot be read: %w", err)
	}
	key, err := policies.NewVerificationKey(k.id, text)
	if err != nil {
		return fmt.Errorf("%s: %w", k.file, err)
	}
	if err := b.there(); err != nil {
		return b.unusable(policies.Source{}, err)
	}
	var read *policies.Bundle
	if isFolder(b.dir) {
		read, err = policies.ReadUnpacked(b.dir, key)
	} else if text, err = policies.ReadBundleFile(b.dir); err == nil {
		read, err = policies.ReadBundle(text, key)
	}
	if err != nil {
		return b.unusable(policies.Source{}, err)
	}
	return b.tellBundle("verified", bundleOutput{
		File: b.dir, Revision: read.Revision, Sequence: read.Sequence, KeyID: read.Signer, Algorithm: key.Algorithm(), Files: slices.Sorted(maps.Keys(read.Files)),
	})
}
