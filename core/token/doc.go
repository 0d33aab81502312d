// Package token is the token endpoint (RFC 6749 §3.2) and what is asked about tokens afterwards: introspection (RFC 7662),
// revocation (RFC 7009) and userinfo (OpenID Connect Core §5.3). It owns the grants, the form of refresh tokens and the claims
// of what is minted. It does not sign people in, give out codes or parse HTTP, and knows no engine.
//
// The road of a token request, in pipeline.go:
//
//	1  who is calling (core/clientauth)
//	2  which grant, and may this client use it
//	3  the grant's own checks: code.go, refresh.go, client.go
//	4  scope and resources: target.go
//	5  policy may refuse, narrow and shorten: policy.go
//	6  plugins may add claims, and refuse: claims.go
//	7  the key that the ID token is encrypted to, if it is: encrypt.go
//	8  the grant's own write: one Apply that makes its use happen once
//	9  mint and answer: mint.go
//
// access.go is the way back: from an access token to whether all that it rests on still stands.
package token
