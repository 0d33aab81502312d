package declared

import "github.com/ostiary/ostiary/core/strictjson"

// What is declared beside clients, as the members of a file.
const (
	KindClients = "clients"
	KindIssuers = "trusted_issuers"
	KindTokens  = "initial_access_tokens"
	KindData    = "policy_data"
)

// Kinds lists the members of a file.
func Kinds() []string { return []string{KindClients, KindIssuers, KindTokens, KindData} }

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

func name() strictjson.Value {
	return strictjson.Object(member("pattern", text("^[a-z0-9_-]{1,64}$")))
}
