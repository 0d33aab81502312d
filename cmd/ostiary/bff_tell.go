package main

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/metrics"
)

// statusOfDCR is what a Pushgateway is told.
var statusOfDCR = metrics.Status{
	Name: "bff_dcr_status", Help: "What became of the last look at the client's registration.",
	Label: metrics.Of("status", "success", "rat_cached", "rat_invalid", "jwks_rotation_failed"),
}

// pushStatus tells the Pushgateway, if there is one. It keeps nobody waiting but those that come after it. It is called by one at a time.
func (o *outpost) pushStatus(outcome bff.Outcome) {
	gateway := o.settings.Registration.Pushgateway
	if gateway == "" {
		return
	}
	holds := map[bff.Outcome]string{
		bff.Registered: "success", bff.Updated: "success", bff.Kept: "rat_cached", bff.TokenInvalid: "rat_invalid", bff.TurnFailed: "jwks_rotation_failed",
	}[outcome]
	before, done := o.pushed, make(chan struct{})
	o.pushed = done
	o.beside.Go(func() {
		defer close(done)
		if before != nil {
			<-before // the last one counts
		}
		ctx, cancel := context.WithTimeout(context.Background(), pushTime) // also while the process ends
		defer cancel()
		if err := metrics.Push(ctx, o.pushing.HTTPClient(), gateway, "ostiary_bff", statusOfDCR, holds); err != nil {
			o.log.Warn("the status of the registration could not be pushed", "error", core.Clip(err.Error()))
		}
	})
}

const pushTime = 5 * time.Second

// hints say in the words of the environment what to do.
var hints = map[bff.Trouble]string{
	bff.Unreachable:      "the identity provider or the store did not answer: check IDP_BASE_URL and OIDC_ISSUER; the log has the cause",
	bff.NoTicket:         "Get new RAT/IAT from /api/admin/dcr/initial-access-tokens and update DCR_IAT",
	bff.TicketRefused:    "DCR_IAT is expired, revoked or used up: Get new RAT/IAT from /api/admin/dcr/initial-access-tokens and update DCR_IAT",
	bff.TicketSpent:      "DCR_IAT was spent on a registration whose answer could not be used, which the log has: delete that client at the identity provider. Get new RAT/IAT from /api/admin/dcr/initial-access-tokens and update DCR_IAT",
	bff.TokenRefused:     "the registration access token in BFF_CLIENT_CRED_PATH is not accepted any more: set BOOTSTRAP_ADMIN_TOKEN to have it renewed, or DCR_FORCE_REPLACE=true to register anew. Get new RAT/IAT from /api/admin/dcr/initial-access-tokens and update DCR_IAT",
	bff.MetadataRefused:  "invalid_client_metadata: check DCR_CLIENT_ID (is it taken, and does the profile list it?), DCR_CLIENT_PROFILE and MS_BFF_TOKEN_AUTH_METHOD against client_profiles in dcr_config.yaml",
	bff.RedirectsRefused: "invalid_redirect_uri: align DCR_REDIRECT_URIS (https://HOST/auth/callback, no slash after it) with the policy for redirect_uris, and set DCR_FORCE_REPLACE=true",
	bff.ScopeRefused:     "invalid_scope: OIDC_SCOPES asks for a scope that policy.allowed_scopes in dcr_config.yaml lacks",
	bff.Unfit:            "the identity provider, or what was said of it and of the client, is not as it must be: the log says what it is; check IDP_BASE_URL, OIDC_ISSUER, BFF_CLIENT_CRED_PATH and BFF_JWT_SIGNING_KEY or AUTH_CLIENT_SECRET",
	bff.Unmanaged:        "the identity provider gave no registration_access_token, or has nothing at its registration_client_uri: what is read, changed, turned or renewed by itself elsewhere must be done at the identity provider by hand, or by another registration (DCR_FORCE_REPLACE=true with a new DCR_IAT)",
	bff.SecretEnds:       "have the client_secret renewed at the identity provider, set BOOTSTRAP_ADMIN_TOKEN, register anew (DCR_FORCE_REPLACE=true with a new DCR_IAT), or use a key, which does not end (MS_BFF_TOKEN_AUTH_METHOD=private_key_jwt)",
	bff.NoRefresh:        "OIDC_SCOPES must have offline_access; many identity providers want to be asked for consent then, too (OIDC_PROMPT=consent)",
	bff.ClientRefused:    "AUTH_CLIENT_ID, MS_BFF_TOKEN_AUTH_METHOD and BFF_JWT_SIGNING_KEY (or AUTH_CLIENT_SECRET) must be those of the client that is registered: its client_id, its token_endpoint_auth_method, a key of its jwks or its secret",
}
