package registration

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// A Rotation says which credential of a client an operator replaces.
type Rotation struct {
	Of      string        // RotateSecret or RotateToken
	Overlap time.Duration // how long the secret before stays good beside the new one
}

// What can be rotated, by the member of the answer that has the new one. Policy sees it in input.present.
const (
	RotateSecret = "client_secret"
	RotateToken  = "registration_access_token"
)

// The bounds of how long two secrets are good at once.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 90 * 24 * time.Hour
)

// rotatable holds a rotation to what the client has.
func (j *judgement) rotatable() error {
	method := oauth.AuthMethod(j.before.Client.Metadata.TokenEndpointAuthMethod)
	switch r := j.req.Rotation; {
	case r.Of == RotateToken && isShared(&j.before.Client):
		return core.Refuse(core.Conflict, "The client is shared by all who register the same (registration.idempotent), so nobody owns it: whoever had this token could change it for all of them.")
	case r.Of == RotateToken:
	case r.Of != RotateSecret:
		return core.Refuse(core.InvalidRequest, "Only %s and %s can be rotated.", RotateSecret, RotateToken)
	case r.Overlap < 0 || r.Overlap > MaxOverlap:
		return core.Refuse(core.InvalidRequest, "overlap must be from 0 to %d seconds.", int64(MaxOverlap/time.Second))
	case !oauth.UsesSecret(method):
		return core.Refuse(core.Conflict, "The client has no secret: it authenticates by %s.", method)
	}
	j.asked.Present = []string{j.req.Rotation.Of}
	return nil
}

// overlapping gives the newest of the secrets that a client has, as it lives on beside a new one; false when it does not.
func overlapping(secrets []core.StoredSecret, now time.Time, overlap time.Duration) (last core.StoredSecret, lives bool) {
	if len(secrets) == 0 {
		return last, false
	}
	last = secrets[0]
	last.ExpiresAt = earlier(last.ExpiresAt, now.Add(overlap).Truncate(time.Second))
	return last, last.ExpiresAt.After(now)
}

func overlapWarning(last core.StoredSecret) core.Reason {
	return core.Reason{
		Rule: "rotate", Fields: []string{RotateSecret}, Public: true,
		Message: "The client_secret before this one stays good until " + last.ExpiresAt.UTC().Format(time.RFC3339) + ".",
	}
}

// rotationGrace is how long the registration access token before the current one stays valid, if that is not used first.
const rotationGrace = 10 * time.Minute

// supersedes tells that the current registration access token was presented while an earlier one still lives.
func (j *judgement) supersedes() bool {
	return j.caller.Kind == KindRAT && supersedes(j.before.Credentials, j.req.Credential.Bearer)
}

func supersedes(c core.Credentials, bearer core.Secret) bool {
	tokens := c.Registration
	return len(tokens) > 1 && tokens[len(tokens)-1].Hash == bearer.Hash()
}

// rotate keeps the token that was presented beside the new one, to that end or, when it is zero, as long as it was good for; any
// other ends.
func rotate(have []core.RegistrationToken, presented, next core.Secret, end time.Time) []core.RegistrationToken {
	tokens := make([]core.RegistrationToken, 0, 2)
	for _, t := range have {
		if t.Hash == presented.Hash() {
			if !end.IsZero() {
				t.ValidUntil = end
			}
			tokens = append(tokens, t)
		}
	}
	return append(tokens, core.RegistrationToken{Hash: next.Hash()})
}

// rotated tells which credential is new, for the entry.
func rotated(of string, secrets []core.StoredSecret) core.Reason {
	r := core.Reason{Rule: "rotate", Fields: []string{of}, Message: "There is a new " + of + "; earlier ones ended at once."}
	if of == RotateSecret && len(secrets) > 1 {
		r.Message = "There is a new " + of + "; the one before stays good until " + secrets[1].ExpiresAt.UTC().Format(time.RFC3339) + "."
	}
	return r
}
