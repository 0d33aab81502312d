package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// userCommand keeps people, through the operators' API.
func userCommand() *cobra.Command {
	f := &operatorFlags{}
	return f.group("user", "Make, list, disable and delete users, and sign them out",
		"user keeps the people who can sign in. It speaks to the running server. A new user gets a one-time link, by which the\n"+
			"password is set. The first administrator: ostiary user create NAME --admin",
		f.createCommand(), f.listCommand(), f.showCommand(), f.switchCommand("disable", "Keep a user out: all sessions and tokens are void at once", true),
		f.switchCommand("enable", "Let a disabled user in again", false), f.deleteCommand(), f.linkCommand(), f.sessionsCommand(), f.signOutCommand(),
	)
}

// about makes a command that is about one user.
func (f *operatorFlags) about(use, short string, do func(ctx context.Context, t *terminal, name string) error) *cobra.Command {
	return f.command(use+" NAME", short, func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return usagef("%s needs one user: a username or an id", cmd.CommandPath())
		}
		return nil
	}, func(ctx context.Context, t *terminal, args []string) error {
		return do(ctx, t, args[0])
	})
}

func userPath(name string) string { return "/users/" + url.PathEscape(name) }

func (f *operatorFlags) createCommand() *cobra.Command {
	var admin, verified bool
	var email, fullName string
	cmd := f.about("create", "Make a user, and the one-time link that sets the password", func(ctx context.Context, t *terminal, username string) error {
		doc, err := t.do(ctx, http.MethodPost, "/users", map[string]any{
			"username": username, "name": fullName, "email": email, "email_verified": verified, "admin": admin,
		})
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printLink(w, "Created", doc) })
	})
	flags := cmd.Flags()
	flags.BoolVar(&admin, "admin", false, "the user may do what operators do")
	flags.StringVar(&email, "email", "", "email address")
	flags.BoolVar(&verified, "email-verified", false, "the address is known to be the user's")
	flags.StringVar(&fullName, "name", "", "full name, as it is shown")
	return cmd
}

// printLink prints a one-time link on a line of its own, to be copied.
func printLink(w io.Writer, done string, doc strictjson.Value) {
	what := "user"
	if isOn(doc, "admin") {
		what = "administrator"
	}
	fmt.Fprintf(w, "%s %s %s (%s).\n", done, what, printable(textOf(doc, "username")), printable(textOf(doc, "id")))
	fmt.Fprintf(w, "One-time link to set the password, good until %s:\n\n  %s\n\n", moment(doc, "setup_expires_at"), printable(textOf(doc, "setup_url")))
}

func (f *operatorFlags) listCommand() *cobra.Command {
	return f.command("list", "List the users by name", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		items, err := t.every(ctx, "/users")
		if err != nil {
			return err
		}
		return t.print(map[string]any{"items": items}, func(w io.Writer) {
			fmt.Fprintln(w, "USERNAME\tID\tNAME\tEMAIL\tADMIN\tSTATE\tCREATED")
			for _, u := range items {
				row(w, textOf(u, "username"), textOf(u, "id"), textOf(u, "name"), textOf(u, "email"), yes(isOn(u, "admin")), stateOf(u), moment(u, "created_at"))
			}
			if slices.ContainsFunc(items, lacksPassword) {
				hintLink(w, "NAME")
			}
		})
	})
}

func (f *operatorFlags) showCommand() *cobra.Command {
	return f.about("show", "Show a user", func(ctx context.Context, t *terminal, name string) error {
		doc, err := t.get(ctx, userPath(name))
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			for name, v := range doc.All() {
				text, isText := v.Text()
				if !isText {
					text = v.String()
				}
				row(w, name, text)
			}
			row(w, "state", stateOf(doc))
			if lacksPassword(doc) {
				hintLink(w, textOf(doc, "username"))
			}
		})
	})
}

func (f *operatorFlags) switchCommand(word, short string, disabled bool) *cobra.Command {
	return f.about(word, short, func(ctx context.Context, t *terminal, name string) error {
		doc, err := t.do(ctx, http.MethodPatch, userPath(name), map[string]bool{"disabled": disabled})
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			fmt.Fprintf(w, "%s is %sd.\n", printable(textOf(doc, "username")), word)
			if lacksPassword(doc) {
				hintLink(w, textOf(doc, "username"))
			}
		})
	})
}

func (f *operatorFlags) deleteCommand() *cobra.Command {
	return f.about("delete", "Remove a user for good, with all that the user has", func(ctx context.Context, t *terminal, name string) error {
		if _, err := t.do(ctx, http.MethodDelete, userPath(name), nil); err != nil {
			return err
		}
		return t.say("Deleted.")
	})
}

func (f *operatorFlags) linkCommand() *cobra.Command {
	return f.about("link", "Make a new one-time link that sets the password; the one before it is void", func(ctx context.Context, t *terminal, name string) error {
		doc, err := t.do(ctx, http.MethodPost, userPath(name)+"/link", nil)
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printLink(w, "New link for", doc) })
	})
}

func (f *operatorFlags) sessionsCommand() *cobra.Command {
	return f.about("sessions", "List where a user is signed in", func(ctx context.Context, t *terminal, name string) error {
		items, err := t.every(ctx, userPath(name)+"/sessions")
		if err != nil {
			return err
		}
		return t.print(map[string]any{"items": items}, func(w io.Writer) {
			fmt.Fprintln(w, "SESSION\tKIND\tSIGNED IN\tENDS\tADDRESS\tBROWSER")
			for _, s := range items {
				row(w, textOf(s, "id"), textOf(s, "kind"), moment(s, "auth_time"), moment(s, "expires_at"), textOf(s, "ip"), textOf(s, "user_agent"))
			}
		})
	})
}

func (f *operatorFlags) signOutCommand() *cobra.Command {
	var session string
	cmd := f.about("sign-out", "End all sessions and tokens of a user, or one session", func(ctx context.Context, t *terminal, name string) error {
		path := userPath(name) + "/sessions"
		if session != "" {
			path += "/" + url.PathEscape(session)
		}
		if _, err := t.do(ctx, http.MethodDelete, path, nil); err != nil {
			return err
		}
		return t.say("Signed out.")
	})
	cmd.Flags().StringVar(&session, "session", "", "end this one only")
	return cmd
}

// stateOf tells in a word whether a user can sign in.
func stateOf(u strictjson.Value) string {
	switch {
	case isOn(u, "disabled"):
		return "disabled"
	case lacksPassword(u):
		return "no password"
	}
	return "active"
}

// lacksPassword tells whether only a one-time link lets a user in. Whether there is one that is still good is not shown.
func lacksPassword(u strictjson.Value) bool { return !isOn(u, "disabled") && !isOn(u, "password_set") }

// hintLink says how somebody without a password gets one.
func hintLink(w io.Writer, name string) {
	fmt.Fprintf(w, "No password, and the one-time link lost, used or void? Make a new one: ostiary user link %s\n", printable(name))
}
