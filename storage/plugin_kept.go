package storage

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
)

// A KeptPair is what a plugin keeps under a key, as an operator looks through it. The value is not among it.
type KeptPair struct {
	Key     string
	Size    int       // bytes that it counts, key included
	Expires time.Time // once it is over, it counts until it is collected
}

// Keeps gives what a plugin keeps, a page at a time, in no order that means anything. A cursor is opaque; "" begins, and "" ends.
func (k *PluginKV) Keeps(ctx context.Context, plugin, cursor string, limit int) (page []KeptPair, next string, err error) {
	at := Range{Prefix: k.pairs.Prefix(plugin), Limit: min(limit, MaxPage)}
	if cursor != "" {
		if len(cursor) != len(hashOf("")) {
			return nil, "", core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
		}
		at.After = k.pairs.Key(plugin, cursor)
	}
	records, err := k.engine.Scan(ctx, at)
	if err != nil {
		return nil, "", asError(err)
	}
	for _, r := range records {
		form, err := k.pairs.Decode(r)
		if err != nil {
			return nil, "", err
		}
		page = append(page, KeptPair{Key: string(form.Key), Size: form.size(), Expires: form.Expires})
	}
	if len(records) == at.Limit {
		parts := records[len(records)-1].Key.Parts()
		next = parts[len(parts)-1]
	}
	return page, next, nil
}

// Use gives how much a plugin keeps in all.
func (k *PluginKV) Use(ctx context.Context, plugin string) (hook.Use, error) {
	records, err := k.engine.Get(ctx, k.uses.Key(plugin, useOfKeys), k.uses.Key(plugin, useOfBytes))
	if err != nil {
		return hook.Use{}, asError(err)
	}
	return hook.Use{Keys: records[0].Count, Bytes: records[1].Count}, nil
}

// Forget removes what a plugin keeps under a key, or with "" all that it keeps, and tells how many pairs that were. What is put
// meanwhile stays.
func (k *PluginKV) Forget(ctx context.Context, plugin, key string) (int, error) {
	if key == "" {
		return k.drop(ctx, plugin, func(*pairForm) bool { return true })
	}
	records, err := k.engine.Get(ctx, k.pairKey(plugin, key))
	if err != nil {
		return 0, asError(err)
	}
	if records[0].Version.IsZero() {
		return 0, nil
	}
	form, err := k.pairs.Decode(records[0])
	if err != nil {
		return 0, err
	}
	return k.remove(ctx, plugin, records, []int{form.size()})
}
