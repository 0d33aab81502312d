package storage_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/registration"
)

// A signed request that comes from many sides at once makes one client; after its end it would be refused anyway, and its row
// goes. An update that changes nothing counts, too.
func TestSignedRequestCountsOnce(t *testing.T) {
	onEach(t, func(s *store) {
		key, err := jose.Generate(jose.ES256)
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := jose.PublicJWK(key)
		if err != nil {
			t.Fatal(err)
		}
		d := openDesk(s, func(site *registration.Site) {
			site.TrustedIssuers = []registration.TrustedIssuer{{Issuer: "https://bank.example", JWKS: `{"keys":[` + string(jwk) + `]}`}}
		})
		sign := func(jti, more string) string {
			now := s.clock.now().Unix()
			compact, err := jose.Sign(key, "", fmt.Appendf(nil, `{"iss":"https://bank.example","aud":"https://op.example","iat":%d,"exp":%d,"jti":%q,
				"client_name":"Bank","redirect_uris":["https://bank.example/cb"]%s}`, now, now+60, jti, more))
			if err != nil {
				t.Fatal(err)
			}
			return compact
		}
		strike := func(n int, request func() registration.Request) (won []core.ClientID) {
			answers, outcomes, requests := make([]registration.Answer, n), make([]error, n), make([]registration.Request, n)
			for i := range requests {
				requests[i] = request()
			}
			together(n, func(i int) { answers[i], outcomes[i] = d.Do(d.Context(), requests[i]) })
			for i, err := range outcomes {
				if err == nil {
					won = append(won, answers[i].ClientID)
				} else {
					checkCode(t, "who lost", err, core.InvalidRequest)
				}
			}
			return won
		}
		one := sign("one", "")
		won := strike(callers, func() registration.Request {
			req := d.byOperator(core.Register, "", "")
			req.Signed = one
			return req
		})
		if len(won) != 1 || len(d.list(registration.Filter{})) != 1 {
			t.Fatalf("%d won, %d clients", len(won), len(d.list(registration.Filter{})))
		}
		same := sign("two", `,"client_id":"`+string(won[0])+`"`)
		unchanged := strike(20, func() registration.Request {
			req := d.byOperator(core.Update, won[0], "")
			req.Signed = same
			return req
		})
		if len(unchanged) != 1 {
			t.Errorf("%d of 20 unchanged updates went through", len(unchanged))
		}
		s.clock.advance(2 * time.Minute)
		strike(1, func() registration.Request { // it has expired
			req := d.byOperator(core.Register, "", "")
			req.Signed = one
			return req
		})
	})
}

// Of many registrations with one statement that is good for one time, one succeeds, on each engine; a statement without an end is
// remembered for ever.
func TestOneTimeStatementCountsOnce(t *testing.T) {
	onEach(t, func(s *store) {
		issuer := newSigner(s, "https://directory.example")
		d := openDesk(s, func(site *registration.Site) {
			site.TrustedIssuers = []registration.TrustedIssuer{{Issuer: issuer.name, JWKS: issuer.jwks(), Terms: registration.Terms{OneTime: true}}}
		})
		body := fmt.Sprintf(`{"redirect_uris":["https://bank.example/cb"],"software_statement":%q}`, issuer.sign(t, `"jti":"1"`))
		strike := func(n int) (won int) {
			outcomes, requests := make([]error, n), make([]registration.Request, n)
			for i := range requests {
				requests[i] = d.byOperator(core.Register, "", body)
			}
			together(n, func(i int) { _, outcomes[i] = d.Do(d.Context(), requests[i]) })
			for _, err := range outcomes {
				if err == nil {
					won++
				} else {
					checkCode(t, "who lost", err, core.InvalidSoftwareStatement)
				}
			}
			return won
		}
		if won := strike(callers); won != 1 {
			t.Errorf("%d won", won)
		}
		s.clock.advance(10_000 * time.Hour)
		if won := strike(2); won != 0 {
			t.Errorf("%d won a year later", won)
		}
	})
}
