package storage_test

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/storage"
)

// Of two writes judged on the same client the second is refused, whatever they are, and leaves nothing.
func TestLostUpdate(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		d.policy = waiting("") // so that each of them can be asked for
		writes := map[string]func(core.ClientID) registration.Request{
			"update": func(id core.ClientID) registration.Request {
				return d.byOperator(core.Update, id, app(`,"software_id":"other"`))
			},
			"disable": func(id core.ClientID) registration.Request { return d.byOperator(core.Disable, id, "") },
			"delete":  func(id core.ClientID) registration.Request { return d.byOperator(core.Delete, id, "") },
			"approve": func(id core.ClientID) registration.Request { return d.byOperator(core.Approve, id, "") },
			"reject":  func(id core.ClientID) registration.Request { return d.byOperator(core.Reject, id, "") },
		}
		for first, one := range writes {
			for second, two := range writes {
				id := d.register(app(""))
				wins, loses := d.judge(one(id)), d.judge(two(id))
				if err := d.commit(wins); err != nil {
					t.Fatalf("%s: %v", first, err)
				}
				d.settle()
				before := s.records()
				checkIs(t, second+" after "+first, d.commit(loses), registration.ErrChanged)
				if got := s.tables(before); got != "" {
					t.Errorf("%s after %s wrote %s", second, first, got)
				}
				if _, found, err := d.ledger.Entry(t.Context(), loses.Entry().DecisionID); found || err != nil {
					t.Errorf("%s after %s: its entry is stored, %v", second, first, err)
				}
			}
		}
	})
}

// The desk tells who lost that the client was changed, and writes it down.
func TestLostUpdateAtTheDesk(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		id := d.register(app(""))
		const writers = 32
		barrier := d.judgedByAll(writers)
		outcomes := make([]error, writers)
		requests := make([]registration.Request, writers)
		for i := range requests {
			requests[i] = d.byOperator(core.Update, id, d.document(id, "client_name", "Shop "+strconv.Itoa(i)))
		}
		together(writers, func(i int) { _, outcomes[i] = d.Do(t.Context(), requests[i]) })
		barrier()
		won := -1
		for i, err := range outcomes {
			if err == nil {
				if won >= 0 {
					t.Errorf("both %d and %d won", won, i)
				}
				won = i
				continue
			}
			checkCode(t, "who lost", err, core.Conflict)
			e, found, err := d.book.Find(t.Context(), requests[i].Decision)
			if !found || err != nil || e.Outcome != ledger.Nothing || e.Verdict != ledger.Denied {
				t.Errorf("the entry of who lost: %+v, %t, %v", e, found, err)
			}
		}
		if got := d.load(id).Client.Metadata.ClientName; won < 0 || got != "Shop "+strconv.Itoa(won) {
			t.Errorf("the client is %q, winner %d", got, won)
		}
	})
}

// judgedByAll lets no request past policy before n of them are there. What it gives checks that they came.
func (d *desk) judgedByAll(n int) func() {
	var here sync.WaitGroup
	var came atomic.Int64
	here.Add(n)
	d.policy = func(q *decision.Registration) (decision.Verdict, error) {
		came.Add(1)
		here.Done()
		here.Wait()
		return allow(q)
	}
	return func() {
		d.Helper()
		d.policy = allow
		if got := came.Load(); got != int64(n) {
			d.Errorf("policy was asked %d times, want %d", got, n)
		}
	}
}

// A registration access token is superseded only while the credentials are what was read.
func TestForgetEarlier(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		_, secret := d.mint(1)
		answer := d.do(d.byToken(secret, app("")))
		id := core.ClientID(member(answer, "client_id"))
		rotate := d.request(core.Update, core.ChannelManage, id, answer.Without("client_secret").Without("scope").String())
		rotate.Credential.Bearer = core.Secret(member(answer, "registration_access_token"))
		rotated := d.do(rotate)
		two := d.load(id)
		if len(two.Credentials.Registration) != 2 {
			t.Fatalf("tokens: %+v", two.Credentials.Registration)
		}
		checkIs(t, "at another stamp", d.clients.ForgetEarlier(t.Context(), id, registration.Stamp{1}), registration.ErrChanged)
		checkIs(t, "of nobody", d.clients.ForgetEarlier(t.Context(), "c-none", two.Stamps.Credentials), registration.ErrChanged)
		stale := d.judge(d.byOperator(core.Disable, id, ""))
		outcomes := make([]error, 16)
		together(len(outcomes), func(i int) { outcomes[i] = d.clients.ForgetEarlier(t.Context(), id, two.Stamps.Credentials) })
		won := 0
		for _, err := range outcomes {
			if err == nil {
				won++
			} else if !errors.Is(err, registration.ErrChanged) {
				t.Error(err)
			}
		}
		one := d.load(id)
		want := core.Secret(member(rotated, "registration_access_token")).Hash()
		if tokens := one.Credentials.Registration; won != 1 || len(tokens) != 1 || tokens[0].Hash != want {
			t.Errorf("%d won; tokens: %+v", won, tokens)
		}
		two.Credentials.Registration = one.Credentials.Registration
		checkStored(t, "all else", one, two)
		checkIs(t, "a write judged before", d.commit(stale), registration.ErrChanged)
	})
}

// A process that has a client in its cache sees what another one writes, also when only the credentials or the state change.
func TestWritesOfAnotherProcess(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		_, secret := d.mint(1)
		answer := d.do(d.byToken(secret, app("")))
		id := core.ClientID(member(answer, "client_id"))
		rotate := d.request(core.Update, core.ChannelManage, id, answer.Without("client_secret").Without("scope").String())
		rotate.Credential.Bearer = core.Secret(member(answer, "registration_access_token"))
		other := d.reopened()
		sees := func(what string) {
			t.Helper()
			checkPresence(t, what, other, id, d.load(id))
			if got, want := load(t, other, id), d.load(id); got.Stamps != want.Stamps {
				t.Errorf("%s: the other process has %v, want %v", what, got.Stamps, want.Stamps)
			} else {
				checkStored(t, what, got, want)
			}
			checkPresence(t, what+", read", other, id, d.load(id))
		}
		sees("registered")
		d.do(rotate)
		sees("rotated")
		if err := d.clients.ForgetEarlier(t.Context(), id, d.load(id).Stamps.Credentials); err != nil {
			t.Fatal(err)
		}
		sees("superseded")
		d.do(d.byOperator(core.Disable, id, ""))
		sees("disabled")
		d.do(d.byOperator(core.Delete, id, ""))
		sees("deleted")
	})
}

// checkPresence holds what Presence gives of a client to what is stored.
func checkPresence(t *testing.T, what string, clients *storage.Clients, id core.ClientID, want registration.Stored) {
	t.Helper()
	credentials, stamps, err := clients.Presence(t.Context(), id)
	if err != nil || stamps != want.Stamps || !reflect.DeepEqual(credentials, want.Credentials) {
		t.Errorf("%s: present as %+v at %v, %v; want %+v", what, credentials, stamps, err, want)
	}
}

// Readers never see a client older than one they, or a writer that has finished, saw before; nor half of one.
func TestReadersBesideWriters(t *testing.T) {
	onEach(t, func(s *store) {
		const clients, writes, readers = 2, 30, 3
		d := openDesk(s)
		var ids [clients]core.ClientID
		var written [clients]atomic.Int64
		for i := range ids {
			ids[i] = d.register(versioned(0))
		}
		var writing, all sync.WaitGroup
		for i, id := range ids {
			writing.Go(func() {
				for n := range int64(writes) {
					if _, err := d.Do(t.Context(), d.byOperator(core.Update, id, versioned(n+1))); err != nil {
						t.Errorf("write %d: %v", n, err)
					}
					written[i].Store(n + 1)
				}
			})
		}
		done := make(chan struct{})
		for range readers {
			all.Go(func() {
				for stop := false; !stop; {
					select {
					case <-done:
						stop = true // and read once more
					default:
					}
					for i, id := range ids {
						least := written[i].Load()
						if got := d.readVersion(id); got < least {
							t.Errorf("read version %d after %d was written", got, least)
						}
					}
				}
			})
		}
		writing.Wait()
		close(done)
		all.Wait()
		for _, id := range ids {
			if got := d.readVersion(id); got != writes {
				t.Errorf("in the end version %d", got)
			}
		}
	})
}

func versioned(n int64) string {
	return fmt.Sprintf(`{"client_name":"v%d","software_version":"%d","redirect_uris":["https://shop.example/%d"]}`, n, n, n)
}

// readVersion reads a client of versioned and then spoils what it was given: nobody else may see that.
func (d *desk) readVersion(id core.ClientID) int64 {
	stored, err := d.clients.Client(d.Context(), id)
	if err != nil {
		d.Error(err)
		return -1
	}
	m := stored.Client.Metadata
	n, err := strconv.ParseInt(m.SoftwareVersion, 10, 64)
	if err != nil || m.ClientName != "v"+m.SoftwareVersion || len(m.RedirectURIs) != 1 || m.RedirectURIs[0] != "https://shop.example/"+m.SoftwareVersion {
		d.Errorf("read half of a client: %+v", m)
	}
	if len(stored.Credentials.Secrets) != 1 || stored.Credentials.Secrets[0].Hash == "spoilt" {
		d.Errorf("read credentials that a reader has changed: %+v", stored.Credentials)
	} else if len(m.RedirectURIs) == 1 {
		m.RedirectURIs[0], stored.Credentials.Secrets[0].Hash = "spoilt", "spoilt"
	}
	return n
}
