package metadata_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/metadata"
)

var update = flag.Bool("update", false, "write the tables of README.md anew")

// The manual lists every member: go test ./core/metadata -run Manual -update writes its tables.
func TestManualListsEveryMember(t *testing.T) {
	const begin = "<!-- written by a test: go test ./core/metadata -run Manual -update -->\n"
	file, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	prose, _, _ := strings.Cut(string(file), begin)
	want := prose + begin + tables()
	if *update {
		err = os.WriteFile("README.md", []byte(want), 0o644)
	}
	if err != nil || !*update && want != string(file) {
		t.Errorf("README.md does not list what the table has (%v); run: go test ./core/metadata -run Manual -update", err)
	}
}

var kinds = map[metadata.Kind]string{
	metadata.Text: "string", metadata.URI: "URI", metadata.List: "list of strings", metadata.URIs: "list of URIs",
	metadata.Scope: "scopes, separated by spaces", metadata.Number: "seconds", metadata.Flag: "true or false", metadata.Object: "object",
}

func tables() string {
	var b strings.Builder
	b.WriteString("\n| member | what it is | values | defined in |\n| --- | --- | --- | --- |\n")
	for _, row := range metadata.Rows() {
		values := "any"
		switch {
		case row.Values != nil:
			values = "`" + strings.Join(row.Values, "` `") + "`"
		case row.Kind == metadata.Flag:
			values = ""
		case row.Origins:
			values = "origins, such as `https://app.example.com`"
		}
		name := "`" + row.Name + "`"
		if row.Tagged {
			name += ", `" + row.Name + "#fr`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, kinds[row.Kind], values, row.Source)
	}
	b.WriteString("\nOf what a client leaves open, the server chooses ([RP Metadata Choices](https://openid.net/specs/openid-connect-rp-metadata-choices-1_0.html)): ")
	b.WriteString("each of these lists\nwhat the client can work with, and the answer has the one value chosen. With both, the value must be in the list.\nThe lists for members of which nothing comes (below) choose nothing.\n\n| list | chooses |\n| --- | --- |\n")
	for _, c := range metadata.Choosable() {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", c.Name, c.Of)
	}
	b.WriteString("\nThese are kept and answered, and nothing comes of them here; the answer to who sends one says so in `warnings`.\n\n| member | why |\n| --- | --- |\n")
	for _, m := range metadata.Idle() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m.Name, m.Why)
	}
	b.WriteString("\nThese are promises that this server can keep today only by refusing; the answer to who sends `true` says so in `warnings`.\n\n| member | why |\n| --- | --- |\n")
	for _, m := range metadata.Barring() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m.Name, m.Why)
	}
	b.WriteString("\nThese ask for what is not done here. They are refused, so that nobody believes in a protection that is not there, unless they\nask for nothing (`false`, `null`, `\"\"`, `[]`); nothing of them is kept.\n\n| member | why it is refused | defined in |\n| --- | --- | --- |\n")
	for _, m := range metadata.Unbuilt() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, m.Why, m.Source)
	}
	b.WriteString("\nThese are known from Janssen's clients and have no meaning here. They are not kept, unless `custom_attributes` lists them, and the answer\nto who sends one says so in `warnings`; policy and plugins see them.\n\n| member | why |\n| --- | --- |\n")
	for _, m := range metadata.Foreign() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m.Name, m.Why)
	}
	return b.String()
}
