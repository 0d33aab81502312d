package bff

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Endpoints are what we know of an issuer. PAR, UserInfo, Revoke and Logout may be empty: it has none.
type Endpoints struct {
	Issuer                                                          string // its name in tokens
	Register, PAR, Authorize, Token, UserInfo, Revoke, Logout, JWKS string

	SaysIss     bool     // its authorization responses name it (RFC 9207 §3)
	IDTokenAlgs []string // what it signs ID tokens with
}

// EndpointsOf gives what an issuer of this program has.
func EndpointsOf(issuer string) Endpoints {
	at := func(path string) string { return issuer + "/" + path }
	return Endpoints{
		Issuer: issuer, Register: at("dcr/register"), PAR: at("par"), Authorize: at("authorize"), Token: at("token"), UserInfo: at("userinfo"),
		Revoke: at("revoke"), Logout: at("logout"), JWKS: at("jwks"), SaysIss: true, IDTokenAlgs: []string{jose.ES256, jose.RS256},
	}
}

// named gives these endpoints with those that others name in their place.
func (e Endpoints) named(others Endpoints) Endpoints {
	for to, other := range map[*string]string{
		&e.Register: others.Register, &e.PAR: others.PAR, &e.Authorize: others.Authorize, &e.Token: others.Token,
		&e.UserInfo: others.UserInfo, &e.Revoke: others.Revoke, &e.Logout: others.Logout, &e.JWKS: others.JWKS,
	} {
		*to = cmp.Or(other, *to)
	}
	return e
}

// endpoints gives what is known of the issuer, by its own word or because it is one of ours.
func (b *Backend) endpoints(ctx context.Context) (Endpoints, error) {
	found := EndpointsOf(b.settings.Issuer)
	if b.parts.Discover != nil {
		var err error
		if found, err = b.parts.Discover(ctx); err != nil {
			return Endpoints{}, err
		}
	}
	found = found.named(b.settings.Endpoints)
	if b.settings.Push == PushAlways && found.PAR == "" {
		return found, unfit("the identity provider has no endpoint for pushed authorization requests (RFC 9126)")
	}
	if !b.settings.Given && found.Register == "" {
		return found, unfit("the identity provider says of no registration endpoint (RFC 7591); register the client yourself")
	}
	return found, nil
}

// wellKnown is where OpenID Connect Discovery §4 looks.
const wellKnown = "/.well-known/openid-configuration"

// Discover reads what an issuer publishes about itself (OpenID Connect Discovery §4). at are the addresses it may be reached at; the
// first one that has the document counts. issuer is who it must be; empty: the address itself.
func Discover(ctx context.Context, door Door, at []string, issuer string) (Endpoints, error) {
	var tried []string
	for _, base := range at {
		answer, err := door.Do(ctx, fetch.Request{URL: base + wellKnown, Header: http.Header{"Accept": {"application/json"}}})
		if err != nil {
			return Endpoints{}, fmt.Errorf("the identity provider cannot be reached: %w", err)
		}
		if answer.Status != http.StatusOK {
			tried = append(tried, fmt.Sprintf("%s answered %d", fetch.Shown(base+wellKnown), answer.Status))
			continue
		}
		doc, err := strictjson.Parse(answer.Body, strictjson.Default)
		if err != nil {
			return Endpoints{}, fmt.Errorf("%s: %w", fetch.Shown(base+wellKnown), err)
		}
		return readDiscovery(doc, base, cmp.Or(issuer, base))
	}
	return Endpoints{}, unfit("no identity provider is found: %s", strings.Join(tried, ", "))
}

// readDiscovery takes over what we need of a discovery document (§3), and holds it to whose it must be (§4.3). A slash at the issuer's end
// is no part of where its document is (§4.1): the document says whether its name has one.
func readDiscovery(doc strictjson.Value, base, issuer string) (Endpoints, error) {
	said := textOf(doc, "issuer")
	if strings.TrimSuffix(said, "/") != issuer {
		return Endpoints{}, unfit("the identity provider at %s calls itself %q, not %q; if that is right, name it as the issuer", fetch.Shown(base), core.Clip(said), core.Clip(issuer))
	}
	e := Endpoints{
		Issuer: said, Register: textOf(doc, "registration_endpoint"), PAR: textOf(doc, "pushed_authorization_request_endpoint"),
		Authorize: textOf(doc, "authorization_endpoint"), Token: textOf(doc, "token_endpoint"), UserInfo: textOf(doc, "userinfo_endpoint"),
		Revoke: textOf(doc, "revocation_endpoint"), Logout: textOf(doc, "end_session_endpoint"), JWKS: textOf(doc, "jwks_uri"),
	}
	says, _ := doc.Get("authorization_response_iss_parameter_supported")
	e.SaysIss, _ = says.Bool()
	algs, _ := doc.Get("id_token_signing_alg_values_supported")
	list, _ := algs.Strings()
	e.IDTokenAlgs = slices.DeleteFunc(list, func(alg string) bool { return !slices.Contains(jose.Asymmetric(), alg) })
	return e, e.check(base)
}

// check wants what nothing works without, and that no address is less safe than the one that named it.
func (e Endpoints) check(base string) error {
	for name, address := range map[string]string{"authorization_endpoint": e.Authorize, "token_endpoint": e.Token, "jwks_uri": e.JWKS} {
		if address == "" {
			return unfit("the identity provider's document lacks %s", name)
		}
	}
	for _, address := range []string{e.Authorize, e.Logout} {
		if class := oauth.ParseURI(address).Class; address != "" && class != oauth.ClassHTTPS && class != oauth.ClassLoopbackHTTP {
			return unfit("browsers cannot be sent to %s: it must be https (http only for localhost)", fetch.Shown(address))
		}
	}
	for _, address := range []string{e.Register, e.PAR, e.Token, e.UserInfo, e.Revoke, e.JWKS} {
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(base, "https:"))) {
			return unfit("the identity provider's document names %s, which is no https address", fetch.Shown(address))
		}
	}
	return nil
}

// Rebased reaches through another door, and at another address, what the issuer's own URL names: inside a network, say. What lies
// elsewhere is reached as it is.
func Rebased(door Door, issuer, base string) Door {
	if issuer == base {
		return door
	}
	return rebased{door: door, issuer: issuer, base: base}
}

type rebased struct {
	door         Door
	issuer, base string
}

// Do implements Door.
func (d rebased) Do(ctx context.Context, r fetch.Request) (fetch.Response, error) {
	if rest, below := strings.CutPrefix(r.URL, d.issuer+"/"); below {
		r.URL = d.base + "/" + rest
	}
	return d.door.Do(ctx, r)
}

// misfit is something about the issuer or the client that only an operator can mend. Its text is for the log: it may name addresses of
// the inside.
type misfit struct{ text string }

func unfit(format string, args ...any) error { return misfit{fmt.Sprintf(format, args...)} }

// Unusable is an error of a Store that only an operator can mend: a file that cannot be read, say.
func Unusable(err error) error { return misfit{err.Error()} }

// Error implements error.
func (m misfit) Error() string { return m.text }
