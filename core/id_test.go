package core_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Ids of later microseconds sort later, however many are made, and two are never the same.
func TestIDsSortByTime(t *testing.T) {
	start := time.Date(2026, 3, 1, 23, 59, 59, 990_000_000, time.UTC)
	for name, mint := range map[string]func(time.Time) string{
		"decision": func(at time.Time) string { return string(core.NewDecisionID(at)) },
		"token":    func(at time.Time) string { return string(core.NewTokenID(at)) },
		"client":   func(at time.Time) string { return string(core.NewClientID(at)) },
	} {
		var ids []string
		for i := range 2_000 {
			ids = append(ids, mint(start.Add(time.Duration(i)*time.Microsecond)))
		}
		if !slices.IsSorted(ids) {
			t.Errorf("%s ids are not in the order of their times", name)
		}
		if a, b := mint(start), mint(start); a == b {
			t.Errorf("%s ids of one moment are the same: %s", name, a)
		}
	}
}

func TestIDsStandInAPath(t *testing.T) {
	now := time.Now()
	for _, id := range []string{string(core.NewDecisionID(now)), string(core.NewTokenID(now)), string(core.NewClientID(now))} {
		_, random, found := strings.Cut(id, "-")
		if !found || len(random) != 26 || strings.Trim(random, "0123456789abcdefghjkmnpqrstvwxyz") != "" {
			t.Errorf("%q is not a prefix, a hyphen and 26 characters", id)
		}
	}
}

func TestNewSecretIsLongAndNew(t *testing.T) {
	a, b := core.NewSecret(), core.NewSecret()
	if len(a.Reveal()) != 43 || a == b {
		t.Errorf("two new secrets: %d characters, same: %t", len(a.Reveal()), a == b)
	}
	if again := core.Secret(a.Reveal()); a.Hash() != again.Hash() || a.Hash() == b.Hash() {
		t.Error("a hash does not tell secrets apart")
	}
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, "abc"
	if got := core.Secret("abc").Hash().String(); got != want {
		t.Errorf("hash = %s", got)
	}
}

// No way of printing shows a secret, not even a verb that does not fit. (fmt asks nobody for %p; vet refuses it.)
func TestSecretsDoNotPrint(t *testing.T) {
	const marker = "marker-0123456789"
	secret := core.Secret(marker)
	holder := struct {
		Name   string
		Bearer core.Secret
		List   []core.Secret
	}{"n", secret, []core.Secret{secret}}

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T%v", "%20s", "%08.3f"} {
		for _, v := range []any{secret, &secret, holder, map[string]core.Secret{"k": secret}} {
			checkHidden(t, verb, fmt.Sprintf(strings.Replace(verb, "%T", "", 1), v), marker)
		}
	}
	checkHidden(t, "Sprint", fmt.Sprint(secret, holder)+secret.String(), marker)

	text, err := json.Marshal(holder)
	if err != nil || !strings.Contains(string(text), "[redacted]") {
		t.Errorf("JSON = %s, %v", text, err)
	}
	checkHidden(t, "JSON", string(text), marker)

	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "secret", secret, "holder", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "secret", secret, "holder", holder)
	if !strings.Contains(log.String(), "[redacted]") {
		t.Errorf("log = %s", log.String())
	}
	checkHidden(t, "slog", log.String(), marker)
}

// checkHidden also looks for the marker's bytes in hexadecimal.
func checkHidden(t *testing.T, how, text, marker string) {
	t.Helper()
	if strings.Contains(text, marker) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", marker)) {
		t.Errorf("%s shows the secret: %s", how, text)
	}
}

// The first id of a moment lies between the ids made before it and those made from then on.
func TestFirstDecisionID(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 1234567, time.UTC)
	first := core.FirstDecisionID(at)
	for range 100 {
		before, then := core.NewDecisionID(at.Add(-time.Microsecond)), core.NewDecisionID(at)
		if before >= first || then < first {
			t.Fatalf("%s, %s, %s", before, first, then)
		}
	}
	if oldest := core.FirstDecisionID(time.Time{}); oldest > core.FirstDecisionID(time.Unix(0, 0)) {
		t.Errorf("before all time: %s", oldest)
	}
}
