package policies

import (
	"strings"
	"testing"
)

// Every file of a preset is in the folder of its name or is its data, and each has what init promises.
func TestPresetFiles(t *testing.T) {
	list, err := Presets()
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	for _, p := range list {
		files, err := PresetFiles(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for _, f := range files {
			there[f.Name] = true
			if !strings.HasPrefix(f.Name, p.Name+"/") && f.Name != "ostiary/data/"+p.Name+"/data.json" || len(f.Text) == 0 {
				t.Errorf("%s of %s", f.Name, p.Name)
			}
		}
		rules := p.Name + "/" + strings.ReplaceAll(p.Name, "-", "_")
		for _, want := range []string{p.Name + "/README.md", p.Name + "/dcr_config.yaml", p.Name + "/settings.rego", rules + ".rego", rules + "_test.rego"} {
			if !there[want] {
				t.Errorf("there is no %s", want)
			}
		}
	}
}

func TestUnknownPreset(t *testing.T) {
	for _, name := range []string{"", "nobody", "../kit", "mcp/requests"} {
		if files, err := PresetFiles(name); err == nil || !strings.Contains(err.Error(), "there are bff, enterprise") {
			t.Errorf("%q: %d files, %v", name, len(files), err)
		}
	}
}
