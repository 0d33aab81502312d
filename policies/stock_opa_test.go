package policies

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stockOPA gives the opa that anybody can install.
func stockOPA(t *testing.T) string {
	t.Helper()
	program, err := filepath.Abs("../bin/tools/opa")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err == nil {
		return program
	}
	const missing = "bin/tools/opa is not there; build it with: make bin/tools/opa"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// checkWithOPA runs opa check in a folder with the contract there.
func checkWithOPA(t *testing.T, dir, contract string, paths ...string) (output string, ok bool) {
	t.Helper()
	args := []string{"check", "--strict", "--capabilities", contract + "/capabilities.json", "-s", contract + "/schemas"}
	cmd := exec.Command(stockOPA(t), append(args, paths...)...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// folderOf writes the files of a policy folder.
func folderOf(t *testing.T, files []ScaffoldFile) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range files {
		name := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What is published works with a tool that knows nothing of us: the shipped rules, a fresh folder, and the rules of README.md.
func TestStockOPAChecksWhatWePublish(t *testing.T) {
	if out, ok := checkWithOPA(t, ".", "contract", "rego"); !ok {
		t.Errorf("the shipped rules:\n%s", out)
	}
	files, err := Skeleton()
	if err != nil {
		t.Fatal(err)
	}
	_, snippets := readme(t)
	for name, text := range snippets {
		files = append(files, ScaffoldFile{name, text})
	}
	if out, ok := checkWithOPA(t, folderOf(t, files), PublishedFolder, "."); !ok {
		t.Errorf("a folder with the rules of README.md:\n%s", out)
	}
}

// It finds what the server would find.
func TestStockOPAFindsMistakes(t *testing.T) {
	skeleton, err := Skeleton()
	if err != nil {
		t.Fatal(err)
	}
	for says, body := range map[string]string{
		"scopse":           houseOf(registration) + `label contains "x" if "a" in input.scopse` + "\n",
		"redirect":         houseOf(registration) + `label contains "x" if data.ostiary.config.redirect.max > 1` + "\n",
		"schem":            houseOf(registration) + `label contains "x" if ostiary.uri(input.profile).schem == "https"` + "\n",
		"operation":        houseOf(token) + `strip contains {"rule": "r", "scope": "x"} if input.operation == "update"` + "\n",
		"amdin":            houseOf(session) + `limit contains {"rule": "r", "name": "session_lifetime", "value": 1} if input.user.amdin` + "\n",
		"http.send":        houseOf(authorization) + `strip contains {"rule": "r", "scope": x} if x := http.send({}).body` + "\n",
		"time.now_ns":      houseOf(registration) + `label contains "x" if time.now_ns() > 1` + "\n",
		"invalid argument": houseOf(registration) + `label contains "x" if ostiary.host_matches(input.pass, "a.example")` + "\n",
	} {
		dir := folderOf(t, append(skeleton[:len(skeleton):len(skeleton)], ScaffoldFile{"mine/mistake.rego", []byte(body)}))
		if out, ok := checkWithOPA(t, dir, PublishedFolder, "."); ok || !strings.Contains(out, "mistake.rego:3") || !strings.Contains(out, says) {
			t.Errorf("%s\n%s", body, out)
		}
	}
}
