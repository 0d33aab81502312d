package plugins

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/core/sandbox"
)

// manifestSection is the custom section in which a module carries its manifest, as text.
const manifestSection = "ostiary.manifest"

// CarriedManifest gives the manifest that a module carries, and whether it carries one. What is no module carries none.
func CarriedManifest(module []byte) (text []byte, there bool, err error) {
	info, err := sandbox.Inspect(module)
	if err != nil {
		return nil, false, nil // loading it says so
	}
	for _, s := range info.Customs {
		if s.Name != manifestSection {
			continue
		}
		if there {
			return nil, false, fmt.Errorf("the module carries more than one manifest (custom section %s)", manifestSection)
		}
		text, there = bytes.Clone(s.Data), true
	}
	return text, there, nil
}

// CarryManifest gives the module with a manifest in it, in the place of one that it carried.
func CarryManifest(module, manifest []byte) ([]byte, error) {
	if _, err := ReadManifest(manifest, "manifest"); err != nil {
		return nil, err
	}
	bare, err := withoutManifest(module)
	if err != nil {
		return nil, err
	}
	body := append(binary.AppendUvarint(nil, uint64(len(manifestSection))), manifestSection...)
	body = append(body, manifest...)
	return append(append(append(bare, 0), binary.AppendUvarint(nil, uint64(len(body)))...), body...), nil
}

// withoutManifest gives a copy of a module without the sections that carry a manifest.
func withoutManifest(module []byte) ([]byte, error) {
	if _, err := sandbox.Inspect(module); err != nil {
		return nil, err
	}
	const header = 8 // magic and version
	out, rest := bytes.Clone(module[:header]), module[header:]
	for len(rest) > 0 {
		size, width := binary.Uvarint(rest[1:])
		end := uint64(1+width) + size
		if width <= 0 || end > uint64(len(rest)) {
			return nil, errors.New("the module ends in the middle of a section")
		}
		if body := rest[1+width : end]; rest[0] != 0 || !isNamed(body, manifestSection) {
			out = append(out, rest[:end]...)
		}
		rest = rest[end:]
	}
	return out, nil
}

// isNamed tells whether a custom section has a name.
func isNamed(body []byte, name string) bool {
	size, width := binary.Uvarint(body)
	return width > 0 && size == uint64(len(name)) && bytes.HasPrefix(body[width:], []byte(name))
}
