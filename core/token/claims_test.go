package token_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/token"
)

// plugin is a hook.Plugin made of Go.
type plugin struct {
	name, writes string
	open         bool
	ask          func(hook.Call) (hook.Result, error)
}

func (p *plugin) Name() string              { return p.name }
func (p *plugin) Digest() string            { return "sha-" + p.name }
func (p *plugin) FailsOpen(hook.Point) bool { return p.open }

func (p *plugin) Reads() hook.Reads { return hook.Reads{hook.AllMembers} }

func (p *plugin) MayWrite(at hook.Point, member string) bool {
	return at == hook.TokenClaims && slices.Contains(strings.Fields(p.writes), member)
}

func (p *plugin) Ask(_ context.Context, call hook.Call, judge func(hook.Result) error) (hook.Result, hook.Usage, error) {
	r, err := p.ask(call)
	if err == nil {
		err = judge(r)
	}
	return r, hook.Usage{}, err
}

// chain is the plugins of token_claims, or why they are not ready.
type chain struct {
	plugins []hook.Plugin
	err     error
}

func (c chain) At(p hook.Point) ([]hook.Plugin, error) {
	if p != hook.TokenClaims {
		return nil, nil
	}
	return c.plugins, c.err
}

func (c chain) Serves(p hook.Point) bool {
	return p == hook.TokenClaims && (c.err != nil || len(c.plugins) > 0)
}

// plug gives the endpoint plugins.
func (h *house) plug(plugins ...*plugin) (told *[]token.Extension) {
	h.chain, h.told = chain{}, nil
	for _, p := range plugins {
		h.chain.plugins = append(h.chain.plugins, p)
	}
	return &h.told
}

func adding(t *testing.T, name, writes, claims string) *plugin {
	v := parse(t, []byte(claims))
	return &plugin{name: name, writes: writes, ask: func(hook.Call) (hook.Result, error) {
		return hook.Result{Action: hook.Patch, Patch: v}, nil
	}}
}

func failing(name string) *plugin {
	return &plugin{name: name, ask: func(hook.Call) (hook.Result, error) {
		return hook.Result{}, core.Fail(core.PluginFault, "Failed.", errors.New("trap"))
	}}
}

// Plugins add claims in their order; the token, introspection and Verify show them, and nothing that the server says is changed.
func TestClaimsOfPlugins(t *testing.T) {
	h := open(t)
	var asked hook.Call
	second := adding(t, "second", "tenant gone", `{"tenant":"t-2","gone":null}`)
	patch := second.ask
	second.ask = func(c hook.Call) (hook.Result, error) { asked = c; return patch(c) }
	told := h.plug(adding(t, "first", "tenant groups gone", `{"tenant":"t-1","groups":["a","b"],"gone":1}`), second)
	h.policy = func(q *decision.Token) (decision.TokenVerdict, error) {
		return decision.TokenVerdict{Allowed: true, Scopes: []string{"openid", "offline_access", "read"}, Decision: "d-1"}, nil
	}
	answer := h.got(h.redeeming("web", h.code("web")))
	claims := h.claims(answer.AccessToken, "at+jwt", "ES256")
	shown := h.introspect("web", answer.AccessToken)
	for name, want := range map[string]string{"tenant": `"t-2"`, "groups": `["a","b"]`, "sub": `"u-ann"`, "scope": `"openid offline_access read"`} {
		for _, doc := range []interface{ String() string }{claims, shown} {
			if !strings.Contains(doc.String(), `"`+name+`":`+want) {
				t.Errorf("%s is not %s: %s", name, want, doc)
			}
		}
	}
	if strings.Contains(claims.String(), "gone") || strings.Contains(h.claims(answer.IDToken, "JWT", "RS256").String(), "tenant") {
		t.Errorf("claims = %s", claims)
	}
	if access, err := h.Verify(t.Context(), answer.AccessToken); err != nil || len(access.Added) != 2 {
		t.Errorf("verified: %+v, %v", access, err)
	}
	q := asked.Token
	if asked.Context.DecisionID != "d-1" || asked.Context.ClientID != "web" || asked.Context.Operation != "token" || q.GrantType != "authorization_code" ||
		q.Subject != "u-ann" || !slices.Equal(q.Scopes, []string{"openid", "offline_access", "read"}) || !slices.Equal(q.Audience, []string{issuer}) ||
		!strings.Contains(q.Claims.String(), `"tenant":"t-1"`) || !strings.Contains(q.Claims.String(), `"client_id":"web"`) {
		t.Errorf("asked %+v about %+v", asked.Context, q)
	}
	if len(*told) > 0 {
		t.Errorf("told of %+v", *told)
	}
	for what, req := range map[string]token.Request{"refreshed": h.refreshing("web", answer.RefreshToken), "its own": h.forItself("web")} {
		if got := h.claims(h.got(req).AccessToken, "at+jwt", "ES256").String(); !strings.Contains(got, `"tenant":"t-2"`) {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// A token that a plugin refuses or fails at is not issued, and the code is not spent; unless the operator lets it fail.
func TestPluginsRefuseTokens(t *testing.T) {
	reserved := []string{"sub", "iss", "aud", "exp", "jti", "client_id", "scope", "gid", "gen", "cnf", "act", "active"}
	type test struct {
		plugin *plugin
		code   core.Code
		says   string
	}
	tests := map[string]test{
		"refuses": {&plugin{name: "p", ask: func(hook.Call) (hook.Result, error) {
			return hook.Result{Action: hook.Reject, Code: core.AccessDenied, Message: "Not today.", Extra: parse(t, []byte(`{"until":1}`))}, nil
		}}, core.AccessDenied, "Not today."},
		"fails":        {failing("p"), core.PluginFault, "Failed."},
		"trespasses":   {adding(t, "p", "tenant", `{"tenant":"t","roles":["admin"]}`), core.PluginFault, "The plugin p failed"},
		"says a lot":   {adding(t, "p", "tenant", `{"tenant":"`+strings.Repeat("x", 4096)+`"}`), core.PluginFault, "The plugin p failed"},
		"is not there": {nil, core.TemporarilyUnavailable, "loading"},
	}
	for _, name := range reserved {
		tests["sets "+name] = test{adding(t, "p", name, `{"`+name+`":"x"}`), core.PluginFault, "The plugin p failed"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			told := h.plug(adding(t, "first", "groups", `{"groups":["a"]}`))
			if test.plugin == nil {
				h.chain.err = core.Refuse(core.TemporarilyUnavailable, "loading")
			} else {
				h.chain.plugins = append(h.chain.plugins, test.plugin)
			}
			code := h.code("web")
			_, err := h.Token(t.Context(), h.redeeming("web", code))
			e := core.AsError(err)
			if e.Code != test.code || !strings.Contains(e.Detail, test.says) {
				t.Fatalf("got %v", err)
			}
			if test.plugin == nil {
				return
			}
			if len(*told) != 1 || (*told)[0].Decision != e.Decision || e.Decision == "" || len((*told)[0].Asked) != 2 || (*told)[0].Client != "web" {
				t.Errorf("told of %+v, error %+v", *told, e)
			}
			if test.code != core.PluginFault {
				if e.Extra != `{"until":1}` {
					t.Errorf("extra %s", e.Extra)
				}
				return
			}
			test.plugin.open = true
			got := h.claims(h.got(h.redeeming("web", code)).AccessToken, "at+jwt", "ES256").String()
			if !strings.Contains(got, `"groups":["a"]`) || strings.Contains(got, "tenant") || strings.Contains(got, `"x"`) {
				t.Errorf("excused: %s", got)
			}
			if len(*told) != 2 || (*told)[1].Err != nil || !(*told)[1].Asked[1].Excused {
				t.Errorf("told of %+v", *told)
			}
		})
	}
}

// writesAll may write whatever it likes.
type writesAll struct{ *plugin }

func (writesAll) MayWrite(hook.Point, string) bool { return true }

// What a plugin adds costs work in proportion to it, also where it is then refused.
func TestMuchIsAddedInOneStep(t *testing.T) {
	var claims []strictjson.Member
	for i := range 4000 { // about what an answer can hold
		claims = append(claims, strictjson.Member{Name: "a" + strconv.Itoa(i), Value: strictjson.Int(1)})
	}
	h := open(t)
	h.chain.plugins = []hook.Plugin{writesAll{adding(t, "p", "", strictjson.Object(claims...).String())}}
	request := h.redeeming("web", h.code("web"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := h.Token(t.Context(), request)
	runtime.ReadMemStats(&after)
	if made := (after.TotalAlloc - before.TotalAlloc) >> 20; core.CodeOf(err) != core.PluginFault || made > 20 {
		t.Errorf("%d MiB were made for 4000 claims: %v", made, err)
	}
}

// Tokens are as they were where there are no plugins, and claims of plugins are nobody's permission.
func TestClaimsArePrivate(t *testing.T) {
	h := open(t)
	h.client("api", oauth.AuthClientSecretBasic)
	h.plug(adding(t, "p", "roles", `{"roles":["admin"]}`))
	access, err := h.Verify(t.Context(), h.got(h.forItself("api")).AccessToken)
	if err != nil || slices.Contains(access.Scope, "admin") || string(access.Subject) != "api" {
		t.Errorf("%+v, %v", access, err)
	}
}
