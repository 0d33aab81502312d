package declared

import (
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

const draft = "https://json-schema.org/draft/2020-12/schema"

func member(name string, v strictjson.Value) strictjson.Member {
	return strictjson.Member{Name: name, Value: v}
}

func text(s string) strictjson.Value { return strictjson.String(s) }

func typed(kind, about string) strictjson.Value {
	return strictjson.Object(member("type", text(kind)), member("description", text(about)))
}

func listOf(item strictjson.Value, about string) strictjson.Value {
	return strictjson.Object(member("type", text("array")), member("items", item), member("description", text(about)))
}

// MetadataSchema is the JSON Schema of client metadata as this server takes it: every member, its type, its supported values and
// the document that defines it.
func MetadataSchema() strictjson.Value {
	return strictjson.Object(
		member("$schema", text(draft)),
		member("title", text("Client metadata")),
		member("type", text("object")),
		member("properties", strictjson.Object(properties()...)),
		member("patternProperties", strictjson.Object(tagged()...)),
	)
}

func properties() []strictjson.Member {
	members := make([]strictjson.Member, 0, len(metadata.Rows()))
	for _, row := range metadata.Rows() {
		members = append(members, member(row.Name, shapeOf(row)))
	}
	return members
}

// tagged are the translations of members for people (RFC 7591 §2.2).
func tagged() []strictjson.Member {
	var members []strictjson.Member
	for _, row := range metadata.Rows() {
		if row.Tagged {
			members = append(members, member("^"+row.Name+"#[A-Za-z0-9-]+$", typed("string", row.Name+" in another language (RFC 7591 §2.2)")))
		}
	}
	return members
}

func shapeOf(row *metadata.Row) strictjson.Value {
	item := typed("string", row.Source)
	switch row.Kind {
	case metadata.List, metadata.URIs:
		element := strictjson.Object(member("type", text("string")))
		if row.Kind == metadata.URIs {
			element = element.With("format", text("uri"))
		}
		return listOf(worded(element, row), row.Source)
	case metadata.URI:
		return item.With("format", text("uri"))
	case metadata.Number:
		return typed("integer", row.Source).With("minimum", strictjson.Int(0))
	case metadata.Flag:
		return typed("boolean", row.Source)
	case metadata.Object:
		return typed("object", row.Source)
	}
	return worded(item, row)
}

// worded is the shape of a value that is one of some words. Where there are none yet, a member can only be empty, which is as good as
// absent.
func worded(shape strictjson.Value, row *metadata.Row) strictjson.Value {
	switch {
	case row.Values == nil:
		return shape
	case len(row.Values) == 0:
		return shape.With("const", text(""))
	}
	return shape.With("enum", strictjson.Strings(row.Values))
}

// ClientSchema is the JSON Schema of an entry of a clients.yaml.
func ClientSchema() strictjson.Value {
	hash := strictjson.Object(
		member("description", text("argon2id, bcrypt or PBKDF2 in their usual forms; or an object, with alg sha256 for a secret that a server made")),
		member("oneOf", strictjson.Array(
			strictjson.Object(member("type", text("string"))),
			strictjson.Object(
				member("type", text("object")),
				member("properties", strictjson.Object(
					member("alg", typed("string", "sha256, argon2id, bcrypt, pbkdf2-sha1, pbkdf2-sha256 or pbkdf2-sha512")),
					member("hash", typed("string", "the hash")),
					member("expires_at", moment()),
				)),
				member("required", strictjson.Strings([]string{"hash"})),
				member("additionalProperties", strictjson.Bool(false)),
			),
		)),
	)
	own := []strictjson.Member{
		member(memberID, typed("string", "the id, which you choose: A-Z a-z 0-9 - . _ ~")),
		member(memberProfile, typed("string", "one of client_profiles in dcr_config.yaml; it cannot be changed later")),
		member(memberScopes, listOf(strictjson.Object(member("type", text("string"))), "the same as scope, as a list")),
		member(memberSecret, typed("string", "in clear; ${NAME} is taken from the environment, file://path from a file")),
		member(memberHash, hash),
		member(memberHashes, listOf(hash, "two secrets, while one takes the place of the other")),
		member(memberExpires, moment()),
	}
	return strictjson.Object(
		member("type", text("object")),
		member("properties", strictjson.Object(append(own, properties()...)...)),
		member("patternProperties", strictjson.Object(tagged()...)),
		member("required", strictjson.Strings([]string{memberID})),
	)
}

func moment() strictjson.Value {
	return strictjson.Object(
		member("type", strictjson.Strings([]string{"integer", "string"})),
		member("description", text("seconds since 1970, 0 for never, or a time of RFC 3339")),
	)
}
