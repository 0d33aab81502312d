package registration

import (
	"container/list"
	"sync"

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

// look gives the verdict on an address; nil: there is none, or it had to go.
func (s *shelf) look(id core.ClientID) *standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.known[id]; e != nil {
		return e.Value.(*placed).what.standing.Load()
	}
	return nil
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
