package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/memory"
)

// office is a served operators' API over real people, as far as the command user needs it, and a data folder that knows of it.
type office struct {
	*testing.T
	data  string
	url   string
	token core.Secret
	desk  *login.Desk
}

// anybody lets everybody in who is right.
type anybody struct{}

func (anybody) DecideSession(context.Context, *decision.Session) (decision.SessionVerdict, error) {
	return decision.SessionVerdict{Allowed: true}, nil
}

func openOffice(t *testing.T) *office {
	t.Helper()
	t.Setenv(tokenVariable, "")
	ring, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	engine := memory.New(time.Now)
	users := storage.NewUsers(engine, "main", ring)
	o := &office{T: t, data: t.TempDir(), token: core.NewSecret()}
	o.desk = login.NewDesk(login.Parts{Users: users, Links: users, Throttle: users, Sessions: storage.NewSessions(engine, "main"), Policy: anybody{}, Now: time.Now})
	a := admin.New(admin.Parts{
		Roster: operator.NewRoster(operator.Token{Subject: "ada", Hash: o.token.Hash()}), Users: o.desk, Sessions: o.desk,
		SetupURL: func(link core.Secret) string { return "https://op.example/setup?token=" + link.Reveal() },
	})
	o.serve([]web.Route{
		usersRoute("POST", "", a.As(a.CreateUser)), usersRoute("GET", "", a.As(a.ListUsers)), usersRoute("GET", "/:id", a.As(a.ShowUser)),
		usersRoute("PATCH", "/:id", a.As(a.EditUser)), usersRoute("DELETE", "/:id", a.As(a.DeleteUser)), usersRoute("POST", "/:id/link", a.As(a.LinkUser)),
		usersRoute("GET", "/:id/sessions", a.As(a.ListSessions)), usersRoute("DELETE", "/:id/sessions", a.As(a.EndSessions)),
		usersRoute("DELETE", "/:id/sessions/:sid", a.As(a.EndSession)),
	})
	if err := os.Mkdir(filepath.Join(o.data, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.leave(`{"url":"` + o.url + `","ops_url":"","token":"` + o.token.Reveal() + `"}`)
	return o
}

func usersRoute(method, path string, h web.Handler) web.Route {
	return web.Route{
		Method: method, Path: "/api/admin/users" + path, Handler: h, Face: web.Operator, Challenge: web.Bearer,
		MediaTypes: []string{"application/merge-patch+json", "application/json"},
	}
}

func (o *office) serve(table []web.Route) {
	o.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.Fatal(err)
	}
	server, err := web.New(web.Options{
		Routes: table, Areas: []web.Area{{Prefix: "/api/admin", Face: web.Operator}}, Sites: []string{ln.Addr().String()},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		o.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	o.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			o.Error(err)
		}
		<-ended
	})
	o.url = "http://" + ln.Addr().String()
}

// leave writes what the server leaves for commands.
func (o *office) leave(access string) {
	o.Helper()
	if err := os.WriteFile(adminFile(o.data), []byte(access), 0o600); err != nil {
		o.Fatal(err)
	}
}

// user runs the command with the data folder and gives what it printed.
func (o *office) user(args ...string) (string, error) {
	return userCalled(o.T, append([]string{"--data", o.data}, args...)...)
}

func userCalled(t *testing.T, args ...string) (string, error) {
	root := rootCommand()
	if found, _, _ := root.Find([]string{"user"}); found == root {
		root.AddCommand(userCommand())
	}
	var out bytes.Buffer
	root.SetArgs(append([]string{"user"}, args...))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// says runs the command and wants its output to match, line by line.
func (o *office) says(command string, patterns ...string) string {
	o.Helper()
	out, err := o.user(strings.Fields(command)...)
	if err != nil {
		o.Fatalf("user %s: %v", command, err)
	}
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(out) {
			o.Errorf("user %s: no %s in\n%s", command, p, out)
		}
	}
	return out
}

// fails runs the command and wants an error that says something.
func (o *office) fails(command, says string, usage bool) {
	o.Helper()
	out, err := o.user(strings.Fields(command)...)
	checkFailure(o.T, command, out, err, says, usage)
}

func checkFailure(t *testing.T, command, out string, err error, says string, usage bool) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") || out != "" {
		t.Errorf("user %s: %v, want one that says %q; printed %q", command, err, says, out)
	}
	if _, is := err.(usageError); is != usage {
		t.Errorf("user %s: usage error %t: %v", command, is, err)
	}
}

// The life of a user, as an operator types it.
func TestUserCommands(t *testing.T) {
	o := openOffice(t)
	made := o.says("create ann@shop.example --admin --email ann@shop.example --name Ann",
		`^Created administrator ann@shop\.example \(u-[0-9a-z]{26}\)\.$`, `^One-time link to set the password, good until 2\d{3}-\d\d-\d\d \d\d:\d\d `)
	link := regexp.MustCompile(`token=(\S+)`).FindStringSubmatch(made)
	if link == nil {
		t.Fatal(made)
	}
	if _, err := o.desk.SetPassword(t.Context(), core.Secret(link[1]), "correct horse"); err != nil {
		t.Fatal(err)
	}
	o.says("create bob", `^Created user bob `)
	o.says("list", `^USERNAME +ID +NAME +EMAIL +ADMIN +STATE +CREATED$`, `^ann@shop\.example +u-\S+ +Ann +ann@shop\.example +yes +active +2`, `^bob +u-\S+ +- +- +no +no password +2`, `^No password, .*: ostiary user link NAME$`)
	o.says("show ANN@shop.example", `^username +ann@shop\.example$`, `^admin +true$`, `^email_verified +false$`, `^state +active$`)
	o.says("show bob", `^state +no password$`, `: ostiary user link bob$`)

	session, cookie, err := o.desk.SignIn(t.Context(), login.Attempt{Username: "ann@shop.example", Password: "correct horse", IP: "192.0.2.1", UserAgent: "evil\x1b[2J"})
	if err != nil {
		t.Fatal(err)
	}
	o.says("sessions ann@shop.example", `^SESSION +KIND +SIGNED IN +ENDS +ADDRESS +BROWSER$`, `^`+string(session.ID)+` .* 192\.0\.2\.1 +evil\?\[2J$`)
	o.fails("sign-out bob --session "+string(session.ID), "no session", false)
	o.says("sign-out ann@shop.example --session "+string(session.ID), `^Signed out\.$`)
	if _, _, there, _ := o.desk.Session(t.Context(), cookie); there {
		t.Error("still signed in")
	}
	o.says("sign-out ann@shop.example", `^Signed out\.$`)
	o.says("disable bob", `^bob is disabled\.$`)
	o.fails("link bob", "is disabled", false)
	o.says("enable bob", `^bob is enabled\.$`, `: ostiary user link bob$`)
	if strings.Contains(o.says("show ann@shop.example"), "user link") {
		t.Error("a hint to who has a password")
	}
	o.says("link bob", `^New link for user bob `, `^  https://op\.example/setup\?token=u-`)
	o.says("delete bob", `^Deleted\.$`)
	o.fails("show bob", "There is no user with this id or name.", false)
	o.fails("delete bob", "There is no user", false)
	o.fails("create Ann@shop.example", "already", false)
	o.fails("create no/slash", "A username has", false)
	o.fails("show ../clients", "plain form", false)
}

// With -o json the server's answer is printed, one document and nothing else.
func TestUserJSON(t *testing.T) {
	o := openOffice(t)
	for _, command := range []string{"create ann", "link ann", "show ann", "list", "sessions ann", "disable ann"} {
		doc, err := strictjson.Parse([]byte(o.says(command+" -o json")), strictjson.Default)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		items, isList := doc.Get("items")
		if isList != (command == "list" || command == "sessions ann") || !isList && textOf(doc, "username") != "ann" || command == "list" && items.Len() != 1 {
			t.Errorf("%s: %s", command, doc)
		}
	}
	if out := o.says("delete ann -o json"); out != "" {
		t.Errorf("delete printed %q", out)
	}
}

// Lists go on to their last page.
func TestUserListIsWhole(t *testing.T) {
	o := openOffice(t)
	const many = 205
	for i := range many {
		if _, err := o.desk.Create(t.Context(), login.NewUser{Username: "u" + string(rune('a'+i/26)) + string(rune('a'+i%26))}); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(o.says("list"), "\n"); n != many+2 { // with a head, and what to do about those without a password
		t.Errorf("%d lines", n)
	}
}

func TestUserCalledWrongly(t *testing.T) {
	o := openOffice(t)
	for command, says := range map[string]string{
		"nonsense": `no command "nonsense"`, "create": "needs one user", "create a b": "needs one user", "list x": "takes no arguments",
		"list -o xml": "must be table or json", "list --nonsense": "nonsense", "list --server https://x.example/path --token abc": "without a path",
		"list --server http://id.example.com --token abc": "must begin with https://", "list --server https://x.example": tokenVariable,
		"list --server ftp://localhost --token abc": "must begin with https://", "list --token bad,token": "is no operator's token",
	} {
		o.fails(command, says, true)
	}
}

// What stands between a command and the server is said with what to do about it.
func TestUserUnreachable(t *testing.T) {
	o := openOffice(t)
	o.fails("list --token wrong-token-0123456789", "does not take the operator's token --token", false)
	t.Setenv(tokenVariable, "wrong-token-0123456789")
	o.fails("list", "does not take the operator's token $"+tokenVariable, false)
	t.Setenv(tokenVariable, o.token.Reveal())
	out, err := userCalled(t, "list", "--server", o.url+"/", "--data", "nowhere")
	if err != nil || !strings.HasPrefix(out, "USERNAME") {
		t.Errorf("by --server: %q, %v", out, err)
	}
	t.Setenv(tokenVariable, "")
	o.leave(`{"url":"` + o.url + `","ops_url":"","token":"old-token-0123456789"}`)
	o.fails("list", "does not take the operator's token in "+adminFile(o.data), false)
	for _, text := range []string{"", "{}", "null", `{"url":1}`, "\xff"} {
		o.leave(text)
		o.fails("list", "start the server again", false)
	}
	out, err = userCalled(t, "list", "--data", filepath.Join(o.data, "none"))
	checkFailure(t, "list", out, err, "start one with: ostiary dev --data", false)

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + ln.Addr().String()
	ln.Close()
	o.leave(`{"url":"` + gone + `","ops_url":"","token":"` + o.token.Reveal() + `"}`)
	o.fails("list", "does not answer", false)
	o.fails("list", "start the server of the data folder "+o.data, false)

	answers := func(path string, status int, body string) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Face: web.Plain, Handler: func(context.Context, *web.Request) (web.Response, error) {
			return web.JSON(status, []byte(body)), nil
		}}
	}
	o.serve([]web.Route{answers("/api/admin/users", http.StatusOK, "<html>"), answers("/api/admin/users/:id", http.StatusBadGateway, "{}")})
	o.leave(`{"url":"` + o.url + `","ops_url":"","token":"` + o.token.Reveal() + `"}`)
	o.fails("list", "is it an ostiary server?", false)
	o.fails("show ann", "answered with status 502", false)
}
