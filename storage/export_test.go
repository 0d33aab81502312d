package storage

import (
	"context"

	"github.com/ostiary/ostiary/core/hook"
)

// Unpack reads what a packed table wrote.
var Unpack = unpack

// Write carries writes out by themselves, all or none. It is for what no judgement carries.
func (k *PluginKV) Write(ctx context.Context, writes []hook.Write) error {
	var p plan
	k.plan(&p, writes)
	return p.apply(ctx, k.engine)
}
