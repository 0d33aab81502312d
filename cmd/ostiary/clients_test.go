package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Clients of others, unmodified, sign in with the real program: testdata/clients holds those of npm and the browser's script,
// testdata/goclient those of Go, in a module of its own. `make clients` installs what they need.

// clientPatience bounds one script.
const clientPatience = 3 * time.Minute

func TestClients(t *testing.T) {
	node := needNode(t)
	introduction := startDev(t)
	for name, script := range map[string]string{"openid-client": "openid-client.mjs", "MCP": "mcp.mjs"} {
		t.Run(name, func(t *testing.T) {
			signInWith(t, nodeCommand(t, node, script), introduction)
		})
	}
}

func TestGoClient(t *testing.T) {
	introduction := startDev(t)
	ctx, cancel := context.WithTimeout(t.Context(), clientPatience)
	defer cancel()
	binary := filepath.Join(t.TempDir(), "goclient")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir = filepath.Join("testdata", "goclient")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	signInWith(t, exec.CommandContext(ctx, binary), introduction)
}

// needNode gives the program that runs the scripts. Where it or the packages are missing, CI fails and others are told.
func needNode(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(packages); err != nil {
		lacking(t, "the npm packages")
	}
	return program(t, "node")
}

const packages = "../../bin/clients/node_modules"

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lacking(t, name)
	}
	return path
}

func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: not installed; run: make clients", what)
	}
	t.Skipf("not tested, because this is not installed: %s. Run: make clients", what)
}

// nodeCommand runs a script of testdata/clients beside the packages that it imports.
func nodeCommand(t *testing.T, node, script string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "clients"))); err != nil {
		t.Fatal(err)
	}
	target, err := filepath.Abs(packages)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), clientPatience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Dir = dir
	return cmd
}

// signInWith plays a client against the server that introduced itself so.
func signInWith(t *testing.T, cmd *exec.Cmd, introduction string, environment ...string) {
	t.Helper()
	cmd.Env = append(append(os.Environ(), "OSTIARY_DEV="+introduction), environment...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("%s: %v", filepath.Base(cmd.Args[len(cmd.Args)-1]), err)
	}
}

// startDev runs "ostiary dev" with registration open to all, and gives what it prints on its first line.
func startDev(t *testing.T, args ...string) string {
	t.Helper()
	data := t.TempDir()
	open := strings.Replace(string(devSite), "open: false", "open: true ", 1)
	if open == string(devSite) {
		t.Fatal("dcr_config.yaml has no registration.open")
	}
	if err := os.MkdirAll(filepath.Join(data, "config"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "config", "dcr_config.yaml"), []byte(open), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server := exec.Command(binary, append([]string{"dev", "--data", data, "--listen", "localhost:0", "--ops-listen", "localhost:0", "--output", "json"}, args...)...)
	server.Args[0] = "ostiary" // testscript.Main runs the command of this name
	server.Stderr = &log
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		if err := server.Wait(); err != nil {
			t.Errorf("the server did not end cleanly: %v", err)
		}
		for line := range strings.Lines(log.String()) {
			if t.Failed() && !strings.Contains(line, `"level":"INFO"`) {
				t.Logf("the server: %s", line)
			}
		}
	})
	if err != nil {
		t.Fatalf("ostiary dev did not start: %v", err)
	}
	return line
}
