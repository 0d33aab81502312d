// Command goclient signs in with golang.org/x/oauth2 and coreos/go-oidc, as their documentation shows it: discovery, code flow
// with PKCE, ID token verified with the published keys, userinfo, refresh. OSTIARY_DEV holds what "ostiary dev" printed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const redirectURI = "http://127.0.0.1:8767/callback"

type introduction struct {
	Issuer   string `json:"issuer"`
	IAT      string `json:"initial_access_token"`
	DemoUser struct {
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"demo_user"`
}

type registered struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

func main() {
	log.SetFlags(0)
	var dev introduction
	if err := json.Unmarshal([]byte(os.Getenv("OSTIARY_DEV")), &dev); err != nil {
		log.Fatalf("OSTIARY_DEV: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	failed := false
	for _, method := range []string{"none", "client_secret_basic", "client_secret_post"} {
		if err := signIn(ctx, dev, method); err != nil {
			log.Printf("FAILED %s: %v", method, err)
			failed = true
			continue
		}
		log.Printf("ok %s", method)
	}
	if failed {
		os.Exit(1)
	}
}

// signIn walks the whole flow with a client that authenticates so.
func signIn(ctx context.Context, dev introduction, method string) error {
	provider, err := oidc.NewProvider(ctx, dev.Issuer)
	if err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	client, err := register(ctx, provider, dev.IAT, method)
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	config := oauth2.Config{
		ClientID: client.ID, ClientSecret: client.Secret, Endpoint: provider.Endpoint(), RedirectURL: redirectURI,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
	}
	const state, nonce = "the state", "the nonce"
	verifier := oauth2.GenerateVerifier()
	back, err := newPerson(dev.DemoUser.Username, dev.DemoUser.Password).
		visit(ctx, config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), redirectURI)
	if err != nil {
		return fmt.Errorf("authorize: %w", err)
	}
	if back.Get("state") != state || back.Get("iss") != dev.Issuer || back.Get("error") != "" {
		return fmt.Errorf("authorize: %v", back)
	}
	token, err := config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	if err := check(ctx, provider, &config, token, nonce); err != nil {
		return err
	}
	if _, err := config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier)); err == nil {
		return errors.New("a code counted twice")
	}
	return nil
}

// register asks for a client as RFC 7591 §3.1 says; neither library does.
func register(ctx context.Context, provider *oidc.Provider, token, method string) (client registered, err error) {
	var metadata struct {
		Endpoint string `json:"registration_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return client, err
	}
	body, err := json.Marshal(map[string]any{
		"client_name": "Go, " + method, "redirect_uris": []string{redirectURI}, "token_endpoint_auth_method": method,
		"grant_types": []string{"authorization_code", "refresh_token"}, "scope": "openid profile email offline_access",
	})
	if err != nil {
		return client, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, metadata.Endpoint, bytes.NewReader(body))
	if err != nil {
		return client, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return client, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		return client, fmt.Errorf("%s %s %w", res.Status, text, err)
	}
	return client, json.Unmarshal(text, &client)
}

// check verifies what the tokens say, and that they can be refreshed.
func check(ctx context.Context, provider *oidc.Provider, config *oauth2.Config, token *oauth2.Token, nonce string) error {
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return fmt.Errorf("ID token: %w", err)
	}
	if id.Nonce != nonce {
		return fmt.Errorf("ID token: nonce %q", id.Nonce)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return fmt.Errorf("ID token: %w", err)
		}
	}
	if !token.Valid() || token.RefreshToken == "" {
		return fmt.Errorf("token answer: valid %t, refresh token %t", token.Valid(), token.RefreshToken != "")
	}
	user, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || user.Subject != id.Subject || user.Email == "" {
		return fmt.Errorf("userinfo: %+v %w", user, err)
	}
	old := *token
	old.Expiry = time.Now().Add(-time.Minute)
	fresh, err := config.TokenSource(ctx, &old).Token()
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	if fresh.AccessToken == token.AccessToken {
		return errors.New("refresh: the access token is the old one")
	}
	_, err = provider.UserInfo(ctx, oauth2.StaticTokenSource(fresh))
	return err
}
