package main

import (
	"crypto/tls"
	"strings"

	"github.com/ostiary/ostiary/core/oauth"
)

// certificateSettings say how the certificates of clients reach the server (RFC 8705).
type certificateSettings struct {
	From        string `yaml:"from"`        // tls: asked for in the handshake; header: trusted proxies pass them on; empty: they do not
	Header      string `yaml:"header"`      // then, in which header
	Authorities string `yaml:"authorities"` // PEM file: who may issue certificates for tls_client_auth; empty: that is not offered
}

// Where certificates come from.
const (
	fromTLS    = "tls"
	fromHeader = "header"
)

// header is where trusted proxies pass certificates on; empty: nowhere.
func (c certificateSettings) header() string {
	if c.From == fromHeader {
		return c.Header
	}
	return ""
}

// handshake is what the listener asks of clients: a certificate if they have one. Who issued it is looked at where it counts.
func (c certificateSettings) handshake() tls.ClientAuthType {
	if c.From == fromTLS {
		return tls.RequestClientCert
	}
	return tls.NoClientCert
}

func (c certificateSettings) check(s *settings, add func(path, format string, args ...any)) {
	switch c.From {
	case "":
		if c.Authorities != "" {
			add("client_certificates.from", "is missing: certificates come by tls or in a header")
		}
	case fromTLS:
		if s.TLS.Cert == "" {
			add("client_certificates.from", "tls needs tls.cert and tls.key: this server must end TLS itself to see certificates")
		}
	case fromHeader:
		if len(s.Proxies) == 0 {
			add("client_certificates.from", "header needs trusted_proxies: the header is believed from no one else")
		}
		if c.Header == "" || strings.Trim(c.Header, headerCharacters) != "" {
			add("client_certificates.header", "is not the name of a header")
		}
	default:
		add("client_certificates.from", "must be tls, header or empty")
	}
}

const headerCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// methods are those of RFC 8705 that clients can use.
func (c certificateSettings) methods() []oauth.AuthMethod {
	switch {
	case c.From == "":
		return nil
	case c.Authorities == "":
		return []oauth.AuthMethod{oauth.AuthSelfSignedTLS}
	}
	return []oauth.AuthMethod{oauth.AuthTLS, oauth.AuthSelfSignedTLS}
}
