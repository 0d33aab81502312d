package registration

import (
	"container/list"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A shelf holds what is known of so many addresses, apart those whose documents are accepted and the rest, so that strangers do
// not drive out clients that are in use. When one side is full, that goes which nobody asked for the longest.
type shelf struct {
	most, mostRest int

	mu         sync.Mutex
	known      map[core.ClientID]*list.Element
	good, rest *list.List // of *placed, the one asked for last in front
}

type placed struct {
	id   core.ClientID
	in   *list.List
	what described
}

func newShelf(most, mostRest int) *shelf {
	return &shelf{most: most, mostRest: mostRest, known: make(map[core.ClientID]*list.Element), good: list.New(), rest: list.New()}
}

// place finds what is known of an address, or makes a place for it.
func (s *shelf) place(id core.ClientID) *described {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.known[id]; e != nil {
		p := e.Value.(*placed)
		p.in.MoveToFront(e)
		return &p.what
	}
	p := &placed{id: id, what: described{turn: make(chan struct{}, 1)}}
	s.put(p, s.rest, s.mostRest)
	return &p.what
}

// put stands an address on one side; the caller holds mu.
func (s *shelf) put(p *placed, in *list.List, most int) {
	for in.Len() >= most {
		delete(s.known, in.Remove(in.Back()).(*placed).id)
	}
	p.in, s.known[p.id] = in, in.PushFront(p)
}

// mark says whether the document at an address is accepted.
func (s *shelf) mark(id core.ClientID, accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.known[id]
	if e == nil {
		return // it had to go meanwhile
	}
	p, to, most := e.Value.(*placed), s.rest, s.mostRest
	if accepted {
		to, most = s.good, s.most
	}
	if p.in != to {
		p.in.Remove(e)
		s.put(p, to, most)
	}
}

// How often documents of clients are fetched that are not accepted here yet: of one host, and in all. Documents that are do not
// count, and come again no sooner than the site lets them.
const (
	hostBurst, hostEvery = 20, 3 * time.Second
	allBurst, allEvery   = 120, time.Second / 2
	maxPaced             = 1000 // hosts that are remembered
)

// A pace lets strangers have so many documents fetched.
type pace struct {
	mu    sync.Mutex
	all   time.Time // when all of it will be there again
	hosts map[string]time.Time
}

func newPace() *pace { return &pace{hosts: make(map[string]time.Time)} }

// wait takes one fetch from a host; when there is none left it says how long until there is.
func (p *pace) wait(host string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.hosts) >= maxPaced {
		p.forget(now)
	}
	full, wait := spend(p.hosts[host], now, hostBurst, hostEvery)
	if wait > 0 {
		return wait
	}
	all, wait := spend(p.all, now, allBurst, allEvery)
	if wait > 0 {
		return wait
	}
	p.hosts[host], p.all = full, all
	return 0
}

// forget drops the hosts that have everything, or all: the bound on all hosts together holds whatever is forgotten.
func (p *pace) forget(now time.Time) {
	for host, full := range p.hosts {
		if !full.After(now) {
			delete(p.hosts, host)
		}
	}
	if len(p.hosts) >= maxPaced {
		clear(p.hosts)
	}
}

// spend gives when a bucket will be full again after one more, or how long until there is one. It makes good a clock that was set back.
func spend(full, now time.Time, burst int, every time.Duration) (time.Time, time.Duration) {
	most := time.Duration(burst) * every
	if full.Before(now) {
		full = now
	}
	if empty := now.Add(most); full.After(empty) {
		full = empty
	}
	full = full.Add(every)
	return full, max(0, full.Sub(now)-most)
}
