package plugins

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// An Inspection is what a module is, what its manifest wants of it, and why a server would refuse them.
type Inspection struct {
	Name       string            `json:"name"`
	Version    string            `json:"version,omitempty"` // absent: the manifest cannot be read
	Module     string            `json:"module"`            // its file
	Bytes      int               `json:"bytes"`
	SHA256     string            `json:"sha256"`
	Metered    int               `json:"metered_bytes,omitempty"` // once it counts its own work; absent: it cannot be made to
	Imports    []InspectedImport `json:"imports"`
	Exports    []string          `json:"exports"`
	Serves     []string          `json:"serves"` // hooks that the module exports
	Hooks      []hook.Point      `json:"hooks"`  // that the manifest asks for
	Asked      strictjson.Value  `json:"asked"`  // capabilities
	Memory     []string          `json:"memory"`
	Sections   []Section         `json:"sections"` // custom ones
	SignedBy   string            `json:"signed_by,omitempty"`
	Refusals   []string          `json:"refusals"`
	Functions  int               `json:"functions"`
	HasStart   bool              `json:"has_start"`
	Configured bool              `json:"takes_configuration"`
}

// An InspectedImport is what a module wants of its host, and the capability that it needs for it.
type InspectedImport struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Capability string `json:"capability,omitempty"` // absent: it needs none, or nobody has it to give
}

// A Section is a custom section of a module.
type Section struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
}

// Inspect looks at a plugin of a folder, and tries to load it as a server would. An error means that there is no module to look at.
func Inspect(ctx context.Context, dir, name string) (Inspection, error) {
	if err := unbuilt(dir, name); err != nil {
		return Inspection{}, err
	}
	h, err := workshop(dir, nil)
	if err != nil {
		return Inspection{}, err
	}
	defer h.Close()
	c := readCandidate(dir, name, h.limits.ModuleBytes)
	if c.module == nil {
		return Inspection{}, c.err
	}
	out := Inspection{
		Name: name, Version: c.manifest.Version, Module: filepath.Join(dir, name+moduleSuffix), Bytes: len(c.module), SHA256: c.digest,
		Hooks: c.manifest.points(), Asked: c.manifest.Capabilities.Value(),
		Imports: []InspectedImport{}, Exports: []string{}, Serves: []string{}, Memory: []string{}, Sections: []Section{}, Refusals: []string{},
	}
	info, err := sandbox.Inspect(c.module)
	if err == nil {
		out.describe(&info)
		out.Metered, _ = sandbox.MeteredSize(c.module) // loading it says why not
	}
	if c.signature != nil {
		out.SignedBy = signerOf(c.signature)
	}
	if err = errors.Join(c.err, err); err == nil {
		var v *version
		if v, err = h.load(ctx, c, newTally()); err == nil {
			err = v.program.Close()
		}
	}
	out.Refusals = append(out.Refusals, Reasons(err)...)
	return out, ctx.Err()
}

// describe takes over what a module says of itself.
func (out *Inspection) describe(info *sandbox.Info) {
	out.Functions, out.HasStart, out.Configured = info.Functions, info.HasStart, exports(info, abi.Configure)
	for _, need := range info.Imports {
		one := InspectedImport{Name: clippedTo(need.Module+"."+need.Name, 100), Type: typed(need.Kind, need.Params, need.Results)}
		if need.Module == abi.Imports {
			one.Capability = capabilityOf[need.Name]
		}
		out.Imports = append(out.Imports, one)
	}
	for _, e := range info.Exports {
		out.Exports = append(out.Exports, clippedTo(e.Name, 100))
	}
	for _, p := range hook.Points() {
		if exports(info, string(p)) {
			out.Serves = append(out.Serves, string(p))
		}
	}
	for _, m := range info.Memories {
		out.Memory = append(out.Memory, fmt.Sprintf("%d pages of 64 KiB at first", m.Min))
	}
	for _, s := range info.Customs {
		out.Sections = append(out.Sections, Section{clippedTo(s.Name, 100), len(s.Data)})
	}
}

// typed puts the type of an import.
func typed(kind sandbox.Kind, params, results []sandbox.ValueType) string {
	if kind != sandbox.KindFunction {
		return fmt.Sprint(kind)
	}
	list := func(types []sandbox.ValueType) string {
		words := make([]string, 0, len(types))
		for _, t := range types {
			words = append(words, t.String())
		}
		return "(" + strings.Join(words, ", ") + ")"
	}
	return list(params) + " -> " + list(results)
}

// signerOf gives the publisher that a signature names; nobody verified it.
func signerOf(signature []byte) string {
	var file signedFile
	if err := strictjson.Decode(signature, &file, strictjson.Limits{MaxBytes: maxSignature}); err != nil {
		return ""
	}
	return clipped(file.KeyID)
}

// Reasons takes an error apart into what is wrong, each thing by itself.
func Reasons(err error) []string {
	var wrong *config.Problems
	var refused *sandbox.LoadError
	joined, isJoined := err.(interface{ Unwrap() []error })
	var all []string
	switch {
	case err == nil:
	case isJoined:
		for _, one := range joined.Unwrap() {
			all = append(all, Reasons(one)...)
		}
	case errors.As(err, &wrong):
		for _, p := range wrong.List {
			all = append(all, p.String())
		}
	case errors.As(err, &refused):
		all = refused.Reasons
	default:
		all = []string{err.Error()}
	}
	return all
}
