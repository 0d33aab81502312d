package people_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

const freeFailures = 5

// Failures of one address are bounded, whatever names it tries; what is no wrong password costs nothing.
func TestFailuresAreBounded(t *testing.T) {
	h := open(t, issuer)
	sign := func(refuses error) answer {
		h.attempt, h.refuses = login.Attempt{}, refuses
		return h.post("login", "flow", "f1", "token", "good", "username", "ann", "password", "p")
	}
	wrong := core.Fail(core.AccessDenied, "Wrong username or password.", login.ErrWrong)
	for range 2 * freeFailures {
		sign(nil).leads(t, "/api/oidc/authorize?flow=f1")
		sign(core.Refuse(core.TooManyRequests, "The account waits.")).shows(t, http.StatusTooManyRequests, "The account waits.")
		sign(core.Refuse(core.TemporarilyUnavailable, "busy"))
	}
	for range freeFailures {
		sign(wrong).shows(t, http.StatusOK, "Wrong username")
	}
	for _, refuses := range []error{nil, wrong} {
		a := sign(refuses)
		if a.shows(t, http.StatusTooManyRequests, "Wait a few seconds"); a.Header.Get("Retry-After") != "3" || h.attempt.Username != "" {
			t.Errorf("%v, %+v", a.Header, h.attempt)
		}
	}
	h.now = h.now.Add(3 * time.Second)
	sign(nil).leads(t, "/api/oidc/authorize?flow=f1")
	sign(wrong).shows(t, http.StatusOK, "Wrong username")
	sign(nil).shows(t, http.StatusTooManyRequests)
}
