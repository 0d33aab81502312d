package storage_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// full is a document with every member that one client can have; about says where its keys are.
func full(statement, about string) string {
	return app(`,"software_statement":"` + statement + `",` + about + `,
		"client_name#fr":"Boutique","client_uri":"https://shop.example/","logo_uri":"https://shop.example/logo","tos_uri":"https://shop.example/tos",
		"policy_uri":"https://shop.example/policy","contacts":["ann@shop.example"],
		"grant_types":["authorization_code","refresh_token","urn:openid:params:grant-type:ciba"],"response_types":["code"],"subject_type":"public",
		"sector_identifier_uri":"https://shop.example/sector","id_token_signed_response_alg":"ES256","userinfo_signed_response_alg":"ES256",
		"request_object_signing_alg":"ES256","default_max_age":0,"require_auth_time":false,"default_acr_values":["high"],
		"initiate_login_uri":"https://shop.example/login","request_uris":["https://shop.example/request"],
		"post_logout_redirect_uris":["https://shop.example/bye"],"require_pushed_authorization_requests":true,
		"frontchannel_logout_uri":"https://shop.example/out","frontchannel_logout_session_required":true,
		"backchannel_logout_uri":"https://shop.example/gone","backchannel_logout_session_required":false,
		"require_pkce":true,"default_prompt_login":false,"access_token_lifetime":60,"id_token_lifetime":61,"refresh_token_lifetime":62,
		"par_lifetime":63,"tls_client_certificate_bound_access_tokens":true,
		"require_signed_request_object":true,"dpop_bound_access_tokens":false,"authorization_details_types":["payment_initiation"],
		"introspection_signed_response_alg":"PS256","authorization_signed_response_alg":"ES384",
		"request_object_encryption_alg":"RSA-OAEP","request_object_encryption_enc":"A256GCM",
		"backchannel_token_delivery_mode":"ping","backchannel_client_notification_endpoint":"https://shop.example/ciba",
		"backchannel_authentication_request_signing_alg":"ES256","backchannel_user_code_parameter":true,
		"org_id":"o-1","groups":["shops"],"description":"Sells.","authorized_origins":["https://shop.example"],"additional_audience":["shop"],
		"claims":"name","include_claims_in_id_token":true,"keep_client_authorization_after_expiration":false,"access_token_as_jwt":true,
		"access_token_signing_alg":"ES256","tx_token_lifetime":64,"tx_token_signed_response_alg":"ES384","logout_status_jwt_signed_response_alg":"ES512",
		"allowed_audiences":["https://api.shop.example"],"software_id":"<shop> & \"sons\"","software_version":"1","team":{"a":[1,null,"\u2028é😀"]}`)
}

// governing attaches everything to a client that policy can.
func governing(*decision.Registration) (decision.Verdict, error) {
	return decision.Verdict{
		Allow: true, Labels: []string{"partner", "new"}, Trust: "issuer",
		Limits: map[string]int64{decision.LimitClientLifetime: 7200, decision.LimitClientSecretLifetime: 3600},
		Require: []core.Obligation{
			{Name: decision.ObligePKCE, Params: `{"methods":["S256"]}`, Rule: "obligations.pkce"}, {Name: decision.ObligePKCE, Rule: "site"},
		},
	}, nil
}

// What was approved is what is loaded, in every field: decoded, from the cache, and by a process that never saw it.
func TestClientRoundTrip(t *testing.T) {
	onEach(t, func(s *store) {
		i := newSigner(s, "https://issuer.example")
		d := openDesk(s, trusting(i), func(site *registration.Site) {
			site.CustomAttributes, site.Registration.Idempotent = []string{"team"}, true
			site.Lifetime.Client, site.Lifetime.Renew = 24*time.Hour, true
		})
		d.policy = governing
		_, secret := d.mint(20)
		statement := i.sign(t, `"logo_uri":"https://shop.example/logo"`)
		byKeys := full(statement, `"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"ES256","jwks":`+i.jwks())
		bySecret := full(statement, `"jwks_uri":"https://shop.example/keys",
			"id_token_encrypted_response_alg":"RSA-OAEP-256","id_token_encrypted_response_enc":"A256GCM",
			"userinfo_encrypted_response_alg":"ECDH-ES","userinfo_encrypted_response_enc":"A192CBC-HS384",
			"tx_token_encrypted_response_alg":"RSA-OAEP","tx_token_encrypted_response_enc":"A256GCM",
			"introspection_encrypted_response_alg":"RSA-OAEP","introspection_encrypted_response_enc":"A128GCM",
			"authorization_encrypted_response_alg":"ECDH-ES","authorization_encrypted_response_enc":"A256CBC-HS512"`)

		seen := fields{}
		check := func(what string, req registration.Request) core.ClientID {
			t.Helper()
			d.clock.advance(time.Second)
			a := d.judge(req)
			if err := d.commit(a); err != nil {
				t.Fatal(err)
			}
			id, want := a.Client().ID, storedAs(a)
			seen.see(want)
			checkStored(t, what+", decoded", d.load(id), want)
			checkStored(t, what+", cached", d.load(id), want)
			checkStored(t, what+", reopened", load(t, d.reopened(), id), want)
			return id
		}
		check("with keys", d.byToken(secret, byKeys))
		id := check("with a secret", d.byToken(secret, bySecret))
		check("disabled", d.byOperator(core.Disable, id, ""))
		check("replaced", d.byOperator(core.Update, id, strings.Replace(bySecret, "Shop", "Store", 1)))
		check("enabled", d.byOperator(core.Enable, id, ""))
		for name, value := range map[string]string{"subject_dn": "CN=shop,C=DE", "san_dns": "shop.example", "san_uri": "urn:shop", "san_ip": "192.0.2.1", "san_email": "shop@shop.example"} {
			check("with a certificate's "+name, d.byToken(secret, `{"redirect_uris":["https://shop.example/cb"],"tls_client_auth_`+name+`":"`+value+`"}`))
		}
		bound := d.byToken(d.mintBinding(), bySecret)
		bound.Caller.Origin = "https://shop.example"
		check("bound", bound)
		check("shared", d.request(core.Register, core.ChannelDCR, "", connector))
		check("bare", d.byToken(secret, `{"grant_types":["client_credentials"],"response_types":[],"contacts":[]}`))

		answer := d.do(d.byToken(secret, bySecret))
		manage := d.request(core.Update, core.ChannelManage, core.ClientID(member(answer, "client_id")),
			answer.Without("client_secret").With("client_name", strictjson.String("Rotated")).String())
		manage.Credential.Bearer = core.Secret(member(answer, "registration_access_token"))
		check("rotated", manage)
		d.policy = waiting(`{"queue":"partners"}`)
		waits := check("waiting", d.byToken(secret, bySecret))
		check("approved", d.byOperator(core.Approve, waits, `{"scope":"openid"}`))
		declared := d.byOperator(core.Register, "chosen", `{"grant_types":["client_credentials"]}`)
		declared.Channel, declared.Declared = core.ChannelImport, &registration.Declaration{Set: "shop", Secrets: []registration.SuppliedSecret{{Alg: "bcrypt", Hash: "$2b$"}}}
		check("declared", declared)
		from := core.StoredSecret{Alg: "bcrypt", Hash: "$2b$"}
		if err := d.clients.ReplaceSecret(t.Context(), "chosen", from, core.StoredSecret{Alg: "argon2id", Hash: "$argon2id$", From: "00"}); err != nil {
			t.Fatal(err)
		}
		if err := d.clients.ReplaceSecret(t.Context(), "chosen", from, from); !errors.Is(err, registration.ErrChanged) {
			t.Errorf("a secret that is not there is replaced: %v", err)
		}
		rehashed := d.load("chosen")
		if kept := rehashed.Credentials.Secrets; len(kept) != 1 || kept[0].Hash != "$argon2id$" || kept[0].From != "00" {
			t.Errorf("rehashed: %+v", kept)
		}
		checkStored(t, "rehashed, reopened", load(t, d.reopened(), "chosen"), rehashed)
		seen.see(rehashed)
		d.policy = allow
		uses := registration.NewUses(d.Desk, d.clients)
		check("with a lifetime of its own", d.byToken(secret, app(`,"lifetime":3600`)))
		d.plugins = []hook.Plugin{quiet{}}
		lasts := check("with a lifetime and a plugin", d.byToken(secret, bySecret))
		d.clock.advance(12 * time.Hour)
		client := d.load(lasts).Client
		uses.Note(&client, time.Time{})
		if err := uses.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if client = d.load(lasts).Client; client.Life.From.IsZero() {
			t.Error("the client was not renewed")
		}
		check("renewed, disabled", d.byOperator(core.Disable, lasts, ""))
		checkAllSeen(t, seen)
	})
}

// checkAllSeen wants a value for every field but the stamps.
func checkAllSeen(t *testing.T, seen fields) {
	t.Helper()
	for _, path := range seen.empty() {
		if !strings.HasPrefix(path, ".Stamps.") && !strings.HasPrefix(path, ".Use.") {
			t.Errorf("the round trip leaves out %s", path)
		}
	}
}

// Stamps tell which record was written, and when it was written again.
func TestStampsOfAClient(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		id := d.register(app(""))
		first := d.load(id).Stamps
		if first.Client == (registration.Stamp{}) || first.Credentials == (registration.Stamp{}) || first.State != (registration.Stamp{}) {
			t.Errorf("an active client has stamps %v", first)
		}
		d.do(d.byOperator(core.Disable, id, ""))
		second := d.load(id).Stamps
		if second.Client == first.Client || second.State == (registration.Stamp{}) {
			t.Errorf("disabled: stamps %v after %v", second, first)
		}
		d.do(d.byOperator(core.Enable, id, ""))
		if third := d.load(id).Stamps; third.Client == second.Client || third.State != (registration.Stamp{}) {
			t.Errorf("enabled: stamps %v after %v", third, second)
		}
	})
}

// A client that is not there is no error, whatever was asked for.
func TestNoSuchClient(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		id := d.register(app(""))
		other := storageOf(s, "other", d)
		for _, absent := range []core.ClientID{"", "c-none", id + "x", id[:len(id)-1], "\x00", core.ClientID(strings.Repeat("\x01", 256)), core.ClientID(strings.Repeat("x", 5000))} {
			if got := d.load(absent); got.Client.ID != "" || got.Stamps != (registration.Stamps{}) {
				t.Errorf("%.20q: %+v", absent, got)
			}
		}
		if got := load(t, other, id); got.Client.ID != "" {
			t.Error("another issuer has the client too")
		}
	})
}

// Deleting a client leaves nothing of it but its history.
func TestDeleteLeavesNothing(t *testing.T) {
	onEach(t, func(s *store) {
		i := newSigner(s, "https://issuer.example")
		d := openDesk(s, trusting(i))
		_, secret := d.mint(1)
		d.do(d.byToken(secret, app("")))
		keeps := d.register(app(`,"software_id":"s"`))
		_, secret = d.mint(1)
		before := s.records()

		id := core.ClientID(member(d.do(d.byToken(secret, app(`,"software_id":"s","software_statement":"`+i.sign(t, `"client_name":"Bank"`)+`"`))), "client_id"))
		d.do(d.byOperator(core.Update, id, d.document(id, "software_version", "2")))
		d.do(d.byOperator(core.Disable, id, ""))
		const history = "iat_uses ledger ledger_by_client ledger_input ledger_shaping"
		if got := s.tables(before); !strings.HasPrefix(got, "client client_by client_credentials client_state iat_uses") {
			t.Fatalf("the client is in %s", got)
		}
		d.do(d.byOperator(core.Delete, id, ""))
		d.book.Close()
		if got := s.tables(before); got != history {
			t.Errorf("what is left is in %s, want %s", got, history)
		}
		if d.load(id).Client.ID != "" || load(t, d.reopened(), id).Client.ID != "" {
			t.Error("the client is still loaded")
		}
		if d.load(keeps).Client.ID != keeps {
			t.Error("another client is gone too")
		}
	})
}

// document is a client's own document with a member changed, as an operator sends it back.
func (d *desk) document(id core.ClientID, name, value string) string {
	d.Helper()
	client := d.load(id).Client
	return metadata.Document(&client.Metadata).With(name, strictjson.String(value)).String()
}

// A chosen id that was deleted may be taken again: by another client, under which nothing made for the first is valid.
func TestRegisteredAgain(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s, offering)
		id := d.register(chosen)
		first := d.load(id)
		checkIs(t, "taken", d.commit(d.judge(d.byOperator(core.Register, "", chosen))), registration.ErrTaken)
		stale := d.judge(d.byOperator(core.Disable, id, ""))
		d.do(d.byOperator(core.Delete, id, ""))
		d.clock.advance(time.Millisecond)
		if again := d.register(chosen); again != id {
			t.Fatalf("registered as %s", again)
		}
		second := d.load(id)
		if second.Client.Generation <= first.Client.Generation || second.Stamps.Client == first.Stamps.Client || slices.Equal(second.Credentials.Secrets, first.Credentials.Secrets) {
			t.Errorf("again: %+v, after %+v", second, first)
		}
		checkIs(t, "a write judged on the first", d.commit(stale), registration.ErrChanged)
		if d.load(id).State != core.Active {
			t.Error("the second client is disabled")
		}
	})
}

// Only what Judge made is committed.
func TestZeroApproved(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		checkIs(t, "zero", d.commit(registration.Approved{}), registration.ErrZero)
		if len(s.records()) > 0 {
			t.Error("something was written")
		}
	})
}
