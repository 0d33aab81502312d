package registration

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
)

// ScopeRegister is what an access token needs to register clients. It is issued only to clients that operators registered.
const ScopeRegister = "dcr.register"

// A ClientToken is an access token of a client that acts for itself.
type ClientToken struct {
	ClientID core.ClientID
	Scopes   []string
}

// ErrOtherAPI is the cause of the refusal of an access token that is good, and for somebody else. Who holds it is told.
var ErrOtherAPI = errors.New("the access token is for another API")

// AccessTokens verifies an access token that this server issued for itself, to a client for itself; certificate is what came with
// it. Any other token is refused with invalid_token.
type AccessTokens func(ctx context.Context, bearer core.Secret, certificate *core.Certificate) (ClientToken, error)

// isAccessToken tells access tokens, which are JWTs, from initial and registration access tokens, which have no dots.
func isAccessToken(bearer core.Secret) bool { return strings.Contains(bearer.Reveal(), ".") }

// accessToken verifies the token and says whose it is.
func (j *judgement) accessToken(ctx context.Context) (ClientToken, error) {
	if j.desk.accessTokens == nil {
		return ClientToken{}, unknownToken(nil)
	}
	token, err := j.desk.accessTokens(ctx, j.req.Credential.Bearer, j.caller.Certificate)
	if core.CodeOf(err) == core.InvalidToken && !errors.Is(err, ErrOtherAPI) {
		return ClientToken{}, unknownToken(err)
	}
	return token, err
}

// introduceClient says who the caller is.
func (j *judgement) introduceClient(token ClientToken) {
	j.caller.Kind, j.caller.ClientID, j.caller.Subject, j.caller.Scopes = KindClient, token.ClientID, core.Subject(token.ClientID), token.Scopes
}

// registrarsToken lets a client register others.
func (j *judgement) registrarsToken(ctx context.Context) error {
	token, err := j.accessToken(ctx)
	if err != nil {
		return err
	}
	j.introduceClient(token)
	if !oauth.ScopeContains(token.Scopes, ScopeRegister) {
		return core.Refuse(core.InsufficientScope, "The access token lacks the scope %s. Ask an operator to give it to the client.", ScopeRegister)
	}
	return nil
}

// ownAccessToken lets a client manage itself. Another client's token, and one of a client that is not there, end alike.
func (j *judgement) ownAccessToken(ctx context.Context) error {
	token, err := j.accessToken(ctx)
	if err != nil {
		return err
	}
	stored, err := j.desk.store.Client(ctx, j.req.ClientID)
	if err != nil {
		return err
	}
	if stored.Client.ID == "" || stored.Client.ID != token.ClientID || stored.Client.ExpiredAt(j.now) {
		return core.Refuse(core.InvalidToken, "The access token is not one of this client.")
	}
	j.introduceClient(token)
	if err := j.find(stored); err != nil || j.req.Operation == core.Read {
		return err
	}
	return j.fromOrigin()
}

// certificate takes the certificate for the credential, when nothing else was presented. None is no credential, and then there is
// no other way in.
func (j *judgement) certificate() error {
	if len(j.req.Credential.Certificates) == 0 || j.caller.Certificate == nil {
		return core.Refuse(core.InvalidToken, "Registration needs a client certificate in the TLS handshake, or an initial access token as a bearer token.")
	}
	if !j.caller.Certificate.Trusted {
		return core.Refuse(core.InvalidToken, "The client certificate has expired or is not one of an authority that is trusted here.")
	}
	j.caller.Kind, j.caller.Subject = KindMTLS, core.Subject(j.caller.Certificate.Subject)
	return nil
}

// proven holds a client to the certificate that it presents, where registering needs one: what it says of its name must be true, and
// what a certificate guards is not taken away without it. Holders of an initial access token were let in by somebody who knows them.
func (j *judgement) proven() []core.Reason {
	if !j.site.Access.MTLS || !j.byItself() || j.kept != nil || j.simulated || j.caller.Kind == KindOperator {
		return nil
	}
	before, now := &j.before.Client.Metadata, &j.draft
	if j.caller.Kind == KindMTLS && (now.TLSSubjectDN == "" || !j.presents(now)) {
		return unproven("tls_client_auth_subject_dn", "tls_client_auth_subject_dn must be the subject of the client certificate of this connection.")
	}
	was, wasNamed := before.CertificateName()
	is, isNamed := now.CertificateName()
	renamed := was != is || wasNamed != isNamed
	if renamed && is != "" && j.caller.Kind != KindIAT && !j.presents(now) {
		return unproven(is, is+" must be the subject of the client certificate of this connection, or among the names of it.")
	}
	guarded := before.TokenEndpointAuthMethod == string(oauth.AuthTLS) && was != ""
	if guarded && (renamed || now.TokenEndpointAuthMethod != before.TokenEndpointAuthMethod) && !j.presents(before) {
		return unproven(was, "The client proves itself by a certificate: to change that, present the certificate of its present "+was+", or ask an operator.")
	}
	return nil
}

func unproven(member, message string) []core.Reason {
	return []core.Reason{{Rule: "mtls.subject", Code: core.InvalidToken, Fields: []string{member}, Public: true, Message: message}}
}

// presents tells whether the caller has a certificate of the name in m, of an authority that is trusted here.
func (j *judgement) presents(m *core.Metadata) bool {
	chain := j.req.Credential.Certificates
	return len(chain) > 0 && j.caller.Certificate != nil && j.caller.Certificate.Trusted && m.NamedBy(chain[0])
}

// attested wants evidence of the software that registers itself (draft-tschofenig-oauth-attested-dclient-reg), where the site does.
// What it is worth plugins have said by then; who refused it gave the nonce for another one.
func (j *judgement) attested() []core.Reason {
	if !j.site.Access.EvidenceRequired || j.req.Operation != core.Register || j.req.Channel != core.ChannelDCR || j.isOwnBackend() || j.kept != nil {
		return nil
	}
	for _, m := range append(metadata.Beyond(&j.asked.Metadata), j.asked.Extra...) { // kept or not, as the operator wants it
		if text, _ := m.Value.Text(); m.Name == evidenceMember && strings.TrimSpace(text) != "" {
			return nil
		}
	}
	return []core.Reason{{
		Rule: "access.evidence", Code: core.StaleEvidence, Fields: []string{evidenceMember}, Public: true,
		Message: "evidence is missing: only software that is attested registers here. Send the evidence of your attester as a text.",
	}}
}

// evidenceMember is what a registration brings to be attested by.
const evidenceMember = "evidence"

// canComeBack wants of a client that shall manage itself with an access token that it can get one. Who was given an initial access
// token manages itself with the registration access token that comes of it.
func (j *judgement) canComeBack() []core.Reason {
	if !j.site.Access.ClientCredentials || j.req.Operation != core.Register || j.req.Channel != core.ChannelDCR || j.caller.Kind == KindIAT ||
		slices.Contains(j.draft.GrantTypes, string(oauth.GrantClientCredentials)) {
		return nil
	}
	return []core.Reason{{
		Rule: "access.client_credentials", Code: core.InvalidClientMetadata, Fields: []string{"grant_types"}, Public: true,
		Message: "grant_types must have client_credentials: with a token of that grant the client manages its registration here.",
	}}
}
