package hook

import (
	"context"

	"github.com/ostiary/ostiary/core/strictjson"
)

// Rules asks the operator's policy on behalf of plugins.
type Rules interface {
	// PluginRule gives the value of the rule data.ostiary.plugin.<plugin>.<path> in the policy in force, which depends on the
	// input and nothing else. defined is false when there is no such rule, or it has no value.
	PluginRule(ctx context.Context, plugin string, path []string, input strictjson.Value) (result strictjson.Value, defined bool, err error)
}
