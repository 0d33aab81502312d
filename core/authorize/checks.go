package authorize

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
)

// Limits of what a request may carry. All of it must fit into one URL again when the person comes back from signing in.
const (
	maxRequest   = 7 << 10 // bytes of the parameters, encoded
	maxState     = 4 << 10
	maxNonce     = 1 << 10
	maxResources = 10
)

// The response modes offered (OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode).
const (
	modeQuery = "query"
	modeForm  = "form_post"
)

// An inquiry is a request while it is checked.
type inquiry struct {
	params oauth.Params
	found  core.Registered // the client that params name; zero: none has that id
	pushed bool            // it came to the PAR endpoint: the client is authenticated and a refusal is its answer
	site   *Site

	Request
}

// checks are all that a request must satisfy, in order of trust: redirect_uri counts once the client does, and only when both
// hold may anything be sent there.
var checks = [...]struct {
	name string
	run  func(*inquiry) error
}{
	{"client_id", (*inquiry).checkClient},
	{"redirect_uri", (*inquiry).checkRedirect}, // from here on a refusal is sent back
	{"response_mode", (*inquiry).checkMode},
	{"state", (*inquiry).checkState},
	{"pushed request", (*inquiry).checkPushed},
	{"repeated parameters", (*inquiry).checkRepeated},
	{"request objects", (*inquiry).checkRequestObject},
	{"authorization_details", (*inquiry).checkDetails},
	{"binding", (*inquiry).checkBinding},
	{"response_type", (*inquiry).checkResponseType},
	{"size", (*inquiry).checkSize},
	{"scope", (*inquiry).checkScope},
	{"resource", (*inquiry).checkResources},
	{"nonce", (*inquiry).checkNonce},
	{"code_challenge", (*inquiry).checkChallenge},
	{"prompt", (*inquiry).checkPrompt},
	{"max_age", (*inquiry).checkMaxAge},
	{"login_hint", (*inquiry).checkLoginHint},
	{"id_token_hint", (*inquiry).checkTokenHint},
}

// check runs all checks. After an error, RedirectURI tells whether it may be sent back.
func (in *inquiry) check() error {
	for _, c := range checks {
		if err := c.run(in); err != nil {
			return err
		}
	}
	return nil
}

// checkClient holds that exactly one client is named and that it may be used (RFC 6749 §4.1.2.1: else nothing is sent back).
func (in *inquiry) checkClient() error {
	id := in.params["client_id"]
	switch {
	case len(id) == 0:
		return core.Refuse(core.InvalidRequest, "client_id is missing. Start again from the application; if it is yours, send client_id (RFC 6749 section 4.1.1).")
	case len(id) > 1:
		return core.Refuse(core.InvalidRequest, "client_id was sent twice. Start again from the application; if it is yours, send client_id once (RFC 6749 section 3.1).")
	case in.found.Client.ID == "":
		return core.Refuse(core.InvalidRequest, "The application that sent you is not registered here, or not any more (client_id %s). "+
			"Remove it and add it again, so that it registers anew; if it is yours, check client_id.", core.Clip(id[0]))
	case in.found.State == core.Pending:
		return core.Refuse(core.UnauthorizedClient, "The application that sent you is waiting for approval. Try again after an operator of this server has approved it.")
	case in.found.State != core.Active:
		return core.Refuse(core.UnauthorizedClient, "The application that sent you has been disabled. Ask an operator of this server.")
	}
	in.Client = in.found.Client
	return nil
}

// checkRedirect finds the registered redirect URI that is meant (RFC 6749 §3.1.2.3, RFC 9700 §2.1).
func (in *inquiry) checkRedirect() error {
	registered, sent := in.Client.Metadata.RedirectURIs, in.params["redirect_uri"]
	switch {
	case in.pushed && len(sent) == 1 && !in.redirects(sent[0]):
		return core.Refuse(core.InvalidRequest, "redirect_uri %s is not registered for this client; send one that is, character by character.", core.Clip(sent[0]))
	case in.pushed && len(sent) == 0 && len(registered) != 1:
		return core.Refuse(core.InvalidRequest, "redirect_uri is missing, and there is not exactly one registered; send the one that is meant.")
	case len(sent) > 1:
		return core.Refuse(core.InvalidRequest, "redirect_uri was sent twice. Start again from the application; if it is yours, send redirect_uri once (RFC 6749 section 3.1).")
	case len(sent) == 0 && len(registered) == 1:
		in.RedirectURI = registered[0]
		return nil
	case len(sent) == 0:
		return core.Refuse(core.InvalidRequest, "redirect_uri is missing. Start again from the application; if it is yours, send one of its registered redirect URIs.")
	}
	if !in.redirects(sent[0]) {
		return core.Refuse(core.InvalidRequest, "The application asked to send you to an address that is not registered for it: %s. "+
			"Do not go on. If the application is yours, register exactly this redirect_uri.", core.Clip(sent[0]))
	}
	in.RedirectURI, in.RedirectSet = sent[0], true
	return nil
}

// redirects tells whether the client registered a redirect URI.
func (in *inquiry) redirects(uri string) bool {
	return slices.ContainsFunc(in.Client.Metadata.RedirectURIs, func(r string) bool { return oauth.MatchRedirect(r, uri, in.site.AnyLocalhostPort) })
}

// checkMode chooses how the answer travels, that of a refusal too.
func (in *inquiry) checkMode() error {
	in.Mode = modeQuery
	if state := in.params["state"]; len(state) == 1 && len(state[0]) <= maxState {
		in.State = state[0] // now, so that whatever is refused carries it
	}
	switch mode := in.params.Get("response_mode"); mode {
	case "", modeQuery:
		return nil
	case modeForm:
		if scheme := oauth.ParseURI(in.RedirectURI).Scheme; scheme != "https" && scheme != "http" {
			return core.Refuse(core.InvalidRequest, "response_mode=form_post needs a redirect_uri with https or http; leave response_mode out.")
		}
		in.Mode = modeForm
		return nil
	default:
		return core.Refuse(core.InvalidRequest, "response_mode %q is not supported; send query or form_post, or leave it out.", core.Clip(mode))
	}
}

func (in *inquiry) checkState() error {
	if len(in.params.Get("state")) > maxState {
		return core.Refuse(core.InvalidRequest, "state is longer than %d bytes; keep the rest on your side.", maxState)
	}
	return nil
}

// checkPushed is RFC 9126 §6: a client may have bound itself, or policy bound it, to send nothing through the browser.
func (in *inquiry) checkPushed() error {
	must := in.Client.Metadata.RequirePAR
	if (must != nil && *must || in.Client.Governance.Obliges(decision.ObligePAR)) && !in.pushed && !in.Pushed {
		return core.Refuse(core.InvalidRequest, "This client is registered to push its requests; send this one to the pushed authorization request endpoint first (RFC 9126 section 6).")
	}
	return nil
}

func (in *inquiry) checkRepeated() error {
	if name := in.params.Repeated("resource"); name != "" {
		return core.Refuse(core.InvalidRequest, "%s was sent twice; send it once (RFC 6749 section 3.1).", core.Clip(name))
	}
	return nil
}

// checkRequestObject refuses what would speak for the parameters (OpenID Connect Core §6, §7.2.1). A reference to a pushed
// request was followed before; any other is to somebody else's server. A client may have bound itself to send nothing that is not
// signed (RFC 9101 §10.5); then there is nothing that it can send yet.
func (in *inquiry) checkRequestObject() error {
	switch {
	case in.params.Has("request"):
		return core.Refuse(core.RequestNotSupported, "Request objects are not supported; send plain parameters, or push them (RFC 9126).")
	case in.params.Has("request_uri") && in.pushed:
		return core.Refuse(core.InvalidRequest, "request_uri must not be pushed; send the parameters themselves (RFC 9126 section 2.1).")
	case in.params.Has("request_uri"):
		return core.Refuse(core.InvalidRequestURI, "request_uri is not one that this server gave out; push the request first (RFC 9126).")
	case in.params.Has("registration"):
		return core.Refuse(core.RegistrationNotSupported, "The parameter registration is not supported; register at the registration endpoint.")
	}
	if signed := in.Client.Metadata.RequireSignedRequest; signed != nil && *signed {
		return core.Refuse(core.InvalidRequest, "This client registered require_signed_request_object: its requests must be signed (RFC 9101 section 10.5), "+
			"and this server takes no signed requests yet. Register false to send plain ones.")
	}
	return nil
}

// checkDetails refuses what the tokens would not say: there are no types of authorization details here (RFC 9396 §5).
func (in *inquiry) checkDetails() error {
	if in.params.Has("authorization_details") {
		return core.Refuse(core.InvalidAuthzDetails, "authorization_details has types that are not known here: there are none. Ask for what is needed with scope and resource.")
	}
	return nil
}

// checkBinding asks no person for what the token endpoint will refuse: tokens that are bound by DPoP (RFC 9449 §5.2).
func (in *inquiry) checkBinding() error {
	if bound := in.Client.Metadata.DPoPBoundTokens; bound != nil && *bound {
		return core.Refuse(core.InvalidRequest, "This client registered dpop_bound_access_tokens, and this server binds no tokens by DPoP yet: there are none for it. Register false to get bearer tokens.")
	}
	return nil
}

func (in *inquiry) checkResponseType() error {
	m := &in.Client.Metadata
	switch asked := in.params.Get("response_type"); {
	case asked == "":
		return core.Refuse(core.InvalidRequest, "response_type is missing; send code.")
	case oauth.ResponseType(asked) != oauth.ResponseCode:
		return core.Refuse(core.UnsupportedResponseType, "response_type %q is not supported; send code.", core.Clip(asked))
	case !slices.Contains(m.ResponseTypes, string(oauth.ResponseCode)):
		return core.Refuse(core.UnauthorizedClient, "The client is not registered for response_type code.")
	case !slices.Contains(m.GrantTypes, string(oauth.GrantAuthorizationCode)):
		return core.Refuse(core.UnauthorizedClient, "The client is not registered for the grant type authorization_code.")
	}
	return nil
}

func (in *inquiry) checkSize() error {
	if len(in.params.Encode()) > maxRequest {
		return core.Refuse(core.InvalidRequest, "The request is longer than %d bytes.", maxRequest)
	}
	return nil
}

// checkScope holds that nothing is asked for that was not registered. A request without scope asks for all that was (RFC 6749
// §3.3).
func (in *inquiry) checkScope() error {
	asked, err := oauth.ParseScope(in.params.Get("scope"))
	if err != nil {
		return core.Refuse(core.InvalidScope, "%v.", err)
	}
	registered := in.Client.Metadata.Scope
	if in.Scope = asked; len(asked) == 0 {
		in.Scope = slices.Clone(registered)
	}
	for _, scope := range in.Scope {
		if !oauth.ScopeContains(registered, scope) {
			return core.Refuse(core.InvalidScope, "The scope %s is not registered for this client.", core.Clip(scope))
		}
	}
	if oauth.ScopeContains(asked, oauth.ScopeOpenID) && !in.RedirectSet {
		return core.Refuse(core.InvalidRequest, "redirect_uri is missing; with the scope openid it must be sent (OpenID Connect Core section 3.1.2.1).")
	}
	return nil
}

// checkResources is RFC 8707 §2.
func (in *inquiry) checkResources() error {
	asked := in.params["resource"]
	if len(asked) > maxResources {
		return core.Refuse(core.InvalidTarget, "More than %d values of resource; ask for fewer at a time.", maxResources)
	}
	for _, resource := range asked {
		u := oauth.ParseURI(resource)
		switch {
		case !u.Valid || u.Host == "" && u.Path == "":
			return core.Refuse(core.InvalidTarget, "resource %s is not an absolute URI without fragment (RFC 8707 section 2).", core.Clip(resource))
		case resource != in.site.Issuer && !in.site.Resource(in.Client, resource):
			return core.Refuse(core.InvalidTarget, "resource %s is not known here, or not for this client.", core.Clip(resource))
		case !slices.Contains(in.Resources, resource):
			in.Resources = append(in.Resources, resource)
		}
	}
	return in.checkTogether()
}

// checkTogether wants scopes of several APIs asked for one by one, or for one of them: the token endpoint would give nothing for all
// of them (RFC 9068 §3).
func (in *inquiry) checkTogether() error {
	if len(in.Resources) > 0 || in.site.ScopeResources == nil {
		return nil
	}
	if one, other, apart := oauth.ScopesApart(in.Scope, func(scope string) []string { return in.site.ScopeResources(in.Client, scope) }); apart {
		return core.Refuse(core.InvalidScope, "The scopes %s and %s are for different resources: name one of these with resource, or ask for the scopes one by one (RFC 9068 section 3).",
			core.Clip(one), core.Clip(other))
	}
	return nil
}

func (in *inquiry) checkNonce() error {
	if in.Nonce = in.params.Get("nonce"); len(in.Nonce) > maxNonce {
		return core.Refuse(core.InvalidRequest, "nonce is longer than %d bytes.", maxNonce)
	}
	return nil
}

// checkChallenge is RFC 7636 §4.4.1, with S256 alone.
func (in *inquiry) checkChallenge() error {
	challenge, method := in.params.Get("code_challenge"), in.params.Get("code_challenge_method")
	switch {
	case challenge == "" && method != "":
		return core.Refuse(core.InvalidRequest, "code_challenge_method was sent without code_challenge.")
	case challenge == "" && pkceRequired(&in.Client, &in.Request):
		return core.Refuse(core.InvalidRequest, "code_challenge is missing; this client must use PKCE (RFC 7636).")
	case challenge == "":
		return nil
	case method == "":
		return core.Refuse(core.InvalidRequest, "code_challenge_method is missing, which means plain; send S256.")
	case method != oauth.MethodS256:
		return core.Refuse(core.InvalidRequest, "code_challenge_method %q is not supported; send S256.", core.Clip(method))
	case !oauth.ValidChallenge(challenge):
		return core.Refuse(core.InvalidRequest, "code_challenge is not an S256 challenge: 43 characters of base64url without padding (RFC 7636 section 4.2).")
	}
	in.Challenge = challenge
	return nil
}
