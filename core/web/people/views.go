package people

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
)

type (
	loginView struct {
		frame
		App                                     *app // nil: the person's own account
		Problem, Notice, Flow, Token, LoginHint string
		Password                                bool // the name is there: the password is what is missing
	}
	consentView struct {
		frame
		App                     *app
		Who, Flow, Token, Shown string
		Place                   place
		Described               string // the host of the client's metadata document; empty: it is registered
		Elsewhere               bool   // the place is of another site than the document
		Age                     string
		Scopes                  []scopeView
		Resources               []string
	}
	leaveView struct {
		frame
		Flow, Token, Who string
		App              *app
	}
	setupView struct {
		frame
		Problem, Username, Link, Token string
	}
	accountView struct {
		frame
		remark
		Who, Username, Email, Token string
		Sessions                    []sessionView
	}
	errorView struct {
		frame
		Detail, Code, Decision string
		Reasons                []string
	}
	asideView struct {
		postView
		Detail, Code, Described string
		Place                   place
	}
	postView struct {
		frame
		To     string
		Fields []field
	}
	remark      struct{ Done, Problem string }
	field       struct{ Name, Value string }
	sessionView struct {
		ID, IP, Agent, Began string
		Here, Console        bool
	}
)

// loginPage draws the login form, for a client's request or for the own account.
func (h *Handlers) loginPage(status int, a authorize.Answer, problem, notice string) web.Response {
	view := loginView{
		frame: frame{"Sign in"}, App: appOf(a.Client, a.Locales), Problem: problem, Notice: notice, Flow: a.Flow, Token: a.Token, LoginHint: clean(a.LoginHint),
	}
	if view.LoginHint == "" {
		view.LoginHint = a.User.Username
	}
	view.Password = view.LoginHint != ""
	if a.Flow == "" {
		return h.page(status, "login", view)
	}
	return h.wayOut(status, "login", view)
}

// show draws what the endpoint answered.
func (h *Handlers) show(a authorize.Answer) web.Response {
	if a.Aside != nil {
		return h.asidePage(a)
	}
	switch a.Show {
	case authorize.ShowLogin:
		return h.loginPage(http.StatusOK, a, "", "")
	case authorize.ShowConsent:
		return h.consentPage(a)
	case authorize.Post:
		return h.postPage(a)
	}
	return web.SeeOther(a.To)
}

func (h *Handlers) consentPage(a authorize.Answer) web.Response {
	view := consentView{
		frame: frame{"Allow access"}, App: appOf(a.Client, a.Locales), Who: whoOf(a.User), Flow: a.Flow, Token: a.Token, Shown: a.Shown,
		Place: placeOf(a.RedirectURI), Age: ageOf(a.Client.IssuedAt, h.now()), Scopes: scopesInWords(a.Scope),
	}
	if id := a.Client.ID; id.IsDocument() {
		described := oauth.ParseURI(string(id))
		view.Described, view.Age = placeOf(string(id)).Name, ""
		view.Elsewhere = !view.Place.Loopback && !view.Place.Private && !sameSite(described, oauth.ParseURI(a.RedirectURI))
	}
	for _, r := range a.Resources {
		view.Resources = append(view.Resources, clip(visible(r), longestURI))
	}
	return h.wayOut(http.StatusOK, "consent", view)
}

// postScript sends the form by itself; without scripts its button does.
const postScript = "document.forms[0].submit()"

var postScriptHash = hashOf(postScript)

func hashOf(script string) string {
	sum := sha256.Sum256([]byte(script))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// asidePage says why a request was refused, and leaves it to the person to go back.
func (h *Handlers) asidePage(a authorize.Answer) web.Response {
	view := asideView{
		postView: postViewOf("Not possible", a), Detail: a.Aside.Detail, Code: string(a.Aside.Code),
		Described: placeOf(string(a.Client.ID)).Name, Place: placeOf(a.RedirectURI),
	}
	return h.wayOut(http.StatusBadRequest, "aside", view)
}

func postViewOf(title string, a authorize.Answer) postView {
	view := postView{frame: frame{title}, To: a.To}
	for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
		view.Fields = append(view.Fields, field{name, a.Fields.Get(name)})
	}
	return view
}

// postPage is OAuth 2.0 Form Post Response Mode §2.
func (h *Handlers) postPage(a authorize.Answer) web.Response {
	return h.pages.draw(http.StatusOK, "post", postViewOf("Going back", a)).With("Content-Security-Policy", strict+"; script-src 'sha256-"+postScriptHash+"'")
}

// An app is a client as people see it.
type app struct {
	Name     string
	Language string // of the name, a tag; empty: not known
	Named    bool
	Verified string // who vouches for the name; empty: nobody but itself
	Policy   string
	Terms    string
}

// appOf gives a client for a reader of these languages; nil for no client.
func appOf(c core.Client, languages []string) *app {
	if c.ID == "" {
		return nil
	}
	m := &c.Metadata
	text, tag := m.Translated("client_name", m.ClientName, languages)
	policy, _ := m.Translated("policy_uri", m.PolicyURI, languages)
	terms, _ := m.Translated("tos_uri", m.TosURI, languages)
	name := clean(text)
	a := &app{Name: name, Language: tag, Named: name != "", Policy: link(policy), Terms: link(terms)}
	if c.Governance.Trust == "issuer" {
		if a.Verified = clean(c.Provenance.StatementIssuer); a.Verified == "" {
			a.Verified = "a trusted issuer"
		}
	}
	return a
}

// link gives a page of a client that may be linked to, or "".
func link(uri string) string {
	if u := oauth.ParseURI(uri); u.Class == oauth.ClassHTTPS {
		return uri
	}
	return ""
}

// A place is where a client has the browser sent.
type place struct {
	Name     string // host with port, or the scheme of an app
	Loopback bool   // this very computer
	Private  bool   // an app, by its scheme
}

func placeOf(redirectURI string) place {
	u := oauth.ParseURI(redirectURI)
	if u.Scheme != "https" && u.Scheme != "http" {
		return place{Name: clip(u.Scheme+":", longestName), Private: true}
	}
	name := u.Host
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if u.Port != "" {
		name += ":" + u.Port
	}
	return place{Name: name, Loopback: u.Loopback}
}

// sameSite tells that two places are somebody's own: one host, or hosts below one name that somebody registered.
func sameSite(a, b oauth.URI) bool {
	domain := a.RegistrableDomain()
	return a.Host == b.Host || domain != "" && domain == b.RegistrableDomain()
}

// ageOf says how long ago in words that need no calendar.
func ageOf(then, now time.Time) string {
	days := int(now.Sub(then) / (24 * time.Hour))
	switch {
	case then.IsZero():
		return ""
	case now.Sub(then) < time.Hour:
		return "less than an hour ago"
	case days < 1:
		return plural(int(now.Sub(then)/time.Hour), "hour")
	case days < 60:
		return plural(days, "day")
	case days < 730:
		return plural(days/30, "month")
	}
	return plural(days/365, "year")
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit + " ago"
	}
	return strconv.Itoa(n) + " " + unit + "s ago"
}

func sessionViewOf(s core.Session, here core.SessionID) sessionView {
	return sessionView{
		ID: string(s.ID), IP: s.IP, Agent: clean(s.UserAgent), Began: s.CreatedAt.UTC().Format("2 January 2006, 15:04 UTC"), Here: s.ID == here,
		Console: s.Kind == core.ConsoleSession,
	}
}

// How many characters are shown of a name and of an address.
const (
	longestName = 80
	longestURI  = 200
)

// clean keeps of a text what a person can see, on one line, and short.
func clean(text string) string { return clip(visible(text), longestName) }

// visible drops controls and whatever turns the direction of writing round.
func visible(text string) string {
	seen := strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, ""))
	return strings.Join(strings.Fields(seen), " ")
}

func clip(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
