package plugins

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// semver is Semantic Versioning 2.0.0, where 1 and 1.2 stand for 1.0.0 and 1.2.0. Numbers stay within int64.
var semver = regexp.MustCompile(`^(0|[1-9]\d{0,17})(?:\.(0|[1-9]\d{0,17}))?(?:\.(0|[1-9]\d{0,17}))?` +
	`(?:-((?:0|[1-9]\d{0,17}|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d{0,17}|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`)

// compareVersions tells which of two versions comes first (SemVer §11); what is no version comes before all.
func compareVersions(a, b string) int {
	of, against := semver.FindStringSubmatch(a), semver.FindStringSubmatch(b)
	if of == nil || against == nil {
		return cmp.Compare(len(of), len(against))
	}
	for i := 1; i <= 3; i++ {
		if c := cmp.Compare(number(of[i]), number(against[i])); c != 0 {
			return c
		}
	}
	return comparePre(of[4], against[4])
}

// comparePre compares pre-releases; none comes after any.
func comparePre(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(len(b), len(a))
	}
	of, against := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(of), len(against)) {
		if c := compareIdentifiers(of[i], against[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(of), len(against))
}

// compareIdentifiers compares two parts of a pre-release: numbers as numbers, and before words.
func compareIdentifiers(a, b string) int {
	of, against := isNumber(a), isNumber(b)
	switch {
	case of && against:
		return cmp.Compare(number(a), number(b))
	case of:
		return -1
	case against:
		return 1
	}
	return cmp.Compare(a, b)
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // it matched, or is absent
	return n
}
