package storage_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/storage"
)

// indexed lists the index rows of a client as index=value.
func (s *store) indexed(id core.ClientID) string {
	s.Helper()
	var rows []string
	records := s.records()
	for _, key := range slices.Sorted(maps.Keys(records)) {
		parts := key.Parts()
		if parts[1] == "client_by" && parts[len(parts)-1] == string(id) {
			rows = append(rows, parts[2]+"="+parts[3])
			if expires := records[key].Expires; !expires.Equal(records[storage.NewKey(string(issuer), "client", string(id))].Expires) {
				s.Errorf("the row %q expires at %v, its client does not", parts[2:], expires)
			}
		}
	}
	return strings.Join(rows, " ")
}

// list gives the ids of all clients that pass, by way of pages of two.
func (d *desk) list(f registration.Filter) []core.ClientID {
	d.Helper()
	var ids []core.ClientID
	for cursor, turns := "", 0; ; turns++ {
		page, next, err := d.clients.Page(d.Context(), f, cursor, 2)
		if err != nil || turns > 100 {
			d.Fatalf("page %d of %+v: %v", turns, f, err)
		}
		for _, stored := range page {
			ids = append(ids, stored.Client.ID)
		}
		if cursor = next; next == "" {
			return ids
		}
	}
}

func (d *desk) checkList(what string, f registration.Filter, want ...core.ClientID) {
	d.Helper()
	if got := d.list(f); !slices.Equal(got, want) {
		d.Errorf("%s: %+v lists %v, want %v", what, f, got, want)
	}
}

// A write that changes what a client is indexed by removes the old rows and writes the new ones.
func TestReindex(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		id := d.register(app(`,"software_id":"one"`))
		check := func(what, want string) {
			t.Helper()
			if got := s.indexed(id); got != want {
				t.Errorf("%s: indexed by %s, want %s", what, got, want)
			}
		}
		check("new", "channel=operator created=all software_id=one")
		d.do(d.byOperator(core.Update, id, d.document(id, "software_id", "two")))
		check("other software", "channel=operator created=all software_id=two")
		d.checkList("other software", registration.Filter{SoftwareID: "one"})
		d.checkList("other software", registration.Filter{SoftwareID: "two"}, id)
		d.do(d.byOperator(core.Disable, id, ""))
		check("disabled", "channel=operator created=all software_id=two state=disabled")
		d.checkList("disabled", registration.Filter{State: core.Disabled}, id)
		d.checkList("disabled", registration.Filter{State: core.Active})
		d.policy = expiring(60)
		d.do(d.byOperator(core.Update, id, app("")))
		check("no software, and an end", "channel=operator created=all state=disabled")
		d.policy = allow
		d.do(d.byOperator(core.Enable, id, ""))
		check("enabled", "channel=operator created=all")
		d.checkList("enabled", registration.Filter{State: core.Disabled})
		d.checkList("enabled", registration.Filter{State: core.Active}, id)
		d.do(d.byOperator(core.Update, id, app(`,"software_id":"three"`)))
		check("no end", "channel=operator created=all software_id=three")
		d.do(d.byOperator(core.Delete, id, ""))
		check("deleted", "")
	})
}

// A statement of a trusted issuer that comes with an update indexes the client by it.
func TestReindexByStatement(t *testing.T) {
	onEach(t, func(s *store) {
		one, two := newSigner(s, "https://one.example"), newSigner(s, "https://two.example")
		d := openDesk(s, trusting(one, two))
		stated := func(i signer) string { return app(`,"software_statement":"` + i.sign(t, `"client_name":"Bank"`) + `"`) }
		id := d.register(app(""))
		for _, i := range []signer{one, two} {
			d.do(d.byOperator(core.Update, id, stated(i)))
			if got, want := s.indexed(id), "channel=operator created=all statement_issuer="+i.name; got != want {
				t.Errorf("indexed by %s, want %s", got, want)
			}
			d.checkList(i.name, registration.Filter{StatementIssuer: i.name}, id)
		}
		d.checkList("the first one's", registration.Filter{StatementIssuer: one.name})
	})
}

// Every filter alone and together with others, on clients of which each differs in one thing from the plain one.
func TestFilters(t *testing.T) {
	onEach(t, func(s *store) {
		i := newSigner(s, "https://issuer.example")
		d := openDesk(s, trusting(i))
		register := func(req registration.Request) core.ClientID {
			d.clock.advance(time.Second)
			return core.ClientID(member(d.do(req), "client_id"))
		}
		token, secret := d.mint(2)
		long := strings.Repeat("s", 250)
		plain := register(d.byOperator(core.Register, "", app("")))
		software := register(d.byOperator(core.Register, "", app(`,"software_id":"`+long+`1"`)))
		other := register(d.byOperator(core.Register, "", app(`,"software_id":"`+long+`2"`)))
		stated := register(d.byOperator(core.Register, "", app(`,"software_statement":"`+i.sign(t, `"client_name":"Bank"`)+`"`)))
		byToken := register(d.byToken(secret, app("")))
		disabled := register(d.byOperator(core.Register, "", app(`,"software_id":"`+long+`1"`)))
		d.do(d.byOperator(core.Disable, disabled, ""))

		for _, test := range []struct {
			name   string
			filter registration.Filter
			want   []core.ClientID
		}{
			{"all", registration.Filter{}, []core.ClientID{disabled, byToken, stated, other, software, plain}},
			{"active", registration.Filter{State: core.Active}, []core.ClientID{byToken, stated, other, software, plain}},
			{"disabled", registration.Filter{State: core.Disabled}, []core.ClientID{disabled}},
			{"pending", registration.Filter{State: core.Pending}, nil},
			{"channel", registration.Filter{Channel: core.ChannelOperator}, []core.ClientID{disabled, stated, other, software, plain}},
			{"other channel", registration.Filter{Channel: core.ChannelDCR}, []core.ClientID{byToken}},
			{"token", registration.Filter{IAT: token.ID}, []core.ClientID{byToken}},
			{"unknown token", registration.Filter{IAT: "iat-none"}, nil},
			{"software", registration.Filter{SoftwareID: long + "1"}, []core.ClientID{disabled, software}},
			{"a beginning of it", registration.Filter{SoftwareID: long}, nil},
			{"statement", registration.Filter{StatementIssuer: i.name}, []core.ClientID{stated}},
			{"software and state", registration.Filter{SoftwareID: long + "1", State: core.Active}, []core.ClientID{software}},
			{"token and channel", registration.Filter{IAT: token.ID, Channel: core.ChannelOperator}, nil},
			{"state and channel", registration.Filter{State: core.Disabled, Channel: core.ChannelOperator}, []core.ClientID{disabled}},
			{"all members", registration.Filter{State: core.Active, Channel: core.ChannelDCR, IAT: token.ID, SoftwareID: "x", StatementIssuer: "y"}, nil},
			{"what is no key", registration.Filter{SoftwareID: strings.Repeat("\x01", 5000), State: "\x00"}, nil},
		} {
			d.checkList(test.name, test.filter, test.want...)
		}
	})
}

// A client ends when policy said so, with everything of it, and its chosen id is free again.
func TestExpiredClient(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s, offering)
		before := s.records()
		d.policy = expiring(60)
		id := d.register(chosen)
		d.do(d.byOperator(core.Disable, id, ""))
		stale := d.judge(d.byOperator(core.Enable, id, ""))
		d.clock.advance(59 * time.Second)
		d.checkList("before its end", registration.Filter{}, id)
		d.clock.advance(time.Second)
		if d.load(id).Client.ID != "" {
			t.Error("the client outlived its end")
		}
		d.checkList("after its end", registration.Filter{})
		d.checkList("after its end", registration.Filter{State: core.Disabled})
		checkIs(t, "a write judged before its end", d.commit(stale), registration.ErrChanged)
		d.policy = allow
		if again := d.register(chosen); again != id || d.load(id).State != core.Active {
			t.Errorf("registered again as %s, %s", again, d.load(id).State)
		}
		d.checkList("registered again", registration.Filter{}, id)
		d.checkList("registered again", registration.Filter{State: core.Disabled})
		d.do(d.byOperator(core.Delete, id, ""))
		s.sweep()
		if got, want := s.tables(before), "ledger ledger_by_client ledger_input"; !strings.HasPrefix(got, want) {
			t.Errorf("what is left is in %s, want %s", got, want)
		}
	})
}

// An update may move a client's end: its rows move with it.
func TestMovedEnd(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		d.policy = expiring(60)
		id := d.register(app(`,"software_id":"s"`))
		d.do(d.byOperator(core.Disable, id, ""))
		d.policy = expiring(600)
		d.do(d.byOperator(core.Update, id, d.document(id, "client_name", "Later")))
		d.clock.advance(300 * time.Second)
		s.sweep()
		if got := d.load(id); got.State != core.Disabled || len(got.Credentials.Secrets) != 1 {
			t.Errorf("after the old end: %+v", got)
		}
		if got, want := s.indexed(id), "channel=operator created=all software_id=s state=disabled"; got != want {
			t.Errorf("indexed by %s, want %s", got, want)
		}
		d.clock.advance(300 * time.Second)
		d.checkList("after the new end", registration.Filter{})
	})
}
