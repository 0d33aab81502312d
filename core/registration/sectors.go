package registration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/strictjson"
)

// How long what a sector publishes is believed.
const (
	sectorFresh = time.Hour        // after that it is fetched again
	sectorStale = 24 * time.Hour   // so long it counts while its publisher cannot be reached
	sectorPause = 30 * time.Second // the least time between two fetches of one address
	maxSectors  = 256              // addresses that are remembered
	maxSector   = 64 << 10         // bytes
)

// ErrNoSector says that there is no list to be had. What stands behind it is for the log.
var ErrNoSector = errors.New("the sector's list could not be had")

// SectorLists keeps what sectors publish. It is safe for concurrent use.
type SectorLists struct {
	fetch func(ctx context.Context, uri string) ([]byte, error)
	now   func() time.Time
	mu    sync.Mutex
	known map[string]*sectorList
}

type sectorList struct {
	uris    []string
	fetched time.Time // when uris were; zero: never
	tried   time.Time
	failure error // of the last try
}

// NewSectorLists makes a SectorLists that reads documents with fetch, which trusts no address and bounds time.
func NewSectorLists(fetch func(ctx context.Context, uri string) ([]byte, error), now func() time.Time) *SectorLists {
	return &SectorLists{fetch: fetch, now: now, known: map[string]*sectorList{}}
}

// Lacks implements Sectors. A list that is old, or lacks something, is fetched again, but not more often than twice a minute.
func (s *SectorLists) Lacks(ctx context.Context, sector string, uris []string) ([]string, error) {
	now := s.now()
	list := s.look(sector)
	lacks := without(uris, list.uris...)
	old := list.fetched.IsZero() || now.Sub(list.fetched) >= sectorFresh || len(lacks) > 0
	if old && (list.tried.IsZero() || now.Sub(list.tried) >= sectorPause) {
		list = s.refresh(ctx, sector, list)
		lacks = without(uris, list.uris...)
	}
	if list.fetched.IsZero() || now.Sub(list.fetched) > sectorStale {
		return nil, fmt.Errorf("%w: %w", ErrNoSector, list.failure)
	}
	return lacks, nil
}

func (s *SectorLists) look(sector string) sectorList {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list, ok := s.known[sector]; ok {
		return *list
	}
	return sectorList{}
}

// refresh fetches the list. A request that was given up says nothing about the address and is not remembered.
func (s *SectorLists) refresh(ctx context.Context, sector string, list sectorList) sectorList {
	body, err := s.fetch(ctx, sector)
	if err != nil && ctx.Err() != nil {
		list.failure = ctx.Err()
		return list
	}
	var uris []string
	if err == nil {
		uris, err = readSector(body)
	}
	list.tried, list.failure = s.now(), err
	if err == nil {
		list.uris, list.fetched = uris, list.tried
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxSectors {
		s.forgetOldest()
	}
	s.known[sector] = &list
	return list
}

// Len counts the addresses that are remembered.
func (s *SectorLists) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known)
}

func readSector(body []byte) ([]string, error) {
	if len(body) > maxSector {
		return nil, fmt.Errorf("it has more than %d bytes", maxSector)
	}
	doc, err := strictjson.Parse(body, strictjson.Default)
	if err != nil {
		return nil, err
	}
	uris, ok := doc.Strings()
	if !ok {
		return nil, fmt.Errorf("it is not an array of strings but %s", doc.Kind())
	}
	return uris, nil
}

// forgetOldest makes room: a tenth goes, those that were tried the longest ago.
func (s *SectorLists) forgetOldest() {
	sectors := make([]string, 0, len(s.known))
	for sector := range s.known {
		sectors = append(sectors, sector)
	}
	slices.SortFunc(sectors, func(a, b string) int { return s.known[a].tried.Compare(s.known[b].tried) })
	for _, sector := range sectors[:len(sectors)/10+1] {
		delete(s.known, sector)
	}
}

var _ Sectors = (*SectorLists)(nil)
