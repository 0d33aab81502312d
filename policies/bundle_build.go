package policies

import (
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/ostiary/ostiary/core/strictjson"
)

// BuildOptions say what a bundle is called, and who signs it.
type BuildOptions struct {
	Revision string      // empty: a digest of the files
	Sequence int64       // 0: none; a signed bundle needs one
	Key      *SigningKey // nil: it is not signed
}

// Build packs the files of a source. Whether they are any good is for Check to tell. The same files and options always give the
// same bytes, signatures apart.
func Build(src Source, o BuildOptions) ([]byte, error) {
	text, err := newManifest(src.Files, o.Revision, o.Sequence)
	if err != nil {
		return nil, err
	}
	files := maps.Clone(src.Files)
	if files == nil {
		files = map[string][]byte{}
	}
	files[manifestFile] = text
	if o.Key != nil {
		if files[signaturesFile], err = o.Key.sign(files); err != nil {
			return nil, err
		}
	}
	return packed(files)
}

// packed packs files, and makes sure that the result can be read.
func packed(files map[string][]byte) ([]byte, error) {
	out, err := pack(files)
	if err != nil {
		return nil, err
	}
	_, err = ReadBundle(out, nil)
	return out, err
}

// Sign gives a bundle with a signature, in the place of the one it has. A sequence of 0 leaves the bundle's own; otherwise is
// what a bundle without one gets, and one whose files were changed since it got its own: at least the next.
func Sign(pack []byte, key *SigningKey, sequence, otherwise int64) ([]byte, error) {
	b, err := ReadBundle(pack, nil)
	if err != nil {
		return nil, err
	}
	if err := b.sign(key, sequence, otherwise); err != nil {
		return nil, err
	}
	return packed(b.all)
}

// SignFolder gives the manifest and the signature that make a folder a signed bundle that is not packed. A manifest that is
// there is kept but for its sequence, which is treated as Sign treats it.
func SignFolder(dir string, key *SigningKey, sequence, otherwise int64) ([]ScaffoldFile, error) {
	files, err := readAll(dir)
	if err != nil {
		return nil, err
	}
	if _, there := files[manifestFile]; !there {
		own, err := ReadFolder(dir)
		if err != nil {
			return nil, err
		}
		if files[manifestFile], err = newManifest(own, "", 0); err != nil {
			return nil, err
		}
	}
	b, err := newBundle(files, nil)
	if err != nil {
		return nil, err
	}
	if err := b.sign(key, sequence, otherwise); err != nil {
		return nil, err
	}
	return []ScaffoldFile{{manifestFile, b.all[manifestFile]}, {signaturesFile, b.all[signaturesFile]}}, nil
}

// sign puts the sequence and the signature in place.
func (b *Bundle) sign(key *SigningKey, sequence, otherwise int64) (err error) {
	if sequence == 0 {
		sequence = b.nextSequence(otherwise)
	}
	if b.all[manifestFile], err = restated(b.all[manifestFile], sequence, b.Content()); err != nil {
		return err
	}
	b.all[signaturesFile], err = key.sign(b.all)
	return err
}

// nextSequence gives the bundle's own sequence while it has the content that it got it for.
func (b *Bundle) nextSequence(otherwise int64) int64 {
	switch {
	case b.Sequence == 0:
		return otherwise
	case b.recorded != "" && b.recorded != b.Content():
		return max(otherwise, b.Sequence+1)
	}
	return b.Sequence
}

// sign makes the .signatures.json of files, as opa sign does.
func (k *SigningKey) sign(files map[string][]byte) ([]byte, error) {
	hasher, err := bundle.NewSignatureHasher(bundle.SHA256)
	if err != nil {
		return nil, err
	}
	var list []bundle.FileInfo
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name == signaturesFile {
			continue
		}
		var content any = files[name]
		if bundle.IsStructuredDoc(name) { // hashed by its meaning
			v, err := strictjson.Parse(files[name], dataLimits)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			content = native(v)
		}
		sum, err := hasher.HashFile(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, bundle.NewFile(name, hex.EncodeToString(sum), string(bundle.SHA256)))
	}
	token, err := bundle.GenerateSignedToken(list, bundle.NewSigningConfig(k.pem, k.alg, ""), k.id)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return encoded(bundle.SignaturesConfig{Signatures: []string{token}})
}

// readAll reads every file of a folder that is a bundle, or is to be: what OPA would read of it, but no hidden ones of others.
func readAll(dir string) (map[string][]byte, error) {
	return readFiles(dir, func(name string) (bool, error) {
		return name == manifestFile || name == signaturesFile || !strings.HasPrefix(path.Base(name), "."), nil
	})
}
