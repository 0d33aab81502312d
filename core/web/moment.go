package web

import (
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
)

// ParseMoment reads a moment in the past as people write it: RFC 3339, a day in UTC (2026-03-01), or how long ago it was (90m,
// 12h, 7d). name is the parameter that an error speaks of; "" gives the zero time.
func ParseMoment(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	ago, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		var n int
		n, err = strconv.Atoi(days)
		ago = time.Duration(min(n, maxDaysAgo)) * 24 * time.Hour
	}
	if err != nil || ago < 0 {
		return time.Time{}, core.Refuse(core.InvalidRequest, "%s must be a time such as 2026-03-01T12:00:00Z or 2026-03-01, or how long ago, such as 7d or 12h.", name)
	}
	return now.Add(-ago), nil
}

// maxDaysAgo is before anything there is, and within what a duration can hold.
const maxDaysAgo = 100 * 365
