package policies

import (
	"bytes"
	"strings"
	"testing"
)

// filesOf gives a source of scaffold files.
func filesOf(t *testing.T, files []ScaffoldFile, err error) Source {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	src := Source{Origin: Folder, Site: exampleConfig(), Files: map[string][]byte{}}
	for _, f := range files {
		if strings.HasSuffix(f.Name, ".rego") && !strings.HasPrefix(f.Name, PublishedFolder) {
			src.Files[f.Name] = f.Text
		}
	}
	return src
}

// skeleton gives the first files of a folder.
func skeleton(t *testing.T) Source {
	files, err := Skeleton()
	return filesOf(t, files, err)
}

// Everything in the kit succeeds on a fresh folder: the skeleton, or a copy of any one module.
func TestFreshFolders(t *testing.T) {
	folders := map[string]Source{"skeleton": skeleton(t)}
	for _, module := range overridable() {
		files, err := Override(module)
		folders[module] = filesOf(t, files, err)
	}
	for name, src := range folders {
		t.Run(name, func(t *testing.T) {
			report, err := Check(src, long)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Warnings) > 0 || report.Tests < 2 || report.Files != 2 {
				t.Errorf("report = %+v", report)
			}
			for _, c := range report.Decisions {
				if !c.Cacheable {
					t.Errorf("%+v", c)
				}
			}
			for file, text := range src.Files {
				if formatted, err := Format(file, text); err != nil || !bytes.Equal(formatted, text) {
					t.Errorf("%s is not formatted: %v", file, err)
				}
			}
			run, err := Test(src, TestOptions{Coverage: true, Within: long})
			if err != nil || run.Failed() > 0 || run.Percent < wantCoverage {
				t.Errorf("%v, %+v", err, run)
			}
		})
	}
}

func TestOverrideIsParticular(t *testing.T) {
	for module, says := range map[string]string{
		"scopes": "authorization.scopes, registration.scopes, token.scopes",
		"nobody": "there are registration.acceptance",
		"":       "there is no shipped module",
	} {
		if _, err := Override(module); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", module, err)
		}
	}
}

// A copy stands in the place of its module, and of nothing else.
func TestReplaces(t *testing.T) {
	files, err := Override("redirects")
	src := filesOf(t, files, err)
	others, err := Override("acceptance")
	if err != nil {
		t.Fatal(err)
	}
	if got := files[0].Replaces(src); got != "redirects.rego" {
		t.Errorf("replaces %q", got)
	}
	if got := others[0].Replaces(src); got != "" {
		t.Errorf("replaces %q", got)
	}
}
