package web

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

func TestParseMoment(t *testing.T) {
	now := time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "7d": now.AddDate(0, 0, -7), "90m": now.Add(-90 * time.Minute), "0h": now, "2026-03-01": now.Add(-7*24*time.Hour - 12*time.Hour),
		"2026-03-01T13:00:00+01:00": now.AddDate(0, 0, -7), "99999999d": now.Add(-maxDaysAgo * 24 * time.Hour),
	} {
		if got, err := ParseMoment("since", text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"yesterday", "d", "-1d", "-1h", "7 d", "7w", "2026-13-01", "1e9d"} {
		if got, err := ParseMoment("since", text, now); core.CodeOf(err) != core.InvalidRequest {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
