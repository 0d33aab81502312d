package policies

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A manifest is what we write and read of a bundle's .manifest.
type manifest struct {
	Revision string
	Roots    []string
	Sequence int64 // 0: none
}

// maxSequence is the largest integer that every JSON parser keeps.
const maxSequence = 1<<53 - 1

// readManifest reads the manifest among the files of a bundle, strictly: what OPA would do by it and we do not is refused.
func readManifest(files map[string][]byte) (m manifest, err error) {
	text, there := files[manifestFile]
	if !there {
		return m, errors.New("the bundle has no " + manifestFile + "; make it with ostiary policy build")
	}
	v, err := strictjson.Parse(text, strictjson.Stored)
	if err == nil && v.Kind() != strictjson.KindObject {
		err = errors.New("it is not an object")
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", manifestFile, err)
	}
	var metadata strictjson.Value
	ok := true
	for name, member := range v.All() {
		switch name {
		case "revision":
			m.Revision, ok = member.Text()
		case "roots":
			m.Roots, ok = member.Strings()
		case "rego_version":
			version, _ := member.Int64()
			ok = version == 1
		case "metadata":
			metadata, ok = member, member.Kind() == strictjson.KindObject
		default:
			return m, fmt.Errorf("%s: the member %s is not supported", manifestFile, name)
		}
		if !ok {
			return m, fmt.Errorf("%s: %s cannot be %s", manifestFile, name, member)
		}
	}
	return m, m.check(metadata)
}

// check reads the metadata, and holds the roots to what a folder may hold.
func (m *manifest) check(metadata strictjson.Value) error {
	contract, _ := metadata.Get("contract")
	if name, _ := contract.Text(); name != decision.Contract {
		return fmt.Errorf("%s: metadata.contract must be %q, not %s", manifestFile, decision.Contract, contract)
	}
	if sequence, given := metadata.Get("sequence"); given {
		n, whole := sequence.Int64()
		if !whole || n < 1 || n > maxSequence {
			return fmt.Errorf("%s: metadata.sequence must be a whole number from 1 to %d, not %s", manifestFile, int64(maxSequence), sequence)
		}
		m.Sequence = n
	}
	if len(m.Roots) == 0 {
		return fmt.Errorf("%s: roots are missing; name what the bundle holds, such as \"ostiary/registration/site\"", manifestFile)
	}
	for _, root := range m.Roots {
		if !ownRoot(root) {
			return fmt.Errorf("%s: the root %q is more than a policy folder may hold; roots are such as \"ostiary/registration/site\" and \"ostiary/data\"", manifestFile, root)
		}
	}
	return nil
}

// ownRoot tells whether all that is below a root may be in a policy folder.
func ownRoot(root string) bool {
	names := strings.ReplaceAll(strings.Trim(root, "/"), "/", ".")
	data := strings.Join(dataRoot, ".")
	return names == data || strings.HasPrefix(names, data+".") || contractOf(names) != nil
}

// rootsOf gives the roots of a source's files: as narrow as modules go.
func rootsOf(files map[string][]byte) ([]string, error) {
	roots := map[string]bool{}
	for name, text := range files {
		if isData(name) {
			roots[strings.Join(dataRoot, "/")] = true
			continue
		}
		m, err := parse(name, text)
		if err != nil {
			return nil, refused(problemsOf(err))
		}
		roots[rootOf(m)] = true
	}
	if len(roots) == 0 { // no roots at all would mean everything
		return []string{"ostiary/registration/site"}, nil
	}
	return slices.Sorted(maps.Keys(roots)), nil
}

// rootOf gives the root that a module is below.
func rootOf(m *ast.Module) string {
	pkg := packageName(m)
	c := contractOf(pkg)
	if path := m.Package.Path; c == pluginRules && len(path) > 3 { // a plugin's name may have dots
		return "ostiary/plugin/" + dotted(path[3:4])
	}
	root := pkg
	if c != nil && strings.HasPrefix(pkg, c.pkg+".") {
		first, _, _ := strings.Cut(strings.TrimPrefix(pkg, c.pkg+"."), ".")
		root = c.pkg + "." + first
	}
	return strings.ReplaceAll(root, ".", "/")
}

// newManifest makes the manifest of a source's files. An empty revision is named after what is in them.
func newManifest(files map[string][]byte, revision string, sequence int64) ([]byte, error) {
	roots, err := rootsOf(files)
	if err != nil {
		return nil, err
	}
	if revision == "" {
		revision = nameOf(files)
	}
	metadata := map[string]any{"contract": decision.Contract}
	if sequence > 0 {
		metadata["sequence"] = sequence
	}
	return encoded(map[string]any{"revision": revision, "roots": roots, "rego_version": 1, "metadata": metadata})
}

// withSequence gives a manifest with another sequence.
func withSequence(text []byte, sequence int64) ([]byte, error) {
	v, err := strictjson.Parse(text, strictjson.Stored)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	metadata, _ := v.Get("metadata")
	v = v.With("metadata", metadata.With("sequence", strictjson.Int(sequence)))
	return append(strictjson.Append(nil, v), '\n'), nil
}

func encoded(doc any) ([]byte, error) {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// nameOf names files by their content.
func nameOf(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(files[name]), files[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
