package declared

import (
	"maps"
	"slices"

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

// MetadataSchema is the JSON Schema of a registration as this server takes it: every member, its type, its supported values, its caps
// and the document that defines it. Caps are of bytes, which no text has fewer of than characters.
func MetadataSchema() strictjson.Value {
	return strictjson.Object(
		member("$schema", text(draft)),
		member("title", text("Client metadata")),
		member("type", text("object")),
		member("properties", strictjson.Object(append(properties(), asked()...)...)),
		member("patternProperties", strictjson.Object(tagged()...)),
	)
}

// asked are the members of a request beside the metadata itself: what it leaves to the server to choose, other names, what names the
// registration, and what is only asked for.
func asked() []strictjson.Member {
	var members []strictjson.Member
	for _, c := range metadata.Choices() {
		list := listOf(strictjson.Object(member("type", text("string"))), "what the client can work with, for "+c.Of+" (RP Metadata Choices 1.0 §2)")
		members = append(members, member(c.Name, list.With("minItems", strictjson.Int(1)).With("maxItems", strictjson.Int(metadata.MaxItems))))
	}
	others := metadata.OtherNames()
	for _, name := range slices.Sorted(maps.Keys(others)) {
		row, _ := metadata.Lookup(others[name])
		members = append(members, member(name, shapeOf(row).With("description", text("another name of "+row.Name))))
	}
	return append(members,
		member("client_id", typed("string", "honoured where a profile lists it; an update names its client by it (RFC 7592 §2.2)")),
		member("client_profile", typed("string", "one of client_profiles in dcr_config.yaml; it cannot be changed later")),
		member("client_secret", typed("string", "never chosen: ignored when registering; in an update the one that the client has (RFC 7592 §2.2)")),
		member("client_secret_expires_at", own("integer")),
		member("client_id_issued_at", own("integer")),
		member("registration_access_token", own("string")),
		member("registration_client_uri", own("string")),
		member("lifetime", typed("integer", "seconds that the registration is to last; only when registering").With("minimum", strictjson.Int(1))),
		member("evidence", typed("string", "of an attester, for a plugin (draft-tschofenig-oauth-attested-dclient-reg); only when registering")),
	)
}

// own is a member of answers that an update may repeat as it is.
func own(kind string) strictjson.Value {
	return typed(kind, "of an answer: ignored when registering; in an update left out, or as it is (RFC 7592 §2.2)")
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
			members = append(members, member("^"+row.Name+"#[A-Za-z0-9-]+$", shapeOf(row).With("description", text(row.Name+" in another language (RFC 7591 §2.2)"))))
		}
	}
	return members
}

func shapeOf(row *metadata.Row) strictjson.Value {
	longest := strictjson.Int(int64(row.MaxBytes()))
	item := typed("string", row.Source).With("maxLength", longest)
	switch row.Kind {
	case metadata.List, metadata.URIs:
		element := strictjson.Object(member("type", text("string")), member("minLength", strictjson.Int(1)), member("maxLength", longest))
		if row.Kind == metadata.URIs {
			element = element.With("format", text("uri"))
		}
		return listOf(worded(element, row), row.Source).With("maxItems", strictjson.Int(metadata.MaxItems)).With("uniqueItems", strictjson.Bool(true))
	case metadata.URI:
		return item.With("format", text("uri"))
	case metadata.Number:
		return bounded(typed("integer", row.Source), row)
	case metadata.Flag:
		return typed("boolean", row.Source)
	case metadata.Object:
		return typed("object", row.Source)
	}
	return worded(item, row)
}

func bounded(shape strictjson.Value, row *metadata.Row) strictjson.Value {
	least, most := row.Bounds()
	shape = shape.With("minimum", strictjson.Int(least))
	if most > 0 {
		shape = shape.With("maximum", strictjson.Int(most))
	}
	return shape
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
