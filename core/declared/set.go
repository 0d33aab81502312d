package declared

import "github.com/ostiary/ostiary/core/strictjson"

// What is declared beside clients, as the members of a file.
const (
	KindClients  = "clients"
	KindIssuers  = "trusted_issuers"
	KindTokens   = "initial_access_tokens"
	KindData     = "policy_data"
	KindBindings = "plugin_bindings"
)

// Kinds lists the members of a file.
func Kinds() []string { return []string{KindClients, KindIssuers, KindTokens, KindData, KindBindings} }

// IssuersSchema is the JSON Schema of trusted_issuers, whose members are those of dcr_config.yaml.
func IssuersSchema() strictjson.Value {
	return listOf(strictjson.Object(
		member("type", text("object")),
		member("properties", strictjson.Object(
			member("issuer", typed("string", "the iss of what it signs")),
			member("jwks", strictjson.Object(member("description", text("a JWK Set, as an object or as JSON text")))),
			member("jwks_uri", typed("string", "where the issuer publishes its keys").With("format", text("uri"))),
			member("shared_secret", typed("string", "for HS256; ${NAME} is taken from the environment, file://path from a file")),
			member("keys", strictjson.Object(member("const", text("plugin")))),
		)),
		member("required", strictjson.Strings([]string{"issuer"})),
	), "issuers of software statements and signed requests, as in dcr_config.yaml")
}

// TokensSchema is the JSON Schema of initial_access_tokens.
func TokensSchema() strictjson.Value {
	return strictjson.Object(
		member("type", text("object")),
		member("description", text("templates by name: tokens are minted from one with ostiary iat create --template NAME")),
		member("propertyNames", name()),
		member("additionalProperties", strictjson.Object(
			member("type", text("object")),
			member("properties", strictjson.Object(
				member("label", typed("string", "for people")),
				member("profile", typed("string", "one of client_profiles in dcr_config.yaml")),
				member("expires_in", typed("integer", "seconds").With("minimum", strictjson.Int(1))),
				member("max_uses", typed("integer", "how many clients may be registered with one").With("minimum", strictjson.Int(1)).With("maximum", strictjson.Int(10000))),
			)),
		)),
	)
}

// DataSchema is the JSON Schema of policy_data.
func DataSchema() strictjson.Value {
	return strictjson.Object(
		member("type", text("object")),
		member("description", text("what rules read as data.ostiary.data.NAME")),
		member("propertyNames", name()),
	)
}

// BindingsSchema is the JSON Schema of plugin_bindings, whose members are those of plugins.bindings in ostiary.yaml but for
// allow_downgrade.
func BindingsSchema() strictjson.Value {
	whole := func(about string, low, high int64) strictjson.Value {
		return typed("integer", about).With("minimum", strictjson.Int(low)).With("maximum", strictjson.Int(high))
	}
	return strictjson.Object(
		member("type", text("object")),
		member("description", text("what the operator says of plugins, by their names")),
		member("propertyNames", strictjson.Object(member("pattern", text("^[a-z0-9][a-z0-9._-]{0,63}$")))),
		member("additionalProperties", closed("",
			member("enabled", typed("boolean", "false: it is not asked")),
			member("priority", whole("its place at every hook, the smaller first", 0, 1000)),
			member("fail", typed("string", "what becomes of a request when it fails").With("enum", strictjson.Strings([]string{"closed", "open", "reload"}))),
			member("limits", closed("of a call, instead of the manifest's and within the server's",
				member("memory_mib", whole("of an instance", 1, 1024)), member("fuel", whole("instructions, about", 1000, 100_000_000_000)),
				member("wall_ms", whole("time, with all it waits for", 1, 60_000)), member("output_bytes", whole("of an answer", 64, 262_144)),
				member("log_lines", whole("that are kept", 1, 10_000)), member("http_calls", whole("requests", 1, 100)),
				member("at_once", whole("calls under way, those that wait included", 1, 1000)),
			)),
			member("grant", grantSchema()),
			member("configuration", typed("object", "instead of the manifest's; nothing secret belongs here")),
			member("digest", typed("string", "SHA-256 of the one module that is taken").With("pattern", text("^([0-9a-fA-F]{64})?$"))),
			member("required", typed("boolean", "true: what it guards is refused unless it is live")),
		)),
	)
}

// grantSchema is that of what a plugin may use, as far as it asks for it.
func grantSchema() strictjson.Value {
	names := strictjson.Object(member("type", text("array")), member("items", strictjson.Object(member("type", text("string")))))
	return closed("what it may use, as far as its manifest asks for it",
		member("log", closed("")), member("now", closed("")), member("random", closed("")), member("policy_eval", closed("")),
		member("kv", closed("", member("keys", typed("integer", "how many values it may keep")), member("bytes", typed("integer", "of keys and values together")), member("ttl", typed("string", "how long it may keep a value, as 24h")))),
		member("http", closed("", member("hosts", names), member("methods", names))),
		member("secret", closed("", member("keys", names))),
	)
}

// closed is an object that has no other members.
func closed(about string, properties ...strictjson.Member) strictjson.Value {
	schema := strictjson.Object(member("type", text("object")))
	if about != "" {
		schema = schema.With("description", text(about))
	}
	return schema.With("properties", strictjson.Object(properties...)).With("additionalProperties", strictjson.Bool(false))
}

func name() strictjson.Value {
	return strictjson.Object(member("pattern", text("^[a-z0-9_-]{1,64}$")))
}
