package bff

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A GivenSecret is a client_secret, and when it ends; zero: never.
type GivenSecret struct {
	Secret core.Secret
	Until  time.Time
}

// withCredentials takes over the credentials of a client information response (RFC 7591 §3.2.1). Those that it leaves out are as they were.
func (b *Backend) withCredentials(r Registration, answer strictjson.Value) Registration {
	if token := textOf(answer, "registration_access_token"); token != "" {
		r.Token = core.Secret(token)
	}
	if uri := textOf(answer, "registration_client_uri"); uri != "" {
		r.URI = uri
	}
	if b.settings.Method == oauth.AuthPrivateKeyJWT {
		r.Secret, r.Since, r.Until = "", time.Time{}, time.Time{}
		return r
	}
	given := GivenSecret{Secret: core.Secret(textOf(answer, "client_secret")), Until: r.Until}
	if until, said := endOf(answer); said {
		given.Until = until
	}
	return b.withSecret(r, given)
}

// endOf reads client_secret_expires_at; 0 means never, and so does what is farther away than any time, by which some say it.
func endOf(answer strictjson.Value) (until time.Time, said bool) {
	v, _ := answer.Get("client_secret_expires_at")
	until, ok := v.Seconds()
	if !ok || until.Unix() == 0 {
		return time.Time{}, v.Kind() == strictjson.KindNumber
	}
	return until.UTC(), true
}

// withSecret takes over a secret, or only that the one that there is ends at another time.
func (b *Backend) withSecret(r Registration, given GivenSecret) Registration {
	if given.Secret == "" {
		given.Secret = r.Secret
	}
	if given.Secret != r.Secret || !given.Until.Equal(r.Until) {
		r.Since = b.now().UTC().Truncate(time.Second)
	}
	r.Secret, r.Until = given.Secret, given.Until
	return r
}

// due is from when on a secret is renewed: the last third of its life. Of one that nobody knows the begin of, a week.
func (r Registration) due() time.Time {
	if r.Since.IsZero() {
		return r.Until.AddDate(0, 0, -7)
	}
	return r.Until.Add(-r.Until.Sub(r.Since) / 3)
}

// fading tells that the secret that we prove ourselves by ends soon. One that the operator set is the operator's.
func (b *Backend) fading(r Registration) bool {
	return b.settings.Method != oauth.AuthPrivateKeyJWT && b.settings.Secret == "" && !b.settings.Given && !r.Until.IsZero() && !b.now().Before(r.due())
}

// shortestLook is how soon a look follows another one at least.
const shortestLook = time.Minute

// nextLook is when the registration is looked at again: each hour, and earlier when the secret is to be renewed or ends by then.
func (b *Backend) nextLook() time.Duration {
	next, me := lookEvery, b.self.Load()
	if me == nil || me.Until.IsZero() || b.settings.Secret != "" {
		return next
	}
	for _, at := range []time.Time{me.due(), me.Until} {
		if left := at.Sub(b.now()); left > 0 {
			next = min(next, left)
		}
	}
	return max(next, shortestLook)
}

// renewSecret has another secret given in place of one that ends: by the issuer at an update that changes nothing (RFC 7592 §2.2), by an
// operator, or by another registration where that is ours to decide. Where nobody gives one it is told, and ends the bootstrap once
// the secret has ended: nobody could sign in.
func (w *walk) renewSecret(ctx context.Context) error {
	w.fading = false
	for _, way := range w.waysToRenew() {
		err := w.change(ctx, way, func() {})
		if errors.Is(err, ErrLeased) {
			return err
		}
		if err != nil {
			w.b.log.Warn("the client_secret could not be renewed in one of the ways", "error", err)
		}
		if !w.b.fading(w.have) {
			break
		}
	}
	switch {
	case !w.b.fading(w.have):
		w.outcome = Updated
		w.b.log.Info("the client_secret was renewed", "client_id", core.Clip(string(w.have.ClientID)), "ends", endText(w.have.Until))
	case w.remake && w.ticket:
		w.replace = true
	case !w.b.now().Before(w.have.Until):
		return errSecretEnded
	default:
		w.b.log.Warn("the client_secret ends, and could not be renewed", "client_id", core.Clip(string(w.have.ClientID)), "ends", endText(w.have.Until), "hint", w.b.say(SecretEnds))
	}
	return nil
}

func endText(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Format(time.RFC3339)
}

// waysToRenew are those that there are, the simplest first.
func (w *walk) waysToRenew() (ways []func(context.Context, Registration) (Registration, error)) {
	if w.read && !w.unmanaged {
		ways = append(ways, w.putAgain)
	}
	if w.b.parts.RenewSecret != nil {
		ways = append(ways, w.byOperator)
	}
	return ways
}

// putAgain sends the document that the issuer has, as it is. Many issuers give a secret that lives longer then, some only when the one
// before has ended.
func (w *walk) putAgain(ctx context.Context, have Registration) (Registration, error) {
	me, err := w.b.open(have, w.at)
	if err != nil {
		return Registration{}, err
	}
	answer, err := w.b.putWhole(ctx, me, w.doc)
	if err != nil {
		return Registration{}, err
	}
	return w.b.asRegistered(answer, me)
}

func (w *walk) byOperator(ctx context.Context, have Registration) (Registration, error) {
	given, err := w.b.parts.RenewSecret(ctx, have.ClientID)
	if err != nil {
		return Registration{}, err
	}
	return w.b.withSecret(have, given), nil
}

// putWhole replaces the client's metadata (RFC 7592 §2.2).
func (b *Backend) putWhole(ctx context.Context, me *self, whole strictjson.Value) (strictjson.Value, error) {
	for _, name := range []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"} {
		whole = whole.Without(name)
	}
	whole = whole.With("client_id", strictjson.String(string(me.ClientID)))
	return b.askJSON(ctx, http.MethodPut, manage(me.Registration, me.at), me.Token, whole)
}

// RenewSecretAt has the operators' API of an issuer of this program give a client another secret; the one before stays good for a while.
func RenewSecretAt(door Door, origin string, token core.Secret) func(context.Context, core.ClientID) (GivenSecret, error) {
	return func(ctx context.Context, client core.ClientID) (GivenSecret, error) {
		answer, err := ask(ctx, door, fetch.Request{Method: http.MethodPost, URL: clientAt(origin+"/api/admin/clients/", client, "/secret"), Header: bearer(token)})
		if err != nil {
			return GivenSecret{}, err
		}
		until, _ := endOf(answer)
		given := GivenSecret{Secret: core.Secret(textOf(answer, "client_secret")), Until: until}
		if given.Secret == "" {
			return GivenSecret{}, unfit("the operators' API answers without a client_secret")
		}
		return given, nil
	}
}
