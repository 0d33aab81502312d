package registration_test

import (
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

const portal = `{"client_name":"Portal","client_name#de":"Pförtner","client_uri":"https://portal.example/",
"logo_uri":"https://portal.example/logo.png","contacts":["ann@portal.example"],"redirect_uris":["https://portal.example/cb","https://portal.example/silent"],
"grant_types":["authorization_code","refresh_token"],
"scope":"openid email profile admin","software_id":"portal","software_version":"2.4.1"}`

// BenchmarkRegister measures a registration without the store: a policy that knows its answers already, asked once or, because
// it strips a scope, twice.
func BenchmarkRegister(b *testing.B) {
	strip := []decision.Scope{{Scope: "admin", By: core.Reason{Rule: "scopes.known", Message: "admin is not given away", Public: true}}}
	for name, stripped := range map[string][]decision.Scope{"once": nil, "twice": strip} {
		b.Run(name, func(b *testing.B) {
			bench := newBench(b)
			digester := decision.NewDigester(readByPolicy())
			bench.policy = func(q *decision.Registration) (decision.Verdict, error) {
				digester.Sum(q)
				v := decision.Verdict{Allow: true, Cached: true, Require: []core.Obligation{{Name: decision.ObligePKCE, Rule: "public_client"}}}
				if q.Pass == 1 {
					v.Strip = stripped
				}
				return v, nil
			}
			request, secret := bench.request(core.Register, core.ChannelDCR, "", portal), core.NewSecret()
			token := core.InitialAccessToken{ID: "t-1", Hash: secret.Hash(), MaxUses: 1 << 40, ExpiresAt: bench.now.AddDate(1, 0, 0)}
			if err := bench.store.AddToken(b.Context(), token); err != nil {
				b.Fatal(err)
			}
			request.Credential.Bearer = secret
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if _, err := bench.desk.Do(b.Context(), request); err != nil {
					b.Fatal(err)
				}
				clear(bench.store.clients)
				clear(bench.store.entries)
				clear(bench.book.shaped)
			}
		})
	}
}

// readByPolicy is what a policy of the usual kind looks at.
func readByPolicy() *decision.Paths {
	var p decision.Paths
	for _, names := range [][]string{
		{"operation"}, {"channel"}, {"profile"}, {"pass"}, {"redirect_uris"}, {"uris"}, {"scopes"}, {"keys"}, {"iat"}, {"caller", "kind"},
		{"caller", "scopes"}, {"software_statement"}, {"effective"}, {"request", "scope"}, {"present"}, {"changed"},
	} {
		p.Add(names...)
	}
	return &p
}
