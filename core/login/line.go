package login

import (
	"net/netip"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// longestLine is how many hashes of one caller may be waited for or made at once. Hashes are slow and few are made at a time: a
// caller with many tries at once would keep everybody else waiting. A whole office behind one address still gets in at once.
const longestLine = 64

// A line is a caller as hashes are counted: a network.
type line string

// lineOf gives the line of an address. An IPv6 caller is its /64, since the rest of the address is theirs to choose. What is no
// address shares one line.
func lineOf(ip string) line {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	if addr = addr.Unmap(); addr.Is4() {
		return line(addr.String())
	}
	network, err := addr.Prefix(64)
	if err != nil { // 64 bits always fit an IPv6 address
		return ""
	}
	return line(network.String())
}

// lines counts who stands where. Nobody stays longer than a hash is waited for and made, so the table is as long as there are
// requests under way.
type lines struct {
	mu       sync.Mutex
	standing map[line]int
}

func newLines() *lines { return &lines{standing: make(map[line]int)} }

// enter takes a place in a line; leave gives it back. When the line is too long it refuses at once.
func (l *lines) enter(at line) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.standing[at] >= longestLine {
		return nil, &core.Error{
			Code: core.TooManyRequests, Detail: "Too many tries at once from where you are; try again in a moment.", RetryAfter: time.Second,
		}
	}
	l.standing[at]++
	return func() { l.leave(at) }, nil
}

func (l *lines) leave(at line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.standing[at]--; l.standing[at] == 0 {
		delete(l.standing, at)
	}
}
