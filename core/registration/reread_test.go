package registration_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/registration"
)

// A reread bench counts how often policy is asked, and says whether its verdicts hold.
func rereading(t *testing.T) (b *bench, asked *int, holds *bool) {
	b, asked, holds = newBench(t), new(int), new(bool)
	*holds = true
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		*asked++
		return decision.Verdict{Allow: true, Holds: func() bool { return *holds }}, nil
	}
	return b, asked, holds
}

// A second read is answered as the first was and asks nobody; whatever the answer rests on makes it be judged again.
func TestRereading(t *testing.T) {
	b, asked, holds := rereading(t)
	c := b.register(shop)
	read := func(why string, judged bool) {
		t.Helper()
		before := *asked
		answer, err := b.desk.Do(t.Context(), b.manage(core.Read, c, ""))
		if err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		doc := parse(t, string(answer.Body))
		checkMembers(t, doc, "registration_access_token", `"`+c.rat.Reveal()+`"`, "client_id", `"`+string(c.id)+`"`, "decision_id", "", "client_secret", "")
		if got := *asked > before; got != judged {
			t.Errorf("%s: judged %t", why, got)
		}
		if answer.Tag != b.stored(c.id).Tag() || answer.ClientID != c.id {
			t.Errorf("%s: answer %+v", why, answer)
		}
	}
	read("the first time", true)
	read("again", false)
	*holds = false
	read("another policy", true)
	*holds = true
	read("that policy again", false)
	b.desk.SetSite(prepared(t, registration.DefaultSite()))
	read("another site", true)
	read("that site again", false)
	if _, err := b.do(b.request(core.Disable, core.ChannelOperator, c.id, "")); err != nil {
		t.Fatal(err)
	}
	read("disabled", true)
	read("still disabled", false)
	if _, err := b.do(b.request(core.Enable, core.ChannelOperator, c.id, "")); err != nil {
		t.Fatal(err)
	}
	read("enabled", true)
	doc, err := b.do(b.manage(core.Update, c, c.put(t, "client_name", `"New"`)))
	if err != nil {
		t.Fatal(err)
	}
	read("changed, with the old token", true)
	earlier := c
	c = clientOf(doc)
	read("with the new token, which ends the old", true)
	read("after that", true)
	read("and again", false)
	b.now = b.now.Add(time.Hour)
	if _, err := b.do(b.manage(core.Read, earlier, "")); core.CodeOf(err) != core.InvalidToken {
		t.Errorf("the ended token: %v", err)
	}
	if _, err := b.do(b.request(core.Read, core.ChannelManage, c.id, "")); core.CodeOf(err) != core.InvalidToken {
		t.Errorf("no token: %v", err)
	}
	stale := b.manage(core.Read, c, "")
	stale.IfMatch = []string{`"other"`}
	if _, err := b.do(stale); core.CodeOf(err) != core.PreconditionFailed {
		t.Errorf("another ETag: %v", err)
	}
	b.plug(hook.OnRead, patching(t, "shaper", "tier", `{"tier":"gold"}`))
	read("with a plugin", true)
	read("with a plugin again", true)
	delete(b.plugins.plugins, hook.OnRead)
	if _, err := b.do(b.manage(core.Delete, c, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.do(b.manage(core.Read, c, "")); core.CodeOf(err) != core.InvalidToken {
		t.Errorf("deleted: %v", err)
	}
}

// A read that rests on a certificate is no answer to the next one, who may have but the token.
func TestReadsWithACertificate(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	trusted := onTerms(t, issuer, registration.Terms{Certificate: registration.CertificateBinding{CN: "software_id"}})
	b := newBench(t, trusted)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Holds: func() bool { return true }}, nil
	}
	own := &core.Certificate{Subject: "CN=soft-1", SHA256: "00", Trusted: true}
	req := b.request(core.Register, core.ChannelDCR, "", body(issuer.sign(t, `"software_id":"soft-1"`), ""))
	req.Credential.Bearer, req.Caller.Certificate = b.token(1, ""), own
	read := b.manage(core.Read, b.mustDo(req), "")
	for range 2 {
		read.Caller.Certificate = own
		if _, err := b.do(read); err != nil {
			t.Fatal(err)
		}
		read.Caller.Certificate = nil
		_, err := b.do(read)
		checkCode(t, err, core.InvalidToken, "is needed")
	}
}

// A verdict that may differ from one request to the next is asked for each time; so is a denial.
func TestReadsThatAreJudgedEachTime(t *testing.T) {
	for name, verdict := range map[string]decision.Verdict{
		"it does not say that it holds": {Allow: true},
		"denied":                        {Deny: []core.Reason{{Rule: "no", Code: core.AccessDenied}}, Holds: func() bool { return true }},
	} {
		b, _, _ := rereading(t)
		c := b.register(shop)
		asked := 0
		b.policy = func(*decision.Registration) (decision.Verdict, error) {
			asked++
			return verdict, nil
		}
		for range 3 {
			_, _ = b.do(b.manage(core.Read, c, ""))
		}
		if asked != 3 {
			t.Errorf("%s: asked %d times", name, asked)
		}
	}
}

// Readers and writers at once: every answer is one that the client had, with the reader's own token.
func TestRereadingWhileWriting(t *testing.T) {
	b, _, _ := rereading(t)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Holds: func() bool { return true }}, nil
	}
	c := b.register(shop)
	reads, writes := make([]registration.Request, 400), make([]registration.Request, 40)
	for i := range reads {
		reads[i] = b.manage(core.Read, c, "")
	}
	names := map[string]bool{`"Shop"`: true}
	for i := range writes {
		name := `"` + string(rune('A'+i%26)) + `"`
		names[name] = true
		writes[i] = b.request(core.Update, core.ChannelOperator, c.id, c.put(t, "client_name", name, "registration_access_token", "", "registration_client_uri", "",
			"client_id_issued_at", "", "client_secret_expires_at", "", "decision_id", ""))
	}
	var crowd sync.WaitGroup
	for part := range 4 {
		crowd.Go(func() {
			for _, req := range reads[part*100 : part*100+100] {
				answer, err := b.desk.Do(t.Context(), req)
				if err != nil {
					t.Error(err)
					return
				}
				name, _ := parse(t, string(answer.Body)).Get("client_name")
				if !names[name.String()] {
					t.Errorf("read the name %s", name)
				}
			}
		})
	}
	for _, req := range writes {
		if _, err := b.desk.Do(t.Context(), req); err != nil {
			t.Error(err)
		}
	}
	crowd.Wait()
	last, err := b.do(b.manage(core.Read, c, ""))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := writes[len(writes)-1].Body.Get("client_name")
	checkMembers(t, last, "client_name", want.String())
}

// Who registers as much as fits does not have all of it remembered: such a read is judged each time.
func TestLongReadingsAreNotKept(t *testing.T) {
	b, asked, _ := rereading(t)
	c := b.register(`{"redirect_uris":["https://shop.example/cb"],"contacts":["` + strings.Repeat("a", 4000) + `","` + strings.Repeat("b", 4000) + `","c"]}`)
	before := *asked
	for range 3 {
		if _, err := b.do(b.manage(core.Read, c, "")); err != nil {
			t.Fatal(err)
		}
	}
	if *asked != before+3 {
		t.Errorf("it was judged %d times", *asked-before)
	}
}
