package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/registration"
)

func readLimits(t *testing.T, text string) registration.Site {
	t.Helper()
	site := registration.DefaultSite()
	if err := config.Read([]byte(text), "dcr_config.yaml", &site, func(string) (string, bool) { return "", false }); err != nil {
		t.Fatal(err)
	}
	return site
}

// README.md and the comment in dcr_config.yaml say what holds by default, and dev's file can be read.
func TestWrittenLimits(t *testing.T) {
	want := registration.DefaultSite().Limits
	shown := blocks(t, "yaml")
	i := slices.IndexFunc(shown, func(block string) bool { return strings.HasPrefix(block, "limits:") })
	if i < 0 {
		t.Fatal("README.md shows no limits")
	}
	site := readLimits(t, shown[i])
	site.Limits.Known = want.Known
	if fmt.Sprintf("%+v", site.Limits) != fmt.Sprintf("%+v", want) || !site.Registration.Idempotent {
		t.Errorf("README.md: %+v, want %+v", site.Limits, want)
	}
	commented := regexp.MustCompile(`(?m)^# limits:\n(#   .*\n)+`).FindString(string(devSite))
	site = readLimits(t, regexp.MustCompile(`(?m)^# `).ReplaceAllString(commented, ""))
	site.Limits.Known = want.Known
	if commented == "" || fmt.Sprintf("%+v", site.Limits) != fmt.Sprintf("%+v", want) {
		t.Errorf("dcr_config.yaml says %q: %+v, want %+v", commented, site.Limits, want)
	}
	if dev := readLimits(t, string(devSite)+devLimits).Limits; dev.Address.Burst != 200 || dev.Name != want.Name {
		t.Errorf("dev: %+v", dev)
	}
}
