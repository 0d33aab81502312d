package main

import (
	"github.com/ostiary/ostiary/core/strictjson"
)

// pairwiseMapper makes the names that a client knows people by its own (OpenID Connect Core section 8.1).
const pairwiseMapper = "oidc-sha256-pairwise-sub-mapper"

// mappers takes over what there is a member for: who did not know people by their common name is not to learn it by moving here. Every
// other mapper is reported by its name.
func (k *keycloakClient) mappers() {
	list := member(k.doc, "protocolMappers")
	if list.Kind() != strictjson.KindArray {
		return
	}
	isPairwise := false
	for _, mapper := range list.Items() {
		about, kind := "protocolMappers", textOf(mapper, "protocolMapper")
		if name := textOf(mapper, "name"); name != "" {
			about += "." + name
		}
		switch {
		case kind == pairwiseMapper && !isPairwise:
			isPairwise = true
			k.pairwise(mapper, about)
		case kind == "":
			k.note(about, "has no equal here: left out")
		default:
			k.note(about, kind+" has no equal here: left out")
		}
	}
}

func (k *keycloakClient) pairwise(mapper strictjson.Value, about string) {
	k.putText("subject_type", "pairwise")
	k.putText("sector_identifier_uri", textOf(member(mapper, "config"), "sectorIdentifierUri"))
	k.note(about, "becomes subject_type pairwise; the names themselves are other ones than Keycloak's")
}
