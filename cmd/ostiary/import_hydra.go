package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

func importHydraCommand() *cobra.Command {
	f := &importFlags{of: fromHydra}
	return f.command(&cobra.Command{
		Use: "hydra CLIENTS.json", Short: "Take the clients of an Ory Hydra over",
		Long: "hydra reads a list of clients as Hydra's API gives it (hydra list clients --format json, or GET /admin/clients). It writes a folder\n" +
			"of declarations, or with --apply hands them to a server, where rules judge them. What could not be carried over is reported,\n" +
			"client by client. Secrets are in no such list. Exit codes: 0 done, 1 it failed, 2 called wrongly.",
		Example: "  ostiary import hydra clients.json --out declared",
		Args:    named("the file of one list of clients"),
	})
}

// fromHydra maps a list of clients, which are client metadata and members of Hydra's own.
func fromHydra(doc strictjson.Value) (*imported, error) {
	if items := member(doc, "items"); items.Kind() == strictjson.KindArray { // as the command prints it
		doc = items
	}
	if doc.Kind() != strictjson.KindArray {
		return nil, errors.New("it is no list of clients")
	}
	result := &imported{Notes: []importNote{}, Clients: []strictjson.Value{}}
	for _, c := range doc.Items() {
		entry, notes := hydraEntry(c)
		result.Notes = append(result.Notes, notes...)
		if entry.Len() > 0 {
			result.Clients = append(result.Clients, entry)
		}
	}
	result.Taken = len(result.Clients)
	return result, nil
}

// skipsConsent says how a client comes to ask nobody.
const skipsConsent = "here people are asked, unless client_profile names a profile with trusted: true in dcr_config.yaml"

// ofHydra are members that say nothing of what a client may do.
var ofHydra = []string{"client_id", "client_secret_expires_at", "created_at", "updated_at", "audience", "registration_access_token", "registration_client_uri"}

// hydraEntry makes a declaration of one client; an empty one leaves it out.
func hydraEntry(c strictjson.Value) (entry strictjson.Value, notes []importNote) {
	id := textOf(c, "client_id")
	note := func(name, text string) {
		notes = append(notes, importNote{cmp.Or(id, "a client without a client_id"), name, text})
	}
	if !chooseable(id) {
		note("client_id", "is missing, too long, or has characters that no client_id has here: left out")
		return strictjson.Object(), notes
	}
	members := []strictjson.Member{{Name: "client_id", Value: strictjson.String(id)}}
	for name, v := range c.All() {
		row, known := metadata.Lookup(name)
		switch {
		case isEmpty(v) || slices.Contains(ofHydra, name) || strings.HasSuffix(name, "_alg") && textOf(c, name) == "none": // which is Hydra's word for nothing
		case name == "skip_consent":
			note(name, "is true: "+skipsConsent)
		case !known:
			note(name, "has no equal here: left out")
		default:
			if v = offered(row, v, func(text string) { note(name, text) }); !isEmpty(v) {
				members = append(members, strictjson.Member{Name: name, Value: v})
			}
		}
	}
	if audiences := member(c, "audience"); audiences.Len() > 0 {
		members = append(members, strictjson.Member{Name: "allowed_audiences", Value: audiences})
	}
	return strictjson.Object(members...), notes
}

// offered leaves out of a value what this server cannot do, and notes it. Hydra calls the scope for refresh tokens offline, too.
func offered(row *metadata.Row, v strictjson.Value, note func(text string)) strictjson.Value {
	if list, is := v.Strings(); is {
		kept := slices.DeleteFunc(list, func(item string) bool {
			if !row.Supports(item) {
				note(item + " is not offered here: left out")
			}
			return !row.Supports(item)
		})
		if len(kept) == 0 {
			note("nothing is left of it, so that the default holds; look at this client")
		}
		return strictjson.Strings(kept)
	}
	text, is := v.Text()
	if is && row.Kind == metadata.Text && !row.Supports(text) {
		note(text + " is not offered here: left out")
		return strictjson.Null()
	}
	if scopes := strings.Fields(text); row.Name == "scope" && slices.Contains(scopes, "offline") {
		note("offline is called offline_access here")
		scopes[slices.Index(scopes, "offline")] = "offline_access"
		slices.Sort(scopes)
		return strictjson.String(strings.Join(slices.Compact(scopes), " "))
	}
	return v
}
