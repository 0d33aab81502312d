package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/plugins"
	"github.com/ostiary/ostiary/sdk"
)

func pluginBuildCommand() *cobra.Command {
	return (&kitFlags{}).about("build [DIR]", "Build a plugin from its source, with the tools of its language",
		"build puts NAME.wasm beside NAME.yaml. It runs go (go.mod), cargo (Cargo.toml) or asc (asconfig.json), and shows what they say.\n"+
			"Names of functions are kept, so that faults can say where they happened.",
		func(cmd *cobra.Command, b *bench) error { return b.buildPlugin(cmd.Context()) })
}

// A toolchain builds plugins of one language.
type toolchain struct {
	language string
	mark     string // the file that says that a folder is in this language
	build    func(w *works, ctx context.Context) (module string, err error)
}

var toolchains = []toolchain{
	{sdk.Go, "go.mod", (*works).goModule},
	{sdk.Rust, "Cargo.toml", (*works).rustModule},
	{sdk.AssemblyScript, "asconfig.json", (*works).scriptModule},
}

// works are where one plugin is built.
type works struct {
	dir, temp string
	errs      io.Writer // what the tools say goes there
}

// built is the document of plugin build.
type builtPlugin struct {
	Plugin   string `json:"plugin"`
	Language string `json:"language"`
	Module   string `json:"module"`
	Bytes    int64  `json:"bytes"`
}

func (b *bench) buildPlugin(ctx context.Context) error {
	dir, name, err := plugins.PluginName(b.dir)
	if err != nil {
		return err
	}
	tools, err := toolchainOf(dir)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "ostiary-plugin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	module, err := tools.build(&works{dir, temp, b.errs}, ctx)
	if err != nil {
		return err
	}
	code, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	doc := builtPlugin{Plugin: name, Language: tools.language, Module: filepath.Join(dir, name+".wasm"), Bytes: int64(len(code))}
	if err := putFile(doc.Module, code); err != nil {
		return err
	}
	if b.json {
		return b.printJSON(doc)
	}
	_, err = fmt.Fprintf(b.out, "built %s: %s\n", doc.Module, sized(doc.Bytes))
	return err
}

func toolchainOf(dir string) (*toolchain, error) {
	for i, t := range toolchains {
		if _, err := os.Stat(filepath.Join(dir, t.mark)); err == nil {
			return &toolchains[i], nil
		}
	}
	return nil, fmt.Errorf("%s is in no language that is known: it has none of go.mod, Cargo.toml and asconfig.json", dir)
}

// run runs a tool in the plugin's folder, and gives what it says on its standard output.
func (w *works) run(ctx context.Context, get string, env []string, name string, args ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("there is no %s on this machine; %s", name, get)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, w.errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if errors.As(err, new(*exec.ExitError)) {
			return out.String(), fmt.Errorf("%s in %s failed: %w", name, w.dir, err)
		}
		return "", err
	}
	return out.String(), nil
}

func (w *works) goModule(ctx context.Context) (string, error) {
	module := filepath.Join(w.temp, "plugin.wasm")
	out, err := w.run(ctx, "install Go 1.26 or later from https://go.dev/dl", []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWORK=off"},
		"go", "build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-o", module, ".")
	return module, w.saying(out, err)
}

// saying shows what a tool that failed said on its standard output.
func (w *works) saying(out string, err error) error {
	if err != nil {
		_, _ = io.WriteString(w.errs, out)
	}
	return err
}

const (
	rustTarget = "wasm32-unknown-unknown"
	getRust    = "install Rust from https://rustup.rs"
)

func (w *works) rustModule(ctx context.Context) (string, error) {
	rustc := "rustc"
	if own := os.Getenv("RUSTC"); own != "" { // cargo takes it, too
		rustc = own
	}
	libraries, err := w.run(ctx, getRust, nil, rustc, "--print", "target-libdir", "--target", rustTarget)
	if err != nil {
		return "", w.saying(libraries, err)
	}
	if !isFolder(strings.TrimSpace(libraries)) {
		return "", fmt.Errorf("%s does not build for %s yet; run: rustup target add %[2]s", rustc, rustTarget)
	}
	out, err := w.run(ctx, getRust, nil, "cargo", "build", "--release", "--target", rustTarget, "--message-format=json-render-diagnostics")
	if err != nil {
		return "", err // out is of no use to people
	}
	return artifact(out)
}

// artifact finds the module in what cargo says of its work, a document a line.
func artifact(out string) (string, error) {
	var modules []string
	for line := range strings.Lines(out) {
		doc, err := strictjson.Parse([]byte(strings.TrimSpace(line)), strictjson.Stored)
		if err != nil || textOf(doc, "reason") != "compiler-artifact" {
			continue
		}
		files, _ := member(doc, "filenames").Strings()
		for _, file := range files {
			if strings.HasSuffix(file, ".wasm") {
				modules = append(modules, file)
			}
		}
	}
	if len(modules) == 0 {
		return "", errors.New(`cargo built no module: say crate-type = ["cdylib", "rlib"] below [lib] in Cargo.toml`)
	}
	return modules[len(modules)-1], nil
}

func (w *works) scriptModule(ctx context.Context) (string, error) {
	const getNode = "install Node.js 22 or later from https://nodejs.org"
	asc := filepath.Join("node_modules", "assemblyscript", "bin", "asc.js")
	if _, err := os.Stat(filepath.Join(w.dir, asc)); err != nil {
		if out, err := w.run(ctx, getNode, nil, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
			return "", w.saying(out, err)
		}
	}
	module := filepath.Join(w.temp, "plugin.wasm")
	out, err := w.run(ctx, getNode, nil, "node", asc, "--config", "asconfig.json", "--target", "release", "--outFile", module)
	return module, w.saying(out, err)
}
