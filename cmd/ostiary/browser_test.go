package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A person signs in at the demo with Chromium; testdata/clients/browser.mjs says what is done and what must not be seen. With
// SCREENSHOTS set to a folder, the pictures stay there.
func TestBrowser(t *testing.T) {
	node, chromium := needNode(t), program(t, "chromium")
	pictures := os.Getenv("SCREENSHOTS")
	if pictures == "" {
		pictures = t.TempDir()
	}
	pictures, err := filepath.Abs(pictures)
	if err != nil {
		t.Fatal(err)
	}
	signInWith(t, nodeCommand(t, node, "browser.mjs"), startDev(t), "CHROMIUM="+chromium, "SCREENSHOTS="+pictures)
	shots, err := filepath.Glob(filepath.Join(pictures, "*.png"))
	if err != nil || len(shots) == 0 {
		t.Errorf("no picture was taken: %v", err)
	}
}
