package bff

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
)

// RenewAt has the operators' API of an issuer of this program renew registration access tokens. origin is that of the API, token an
// operator's.
func RenewAt(door Door, origin string, token core.Secret) func(context.Context, core.ClientID) (core.Secret, error) {
	return func(ctx context.Context, client core.ClientID) (core.Secret, error) {
		to := origin + "/api/admin/dcr/clients/" + url.PathEscape(string(client)) + "/tokens"
		answer, err := ask(ctx, door, fetch.Request{Method: http.MethodPost, URL: to, Header: bearer(token)})
		switch statusOf(err) {
		case http.StatusUnauthorized, http.StatusForbidden:
			return "", unfit("the operators' API does not accept the operator's token by which the registration access token was to be renewed (%d)", statusOf(err))
		case http.StatusNotFound:
			return "", fmt.Errorf("%w, and there is no client %q", errTokenRefused, core.Clip(string(client)))
		}
		if err != nil {
			return "", err
		}
		renewed := core.Secret(textOf(answer, "registration_access_token"))
		if renewed == "" {
			return "", unfit("the operators' API answers without a registration_access_token")
		}
		return renewed, nil
	}
}
