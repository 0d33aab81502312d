package storage_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// callers is how many register at once.
const callers = 200

// checkUses compares how often a token was used.
func (d *desk) checkUses(secret core.Secret, want int64) {
	d.Helper()
	held, err := d.clients.TokenByHash(d.Context(), secret.Hash())
	if err != nil || held.Token.ID == "" || held.Uses != want {
		d.Errorf("the token was used %d times, want %d; %v", held.Uses, want, err)
	}
}

// strike registers with the same token from n sides and gives who won. Everybody else must be told invalid_token.
func (d *desk) strike(n int, secret core.Secret) (won []core.ClientID) {
	d.Helper()
	requests := make([]registration.Request, n)
	for i := range requests {
		requests[i] = d.byToken(secret, app(""))
	}
	answers, outcomes := make([]registration.Answer, n), make([]error, n)
	together(n, func(i int) { answers[i], outcomes[i] = d.Do(d.Context(), requests[i]) })
	for i, err := range outcomes {
		want := ledger.Stored
		if err == nil {
			won = append(won, answers[i].ClientID)
		} else {
			want = ledger.Nothing
			checkCode(d.T, "who lost", err, core.InvalidToken)
		}
		e, found, err := d.book.Find(d.Context(), requests[i].Decision)
		if err != nil || !found || e.Outcome != want || (e.ClientID != "") != (want == ledger.Stored) {
			d.Errorf("entry of caller %d: %+v, %t, %v; want %s", i, e, found, err, want)
		}
	}
	return won
}

// One use is left and 200 want it: one client is made, the token counts one use, all others are refused.
func TestLastUseOfAToken(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		token, secret := d.mint(1)
		won := d.strike(callers, secret)
		d.checkUses(secret, 1)
		if len(won) != 1 {
			t.Errorf("%d callers won", len(won))
		}
		d.checkList("those who came", registration.Filter{IAT: token.ID}, won...)
		d.checkList("all", registration.Filter{}, won...)
	})
}

// The same when every one of them was judged, and approved, before the first commits: only the commit can tell.
func TestLastUseJudgedByAll(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		_, secret := d.mint(3)
		d.do(d.byToken(secret, app("")))
		d.do(d.byToken(secret, app("")))
		d.checkUses(secret, 2)
		barrier := d.judgedByAll(callers)
		won := d.strike(callers, secret)
		barrier()
		d.checkUses(secret, 3)
		if len(won) != 1 {
			t.Errorf("%d callers won", len(won))
		}
		if got := d.list(registration.Filter{}); len(got) != 3 {
			t.Errorf("there are %d clients, want 3", len(got))
		}
	})
}

// A token with 20 uses makes 20 clients out of 60 requests.
func TestTwentyUses(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		token, secret := d.mint(20)
		won := d.strike(60, secret)
		d.checkUses(secret, 20)
		if got := d.list(registration.Filter{IAT: token.ID}); len(won) != 20 || len(got) != 20 {
			t.Errorf("%d won, %d are listed", len(won), len(got))
		}
	})
}

// Whoever refuses a registration, it spends nothing and leaves no client; the token is still good afterwards.
func TestRefusedSpendsNothing(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s, offering)
		d.register(chosen)
		_, secret := d.mint(1)
		before := d.list(registration.Filter{})
		deny := func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Deny: []core.Reason{{Rule: "r", Code: core.InvalidClientMetadata, Message: "no", Public: true}}}, nil
		}
		fail := func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{}, core.Refuse(core.PolicyUnavailable, "down")
		}
		for _, test := range []struct {
			name, body string
			policy     answers
			code       core.Code
		}{
			{"policy", app(""), deny, core.InvalidClientMetadata},
			{"no decision", app(""), fail, core.PolicyUnavailable},
			{"parser", app(`,"contacts":7`), allow, core.InvalidClientMetadata},
			{"floor", `{"redirect_uris":["javascript:alert(1)"]}`, allow, core.InvalidRedirectURI},
			{"statement", app(`,"software_statement":"x.y.z"`), allow, core.InvalidSoftwareStatement},
			{"commit", chosen, allow, core.InvalidClientMetadata},
		} {
			d.policy = test.policy
			req := d.byToken(secret, test.body)
			_, err := d.Do(t.Context(), req)
			checkCode(t, test.name, err, test.code)
			d.checkUses(secret, 0)
			d.checkList(test.name, registration.Filter{}, before...)
			if e, found, err := d.book.Find(t.Context(), req.Decision); err != nil || !found || e.Outcome != ledger.Nothing {
				t.Errorf("%s: entry %+v, %t, %v", test.name, e, found, err)
			}
		}
		d.policy = allow
		d.do(d.byToken(secret, app("")))
		d.checkUses(secret, 1)
	})
}

// A token that ends while a registration is being judged is not spent: the commit finds it gone.
func TestTokenEndsWhileJudged(t *testing.T) {
	for name, end := range map[string]func(*desk, core.InitialAccessToken, core.Secret) error{
		"revoked": func(d *desk, token core.InitialAccessToken, _ core.Secret) error {
			return d.tokens.Revoke(d.Context(), token.ID)
		},
		"expired": func(d *desk, _ core.InitialAccessToken, _ core.Secret) error {
			d.clock.advance(time.Hour)
			return nil
		},
		"used up": func(d *desk, _ core.InitialAccessToken, secret core.Secret) error {
			return d.commit(d.judge(d.byToken(secret, app(""))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(s *store) {
				d := openDesk(s)
				token, secret := d.mint(1)
				var judged atomic.Int64
				waits, goesOn := make(chan struct{}), make(chan struct{})
				d.policy = func(q *decision.Registration) (decision.Verdict, error) {
					if judged.Add(1) == 1 {
						close(waits)
						<-goesOn
					}
					return allow(q)
				}
				outcome := make(chan error)
				req := d.byToken(secret, app(""))
				go func() { _, err := d.Do(t.Context(), req); outcome <- err }()
				<-waits
				err := end(d, token, secret)
				clients := d.list(registration.Filter{})
				close(goesOn)
				if err != nil {
					t.Fatalf("end the token: %v", err)
				}
				checkCode(t, "the registration", <-outcome, core.InvalidToken)
				d.checkList("afterwards", registration.Filter{}, clients...)
				if held, _ := d.clients.TokenByHash(t.Context(), secret.Hash()); held.Uses > 1 || name != "used up" && held.Token.ID != "" {
					t.Errorf("the token is %+v", held)
				}
				d.settle()
				s.sweep()
				if got := s.tables(nil); name != "used up" && got != "ledger ledger_input" {
					t.Errorf("left in %s", got)
				}
			})
		})
	}
}

// Revoking a token among those who register with it: nobody who commits later wins, and every client that there is was paid
// for with a use.
func TestRevokedAmongRegistrations(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		const many = 40
		token, secret := d.mint(1000)
		requests := make([]registration.Request, many)
		for i := range requests {
			requests[i] = d.byToken(secret, app(""))
		}
		var won atomic.Int64
		together(many+1, func(i int) {
			if i == many {
				if err := d.tokens.Revoke(t.Context(), token.ID); err != nil {
					t.Error(err)
				}
				return
			}
			if _, err := d.Do(t.Context(), requests[i]); err == nil {
				won.Add(1)
			} else {
				checkCode(t, "who lost", err, core.InvalidToken)
			}
		})
		if got := d.list(registration.Filter{IAT: token.ID}); int64(len(got)) != won.Load() {
			t.Errorf("%d won, %d are listed", won.Load(), len(got))
		}
		_, err := d.Do(t.Context(), d.byToken(secret, app("")))
		checkCode(t, "afterwards", err, core.InvalidToken)
		for key := range s.records() {
			if name := key.Parts()[1]; name == "iat" || name == "iat_uses" || name == "iat_by_id" {
				t.Errorf("the token left a record in %s", name)
			}
		}
	})
}

// The largest documents that the edge lets in are stored, whatever they are made of.
func TestLargestDocument(t *testing.T) {
	var names []string
	for i := range 15 {
		names = append(names, fmt.Sprintf("a%02d", i))
	}
	onEach(t, func(s *store) {
		d := openDesk(s, func(site *registration.Site) { site.CustomAttributes = names })
		for _, filler := range []string{`<`, `\u2028`} {
			text := `"` + strings.Repeat(filler, 4000/len(filler)) + `"`
			body := app(`,"` + strings.Join(names, `":`+text+`,"`) + `":` + text)
			id := d.register(body)
			d.do(d.byOperator(core.Update, id, strings.ReplaceAll(body, `":"`+filler, `":"`)))
			custom := d.load(id).Client.Metadata.Custom
			if len(body) < 60000 || len(custom) != 15 || len(custom["a14"]) < 3900 {
				t.Errorf("%q: of %d bytes were stored %d attributes, the last with %d", filler, len(body), len(custom), len(custom["a14"]))
			}
		}
	})
}
