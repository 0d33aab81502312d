package plugins

import (
	"context"
	"regexp"
	"strings"

	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// ruleForm is what may follow the plugin's own place in policy: names with dots between.
var ruleForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63}){0,7}$`)

// askRule has a rule evaluated that the operator wrote for this plugin.
func askRule(ctx context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error) {
	r, result := handed[abi.RuleRequest[strictjson.Value]](mem, args)
	var answer []byte
	if result == 0 {
		answer, result = u.ask(ctx, r)
	}
	if result != 0 {
		u.note(kindRule, r.Rule, statusOf(result), nil)
		return int64(result), nil
	}
	u.note(kindRule, r.Rule, statusOf(0), answer)
	return int64(u.give(answer)), nil
}

func (u *uses) ask(ctx context.Context, r abi.RuleRequest[strictjson.Value]) ([]byte, int32) {
	path, own := strings.CutPrefix(r.Rule, "data.ostiary.plugin."+u.plugin+".")
	switch {
	case !own:
		return nil, abi.RefusedDenied
	case !ruleForm.MatchString(path):
		return nil, abi.RefusedBadArgument
	case u.services.Rules == nil:
		return nil, abi.RefusedUnavailable
	case !u.begin(kindRule):
		return nil, abi.RefusedBudget
	}
	if r.Input.IsAbsent() {
		r.Input = strictjson.Object()
	}
	value, defined, err := u.services.Rules.PluginRule(ctx, u.plugin, strings.Split(path, "."), r.Input)
	if err != nil {
		u.failed(kindRule, err)
		return nil, abi.RefusedUnavailable
	}
	answer := strictjson.Object(strictjson.Member{Name: "defined", Value: strictjson.Bool(defined)})
	if defined {
		answer = answer.With("result", value)
	}
	out := strictjson.Append(nil, answer)
	if len(out) > abi.MaxResult {
		return nil, abi.RefusedTooLarge
	}
	return out, 0
}
