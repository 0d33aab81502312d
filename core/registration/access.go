package registration

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
)

// What a caller is, as core.Caller.Kind.
const (
	KindIAT      = "initial_access_token"
	KindRAT      = "registration_access_token"
	KindClient   = "client_credentials" // a client with an access token of its own
	KindMTLS     = "mtls"               // who has nothing but a certificate, where that counts
	KindOperator = "operator"
	KindOpen     = "open"
	KindDocument = "client_metadata_document" // nobody asked: somebody came whose client_id is the address of one
	KindSystem   = "system"
)

// unknownToken answers every bad bearer alike: unknown, foreign, truncated, revoked, expired, used up.
func unknownToken(why error) error {
	return core.Fail(core.InvalidToken, "The access token is unknown, expired, revoked or used up. Ask an operator for a new one.", why)
}

// access finds out who is at the desk, and which client is meant. A credential that was presented and is not valid is
// refused even where none would have been needed.
func (j *judgement) access(ctx context.Context) error {
	j.caller.Kind = KindOpen // until a credential is believed
	if j.req.Credential.Operator != "" {
		j.caller.Kind, j.caller.Subject = KindOperator, j.req.Credential.Operator
	}
	switch {
	case !j.site.Offers() && j.byItself() && !j.req.InProcess && !j.simulated:
		return core.Refuse(core.NotFound, "Clients cannot register themselves at this server: its operator has switched that off.")
	case j.req.Refused != nil:
		return j.req.Refused
	case !offers(j.req.Channel, j.req.Operation):
		return core.Refuse(core.InvalidRequest, "This operation is not offered here.")
	case j.req.Channel == core.ChannelDocument:
		return j.documentAccess()
	case j.req.Channel == core.ChannelSystem:
		return j.ownClient(ctx)
	case j.caller.Kind == KindOperator:
		return j.operatorsClient(ctx)
	case j.as != "":
		return j.pretend(ctx)
	case j.req.Channel == core.ChannelOperator, j.req.Channel == core.ChannelImport:
		return core.Refuse(core.InvalidToken, "An operator's token is needed: send it as Authorization: Bearer.")
	case j.req.Channel == core.ChannelManage && j.site.Access.ClientCredentials && isAccessToken(j.req.Credential.Bearer):
		return j.ownAccessToken(ctx)
	case j.req.Channel == core.ChannelManage:
		return j.registrationToken(ctx)
	case isAccessToken(j.req.Credential.Bearer):
		return j.registrarsToken(ctx)
	case j.req.Credential.Bearer != "":
		return j.initialAccessToken(ctx)
	case j.site.Access.MTLS:
		return j.certificate()
	}
	return nil // whether an open door is enough is for policy to say
}

// byItself tells that a client asks for itself, by RFC 7591 and RFC 7592.
func (j *judgement) byItself() bool {
	return j.req.Channel == core.ChannelDCR || j.req.Channel == core.ChannelManage
}

// offers tells what may be asked for through a channel at all; anything else never comes as far as policy.
func offers(channel core.Channel, op core.Operation) bool {
	switch channel {
	case core.ChannelDCR, core.ChannelDocument:
		return op == core.Register
	case core.ChannelManage:
		return op == core.Read || op == core.Update || op == core.Delete
	case core.ChannelSystem:
		return op == core.Delete || op == core.Renew || op == core.Disable
	case core.ChannelOperator:
		return documented(op) || op == core.Read || op == core.Delete || op == core.Disable || op == core.Enable || op == core.Rotate || decides(op)
	case core.ChannelImport:
		return documented(op) || op == core.Delete
	}
	return false
}

// ownClient is access for what this server does by itself; an operator may have told it to.
func (j *judgement) ownClient(ctx context.Context) error {
	j.caller.Kind = KindSystem
	stored, err := j.existing(ctx)
	if err != nil {
		return err
	}
	return j.find(stored)
}

func (j *judgement) operatorsClient(ctx context.Context) error {
	if j.req.Operation == core.Register {
		return j.chosenID()
	}
	stored, err := j.existing(ctx)
	if err != nil {
		return err
	}
	return j.find(stored)
}

// existing reads the client that is meant.
func (j *judgement) existing(ctx context.Context) (Stored, error) {
	stored, err := j.desk.store.Client(ctx, j.req.ClientID)
	if err == nil && (stored.Client.ID == "" || stored.Client.ExpiredAt(j.now)) {
		err = core.Refuse(core.NotFound, "There is no client with this id.")
	}
	return stored, err
}

// find starts the draft from what is stored, and holds everybody but operators to the client's state.
func (j *judgement) find(stored Stored) error {
	if tags := j.req.IfMatch; len(tags) > 0 && !slices.Contains(tags, "*") && !slices.Contains(tags, stored.Tag()) {
		return core.Refuse(core.PreconditionFailed, "The client was changed since this ETag was given; read it again.")
	}
	if err := j.heldToSet(&stored); err != nil {
		return err
	}
	j.before, j.draft = stored, stored.Client.Metadata
	if j.req.Operation == core.Rotate {
		return j.rotatable()
	}
	if j.caller.Kind == KindOperator {
		return j.decidable()
	}
	if err := j.presentsCertificate(); err != nil {
		return err
	}
	switch {
	case stored.State == core.Active || j.req.Operation == core.Read || j.req.Channel == core.ChannelSystem && j.req.Operation == core.Disable:
		return nil
	case stored.State == core.Pending:
		return core.Refuse(core.AccessDenied, "The client waits for an operator's approval: until then it can be read but not changed.")
	}
	return core.Refuse(core.AccessDenied, "The client is %s: it can be read but not changed. Ask an operator to enable it.", stored.State)
}

// initialAccessToken believes a token that is stored, not expired and has uses left. Only the commit spends a use.
func (j *judgement) initialAccessToken(ctx context.Context) error {
	held, err := j.desk.store.TokenByHash(ctx, j.req.Credential.Bearer.Hash())
	if err != nil {
		return err
	}
	if held.Token.ID == "" {
		return unknownToken(nil)
	}
	if held.Uses >= held.Token.MaxUses || !held.Token.ExpiresAt.After(j.now) {
		return unknownToken(ErrSpent)
	}
	j.hold(held)
	return j.fromOrigin()
}

func (j *judgement) hold(held Held) {
	j.held = &held
	j.caller.Kind, j.caller.Subject = KindIAT, held.Token.CreatedBy
}

// registrationToken believes the token that the client was registered with (RFC 7592 §2). A wrong token, another client's
// and one of a client that never was all end alike.
func (j *judgement) registrationToken(ctx context.Context) error {
	if j.req.Credential.Bearer == "" {
		return core.Refuse(core.InvalidToken, "A registration access token is needed: send it as Authorization: Bearer.")
	}
	stored, err := j.desk.store.Client(ctx, j.req.ClientID)
	if err != nil {
		return err
	}
	if stored.Client.ExpiredAt(j.now) || !holdsToken(stored.Credentials, j.req.Credential.Bearer, j.now) {
		return core.Refuse(core.InvalidToken, "The registration access token is not valid for this client.")
	}
	j.caller.Kind, j.caller.ClientID = KindRAT, stored.Client.ID
	if err := j.find(stored); err != nil || j.req.Operation == core.Read {
		return err
	}
	return j.fromOrigin()
}

// holdsToken compares in constant time against every token, the current one last.
func holdsToken(c core.Credentials, bearer core.Secret, now time.Time) bool {
	presented := bearer.Hash()
	found := 0
	for _, t := range c.Registration {
		live := t.ValidUntil.IsZero() || t.ValidUntil.After(now)
		if live {
			found |= subtle.ConstantTimeCompare(t.Hash[:], presented[:])
		}
	}
	return found == 1
}
