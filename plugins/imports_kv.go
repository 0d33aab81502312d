package plugins

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

func kvGet(ctx context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error) {
	return u.keep("get", mem, args, func(key string) (int32, []byte, error) {
		value, found, err := u.kept.Get(ctx, key)
		switch {
		case err != nil:
			return 0, nil, err
		case !found:
			return abi.RefusedAbsent, nil, nil
		}
		return u.give(value), value, nil
	})
}

func kvPut(ctx context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error) {
	return u.keep("put", mem, args, func(key string) (int32, []byte, error) {
		value, refused := read(mem, args[2], args[3], abi.MaxValue)
		seconds := int64(args[4])
		switch {
		case refused != 0:
			return refused, nil, nil
		case seconds < 0:
			return abi.RefusedBadArgument, nil, nil
		}
		return 0, value, u.kept.Put(ctx, key, value, time.Duration(min(seconds, int64(u.kept.TTL/time.Second)+1))*time.Second)
	})
}

func kvDelete(ctx context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error) {
	return u.keep("delete", mem, args, func(key string) (int32, []byte, error) {
		return 0, nil, u.kept.Delete(ctx, key)
	})
}

// keep runs one use of kv, whose key is the first argument.
func (u *uses) keep(verb string, mem sandbox.Memory, args []uint64, do func(key string) (result int32, value []byte, err error)) (int64, error) {
	key, refused := read(mem, args[0], args[1], abi.MaxKey)
	result, value, err := refused, []byte(nil), error(nil)
	switch {
	case refused != 0:
	case len(key) == 0:
		result = abi.RefusedBadArgument
	case u.kept == nil:
		result = abi.RefusedUnavailable
	case !u.begin(kindKV):
		result = abi.RefusedBudget
	default:
		result, value, err = do(string(key))
	}
	switch {
	case errors.Is(err, hook.ErrTooManyWrites): // to leave it to the plugin would be to lose what it keeps
		u.note(kindKV, verb+" "+string(key), "budget", nil)
		return 0, err
	case errors.Is(err, hook.ErrReadOnly):
		result = abi.RefusedReadOnly
	case errors.Is(err, hook.ErrNoRoom):
		result = abi.RefusedTooLarge
	case err != nil:
		u.failed(kindKV, err)
		result = abi.RefusedUnavailable
	}
	if result < 0 {
		value = nil
	}
	u.note(kindKV, verb+" "+string(key), statusOf(result), value)
	return int64(result), nil
}

// failed tells the operator why something was unavailable. The plugin is not told.
func (u *uses) failed(kind string, err error) {
	u.journal.logger().Warn("a capability of the plugin failed", "capability", kind, "error", err.Error())
}
