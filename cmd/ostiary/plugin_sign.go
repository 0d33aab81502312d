package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/plugins"
)

// vouched is the document of plugin sign and verify.
type vouched struct {
	Plugin    string `json:"plugin"`
	Version   string `json:"version"`
	Publisher string `json:"publisher"`
	Signature string `json:"signature"` // its file
}

// signable are the files of a plugin that a signature is about.
type signable struct {
	path             string // without .wasm, .yaml and .sig
	doc              vouched
	module, manifest []byte
}

func (b *bench) signable(publisher string) (*signable, error) {
	dir, name, err := plugins.PluginName(b.dir)
	if err != nil {
		return nil, err
	}
	s := &signable{path: filepath.Join(dir, name)}
	if s.module, err = os.ReadFile(s.path + ".wasm"); os.IsNotExist(err) {
		return nil, fmt.Errorf("there is no %s.wasm; build it: ostiary plugin build %s", s.path, dir)
	}
	if err == nil {
		s.manifest, err = os.ReadFile(s.path + ".yaml")
	}
	if err != nil {
		return nil, err
	}
	m, err := plugins.ReadManifest(s.manifest, name+".yaml")
	if err == nil && m.Name != name {
		err = fmt.Errorf("%s.yaml says name: %s, and must say name: %s, as its file is called", s.path, m.Name, name)
	}
	s.doc = vouched{Plugin: name, Version: m.Version, Publisher: publisher, Signature: s.path + ".sig"}
	return s, err
}

func pluginSignCommand() *cobra.Command {
	var key keyFlags
	cmd := (&kitFlags{}).about("sign [DIR|FILE] --key key.pem --key-id PUBLISHER", "Sign a plugin, as its publisher",
		"sign writes NAME.sig beside module and manifest: it says that the publisher vouches for these two, byte for byte, under their\n"+
			"name and version. Servers know the publisher by its id, and its public key (plugins.publishers). The key is an Ed25519 one:\n\n"+
			"  openssl genpkey -algorithm ed25519 -out key.pem\n  openssl pkey -in key.pem -pubout -out pub.pem",
		func(_ *cobra.Command, b *bench) error {
			if err := key.check(true, "--key"); err != nil {
				return err
			}
			return b.signPlugin(key)
		})
	cmd.Flags().StringVar(&key.file, "key", "", "PEM file of an Ed25519 private key")
	cmd.Flags().StringVar(&key.id, "key-id", "", "the name that servers know the publisher by")
	return cmd
}

func (b *bench) signPlugin(k keyFlags) error {
	text, err := os.ReadFile(k.file)
	if err != nil {
		return fmt.Errorf("the private key cannot be read: %w", err)
	}
	key, err := plugins.NewSigningKey(k.id, text)
	if err != nil {
		return fmt.Errorf("%s: %w", k.file, err)
	}
	s, err := b.signable(k.id)
	if err != nil {
		return b.pluginUnusable(err)
	}
	signature, err := plugins.SignPlugin(s.module, s.manifest, key)
	if err != nil {
		return b.pluginUnusable(err)
	}
	if err := putFile(s.doc.Signature, signature); err != nil {
		return err
	}
	return b.tellVouched("signed", &s.doc)
}

func pluginVerifyCommand() *cobra.Command {
	var key keyFlags
	cmd := (&kitFlags{}).about("verify [DIR|FILE] --key pub.pem --key-id PUBLISHER", "Tell whether a plugin is signed by a publisher, as it is",
		"verify does what a server does that knows the publisher by this key: module and manifest must be as they were signed.",
		func(_ *cobra.Command, b *bench) error {
			if err := key.check(true, "--key"); err != nil {
				return err
			}
			return b.verifyPlugin(key)
		})
	cmd.Flags().StringVar(&key.file, "key", "", "PEM file of the publisher's public key")
	cmd.Flags().StringVar(&key.id, "key-id", "", "the publisher's name")
	return cmd
}

func (b *bench) verifyPlugin(k keyFlags) error {
	text, err := os.ReadFile(k.file)
	if err != nil {
		return fmt.Errorf("the public key cannot be read: %w", err)
	}
	if _, err := plugins.ReadPublicKey(text); err != nil {
		return fmt.Errorf("%s: %w", k.file, err)
	}
	s, err := b.signable(k.id)
	if err != nil {
		return b.pluginUnusable(err)
	}
	signature, err := os.ReadFile(s.doc.Signature)
	if os.IsNotExist(err) {
		return b.pluginUnusable(fmt.Errorf("it is not signed: there is no %s", s.doc.Signature))
	}
	if err != nil {
		return err
	}
	publisher := plugins.Publisher{Name: k.id, Key: config.Public(text), Plugins: []string{s.doc.Plugin}}
	if _, err := plugins.VerifyPlugin(s.module, s.manifest, signature, []plugins.Publisher{publisher}); err != nil {
		return b.pluginUnusable(err)
	}
	return b.tellVouched("verified", &s.doc)
}

func (b *bench) tellVouched(did string, doc *vouched) error {
	if b.json {
		return b.printJSON(doc)
	}
	_, err := fmt.Fprintf(b.out, "%s %s %s: signed by %s in %s\n", did, doc.Plugin, doc.Version, printable(doc.Publisher), doc.Signature)
	return err
}
