package bff

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
)

// clientAt is an address of the operators' API that has a client in it.
func clientAt(before string, client core.ClientID, after string) string {
	return before + url.PathEscape(string(client)) + after
}

// RenewAt has the operators' API of an issuer of this program renew registration access tokens. origin is that of the API, token an
// operator's.
func RenewAt(door Door, origin string, token core.Secret) func(context.Context, core.ClientID) (core.Secret, error) {
	return func(ctx context.Context, client core.ClientID) (core.Secret, error) {
		answer, err := ask(ctx, door, fetch.Request{Method: http.MethodPost, URL: clientAt(origin+"/api/admin/dcr/clients/", client, "/tokens"), Header: bearer(token)})
		switch statusOf(err) {
		case http.StatusUnauthorized, http.StatusForbidden:
			return "", unfit("the operators' API does not accept the operator's token by which the registration access token was to be renewed (%d)", statusOf(err))
		case http.StatusNotFound:
			return "", fmt.Errorf("%w, and there is no client %q, or no operators' API of this program", errTokenRefused, core.Clip(string(client)))
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
