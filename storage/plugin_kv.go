package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
)

// PluginKV keeps what plugins keep, sealed, each plugin's apart. A pair is one record under the SHA-256 of its key; two counters
// of each plugin say how many pairs there are and how many bytes they count. A pair whose time is over stays, and counts, until
// it is collected: an engine that dropped it by itself would leave the counters behind.
type PluginKV struct {
	engine Engine
	now    func() time.Time
	pairs  Table[pairForm]
	uses   Table[struct{}]

	mu        sync.Mutex
	collected map[string]time.Time // when a plugin's pairs were last looked through because there was no room
}

var _ hook.KV = (*PluginKV)(nil)

type pairForm struct {
	Key     []byte    `json:"key"`
	Value   []byte    `json:"value"`
	Expires time.Time `json:"expires"`
}

func (f *pairForm) size() int { return len(f.Key) + len(f.Value) }

// collectEvery is how long a plugin without room is not looked through again.
const collectEvery = 5 * time.Second

// The counters of a plugin.
const (
	useOfKeys  = "keys"
	useOfBytes = "bytes"
)

// NewPluginKV opens what the plugins of one issuer keep.
func NewPluginKV(engine Engine, issuer core.IssuerID, ring *seal.Ring, now func() time.Time) *PluginKV {
	id := string(issuer)
	return &PluginKV{
		engine: engine, now: now, collected: map[string]time.Time{},
		pairs: NewTable[pairForm](engine, id, "plugin_kv", 1).Sealed(ring),
		uses:  NewTable[struct{}](engine, id, "plugin_kv_use", 1),
	}
}

func (k *PluginKV) pairKey(plugin, key string) Key { return k.pairs.Key(plugin, hashOf(key)) }

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Pair implements hook.KV.
func (k *PluginKV) Pair(ctx context.Context, plugin, key string) (hook.Pair, error) {
	records, err := k.engine.Get(ctx, k.pairKey(plugin, key), k.uses.Key(plugin, useOfKeys), k.uses.Key(plugin, useOfBytes))
	if err != nil {
		return hook.Pair{}, asError(err)
	}
	pair := hook.Pair{Use: hook.Use{Keys: records[1].Count, Bytes: records[2].Count}}
	if records[0].Version.IsZero() {
		return pair, nil
	}
	form, err := k.pairs.Decode(records[0])
	if err != nil {
		return hook.Pair{}, err
	}
	pair.Stamp, pair.Size = records[0].Version, form.size()
	if pair.Found = k.now().Before(form.Expires); pair.Found {
		pair.Value = form.Value
	}
	return pair, nil
}

// plan adds the writes of one judgement to an Apply: each only if what it takes the place of is still there, and within the
// plugin's quota, else registration.ErrOvertaken.
func (k *PluginKV) plan(p *plan, writes []hook.Write) {
	held := &hook.Writes{}
	held.Restore(writes)
	counted := map[string]bool{}
	for _, w := range writes {
		k.planWrite(p, w)
		if !counted[w.Plugin] {
			counted[w.Plugin] = true
			k.planUse(p, w.Plugin, held.Use(w.Plugin), w.Quota)
		}
	}
}

func (k *PluginKV) planWrite(p *plan, w hook.Write) {
	key, at := k.pairKey(w.Plugin, w.Key), Version(w.Stamp)
	switch {
	case w.Deleted && at.IsZero(): // it came and went
		return
	case w.Deleted:
		p.expect(Delete(key, at), registration.ErrOvertaken)
		return
	}
	value, err := k.pairs.Encode(key, pairForm{Key: []byte(w.Key), Value: w.Value, Expires: w.Expires})
	op := Insert(key, value, time.Time{})
	if !at.IsZero() {
		op = Update(key, at, value, time.Time{})
	}
	p.madeExpecting(op, err, registration.ErrOvertaken)
}

// planUse moves the counters. What makes them smaller is within bounds even when the quota is smaller than what is kept.
func (k *PluginKV) planUse(p *plan, plugin string, grows, quota hook.Use) {
	const most = 1 << 53
	for _, counter := range []struct {
		name         string
		grows, quota int64
	}{{useOfKeys, grows.Keys, quota.Keys}, {useOfBytes, grows.Bytes, quota.Bytes}} {
		if counter.grows < 0 {
			counter.quota = most
		}
		if counter.grows != 0 {
			p.expect(Add(k.uses.Key(plugin, counter.name), counter.grows, 0, counter.quota, time.Time{}), registration.ErrOvertaken)
		}
	}
}

// Collect implements hook.KV. It looks through a plugin's pairs at most every few seconds.
func (k *PluginKV) Collect(ctx context.Context, plugin string) error {
	k.mu.Lock()
	now := k.now()
	if last, ok := k.collected[plugin]; ok && now.Sub(last) < collectEvery && !now.Before(last) {
		k.mu.Unlock()
		return nil
	}
	k.collected[plugin] = now
	k.mu.Unlock()
	return k.collect(ctx, plugin)
}

// Sweep removes the pairs of all plugins whose time is over.
func (k *PluginKV) Sweep(ctx context.Context) error {
	page := Range{Prefix: k.uses.Prefix(), Limit: MaxPage}
	done := map[string]bool{}
	for {
		records, err := k.engine.Scan(ctx, page)
		if err != nil {
			return asError(err)
		}
		for _, r := range records {
			parts := r.Key.Parts()
			plugin := parts[len(parts)-2]
			if done[plugin] {
				continue
			}
			done[plugin] = true
			if err := k.collect(ctx, plugin); err != nil {
				return err
			}
		}
		if len(records) < page.Limit {
			return nil
		}
		page.After = records[len(records)-1].Key
	}
}

// collect removes what is over.
func (k *PluginKV) collect(ctx context.Context, plugin string) error {
	_, err := k.drop(ctx, plugin, func(form *pairForm) bool { return !k.now().Before(form.Expires) })
	return err
}

// drop removes those pairs of a plugin that may go, a page at a time, and counts them. What somebody else changes or removes
// meanwhile is left to them.
func (k *PluginKV) drop(ctx context.Context, plugin string, mayGo func(*pairForm) bool) (dropped int, err error) {
	const page, batch = 200, MaxOps - 2
	at := Range{Prefix: k.pairs.Prefix(plugin), Limit: page}
	for {
		records, err := k.engine.Scan(ctx, at)
		if err != nil {
			return dropped, asError(err)
		}
		var gone []Record
		var freed []int
		for _, r := range records {
			form, err := k.pairs.Decode(r)
			if err != nil {
				return dropped, err
			}
			if mayGo(&form) {
				gone, freed = append(gone, r), append(freed, form.size())
			}
		}
		for len(gone) > 0 {
			n := min(len(gone), batch)
			went, err := k.remove(ctx, plugin, gone[:n], freed[:n])
			if dropped += went; err != nil {
				return dropped, err
			}
			gone, freed = gone[n:], freed[n:]
		}
		if len(records) < page {
			return dropped, nil
		}
		at.After = records[len(records)-1].Key
	}
}

// remove takes pairs away with what they count, and tells how many: all, but for those that somebody else has changed.
func (k *PluginKV) remove(ctx context.Context, plugin string, pairs []Record, sizes []int) (int, error) {
	var p plan
	grows := hook.Use{Keys: -int64(len(pairs))}
	for i, r := range pairs {
		p.expect(Delete(r.Key, r.Version), registration.ErrOvertaken)
		grows.Bytes -= int64(sizes[i])
	}
	k.planUse(&p, plugin, grows, hook.Use{})
	err := p.apply(ctx, k.engine)
	if errors.Is(err, registration.ErrOvertaken) {
		if len(pairs) == 1 {
			return 0, nil
		}
		half := len(pairs) / 2 // one of them was put anew: the others may still go
		some, err := k.remove(ctx, plugin, pairs[:half], sizes[:half])
		if err != nil {
			return some, err
		}
		more, err := k.remove(ctx, plugin, pairs[half:], sizes[half:])
		return some + more, err
	}
	if err != nil {
		return 0, err
	}
	return len(pairs), nil
}
