package storage

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// The indexes of clients. Each row is client_by | index | value | time of registration | id and has no value.
const (
	byCreated   = "created"
	byState     = "state" // clients that are not active
	byChannel   = "channel"
	byToken     = "iat"
	bySoftware  = "software_id"
	byStatement = "statement_issuer"
)

// indexKeys lists the index rows a client has.
func (c *Clients) indexKeys(client core.Client, state core.State) []Key {
	keys := make([]Key, 0, 6)
	at := fmt.Sprintf("%016x", client.IssuedAt.UnixMilli())
	row := func(index, value string) {
		if value != "" {
			keys = append(keys, c.index.Key(index, indexed(value), at, string(client.ID)))
		}
	}
	row(byCreated, "all")
	row(byChannel, string(client.Provenance.Channel))
	row(byToken, string(client.Provenance.IAT))
	row(bySoftware, client.Metadata.SoftwareID)
	row(byStatement, client.Provenance.StatementIssuer)
	if state != core.Active {
		row(byState, string(state))
	}
	return keys
}

// indexed makes a value fit into a key, whatever a client called its software.
func indexed(value string) string {
	const longest = 200
	if len(value) <= longest {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return value[:longest-len(sum)*2] + hex.EncodeToString(sum[:])
}

// narrowest picks the index that leaves the fewest rows to read.
func narrowest(f registration.Filter) (index, value string) {
	switch {
	case f.IAT != "":
		return byToken, string(f.IAT)
	case f.StatementIssuer != "":
		return byStatement, f.StatementIssuer
	case f.SoftwareID != "":
		return bySoftware, f.SoftwareID
	case f.State != "" && f.State != core.Active:
		return byState, string(f.State)
	case f.Channel != "":
		return byChannel, string(f.Channel)
	}
	return byCreated, "all"
}

// list gives a page of clients, newest first, and the key of its last row ("" at the end).
func (c *Clients) list(ctx context.Context, f registration.Filter, after Key, limit int) ([]registration.Stored, Key, error) {
	index, value := narrowest(f)
	var found []registration.Stored
	for len(found) < limit {
		rows, err := c.engine.Scan(ctx, Range{Prefix: c.index.Prefix(index, indexed(value)), After: after, Limit: 100, Reverse: true})
		if err != nil {
			return nil, "", asError(err)
		}
		for _, row := range rows {
			after = row.Key
			parts := row.Key.Parts()
			stored, err := c.withUse(ctx, core.ClientID(parts[len(parts)-1]))
			if err != nil {
				return nil, "", asError(err)
			}
			if stored.Client.ID != "" && f.Holds(stored) {
				found = append(found, stored)
			}
			if len(found) == limit {
				return found, after, nil
			}
		}
		if len(rows) < 100 {
			return found, "", nil
		}
	}
	return found, after, nil
}

// Page gives a page of clients, newest first, and the cursor of the next one ("" at the end). Cursors are sealed: they can be
// neither read nor made up.
func (c *Clients) Page(ctx context.Context, f registration.Filter, cursor string, limit int) ([]registration.Stored, string, error) {
	after, err := c.openCursor(f, cursor)
	if err != nil {
		return nil, "", err
	}
	page, last, err := c.list(ctx, f, after, limit)
	if err != nil || last == "" {
		return page, "", err
	}
	return page, base64.RawURLEncoding.EncodeToString(c.ring.Seal(c.cursorPurpose(f), []byte(last))), nil
}

// cursorPurpose binds a cursor to the list it was made for, and to the issuer whose list that is.
func (c *Clients) cursorPurpose(f registration.Filter) string {
	return fmt.Sprintf("clients cursor of %q: %q", c.index.under, f)
}

func (c *Clients) openCursor(f registration.Filter, cursor string) (Key, error) {
	if cursor == "" {
		return "", nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		var key []byte
		if key, err = c.ring.Open(c.cursorPurpose(f), sealed); err == nil {
			return Key(key), nil
		}
	}
	return "", core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
}

// TokenByHash gives an initial access token; the zero Held when there is none.
func (c *Clients) TokenByHash(ctx context.Context, hash core.SecretHash) (registration.Held, error) {
	held, _, err := c.tokenByHash(ctx, hash)
	return held, err
}

// tokenByHash gives a token with the record of its uses.
func (c *Clients) tokenByHash(ctx context.Context, hash core.SecretHash) (registration.Held, Record, error) {
	records, err := c.engine.Get(ctx, c.tokens.Key(hash.String()), c.tokenUses.Key(hash.String()))
	if err != nil {
		return registration.Held{}, Record{}, asError(err)
	}
	form, err := c.tokens.Decode(records[0])
	if err != nil || records[0].Version.IsZero() {
		return registration.Held{}, Record{}, err
	}
	return registration.Held{Token: form.noun(hash), Uses: records[1].Count, Stamp: registration.Stamp(records[0].Version)}, records[1], nil
}

// Token gives an initial access token by its public id, and when it was last used; the zero Held when there is none, or none any
// more.
func (c *Clients) Token(ctx context.Context, id core.TokenID) (registration.Held, error) {
	if id == "" || len(id) > longestID {
		return registration.Held{}, nil
	}
	form, record, err := c.tokenIDs.Get(ctx, string(id))
	if err != nil || record.Version.IsZero() {
		return registration.Held{}, asError(err)
	}
	return c.tokenOf(ctx, form)
}

// tokenOf reads the token of an id, and when it was last used.
func (c *Clients) tokenOf(ctx context.Context, form tokenIDForm) (registration.Held, error) {
	hash, err := parseHash(form.Hash)
	if err != nil {
		return registration.Held{}, err
	}
	held, uses, err := c.tokenByHash(ctx, hash)
	if err != nil || held.Uses == 0 {
		return held, err
	}
	if len(uses.Value) == 0 {
		return c.lastMade(ctx, held)
	}
	use, err := c.tokenUses.Decode(uses)
	held.LastUsed = time.UnixMilli(use.Last)
	return held, err
}

// lastMade takes for the last use of a token that was used before its uses were timed when the newest of its clients was made that is
// still there.
func (c *Clients) lastMade(ctx context.Context, held registration.Held) (registration.Held, error) {
	newest, err := c.engine.Scan(ctx, Range{Prefix: c.index.Prefix(byToken, indexed(string(held.Token.ID))), Limit: 1, Reverse: true})
	if err != nil || len(newest) == 0 {
		return held, asError(err)
	}
	parts := newest[0].Key.Parts()
	at, err := strconv.ParseInt(parts[len(parts)-2], 16, 64)
	held.LastUsed = time.UnixMilli(at)
	return held, err
}

// AddToken stores a new initial access token.
func (c *Clients) AddToken(ctx context.Context, t core.InitialAccessToken) error {
	var p plan
	p.made(c.tokens.Insert(formOfToken(t), t.ExpiresAt, t.Hash.String()))
	p.made(c.tokenIDs.Insert(tokenIDForm{Hash: t.Hash.String()}, t.ExpiresAt, string(t.ID)))
	return p.apply(ctx, c.engine)
}

// Tokens gives a page of the tokens that have not expired, newest first.
func (c *Clients) Tokens(ctx context.Context, after core.TokenID, limit int) ([]registration.Held, error) {
	if err := afterID(string(after)); err != nil {
		return nil, err
	}
	page := Range{Prefix: c.tokenIDs.Prefix(), Limit: limit, Reverse: true}
	if after != "" {
		page.After = c.tokenIDs.Key(string(after))
	}
	rows, err := c.engine.Scan(ctx, page)
	if err != nil {
		return nil, asError(err)
	}
	held := make([]registration.Held, 0, len(rows))
	for _, row := range rows {
		form, err := c.tokenIDs.Decode(row)
		if err != nil {
			return nil, err
		}
		h, err := c.tokenOf(ctx, form)
		if err != nil {
			return nil, err
		}
		if h.Token.ID != "" {
			held = append(held, h)
		}
	}
	return held, nil
}

// RevokeToken ends a token at once; a registration that was being judged with it is refused by its commit.
func (c *Clients) RevokeToken(ctx context.Context, id core.TokenID) (bool, error) {
	if len(id) > longestID {
		return false, nil
	}
	form, record, err := c.tokenIDs.Get(ctx, string(id))
	if err != nil || record.Version.IsZero() {
		return false, asError(err)
	}
	var p plan
	p.add(Delete(c.tokenIDs.Key(string(id)), Version{}))
	p.add(Delete(c.tokens.Key(form.Hash), Version{}))
	p.add(Delete(c.tokenUses.Key(form.Hash), Version{}))
	return true, p.apply(ctx, c.engine)
}
