package core

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/ostiary/ostiary/core/oauth"
)

// Pairwise gives people, and their sessions, the names that clients know them by (OpenID Connect Core §8). The zero Pairwise has no
// name for anybody at a client that wants names of its own.
type Pairwise struct{ salt Secret }

// NewPairwise makes names from a secret that must never change: with it all names would.
func NewPairwise(salt Secret) Pairwise { return Pairwise{salt} }

// Name is the sub that a client gets for a person: the person's own, or one that only the clients of its sector get, from which
// nobody learns the person's own nor that of another sector.
func (p Pairwise) Name(c *Client, person Subject) Subject {
	if !isPairwise(c) || person == "" {
		return person
	}
	return Subject(p.apart("subject", c, string(person)))
}

// Session is the sid that a client gets for a browser session: the session's own, or one that only the clients of its sector get.
// By the session's own, clients that know a person by different names would find out that it is the same one.
func (p Pairwise) Session(c *Client, id SessionID) SessionID {
	if !isPairwise(c) || id == "" {
		return id
	}
	return SessionID(p.apart("session", c, string(id)))
}

// apart gives a name that only the clients of one sector get.
func (p Pairwise) apart(kind string, c *Client, name string) string {
	if p.salt == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(p.salt.Reveal()))
	mac.Write([]byte("ostiary pairwise " + kind + "\x00" + sectorOf(c) + "\x00" + name))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Renames tells that after a change a client knows people by other names than before. What it was given under those must not go on:
// a name that is refreshed is the same for ever (OpenID Connect Core §12.2), and that of another sector is none of its business.
func Renames(before, after *Client) bool {
	return isPairwise(before) != isPairwise(after) || isPairwise(after) && sectorOf(before) != sectorOf(after)
}

func isPairwise(c *Client) bool {
	return oauth.SubjectType(c.Metadata.SubjectType) == oauth.SubjectPairwise
}

// sectorOf is the host of sector_identifier_uri, else that of the redirect URIs (OpenID Connect Core §8.1). A client without
// either is a sector of its own.
func sectorOf(c *Client) string {
	if sector := c.Metadata.Sector(); sector != "" {
		return sector
	}
	return "client\x00" + string(c.ID)
}

// Sector is the host that stands for a client and its siblings, "" when there is not exactly one.
func (m *Metadata) Sector() string {
	if m.SectorIdentifierURI != "" {
		return oauth.ParseURI(m.SectorIdentifierURI).Host
	}
	sector := ""
	for i, raw := range m.RedirectURIs {
		host := oauth.ParseURI(raw).Host
		if i > 0 && host != sector {
			return ""
		}
		sector = host
	}
	return sector
}
