package policies

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// exampleRegister is a registration that the shipped rules allow: a backend for frontends with three hosts.
func exampleRegister() decision.Registration {
	sent := core.Metadata{
		ClientName:              "bff-server",
		TokenEndpointAuthMethod: "private_key_jwt",
		GrantTypes:              []string{"authorization_code"},
		ResponseTypes:           []string{"code"},
		Scope:                   []string{"openid", "profile", "email", "offline_access", "admin.api", "application.all", "dcr.register"},
		RedirectURIs: []string{
			"https://automate.example.com/auth/callback",
			"https://authn.example.com/auth/callback",
			"https://authz.example.com/auth/callback",
		},
	}
	effective := sent
	effective.ApplicationType = "web"
	effective.SubjectType = "public"
	effective.IDTokenSignedResponseAlg = "RS256"
	return decision.Registration{
		Operation: core.Register, Channel: core.ChannelDCR, Profile: "code-flow-pkjwt", Pass: 1,
		Now: time.Unix(1_700_000_000, 0), RequestID: "d-example",
		Request:   decision.Document{Metadata: sent},
		Present:   []string{"client_name", "token_endpoint_auth_method", "grant_types", "response_types", "scope", "redirect_uris"},
		Effective: decision.Document{Metadata: effective},
		Changed: []string{"client_name", "application_type", "redirect_uris", "token_endpoint_auth_method", "grant_types",
			"response_types", "scope", "subject_type", "id_token_signed_response_alg"},
		IAT: decision.IAT{Present: true, ID: "iat-example", Label: "bff bootstrap", Profile: "code-flow-pkjwt", MaxUses: 10,
			CreatedBy: "operator", ExpiresAt: time.Unix(1_700_003_600, 0)},
		Statement: decision.Statement{Trust: "none"},
		Caller:    core.Caller{Kind: "initial_access_token", IP: "192.0.2.10", UserAgent: "bff/1.0"},
	}
}

// exampleUpdate is the same client adding a host.
func exampleUpdate() decision.Registration {
	r := exampleRegister()
	r.Operation, r.Channel = core.Update, core.ChannelManage
	r.Before = decision.Document{ClientID: "c-example", Metadata: r.Effective.Metadata}
	r.Request.ClientID, r.Effective.ClientID = "c-example", "c-example"
	r.Effective.Metadata.RedirectURIs = append(r.Effective.Metadata.RedirectURIs[:3:3], "https://audit.example.com/auth/callback")
	r.Request.Metadata.RedirectURIs = r.Effective.Metadata.RedirectURIs
	r.Changed = []string{"redirect_uris"}
	r.IAT = decision.IAT{}
	r.Caller = core.Caller{Kind: "registration_access_token", IP: "192.0.2.10", ClientID: "c-example"}
	return r
}

// exampleRead is the same client looking itself up.
func exampleRead() decision.Registration {
	r := exampleUpdate()
	r.Operation = core.Read
	r.Request, r.Present, r.Changed = decision.Document{}, nil, nil
	r.Effective = r.Before
	return r
}

// exampleClient is the client of the examples below: what an operator registered.
func exampleClient() core.Client {
	r := exampleRegister()
	return core.Client{
		ID: "c-example", Metadata: r.Effective.Metadata,
		Provenance: core.Provenance{Channel: core.ChannelOperator, Profile: r.Profile},
		Governance: core.Governance{Trust: "none"},
	}
}

// exampleUser is somebody who signs in and is no administrator.
func exampleUser() core.User {
	return core.User{Subject: "u-example", Username: "ann", Profile: core.Profile{Email: "ann@example.com", EmailVerified: true}}
}

// exampleAuthorization is a person signing in to the backend for frontends.
func exampleAuthorization() decision.Authorization {
	client, user := exampleClient(), exampleUser()
	q := decision.Authorization{
		RedirectURI: client.Metadata.RedirectURIs[0], ResponseType: "code", ResponseMode: "query",
		Scopes: []string{"openid", "profile", "email", "offline_access"}, PAR: true, Challenge: true,
		Caller: core.Caller{Kind: "open", IP: "192.0.2.20", UserAgent: "browser/1.0"},
		Now:    time.Unix(1_700_000_060, 0), RequestID: "d-example",
	}
	q.SetClient(&client)
	q.SetUser(&user, time.Unix(1_700_000_000, 0), []string{"pwd"})
	return q
}

// exampleToken is the client redeeming the code of that sign-in.
func exampleToken() decision.Token {
	client, user := exampleClient(), exampleUser()
	q := decision.Token{
		GrantType: "authorization_code", AuthMethod: "private_key_jwt",
		Scopes: []string{"openid", "profile", "email", "offline_access"},
		Caller: core.Caller{Kind: "client", IP: "192.0.2.10", UserAgent: "bff/1.0", ClientID: client.ID},
		Now:    time.Unix(1_700_000_061, 0), RequestID: "d-example",
	}
	q.SetClient(&client)
	q.SetUser(&user, time.Unix(1_700_000_000, 0), []string{"pwd"})
	return q
}

// exampleClientCredentials is the client asking for a token of its own, to register other clients with.
func exampleClientCredentials() decision.Token {
	client, q := exampleClient(), exampleToken()
	q = decision.Token{
		Parties: decision.Parties{Subject: core.Subject(client.ID)}, GrantType: "client_credentials", AuthMethod: q.AuthMethod,
		Scopes: []string{"dcr.register"}, Caller: q.Caller, Now: q.Now, RequestID: q.RequestID,
	}
	q.SetClient(&client)
	return q
}

// exampleSession is the sign-in that went before.
func exampleSession() decision.Session {
	client, user, signIn := exampleClient(), exampleUser(), exampleAuthorization()
	q := decision.Session{Caller: signIn.Caller, Now: signIn.AuthTime, RequestID: signIn.RequestID}
	q.SetClient(&client)
	q.SetUser(&user, signIn.AuthTime, signIn.Methods)
	return q
}

// exampleConfig is the data the examples are allowed under.
func exampleConfig() strictjson.Value {
	return siteConfig(
		[]string{"openid", "profile", "email", "address", "phone", "offline_access", "admin.api", "application.all", "dcr.register"},
		strictjson.Member{Name: "code-flow-pkjwt", Value: strictjson.Object(
			strictjson.Member{Name: "token_endpoint_auth_methods", Value: flags("private_key_jwt")},
			strictjson.Member{Name: "grant_types", Value: flags("authorization_code", "refresh_token")},
			strictjson.Member{Name: "allowed_scopes", Value: flags()},
		)})
}

// siteConfig gives data.ostiary.config with everything closed but the scopes.
func siteConfig(scopes []string, profiles ...strictjson.Member) strictjson.Value {
	no := strictjson.Bool(false)
	return strictjson.Object(
		strictjson.Member{Name: "allowed_scopes", Value: flags(scopes...)},
		strictjson.Member{Name: "registration", Value: strictjson.Object(
			strictjson.Member{Name: "open", Value: no}, strictjson.Member{Name: "idempotent", Value: no},
		)},
		strictjson.Member{Name: "client_id_metadata_documents", Value: strictjson.Object(strictjson.Member{Name: "enabled", Value: no})},
		strictjson.Member{Name: "redirects", Value: strictjson.Object(
			strictjson.Member{Name: "allowed_private_schemes", Value: flags()},
			strictjson.Member{Name: "allowed_hosts", Value: flags()},
			strictjson.Member{Name: "max", Value: strictjson.Int(20)},
		)},
		strictjson.Member{Name: "software_statement", Value: strictjson.Object(
			strictjson.Member{Name: "required", Value: no},
			strictjson.Member{Name: "accept_self_signed", Value: no},
		)},
		strictjson.Member{Name: "signed_request", Value: strictjson.Object(strictjson.Member{Name: "required", Value: no})},
		strictjson.Member{Name: "profiles", Value: strictjson.Object(profiles...)},
		strictjson.Member{Name: "limits", Value: exampleLimits()},
	)
}

// exampleLimits are those of a server that says nothing of them.
func exampleLimits() strictjson.Value {
	number := func(name string, n int64) strictjson.Member {
		return strictjson.Member{Name: name, Value: strictjson.Int(n)}
	}
	part := func(name string, members ...strictjson.Member) strictjson.Member {
		return strictjson.Member{Name: name, Value: strictjson.Object(members...)}
	}
	return strictjson.Object(
		part("address", number("every_ms", 1000), number("burst", 60), number("ipv4_prefix", 32), number("ipv6_prefix", 56)),
		part("name", number("every_ms", 500), number("burst", 120)),
		part("all", number("every_ms", 50), number("burst", 600), number("reserve", 120)),
		part("changes", number("every_ms", 1000), number("burst", 120)),
		strictjson.Member{Name: "tokens", Value: strictjson.Bool(false)},
		part("known", strictjson.Member{Name: "software_ids", Value: flags()}, strictjson.Member{Name: "redirect_hosts", Value: flags()}),
	)
}

// flags gives a set of names as rules read it: an object of true.
func flags(names ...string) strictjson.Value {
	members := make([]strictjson.Member, 0, len(names))
	for _, name := range names {
		members = append(members, strictjson.Member{Name: name, Value: strictjson.Bool(true)})
	}
	return strictjson.Object(members...)
}

// examples is data.ostiary.examples, which tests of rules may use: whole inputs to start from.
func examples() (strictjson.Value, error) {
	register, update, read := exampleRegister(), exampleUpdate(), exampleRead()
	signIn, code, own, begun := exampleAuthorization(), exampleToken(), exampleClientCredentials(), exampleSession()
	members := []strictjson.Member{{Name: "config", Value: exampleConfig()}}
	for name, question := range map[string]decision.Question{
		"register": &register, "update": &update, "read": &read,
		"authorization": &signIn, "token": &code, "client_credentials": &own, "session": &begun,
	} {
		v, err := strictjson.Parse(decision.AppendJSON(nil, question), strictjson.Stored)
		if err != nil {
			return strictjson.Value{}, err
		}
		members = append(members, strictjson.Member{Name: name, Value: v})
	}
	return strictjson.Object(members...), nil
}
