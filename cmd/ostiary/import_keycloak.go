package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// importCommand takes clients over from other servers.
func importCommand() *cobra.Command {
	f := &operatorFlags{}
	return f.group("import", "Take clients over from another server",
		"import turns the export of another server into declarations, which ostiary plan and apply read, and reports all that could\n"+
			"not be carried over.", importKeycloakCommand(), importHydraCommand())
}

// importFlags are those of an import.
type importFlags struct {
	applyFlags
	of    func(strictjson.Value) (*imported, error) // reads the export
	out   string
	apply bool
}

// imported is what an import comes to.
type imported struct {
	Clients []strictjson.Value `json:"-"`
	Taken   int                `json:"clients"`
	Notes   []importNote       `json:"notes"`
	Files   []string           `json:"files"`
}

// An importNote is something of a client that could not be carried over, or is otherwise here.
type importNote struct {
	ClientID string `json:"client_id"`
	Member   string `json:"member"`
	Text     string `json:"text"`
}

func importKeycloakCommand() *cobra.Command {
	f := &importFlags{of: fromKeycloak}
	return f.command(&cobra.Command{
		Use: "keycloak REALM.json", Short: "Take the clients of a Keycloak realm over",
		Long: "keycloak reads the export of a realm (kc.sh export, or a partial export of the admin console with its clients). It writes a\n" +
			"folder of declarations, or with --apply hands them to a server, where rules judge them. What could not be carried over is\n" +
			"reported, client by client. Exit codes: 0 done, 1 it failed, 2 called wrongly.",
		Example: "  ostiary import keycloak realm.json --out declared\n  ostiary import keycloak realm.json --apply --yes",
		Args:    named("the file of one realm export"),
	})
}

// command gives a command that imports its flags and what it does.
func (f *importFlags) command(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (f.out == "") == !f.apply {
			return usagef("%s needs --out: a new folder for the declarations, or --apply", cmd.CommandPath())
		}
		return f.run(cmd, args[0])
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "new folder for the declarations")
	flags.BoolVar(&f.apply, "apply", false, "apply them, instead of writing or after having written them")
	flags.StringVar(&f.set, "set", "default", "with --apply: name of these declarations")
	flags.BoolVarP(&f.yes, "yes", "y", false, "with --apply: do not ask")
	flags.StringVar(&f.secrets, "secrets-file", "", "with --apply: new file for secrets that are made")
	return cmd
}

func (f *importFlags) run(cmd *cobra.Command, file string) error {
	doc, err := readExport(file)
	if err != nil {
		return err
	}
	result, err := f.of(doc)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	dir := f.out
	if dir == "" {
		if dir, err = os.MkdirTemp("", "ostiary-import-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if result.Files, err = writeImported(dir, result.Clients); err != nil {
		return err
	}
	shown := &terminal{out: cmd.OutOrStdout()}
	asJSON, _ := cmd.Flags().GetString("output")
	shown.json = asJSON == "json" && !f.apply
	if err := shown.print(result, func(w io.Writer) { printImported(w, result, f.out) }); err != nil || !f.apply {
		return err
	}
	return f.hand(cmd, dir, asJSON)
}

// hand applies a folder.
func (f *importFlags) hand(cmd *cobra.Command, dir, output string) error {
	for name, to := range map[string]*string{"data": &f.data, "server": &f.server, "token": &f.token, "trust-ca": &f.trustCA} {
		*to, _ = cmd.Flags().GetString(name)
	}
	f.output = output
	return f.operatorFlags.command("apply", "", nil, func(ctx context.Context, t *terminal, _ []string) error {
		return f.applyFlags.run(ctx, t, dir, cmd)
	}).RunE(cmd, nil)
}

// maxRealm is how many bytes an export may have.
const maxRealm = 64 << 20

func readExport(file string) (strictjson.Value, error) {
	about, err := os.Stat(file)
	if err == nil && about.Size() > maxRealm {
		err = fmt.Errorf("it is larger than %d bytes", maxRealm)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{MaxBytes: maxRealm, MaxDepth: 32, MaxMembers: 4 << 20})
	if err != nil {
		return doc, fmt.Errorf("%s cannot be used: %w", file, err)
	}
	return doc, nil
}

// writeImported writes a clients.yaml that only its owner reads: there may be secrets in it.
func writeImported(dir string, clients []strictjson.Value) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "clients.yaml")
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	text, err := config.WriteValue(strictjson.Object(strictjson.Member{Name: "clients", Value: strictjson.Array(clients...)}))
	if err == nil {
		_, err = file.Write(text)
	}
	return []string{name}, errors.Join(err, file.Close())
}

func printImported(w io.Writer, r *imported, out string) {
	last := ""
	for _, n := range r.Notes {
		if n.ClientID != last {
			fmt.Fprintf(w, "%s\n", printable(n.ClientID))
			last = n.ClientID
		}
		fmt.Fprintf(w, "  %s\t%s\n", printable(n.Member), printable(n.Text))
	}
	fmt.Fprintf(w, "%s taken over, %s.\n", counted(r.Taken, "client"), counted(len(r.Notes), "note"))
	if out != "" {
		fmt.Fprintf(w, "See what they come to with: ostiary plan %s\n", printable(out))
	}
}

// fromKeycloak maps a realm.
func fromKeycloak(realm strictjson.Value) (*imported, error) {
	clients := member(realm, "clients")
	if clients.Kind() != strictjson.KindArray {
		return nil, errors.New("there are no clients in it; export the realm with its clients")
	}
	result := &imported{Notes: []importNote{}, Clients: []strictjson.Value{}}
	for _, c := range clients.Items() {
		k := &keycloakClient{doc: c, id: textOf(c, "clientId")}
		if k.id == "" {
			k.id = cmp.Or(textOf(c, "id"), "a client without a clientId")
			k.note("clientId", "is missing: the client is left out")
		} else if k.usable() {
			result.Clients = append(result.Clients, k.entry())
		}
		slices.SortStableFunc(k.notes, func(a, b importNote) int { return strings.Compare(a.Member, b.Member) })
		result.Notes = append(result.Notes, k.notes...)
	}
	result.Taken = len(result.Clients)
	return result, nil
}
