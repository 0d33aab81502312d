package login_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

const fresh core.Secret = "battery staple"

// owner tells whose link it is, "" for one that is not good.
func (h *house) owner(link core.Secret) string {
	h.Helper()
	u, good, err := h.LinkOwner(h.Context(), link)
	if err != nil || good != (u.Subject != "") {
		h.Errorf("owner %+v, %t, %v", u, good, err)
	}
	return u.Username
}

func TestLink(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	_, cookie := h.signIn("ann", password)
	for range 6 { // whoever was guessing no longer matters
		_, _, _ = h.try("ann", "wrong horse")
	}
	link := h.invite(ann.Subject)
	if h.owner(link) != "ann" || !h.signedIn(cookie) {
		t.Errorf("owner %q, signed in %t", h.owner(link), h.signedIn(cookie))
	}
	_, err := h.SetPassword(t.Context(), link, "short")
	checkCode(t, err, core.InvalidRequest, "shorter")
	u, err := h.SetPassword(t.Context(), link, fresh)
	if err != nil || u.Subject != ann.Subject || u.Generation != ann.Generation+1 || h.signedIn(cookie) {
		t.Errorf("set: %+v, %v, signed in %t", u, err, h.signedIn(cookie))
	}
	h.signIn("ann", fresh)
	if _, _, err := h.try("ann", password); err == nil {
		t.Error("the old password still counts")
	}
	_, err = h.SetPassword(t.Context(), link, "another one")
	checkCode(t, err, core.InvalidToken, "unknown, expired or used")
	if h.owner(link) != "" {
		t.Error("a used link has an owner")
	}
}

// Every link that is not good is refused alike, and costs no hash.
func TestBadLinks(t *testing.T) {
	h := open(t)
	ann, bob, off, out, gone := h.create("ann"), h.create("bob"), h.create("off"), h.create("out"), h.create("gone")
	replaced := h.invite(ann.Subject)
	expired, others := h.invite(bob.Subject), h.invite(off.Subject)
	h.advance(login.LinkLifetime)
	good := h.invite(ann.Subject)
	disabled, left, deleted := h.invite(off.Subject), h.invite(out.Subject), h.invite(gone.Subject)
	yes, no := true, false
	for _, off := range []*bool{&yes, &no} { // enabled again: what was made before stays void
		if _, err := h.Update(t.Context(), core.Subject(strings.Split(disabled.Reveal(), ".")[0]), login.Edit{Disabled: off}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(h.EndAll(t.Context(), out.Subject), h.Delete(t.Context(), gone.Subject)); err != nil {
		t.Fatal(err)
	}
	_, proof, _ := strings.Cut(good.Reveal(), ".")
	hashes, faces := h.hashes.Load(), map[string]bool{}
	for name, link := range map[string]core.Secret{
		"none": "", "replaced": replaced, "expired": expired, "disabled since": disabled, "signed out since": left, "deleted": deleted,
		"of before": others, "cut": good[:len(good)-1], "longer": good + "A", "without owner": core.Secret(proof), "of another": core.Secret(string(bob.Subject) + "." + proof),
		"only the owner": core.Secret(ann.Subject), "without proof": core.Secret(ann.Subject) + ".", "made up": core.Secret(ann.Subject) + "." + core.NewSecret(),
		"the hash": core.Secret(string(ann.Subject) + "." + core.Secret(proof).Hash().String()), "long": core.Secret(strings.Repeat("u-", 5000)),
		"upper": core.Secret(strings.ToUpper(good.Reveal())), "spaced": " " + good,
	} {
		if owner := h.owner(link); owner != "" {
			t.Errorf("%s: a link of %s", name, owner)
		}
		_, err := h.SetPassword(t.Context(), link, fresh)
		checkCode(t, err, core.InvalidToken, "Ask an operator")
		faces[core.AsError(err).Detail] = true
	}
	if len(faces) != 1 || h.hashes.Load() != hashes || h.owner(good) != "ann" {
		t.Errorf("%v, %d hashes, the good one of %q", faces, h.hashes.Load()-hashes, h.owner(good))
	}
	_, _, err := h.Invite(t.Context(), gone.Subject)
	checkCode(t, err, core.NotFound, "no user")
	if _, err := h.Update(t.Context(), off.Subject, login.Edit{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.Invite(t.Context(), off.Subject)
	checkCode(t, err, core.Conflict, "disabled")
}

// However many open a link at once, one password is set.
func TestLinkOnce(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	for round := range uint64(20) {
		link := h.invite(ann.Subject)
		var set atomic.Int64
		var winner core.Secret
		together(10, func(i int) {
			p := core.Secret(fmt.Sprintf("password %d of %d", i, round))
			_, err := h.SetPassword(t.Context(), link, p)
			if err == nil {
				set.Add(1)
				winner = p
			} else if core.CodeOf(err) != core.InvalidToken {
				t.Error(err)
			}
		})
		if g := h.vault.users[ann.Subject].User.Generation; set.Load() != 1 || g != ann.Generation+round+1 {
			t.Fatalf("%d passwords set, generation %d", set.Load(), g)
		}
		h.signIn("ann", winner)
	}
}

// A write of somebody else between reading and writing costs the link nothing.
func TestLinkAgainstOtherWrites(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	link := h.invite(ann.Subject)
	name := "Ann"
	h.vault.before = func() {
		h.vault.before = nil
		if _, err := h.Update(t.Context(), ann.Subject, login.Edit{Profile: func(p *core.Profile) { p.Name = name }}); err != nil {
			t.Error(err)
		}
	}
	hashes := h.hashes.Load()
	u, err := h.SetPassword(t.Context(), link, fresh)
	if err != nil || u.Profile.Name != name || h.hashes.Load() != hashes+1 {
		t.Errorf("%+v, %v, %d hashes", u, err, h.hashes.Load()-hashes)
	}
	h.signIn("ann", fresh)
}

func TestChangePassword(t *testing.T) {
	h := open(t)
	h.create("ann")
	session, cookie := h.signIn("ann", password)
	_, elsewhere := h.signIn("ann", password)
	_, _, err := h.ChangePassword(t.Context(), session, "wrong horse", fresh)
	checkCode(t, err, core.AccessDenied, "Wrong")
	_, _, err = h.ChangePassword(t.Context(), session, password, "ANN")
	checkCode(t, err, core.InvalidRequest, "shorter")
	link := h.invite(session.Subject)
	next, kept, err := h.ChangePassword(t.Context(), session, password, fresh)
	if err != nil || next.ID == session.ID || next.IP != session.IP || h.signedIn(cookie) || h.signedIn(elsewhere) || !h.signedIn(kept) || h.owner(link) != "" {
		t.Errorf("%+v, %v: before %t, elsewhere %t, now %t, link of %q", next, err, h.signedIn(cookie), h.signedIn(elsewhere), h.signedIn(kept), h.owner(link))
	}
	_, _, err = h.ChangePassword(t.Context(), session, fresh, "yet another")
	checkCode(t, err, core.LoginRequired, "ended")
	h.signIn("ann", fresh)

	// who holds a stolen session cannot guess at the password either
	for range 5 {
		_, _, err = h.ChangePassword(t.Context(), next, "wrong horse", fresh)
		checkCode(t, err, core.AccessDenied, "Wrong")
	}
	_, _, err = h.ChangePassword(t.Context(), next, fresh, "yet another")
	checkCode(t, err, core.TooManyRequests, "Wait")
	h.advance(time.Minute)
	if _, _, err = h.ChangePassword(t.Context(), next, fresh, "yet another"); err != nil {
		t.Error(err)
	}
}
