package fetch

import (
	"context"
	"sync"
)

// gate bounds how many requests are under way, in all and to one host.
type gate struct {
	all     chan struct{}
	perHost int

	mu    sync.Mutex
	hosts map[string]*lane
}

// lane is one host's places; it lives as long as somebody holds or awaits one.
type lane struct {
	places chan struct{}
	users  int
}

func newGate(all, perHost int) *gate {
	return &gate{all: make(chan struct{}, all), perHost: perHost, hosts: map[string]*lane{}}
}

// enter waits for a place; leave gives it back. The host's place is taken first, so that a slow host holds no common ones.
func (g *gate) enter(ctx context.Context, host string) (leave func(), err error) {
	l := g.join(host)
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		g.part(host, l)
		return nil, ctx.Err()
	}
	select {
	case g.all <- struct{}{}:
	case <-ctx.Done():
		<-l.places
		g.part(host, l)
		return nil, ctx.Err()
	}
	return func() {
		<-g.all
		<-l.places
		g.part(host, l)
	}, nil
}

func (g *gate) join(host string) *lane {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.hosts[host]
	if l == nil {
		l = &lane{places: make(chan struct{}, g.perHost)}
		g.hosts[host] = l
	}
	l.users++
	return l
}

func (g *gate) part(host string, l *lane) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(g.hosts, host)
	}
}
