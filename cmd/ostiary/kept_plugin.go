package main

import (
	"context"
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/plugins"
)

// keptPage is a page of what a plugin keeps, without values.
type keptPage struct {
	Keys  int64      `json:"keys"`  // of all pages
	Bytes int64      `json:"bytes"` // likewise, keys included
	Items []keptPair `json:"items"`
	Next  string     `json:"next_cursor,omitempty"`
}

type keptPair struct {
	Key       string    `json:"key"`
	Bytes     int       `json:"bytes"`
	ExpiresAt time.Time `json:"expires_at"`
}

// keptValue is what a plugin keeps under one key.
type keptValue struct {
	Key    string  `json:"key"`
	Bytes  int     `json:"bytes"`
	Value  *string `json:"value,omitempty"`        // when it is text
	Base64 string  `json:"value_base64,omitempty"` // when it is not
}

type forgotten struct {
	Pairs int `json:"forgotten"`
}

// Kept implements admin.Plugins.
func (p plugged) Kept(ctx context.Context, name, key, cursor string, limit int) (any, error) {
	use, err := p.keeps(ctx, name)
	if err != nil {
		return nil, err
	}
	if key != "" {
		return p.value(ctx, name, key)
	}
	pairs, next, err := p.kept.Keeps(ctx, name, cursor, limit)
	if err != nil {
		return nil, err
	}
	page := keptPage{Keys: use.Keys, Bytes: use.Bytes, Items: []keptPair{}, Next: next}
	for _, pair := range pairs {
		page.Items = append(page.Items, keptPair{pair.Key, pair.Size, pair.Expires.UTC()})
	}
	return page, nil
}

// keeps tells how much a plugin keeps. One that is not there any more may still keep something.
func (p plugged) keeps(ctx context.Context, name string) (use hook.Use, err error) {
	if plugins.ValidName(name) {
		use, err = p.kept.Use(ctx, name)
	}
	if _, known := p.Show(name); err == nil && !known && use == (hook.Use{}) {
		err = core.Refuse(core.NotFound, "There is no plugin %s, and nothing is kept for one.", core.Clip(name))
	}
	return use, err
}

func (p plugged) value(ctx context.Context, name, key string) (any, error) {
	pair, err := p.kept.Pair(ctx, name, key)
	if err != nil {
		return nil, err
	}
	if !pair.Found {
		return nil, core.Refuse(core.NotFound, "The plugin %s keeps nothing under that key, or its time is over.", name)
	}
	out := keptValue{Key: key, Bytes: pair.Size}
	if text := string(pair.Value); utf8.ValidString(text) {
		out.Value = &text
	} else {
		out.Base64 = base64.StdEncoding.EncodeToString(pair.Value)
	}
	return out, nil
}

// Forget implements admin.Plugins.
func (p plugged) Forget(ctx context.Context, name, key string, by core.Subject) (any, error) {
	if _, err := p.keeps(ctx, name); err != nil {
		return nil, err
	}
	n, err := p.kept.Forget(ctx, name, key)
	if n > 0 {
		p.log.Info("an operator had a plugin forget what it kept", "plugin", name, "operator", by, "pairs", n, "all", key == "")
	}
	if err != nil {
		return nil, err
	}
	if n == 0 && key != "" {
		return nil, core.Refuse(core.NotFound, "The plugin %s keeps nothing under that key.", name)
	}
	return forgotten{n}, nil
}
