package login_test

import (
	"fmt"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

// stuck is a house where no hash is finished before release.
func stuck(t *testing.T) (h *house, release func()) {
	h = open(t)
	out := make(chan struct{})
	h.Deriving(func(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte {
		<-out
		return login.Quick(password, salt, passes, memory, threads, keyLength)
	})
	return h, func() { close(out) }
}

// Of many tries from one network at once so many are under way; the rest are refused at once, are no tries, and others come in.
func TestLines(t *testing.T) {
	for name, addresses := range map[string][]string{
		"IPv4": {"192.0.2.1", "::ffff:192.0.2.1"}, "IPv6": {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:1::3%eth0"}, "no address": {"", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			h, release := stuck(t)
			done := make(chan error)
			try := func(d *login.Desk, name, ip string) {
				_, _, err := d.SignIn(t.Context(), login.Attempt{Username: name, Password: "wrong horse", IP: ip})
				done <- err
			}
			const many = login.LongestLine + 46
			desks := []*login.Desk{h.Desk, h.For(core.ConsoleSession, login.DefaultLifetime)} // one line for all kinds
			for i := range many {
				go try(desks[i%2], fmt.Sprint("user", i), addresses[i%len(addresses)])
			}
			for range many - login.LongestLine {
				err := <-done
				if checkCode(t, err, core.TooManyRequests, "at once"); core.AsError(err).RetryAfter <= 0 {
					t.Error("no hint when to come again")
				}
			}
			go try(h.Desk, "elsewhere", "198.51.100.7")
			go try(h.Desk, "elsewhere6", "2001:db8:0:2::1")
			release()
			for range login.LongestLine + 2 {
				checkCode(t, <-done, core.AccessDenied, "Wrong")
			}
			tried := 0
			for i := range many {
				tries, _ := h.vault.Tries(t.Context(), login.Account(fmt.Sprint("user", i)))
				tried += tries.Count
			}
			if tried != login.LongestLine || h.Standing() != 0 {
				t.Errorf("%d tries, %d still in a line", tried, h.Standing())
			}
		})
	}
}
