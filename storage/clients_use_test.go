package storage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

func (d *desk) use(id core.ClientID) registration.Use {
	d.Helper()
	u, err := d.reopened().Use(d.Context(), id)
	if err != nil {
		d.Fatal(err)
	}
	return u
}

func (d *desk) noteUse(id core.ClientID, last, until time.Time) {
	d.Helper()
	if err := d.clients.NoteUse(d.Context(), id, last, until); err != nil {
		d.Fatal(err)
	}
}

// A use is written beside the client and goes with it. It changes nothing that anybody else waits for.
func TestNoteUse(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		id, now := d.register(app("")), s.clock.now()
		before := d.load(id)
		if u := d.use(id); u != (registration.Use{}) {
			t.Errorf("never used, and yet %+v", u)
		}
		d.noteUse(id, now, now.Add(time.Hour))
		d.noteUse(id, now.Add(time.Minute), now.Add(time.Second)) // what was issued before lives longer
		if u := d.use(id); !u.Last.Equal(now.Add(time.Minute)) || !u.Until.Equal(now.Add(time.Hour)) || u.Stamp == (registration.Stamp{}) {
			t.Errorf("used %+v", u)
		}
		if after := d.load(id); after.Stamps != before.Stamps {
			t.Error("a use wrote the client")
		}
		d.noteUse("c-none", now, now)
		if u := d.use("c-none"); u != (registration.Use{}) {
			t.Errorf("a client that there is not has uses: %+v", u)
		}
		d.do(d.byOperator(core.Delete, id, ""))
		d.noteUse(id, now, now)
		if u := d.use(id); u != (registration.Use{}) {
			t.Errorf("a client that is gone has uses: %+v", u)
		}

		d.policy = expiring(60)
		id = d.register(app(""))
		d.noteUse(id, now, time.Time{})
		s.clock.advance(time.Minute)
		if u := d.use(id); u != (registration.Use{}) {
			t.Errorf("a client that has expired has uses: %+v", u)
		}
	})
}

// A deletion that rests on a client being unused fails when it is used meanwhile, for the first time or again.
func TestDeletionOfTheUnused(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		now := s.clock.now()
		for name, used := range map[string]bool{"never used": false, "used before": true} {
			id := d.register(app(""))
			if used {
				d.noteUse(id, now, time.Time{})
			}
			unused := d.use(id)
			req := d.request(core.Delete, core.ChannelSystem, id, "")
			req.Unused = &unused
			late, next := d.judge(req), now.Add(time.Hour)
			d.noteUse(id, next, time.Time{})
			if err := d.commit(late); !errors.Is(err, registration.ErrChanged) {
				t.Errorf("%s: the deletion of a client that was used meanwhile: %v", name, err)
			}
			if u := d.use(id); !u.Last.Equal(next) || d.load(id).Client.ID == "" {
				t.Errorf("%s: left %+v", name, u)
			}
			unused = d.use(id)
			if err := d.commit(d.judge(req)); err != nil {
				t.Errorf("%s: the deletion of an unused client: %v", name, err)
			}
			if d.load(id).Client.ID != "" || d.use(id) != (registration.Use{}) {
				t.Errorf("%s: something is left", name)
			}
		}
		id := d.register(app(""))
		req := d.request(core.Delete, core.ChannelSystem, id, "")
		req.Unused = &registration.Use{}
		if err := d.commit(d.judge(req)); err != nil {
			t.Errorf("never used: %v", err)
		}
		s.clock.advance(2 * time.Second)
		if u := d.use(id); u != (registration.Use{}) {
			t.Errorf("what held the place of a use is left: %+v", u)
		}
	})
}

// The oldest come first, a page at a time; a cursor is good for this list only.
func TestAged(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		var ids []core.ClientID
		_, secret := d.mint(5)
		for range 5 {
			s.clock.advance(time.Second)
			ids = append(ids, core.ClientID(member(d.do(d.byToken(secret, app(""))), "client_id")))
		}
		d.do(d.byOperator(core.Register, "", app("")))
		d.noteUse(ids[2], s.clock.now(), time.Time{})
		var found []registration.Stored
		cursor := ""
		for range 4 {
			page, next, err := d.clients.Aged(t.Context(), cursor, 2)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, page...)
			if cursor = next; cursor == "" {
				break
			}
		}
		if len(found) != len(ids) {
			t.Fatalf("%d clients, want %d", len(found), len(ids))
		}
		for i, f := range found {
			if f.Client.ID != ids[i] || f.Use.Last.IsZero() != (i != 2) {
				t.Errorf("%d: %s, used %s", i, f.Client.ID, f.Use.Last)
			}
		}
		_, foreign, err := d.clients.Page(t.Context(), registration.Filter{}, "", 1)
		if err != nil || foreign == "" {
			t.Fatalf("%q, %v", foreign, err)
		}
		for _, bad := range []string{foreign, "x", string(ids[0])} {
			_, _, err := d.clients.Aged(t.Context(), bad, 2)
			checkCode(t, bad, err, core.InvalidRequest)
		}

		page, _, err := d.clients.Page(t.Context(), registration.Filter{LastUsedBefore: s.clock.now(), Channel: core.ChannelDCR}, "", 10)
		if err != nil || len(page) != 3 { // neither the one that is used nor the newest, which is not older
			t.Errorf("%d clients were not used before now: %v", len(page), err)
		}
	})
}

// Uses are tracked from the first time that somebody says so, until somebody says that they are not.
func TestTracked(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		first := s.clock.now()
		for _, step := range []struct {
			after     time.Duration
			untracked bool
			want      time.Time
		}{{0, false, first}, {time.Hour, false, first}, {time.Hour, true, first.Add(2 * time.Hour)}} {
			s.clock.advance(step.after)
			if step.untracked {
				for range 2 {
					if err := d.clients.Untracked(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got, err := d.reopened().Tracked(t.Context(), s.clock.now()); err != nil || !got.Equal(step.want) {
				t.Errorf("tracked since %s, want %s: %v", got, step.want, err)
			}
		}
	})
}
