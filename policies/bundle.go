package policies

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/loader/filter"
)

// A Bundle is a policy folder in one file, packed and signed as OPA packs and signs. It may hold what a folder may hold.
type Bundle struct {
	Files    map[string][]byte // Rego and data.json, as in Source
	Revision string            // what its maker calls it
	Sequence int64             // grows from one signed bundle to the next; 0: it has none
	Signer   string            // the id of the key that it was found to be signed by; empty: that was not looked at
	Signed   bool

	all      map[string][]byte // every file
	recorded string            // Content as it was when the manifest got its sequence; empty: it does not say
}

// Content names what decides: the files, but not what the bundle is called, its sequence and who signed it.
func (b *Bundle) Content() string { return nameOf(b.Files) }

// maxBundle bounds a bundle, packed and unpacked, in bytes.
const maxBundle = maxFiles

const (
	manifestFile   = ".manifest"
	signaturesFile = ".signatures.json"
)

// ReadBundle reads a bundle. With a key it must be signed by that key, and have a sequence; without one nobody looks at the
// signature. Nothing that is not covered by the signature is ever returned.
func ReadBundle(packed []byte, key *VerificationKey) (*Bundle, error) {
	files, err := unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("not a usable bundle: %w", err)
	}
	return newBundle(files, key)
}

// ReadUnpacked reads a folder that is a bundle, only not packed: it has a .manifest.
func ReadUnpacked(dir string, key *VerificationKey) (*Bundle, error) {
	files, err := readAll(dir)
	if err != nil {
		return nil, err
	}
	return newBundle(files, key)
}

// ReadSite reads what a folder, or the file of a bundle, has for rules: the files of a Source. Nobody looks at signatures.
func ReadSite(name string) (map[string][]byte, error) {
	if about, err := os.Stat(name); err != nil || about.IsDir() {
		return ReadFolder(name)
	}
	packed, err := ReadBundleFile(name)
	if err != nil {
		return nil, err
	}
	b, err := ReadBundle(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b.Files, nil
}

// ReadBundleFile gives the bytes of a bundle's file, of which there are at most maxBundle.
func ReadBundleFile(name string) ([]byte, error) {
	about, err := os.Stat(name) // before opening: opening a pipe would wait for its other end
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the bundle %s is not there; put it back, or correct the setting: %w", name, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("the bundle cannot be read: %w", err)
	case !about.Mode().IsRegular():
		return nil, fmt.Errorf("the bundle %s is not a regular file", name)
	case about.Size() > maxBundle:
		return nil, fmt.Errorf("the bundle %s is larger than %d bytes", name, maxBundle)
	}
	packed, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("the bundle cannot be read: %w", err)
	}
	return packed, nil
}

// unpack gives the files in a tar.gz, and refuses everything that is not plain files with plain names.
func unpack(packed []byte) (map[string][]byte, error) {
	if len(packed) > maxBundle {
		return nil, fmt.Errorf("it is larger than %d bytes", maxBundle)
	}
	stream, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("it is not a .tar.gz: %w", err)
	}
	archive := tar.NewReader(io.LimitReader(stream, 2*maxBundle)) // headers and padding are not counted below
	files, left := map[string][]byte{}, maxBundle
	for entries := 0; ; entries++ {
		head, err := archive.Next()
		switch {
		case err == io.EOF:
			return files, nil
		case err != nil:
			return nil, fmt.Errorf("it is broken or too large: %w", err)
		case entries > 2*maxFileCount || len(files) >= maxFileCount:
			return nil, fmt.Errorf("it has more than %d files", maxFileCount)
		case head.Typeflag == tar.TypeDir || head.Typeflag == tar.TypeXGlobalHeader:
			continue
		}
		name, err := entryName(head)
		if err != nil {
			return nil, err
		}
		if _, twice := files[name]; twice {
			return nil, fmt.Errorf("it has the file %s twice", name)
		}
		text, err := io.ReadAll(io.LimitReader(archive, int64(left)+1))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if left -= len(text); left < 0 {
			return nil, fmt.Errorf("its files together are larger than %d bytes", maxBundle)
		}
		files[name] = text
	}
}

// entryName gives the path of a file in a bundle.
func entryName(head *tar.Header) (string, error) {
	name, found := strings.CutPrefix(head.Name, "./")
	if !found {
		name = strings.TrimPrefix(name, "/") // as OPA writes them
	}
	switch {
	case head.Typeflag != tar.TypeReg:
		return "", fmt.Errorf("%q is not a regular file; a bundle has no links", head.Name)
	case !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, '\\') || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", fmt.Errorf("the name %q leads out of the bundle or is not plain", head.Name)
	}
	return name, nil
}

// newBundle holds the files of a bundle to what a bundle may be, and has OPA read and verify them.
func newBundle(files map[string][]byte, key *VerificationKey) (*Bundle, error) {
	b := &Bundle{Files: map[string][]byte{}, all: files}
	_, b.Signed = files[signaturesFile]
	if key != nil {
		if err := key.expects(files); err != nil {
			return nil, err
		}
	}
	if err := checkNames(files); err != nil {
		return nil, err
	}
	if _, problems := readData(files); len(problems) > 0 { // before OPA: its reader takes YAML for JSON, too
		return nil, refused(problems)
	}
	m, err := readManifest(files)
	if err != nil {
		return nil, err
	}
	if err := readByOPA(files, key); err != nil {
		return nil, err
	}
	b.Revision, b.Sequence, b.recorded = m.Revision, m.Sequence, m.Content
	if key != nil {
		if b.Signer = key.id; b.Sequence == 0 {
			return nil, errors.New("the bundle is signed, but its manifest has no metadata.sequence, so that an older one could take its place; " +
				"make it anew with ostiary policy build")
		}
	}
	for name, text := range files {
		if strings.HasSuffix(name, ".rego") || isData(name) {
			b.Files[name] = text
		}
	}
	return b, nil
}

// checkNames refuses files that OPA reads and we do not: part of what the bundle says would be lost.
func checkNames(files map[string][]byte) error {
	for name := range files {
		switch base := path.Base(name); {
		case slices.Contains([]string{bundle.WasmFile, bundle.PlanFile, bundle.PlanProtoFile, "patch.json", bundle.ManifestProtoExt}, base),
			strings.HasSuffix(base, ".wasm"):
			return fmt.Errorf("the bundle has %s: compiled rules, plans and patches are not read, only Rego and data.json", name)
		case isDataElsewhere(name):
			return fmt.Errorf("the bundle has %s: write it as %s", name, dataFile)
		case name == manifestFile || name == signaturesFile:
		case strings.HasPrefix(name, ".") || strings.Contains(name, "/."):
			return fmt.Errorf("the bundle has %s: names that begin with a dot are not read; leave it out", name)
		case strings.HasSuffix(name, bundle.ManifestExt):
			return fmt.Errorf("the bundle has %s: it may have one %s, and no file of a name that ends so", name, manifestFile)
		}
	}
	return nil
}

// readByOPA has OPA's own reader accept the bundle: the signature, the hash of every file, the roots.
func readByOPA(files map[string][]byte, key *VerificationKey) error {
	reader := bundle.NewCustomReader(newMemoryLoader(files)).WithCapabilities(capabilities()).WithRegoVersion(ast.RegoV1).
		WithProcessAnnotations(true).WithSizeLimitBytes(maxBundle).WithLazyLoadingMode(false)
	if key != nil {
		reader = reader.WithBundleVerificationConfig(key.config())
	} else {
		reader = reader.WithSkipBundleVerification(true)
	}
	_, err := reader.Read()
	var rego ast.Errors
	var one *ast.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &rego) || errors.As(err, &one):
		return refused(withoutSlash(problemsOf(err)))
	case key != nil:
		return fmt.Errorf("the bundle is refused, for it must be as it was signed by the key %q: %w", key.id, err)
	}
	return fmt.Errorf("the bundle is refused: %w", err)
}

// withoutSlash gives the names that a folder has.
func withoutSlash(problems []Problem) []Problem {
	for i := range problems {
		problems[i].File = strings.TrimPrefix(problems[i].File, "/")
	}
	return problems
}

// A memoryLoader hands OPA's reader the files that we have checked, and no others.
type memoryLoader struct {
	names []string
	files map[string][]byte
}

func newMemoryLoader(files map[string][]byte) *memoryLoader {
	return &memoryLoader{slices.Sorted(maps.Keys(files)), files}
}

// NextFile implements bundle.DirectoryLoader.
func (l *memoryLoader) NextFile() (*bundle.Descriptor, error) {
	if len(l.names) == 0 {
		return nil, io.EOF
	}
	name := l.names[0]
	l.names = l.names[1:]
	return bundle.NewDescriptor(name, "/"+name, bytes.NewBuffer(bytes.Clone(l.files[name]))), nil
}

// WithFilter implements bundle.DirectoryLoader.
func (l *memoryLoader) WithFilter(filter.LoaderFilter) bundle.DirectoryLoader { return l }

// WithPathFormat implements bundle.DirectoryLoader.
func (l *memoryLoader) WithPathFormat(bundle.PathFormat) bundle.DirectoryLoader { return l }

// WithSizeLimitBytes implements bundle.DirectoryLoader.
func (l *memoryLoader) WithSizeLimitBytes(int64) bundle.DirectoryLoader { return l }

// WithFollowSymlinks implements bundle.DirectoryLoader.
func (l *memoryLoader) WithFollowSymlinks(bool) bundle.DirectoryLoader { return l }

var _ bundle.DirectoryLoader = (*memoryLoader)(nil)

// pack makes a bundle: the same files always give the same bytes. Whether it can be read is for packed to tell.
func pack(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	stream := gzip.NewWriter(&out)
	archive := tar.NewWriter(stream)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		head := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name])), Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		if err := archive.WriteHeader(head); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := archive.Write(files[name]); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := errors.Join(archive.Close(), stream.Close()); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return out.Bytes(), nil
}
