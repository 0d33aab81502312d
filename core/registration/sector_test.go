package registration_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/registration"
)

// web answers fetches, counts them and may be down.
type web struct {
	documents map[string]string
	down      error
	fetched   int
}

func (w *web) fetch(_ context.Context, uri string) ([]byte, error) {
	w.fetched++
	body, ok := w.documents[uri]
	if w.down != nil || !ok {
		return nil, errors.Join(errors.New("no such document"), w.down)
	}
	return []byte(body), nil
}

// newSectors is a bench whose desk reads sectors from a web of one document.
func newSectors(t *testing.T, document string) (*bench, *web) {
	t.Helper()
	w := &web{documents: map[string]string{"https://s.example/list.json": document}}
	b := newBench(t)
	b.sectors = registration.NewSectorLists(w.fetch, func() time.Time { return b.now })
	b.certify(nil)
	return b, w
}

const inSector = `{"redirect_uris":["https://a.example/cb","https://b.example/cb"],"subject_type":"pairwise","sector_identifier_uri":"https://s.example/list.json"`

// A sector that lists all redirect URIs has the client; the list is fetched once for all its clients, and again when it lacks one.
func TestSectorOfAClient(t *testing.T) {
	b, w := newSectors(t, `["https://b.example/cb","https://a.example/cb","https://other.example/"]`)
	c := b.register(inSector + `}`)
	checkMembers(t, c.doc, "subject_type", `"pairwise"`, "sector_identifier_uri", `"https://s.example/list.json"`)
	b.register(inSector + `,"client_name":"Second"}`)
	if w.fetched != 1 {
		t.Errorf("fetched %d times", w.fetched)
	}
	if e := b.store.entries[core.DecisionID(text(c.doc, "decision_id"))]; !strings.HasSuffix(stages(e), "policy sector approve") {
		t.Errorf("stages: %s", stages(e))
	}
	_, err := b.do(b.manage(core.Update, c, c.put(t, "redirect_uris", `["https://new.example/cb"]`)))
	checkCode(t, err, core.InvalidClientMetadata, "sector_identifier_uri does not list the redirect URI https://new.example/cb")
	b.now = b.now.Add(time.Minute)
	w.documents["https://s.example/list.json"] = `["https://new.example/cb"]`
	c = b.mustDo(b.manage(core.Update, c, c.put(t, "redirect_uris", `["https://new.example/cb"]`)))
	if w.fetched != 2 {
		t.Errorf("fetched %d times", w.fetched)
	}
	w.down = errors.New("down") // what was fetched counts for a day
	b.now = b.now.Add(23 * time.Hour)
	c = b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"New"`)))
	b.now = b.now.Add(2 * time.Hour)
	b.mustDo(b.manage(core.Update, c, c.put(t)))
	_, err = b.do(b.manage(core.Update, c, c.put(t, "client_name", `"Newer"`)))
	checkCode(t, err, core.InvalidClientMetadata, "sector_identifier_uri has no list to be had")
}

// A client that gets pairwise names over the backchannel has its keys' address in the list of its sector (CIBA §4): of what it gets
// names for there is no redirect URI.
func TestSectorOfABackchannelClient(t *testing.T) {
	const ciba = `{"grant_types":["urn:openid:params:grant-type:ciba"],"backchannel_token_delivery_mode":"poll","subject_type":"pairwise","sector_identifier_uri":"https://s.example/list.json","jwks_uri":"https://a.example/keys"}`
	b, w := newSectors(t, `["https://b.example/keys"]`)
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", ciba))
	checkCode(t, err, core.InvalidClientMetadata, "sector_identifier_uri does not list the jwks_uri https://a.example/keys")
	if r := core.AsError(err).Reasons; len(r) != 1 || strings.Join(r[0].Fields, " ") != "sector_identifier_uri jwks_uri" {
		t.Errorf("%+v", r)
	}
	w.documents["https://s.example/list.json"] = `["https://a.example/keys"]`
	b.now = b.now.Add(time.Minute)
	c := b.register(ciba)
	checkMembers(t, c.doc, "grant_types", `["urn:openid:params:grant-type:ciba"]`, "response_types", "[]", "backchannel_token_delivery_mode", `"poll"`)
	_, err = b.do(b.manage(core.Update, c, c.put(t, "jwks_uri", `"https://c.example/keys"`)))
	checkCode(t, err, core.InvalidClientMetadata, "does not list the jwks_uri https://c.example/keys")
}

// Whatever is at the address, it is a list of strings or the client is refused; nothing of what is there is told.
func TestRefusedSectors(t *testing.T) {
	for what, document := range map[string]string{
		"a list that lacks one": `["https://a.example/cb"]`, "an empty list": `[]`, "an object": `{"a":"SECRET"}`, "other things": `["https://a.example/cb",7,"SECRET"]`,
		"no JSON": `<html>SECRET`, "more than there may be": `["https://a.example/cb","https://b.example/cb","` + strings.Repeat("x", 64<<10) + `"]`,
		"another spelling": `["https://a.example/cb","https://B.example/cb"]`,
	} {
		b, _ := newSectors(t, document)
		_, err := b.do(b.request(core.Register, core.ChannelOperator, "", inSector+`}`))
		checkCode(t, err, core.InvalidClientMetadata, "sector_identifier_uri ")
		if e := core.AsError(err); strings.Contains(e.Detail, "SECRET") || len(e.Reasons) != 1 || e.Reasons[0].Fields[0] != "sector_identifier_uri" {
			t.Errorf("%s: %+v", what, e)
		}
	}
	b := newBench(t) // a desk that fetches nothing
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", inSector+`}`))
	checkCode(t, err, core.InvalidClientMetadata, "is not supported here")
}

// Who is refused anyway, has us call nowhere.
func TestSectorsAreAskedLast(t *testing.T) {
	b, w := newSectors(t, `[]`)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "r", Code: core.AccessDenied, Message: "No.", Public: true}}}, nil
	}
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", inSector+`}`))
	checkCode(t, err, core.AccessDenied, "No.")
	if w.fetched != 0 {
		t.Errorf("fetched %d times", w.fetched)
	}
}

// Whoever changes by which names a client knows people loses what it was given under the others: else a client could take another
// sector's place, refresh a token, and learn by which names that one knows them.
func TestNewNamesVoidWhatWasGiven(t *testing.T) {
	b := newBench(t)
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"subject_type":"pairwise"}`)
	generation := func() uint64 { return b.stored(c.id).Client.Generation }
	for _, step := range []struct {
		member, value string
		void          bool
	}{
		{"client_name", `"A"`, false}, {"redirect_uris", `["https://a.example/cb","https://a.example/two"]`, false}, {"redirect_uris", `["https://victim.example/cb"]`, true},
		{"subject_type", `"public"`, true}, {"redirect_uris", `["https://b.example/cb"]`, false}, {"subject_type", `"pairwise"`, true},
	} {
		before := generation()
		c = b.mustDo(b.manage(core.Update, c, c.put(t, step.member, step.value)))
		warnings, _ := c.doc.Get("warnings")
		warned := strings.Contains(warnings.String(), "sign in again")
		if (generation() != before) != step.void || warned != step.void {
			t.Errorf("%s %s: generation %d after %d, warned %t", step.member, step.value, generation(), before, warned)
		}
	}
}

// Policy may decide how clients know people: a default, for example.
func TestPolicySetsTheSubjectType(t *testing.T) {
	b := newBench(t)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Set: []decision.Setting{setting("subject_type", `"pairwise"`)}}, nil
	}
	checkMembers(t, b.register(shop).doc, "subject_type", `"pairwise"`)
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", `{"redirect_uris":["https://a.example/cb","https://b.example/cb"]}`))
	if core.CodeOf(err) != core.InvalidRedirectURI && core.CodeOf(err) != core.PolicyUnstable {
		t.Errorf("two hosts: %v", err)
	}
}

// However many addresses there are, only so many are remembered.
func TestSectorsAreBounded(t *testing.T) {
	w := &web{documents: map[string]string{}}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	lists := registration.NewSectorLists(w.fetch, func() time.Time { return now })
	for i := range 1000 {
		now = now.Add(time.Millisecond)
		uri := "https://s.example/" + strings.Repeat("x", i)
		w.documents[uri] = `["` + uri + `"]`
		if lacks, err := lists.Lacks(t.Context(), uri, []string{uri}); err != nil || len(lacks) > 0 {
			t.Fatalf("%v, %v", lacks, err)
		}
	}
	if n := lists.Len(); n > 256 {
		t.Errorf("%d addresses are remembered", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := registration.NewSectorLists(func(ctx context.Context, _ string) ([]byte, error) { return nil, ctx.Err() }, func() time.Time { return now }).Lacks(ctx, "https://s.example/", nil); !errors.Is(err, registration.ErrNoSector) {
		t.Errorf("given up: %v", err)
	}
}
