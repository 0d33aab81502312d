package plugins

import "testing"

// The order of SemVer §11, each before the next.
func TestVersionOrder(t *testing.T) {
	rising := []string{"none", "0", "0.9.9", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1", "1.0.1", "1.2", "1.10", "2.0.0"}
	for i, a := range rising {
		for j, b := range rising {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := compareVersions(a, b); got != want {
				t.Errorf("%s and %s: got %d, want %d", a, b, got, want)
			}
		}
	}
	for _, same := range [][2]string{{"1", "1.0.0"}, {"1.2", "1.2.0+build.7"}, {"1.0.0-rc.1+x", "1.0.0-rc.1"}} {
		if compareVersions(same[0], same[1]) != 0 {
			t.Errorf("%s and %s differ", same[0], same[1])
		}
	}
	for _, bad := range []string{"", "v1", "01.0", "1.0.0-", "1.0.0-01", "1..2", "1.2.3.4", "1.0 ", "99999999999999999999"} {
		if semver.MatchString(bad) {
			t.Errorf("%q was taken for a version", bad)
		}
	}
}
