package policies

import (
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
)

// withheld are built-ins that rules may not use, besides those that OPA itself calls nondeterministic. With them gone, a
// decision depends on its input and the revision only, cannot reach the network, and can be interrupted.
var withheld = []string{
	// They ask the clock, the network or the process. Time is input.now.
	"crypto.x509.parse_and_verify_certificates", "crypto.x509.parse_and_verify_certificates_with_options", "trace",
	// They make or read private keys and signatures: no business of a rule.
	"crypto.parse_private_keys", "crypto.x509.parse_keypair", "crypto.x509.parse_rsa_private_key", "providers.aws.sign_req",
	// They run on for seconds after the deadline.
	"net.cidr_expand", "graph.reachable", "graph.reachable_paths", "regex.globs_match", "strings.render_template",
	"graphql.is_valid", "graphql.parse", "graphql.parse_and_verify", "graphql.parse_query", "graphql.parse_schema",
	"graphql.schema_is_valid",
	// It panics or takes all memory, and in a test, which runs in a goroutine of OPA's, nobody could recover.
	"bits.lsh",
	// The server has parsed every URI already, and more strictly.
	"uri.parse", "uri.is_valid",
	"rego.parse_module", "regex.template_match",
}

// capabilities gives what Rego may use here, made once. AllowNet is empty but not nil: nil would let a schema's $ref reach any
// host.
var capabilities = sync.OnceValue(func() *ast.Capabilities {
	caps := ast.CapabilitiesForThisVersion()
	caps.Builtins = withOurs(slices.DeleteFunc(slices.Clone(caps.Builtins), func(b *ast.Builtin) bool {
		return b.Nondeterministic || slices.Contains(withheld, b.Name)
	}))
	caps.AllowNet = []string{}
	return caps
})
