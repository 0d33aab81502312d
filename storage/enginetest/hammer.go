package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ostiary/ostiary/storage"
)

// callers is how many goroutines strike at once.
const callers = 200

func hammerTests() map[string]func(*store) {
	return map[string]func(*store){
		"insert: one wins":                    hammerInsert,
		"insert over the expired: one wins":   hammerInsertExpired,
		"update: one wins":                    hammerUpdate,
		"delete at version: one wins":         hammerDelete,
		"the last use of a token: one wins":   hammerLastUse,
		"ten uses: ten win":                   hammerTenUses,
		"code to grant: one wins":             hammerCode,
		"unbounded adds: all count":           hammerAdds,
		"revoked while used: none afterwards": hammerRevoke,
	}
}

// strike lets all callers apply at once. Those refused must be refused with want; it gives how many won.
func strike(s *store, want error, ops func(caller int) []storage.Op) int {
	s.Helper()
	outcomes := make([]error, callers)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			<-start
			outcomes[i] = s.engine.Apply(context.Background(), ops(i)...)
		})
	}
	close(start)
	all.Wait()
	won := 0
	for i, err := range outcomes {
		switch {
		case err == nil:
			won++
		case storage.RefusedAt(err) < 0 || !errors.Is(err, want):
			s.Errorf("caller %d got %v, want %v", i, err, want)
		}
	}
	return won
}

func wins(s *store, got, want int) {
	s.Helper()
	if got != want {
		s.Fatalf("%d of %d callers won, want %d", got, callers, want)
	}
}

// mark is a record of its own for each caller: it must be there only for winners.
func mark(caller int) storage.Key { return storage.NewKey("mark", fmt.Sprintf("%03d", caller)) }

func marks(s *store, want int) {
	s.Helper()
	if got := len(listed(s, storage.Range{Prefix: storage.Under("mark"), Limit: storage.MaxPage})); got != want {
		s.Fatalf("%d callers left a record, want %d", got, want)
	}
}

func hammerInsert(s *store) {
	for round := range 5 {
		key := storage.NewKey("once", fmt.Sprint(round))
		wins(s, strike(s, storage.ErrExists, func(i int) []storage.Op {
			return []storage.Op{storage.Insert(key, []byte{byte(i)}, never)}
		}), 1)
	}
}

func hammerInsertExpired(s *store) {
	s.apply(storage.Insert("jti", nil, s.in(1)))
	s.clock.Advance(1e9)
	wins(s, strike(s, storage.ErrExists, func(i int) []storage.Op {
		return []storage.Op{storage.Put(mark(i), nil, never), storage.Insert("jti", nil, s.in(1e9))}
	}), 1)
	marks(s, 1)
}

func hammerUpdate(s *store) {
	s.apply(storage.Insert("k", nil, never))
	for round := range 5 {
		at := s.get("k").Version
		wins(s, strike(s, storage.ErrStale, func(i int) []storage.Op {
			return []storage.Op{storage.Update("k", at, []byte{byte(i)}, never), storage.Insert(mark(round*callers+i), nil, never)}
		}), 1)
	}
	marks(s, 5)
}

func hammerDelete(s *store) {
	s.apply(storage.Insert("k", nil, never))
	at := s.get("k").Version
	wins(s, strike(s, storage.ErrStale, func(i int) []storage.Op {
		return []storage.Op{storage.Insert(mark(i), nil, never), storage.Delete("k", at)}
	}), 1)
	marks(s, 1)
	s.lacks("k")
}

// hammerLastUse is an initial access token with one use left: those who lose spend nothing and leave no client.
func hammerLastUse(s *store) {
	s.apply(storage.Insert("iat", nil, never), storage.Add("iat_uses", 9, 0, 10, never))
	at := s.get("iat").Version
	wins(s, strike(s, storage.ErrBounds, func(i int) []storage.Op {
		return []storage.Op{storage.Insert(mark(i), nil, never), storage.Require("iat", at), storage.Add("iat_uses", 1, 0, 10, never)}
	}), 1)
	marks(s, 1)
	s.holds("iat_uses", "", 10, never)
	if s.get("iat").Version != at {
		s.Fatal("use changed the token")
	}
}

func hammerTenUses(s *store) {
	wins(s, strike(s, storage.ErrBounds, func(i int) []storage.Op {
		return []storage.Op{storage.Add("uses", 1, 0, 10, never), storage.Insert(mark(i), nil, never)}
	}), 10)
	marks(s, 10)
	s.holds("uses", "", 10, never)
}

// hammerCode is an authorization code: used once, with its grant, while the client stands.
func hammerCode(s *store) {
	s.apply(storage.Insert("code", []byte("unused"), never), storage.Insert("client", nil, never))
	code, client := s.get("code").Version, s.get("client").Version
	wins(s, strike(s, storage.ErrStale, func(i int) []storage.Op {
		return []storage.Op{
			storage.Update("code", code, []byte("used"), never), storage.Insert(mark(i), nil, never), storage.Require("client", client),
		}
	}), 1)
	marks(s, 1)
	s.holds("code", "used", 0, never)
}

func hammerAdds(s *store) {
	wins(s, strike(s, storage.ErrBounds, func(i int) []storage.Op {
		return []storage.Op{storage.Add("sum", int64(i), 0, callers*callers, never)}
	}), callers)
	s.holds("sum", "", callers*(callers-1)/2, never)
}

// hammerRevoke bumps a record among those who require it: whoever comes after the bump must lose.
func hammerRevoke(s *store) {
	s.apply(storage.Insert("iat", nil, never))
	at := s.get("iat").Version
	won := strike(s, storage.ErrStale, func(i int) []storage.Op {
		if i == callers/2 {
			return []storage.Op{storage.Update("iat", at, []byte("revoked"), never)}
		}
		return []storage.Op{storage.Require("iat", at), storage.Insert(mark(i), nil, never)}
	})
	marks(s, won-1)
	s.holds("iat", "revoked", 0, never)
	s.refuse(0, storage.ErrStale, storage.Require("iat", at))
}
