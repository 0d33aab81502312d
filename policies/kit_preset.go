package policies

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A Preset is a folder of rules for one kind of client, to be copied into a policy folder and edited there.
type Preset struct {
	Name  string `json:"name"`
	About string `json:"about"` // one line
}

//go:embed presets
var presets embed.FS

// Presets lists what init can begin with, by name. The line about each is the title of its README.md.
func Presets() ([]Preset, error) {
	entries, err := presets.ReadDir("presets")
	if err != nil {
		return nil, fmt.Errorf("read the presets: %w", err)
	}
	list := make([]Preset, 0, len(entries))
	for _, entry := range entries {
		text, err := presets.ReadFile("presets/" + entry.Name() + "/README.md")
		if err != nil {
			return nil, fmt.Errorf("read the presets: %w", err)
		}
		title, _, _ := strings.Cut(string(text), "\n")
		list = append(list, Preset{entry.Name(), strings.TrimPrefix(title, "# "+entry.Name()+": ")})
	}
	return list, nil
}

// PresetFiles gives the files of a preset. They stand in a folder of the preset's name, so that a site may have several; its data
// stands below ostiary/data, where that of every site does, under the preset's name.
func PresetFiles(name string) ([]ScaffoldFile, error) {
	list, err := Presets()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range list {
		if p.Name == name {
			return presetFiles(name)
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("there is no preset %s; there are %s", name, strings.Join(names, ", "))
}

func presetFiles(name string) ([]ScaffoldFile, error) {
	var files []ScaffoldFile
	err := fs.WalkDir(presets, "presets/"+name, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := presets.ReadFile(at)
		file := strings.TrimPrefix(at, "presets/")
		if data, is := strings.CutPrefix(file, name+"/"+path.Join(dataRoot...)+"/"); is {
			file = path.Join(path.Join(dataRoot...), data)
		}
		files = append(files, ScaffoldFile{file, text})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the preset %s: %w", name, err)
	}
	return files, nil
}
