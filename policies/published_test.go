package policies

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/ostiary/ostiary/core/strictjson"
)

var update = flag.Bool("update", false, "write policies/contract anew")

// The contract that is published is the one that the server has: go test ./policies -run Published -update writes it.
func TestPublishedContractIsTheServers(t *testing.T) {
	files, err := Published()
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, file := range files {
		name := filepath.Join("contract", filepath.FromSlash(file.Name))
		wanted[name] = true
		if *update {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, file.Text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(text, file.Text) {
			t.Errorf("%s is not what the server has (%v); run: go test ./policies -run Published -update", name, err)
		}
	}
	found, err := filepath.Glob("contract/*/*")
	if err != nil || len(found)+1 != len(files) {
		t.Errorf("%d files in the folders of contract, %v", len(found), err)
	}
	for _, name := range found {
		if !wanted[name] {
			t.Errorf("%s is nobody's", name)
		}
	}
}

// Whoever reads the file gets exactly what the server compiles with; and nothing may be fetched.
func TestPublishedCapabilitiesAreTheServers(t *testing.T) {
	text, err := publishedCapabilities()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ast.LoadCapabilitiesJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	have := capabilities()
	if read.AllowNet == nil || len(read.AllowNet) > 0 || len(read.Builtins) != len(have.Builtins) || strings.Join(read.Features, " ") != strings.Join(have.Features, " ") {
		t.Errorf("allow_net %v, %d built-ins, features %v", read.AllowNet, len(read.Builtins), read.Features)
	}
	for i, b := range read.Builtins {
		if b.Name != have.Builtins[i].Name || b.Decl.String() != have.Builtins[i].Decl.String() {
			t.Errorf("%s: %v, want %v", b.Name, b.Decl, have.Builtins[i].Decl)
		}
	}
}

func TestPublishedFilesAreInForm(t *testing.T) {
	files, err := Published()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file.Name, ".rego") {
			if want, err := format.Source(file.Name, file.Text); err != nil || !bytes.Equal(want, file.Text) {
				t.Errorf("%s is not formatted: %v", file.Name, err)
			}
		} else if _, err := strictjson.Parse(file.Text, strictjson.Stored); err != nil {
			t.Errorf("%s: %v", file.Name, err)
		}
	}
}

// The server passes over the contract in a folder.
func TestPublishedFolderIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	files, err := Skeleton()
	if err != nil {
		t.Fatal(err)
	}
	hidden := 0
	for _, file := range files {
		name := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Text, 0o644); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(file.Name, PublishedFolder+"/") {
			hidden++
		}
	}
	read, err := ReadFolder(dir)
	if err != nil || len(read) != 2 || hidden != 2+2*int(decisions) {
		t.Errorf("%d files of %d, %d hidden, %v", len(read), len(files), hidden, err)
	}
}
