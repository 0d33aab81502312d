package registration_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// document is what is sent: names and JSON values take the place of what was there, "" leaves a member out.
func (d *door) document(s *siege, c client, changes ...string) string {
	s.t.Helper()
	if d.adds != nil {
		changes = append(d.adds(s), changes...)
	}
	if !d.merges {
		return c.put(s.t, changes...)
	}
	doc := strictjson.Object()
	for i := 0; i < len(changes); i += 2 {
		v := strictjson.Null()
		if changes[i+1] != "" {
			v = parse(s.t, changes[i+1])
		}
		doc = doc.With(changes[i], v)
	}
	if _, has := doc.Get("client_id"); !has {
		doc = doc.With("client_id", strictjson.String(string(c.id)))
	}
	return doc.String()
}

// client is whose document an attack starts from.
func (d *door) client(s *siege) client {
	if d.mine == nil {
		return client{doc: parse(s.t, `{`+citizen+`}`)}
	}
	return *d.mine(s)
}

// needs tells whether every document must have a member there.
func (d *door) needs(s *siege, member string) bool {
	if d.adds == nil {
		return false
	}
	added := d.adds(s)
	for i := 0; i < len(added); i += 2 {
		if added[i] == member {
			return true
		}
	}
	return false
}

// end is how something ends there.
func (d *door) end(what string, elsewhere core.Code) core.Code {
	if e, other := d.ends[what]; other {
		return e.code
	}
	return elsewhere
}

func (d *door) besiege(t *testing.T) *siege {
	t.Helper()
	if d.site == nil {
		return besiege(t)
	}
	return besiege(t, d.site)
}

// settle lets the client have what every document has there.
func (d *door) settle(s *siege) {
	s.t.Helper()
	if d.mine == nil || d.adds == nil {
		return
	}
	c := d.client(s)
	answer, err := d.bring(s, c, d.document(s, c))
	if err != nil {
		s.t.Fatal(err)
	}
	s.learn(*d, answer)
}

// bring sends a text through the door.
func (d *door) bring(s *siege, c client, body string) (strictjson.Value, error) {
	s.t.Helper()
	op := core.Update
	if d.mine == nil {
		op = core.Register
	}
	k := knock{Request: s.request(op, d.channel, c.id, ""), client: c}
	k.Merge = d.merges
	wraps := plainly
	if d.wraps != nil {
		wraps = d.wraps
	}
	if err := wraps(s, &k, body); err != nil {
		return strictjson.Value{}, err
	}
	if d.present != nil {
		d.present(s, &k)
	}
	if d.tries != nil {
		return d.tries(s, k)
	}
	return s.do(k.Request)
}

// plainly is what web does, before the desk is asked.
func plainly(_ *siege, k *knock, body string) (err error) {
	if k.Body, err = strictjson.Parse([]byte(body), strictjson.Default); err != nil {
		return core.Refuse(core.InvalidRequest, "%v", err)
	}
	return nil
}

// besieged plays something at each door.
func besieged(t *testing.T, name string, play func(t *testing.T, s *siege, d door)) {
	t.Helper()
	for _, d := range doors {
		t.Run(name+" by "+string(d.channel)+" "+d.name, func(t *testing.T) {
			s := d.besiege(t)
			d.settle(s)
			before := maps.Clone(s.store.clients)
			play(t, s, d)
			s.checkWalls(t)
			s.checkOwn(t, before, d)
		})
	}
}

// checkOwn holds what is stored to what the desk alone writes: whoever sent what, it is as it was, or as a new client's.
func (s *siege) checkOwn(t *testing.T, before map[core.ClientID]registration.Stored, d door) {
	t.Helper()
	for id, now := range s.store.clients {
		was, old := before[id]
		if !old {
			was.Client = core.Client{
				ID: id, IssuedAt: s.now, Generation: uint64(s.now.UnixMicro()), Governance: core.Governance{Trust: registration.TrustNone},
				Provenance: core.Provenance{Channel: d.channel, Profile: registration.DefaultProfile, RegisteredBy: now.Client.Provenance.RegisteredBy, IAT: now.Client.Provenance.IAT},
			}
			was.State = core.Active
			if !core.IsMinted(string(id)) && (d.channel != core.ChannelImport || !strings.HasPrefix(string(id), "shop-")) {
				t.Errorf("%s was not given by the desk", id)
			}
		}
		if d.channel == core.ChannelImport && now.Client.Provenance.Declared == "shop" { // which takes over what nobody declared
			was.Client.Provenance.Declared = "shop"
		}
		if m := now.Client.Metadata; m.SoftwareStatement != "" && m.SoftwareStatement != was.Client.Metadata.SoftwareStatement { // the issuer's: there is no other
			was.Client.Governance.Trust, was.Client.Provenance.StatementIssuer, was.Client.Locked = registration.TrustIssuer, s.issuer.name, now.Client.Locked
			was.Client.Provenance.StatementEntry = registration.FromSettings
		}
		for _, c := range []*core.Client{&was.Client, &now.Client} { // these may change
			c.Metadata, c.UpdatedAt, c.Provenance.WrittenBy, c.Provenance.Revision = core.Metadata{}, s.now, "", ""
		}
		if got, want := fmt.Sprintf("%+v %s", now.Client, now.State), fmt.Sprintf("%+v %s", was.Client, was.State); got != want {
			t.Errorf("%s became %s\nwant %s", id, got, want)
		}
	}
}

// learn takes over the token that an update gave.
func (s *siege) learn(d door, answer strictjson.Value) {
	if rat := text(answer, "registration_access_token"); rat != "" && d.mine != nil {
		c := d.mine(s)
		c.rat, c.doc = core.Secret(rat), c.doc.With("registration_access_token", strictjson.String(rat))
	}
}
