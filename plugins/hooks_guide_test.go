package plugins

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// rowsOf gives the rows of a guide's tables whose first cell is code, as cells without backquotes.
func rowsOf(t *testing.T, file string) (rows [][]string) {
	for line := range strings.Lines(readFileText(t, file)) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.Split(strings.ReplaceAll(strings.Trim(line, "| \n"), "`", ""), " | "))
		}
	}
	return rows
}

// HOOKS.md says of every hook what the table of the points says, and of every claim that is the server's that it is.
func TestHooksGuideIsTrue(t *testing.T) {
	points := hook.Points()
	codes := map[hook.Point]string{}
	for _, row := range rowsOf(t, "HOOKS.md") {
		if len(row) == 2 {
			for _, name := range strings.Split(row[0], ", ") {
				codes[hook.Point(name)] = row[1]
			}
		}
		if i := slices.Index(points, hook.Point(row[0])); i >= 0 && len(row) == 4 {
			points = slices.Delete(points, i, i+1)
			may, says := hook.Point(row[0]).Answers(), row[3]
			if strings.Contains(says, "patch") != may.Patches || strings.Contains(says, "add") != may.Adds || strings.Contains(says, "give") != may.Results ||
				strings.Contains(says, "reject") != (len(may.Rejects) > 0) {
				t.Errorf("%s: %q", row[0], says)
			}
		}
	}
	if len(points) > 0 {
		t.Errorf("no row for %v", points)
	}
	for _, p := range hook.Points() {
		var want []string
		for _, code := range p.Answers().Rejects {
			want = append(want, string(code))
		}
		if got := codes[p]; got != strings.Join(want, ", ") && (len(want) > 0 || !strings.HasPrefix(got, "none")) {
			t.Errorf("%s rejects with %v, the guide says %q", p, want, got)
		}
	}
	_, claims, _ := strings.Cut(readFileText(t, "HOOKS.md"), "take for the server's word:")
	claims, _, _ = strings.Cut(claims, "All plugins together")
	for _, list := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(claims, -1) {
		for _, name := range strings.Fields(list[1]) {
			if !oauth.ReservedClaim(name) {
				t.Errorf("%s is not kept from plugins", name)
			}
		}
	}
}

// README.md says of every method of Janssen's script, and of every member of its context, what it is here, and names every hook of ours.
func TestJanssensMethodsHaveTheirEqual(t *testing.T) {
	rows := rowsOf(t, "README.md")
	for _, name := range []string{"init", "destroy", "getApiVersion", "createClient", "updateClient", "getSoftwareStatementHmacSecret", "getSoftwareStatementJwks",
		"getDcrHmacSecret", "getDcrJwks", "isCertValidForClient", "modifyPostResponse", "modifyReadResponse", "modifyPutResponse", "context.httpRequest",
		"isInNetwork", "registerRequestJson", "registerRequest", "client", "softwareStatement", "dcr", "evidence", "certificate", "configurationAttributes",
		"createWebApplicationException", "throwWebApplicationException", "createStaleEvidenceWebApplicationException", "validateSSA"} {
		if !slices.ContainsFunc(rows, func(row []string) bool { return len(row) >= 2 && slices.Contains(strings.Split(row[0], ", "), name) }) {
			t.Errorf("no row for Janssen's %s", name)
		}
	}
	_, section, _ := strings.Cut(readFileText(t, "README.md"), "\n## Coming from Janssen\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, p := range hook.Points() {
		if !strings.Contains(section, "`"+string(p)+"`") {
			t.Errorf("%s is no method's equal", p)
		}
	}
}

// The plugin that HOOKS.md shows is the example, and does what it says.
func TestSchemeExample(t *testing.T) {
	unraced(t)
	const dir = "../examples/plugin-scheme"
	for _, b := range blocks(t, "HOOKS.md") {
		if b.language == "go" && b.text != readFileText(t, b.name) {
			t.Errorf("HOOKS.md does not show %s as it is", b.name)
		}
	}
	f := newFolder(t, nil)
	copied := t.TempDir()
	cloned(t, filepath.Dir(copied))
	for _, file := range []string{"main.go", "main_test.go", "scheme.yaml"} {
		writeFile(t, filepath.Join(copied, file), readFileText(t, filepath.Join(dir, file)))
	}
	copyCases(t, dir, copied)
	writeFile(t, filepath.Join(copied, "go.mod"), strings.ReplaceAll(readFileText(t, filepath.Join(dir, "go.mod")), "../../sdk/go", "../ostiary/sdk/go"))
	for _, b := range blocks(t, filepath.Join(dir, "README.md")) {
		if b.language == "sh" {
			shell(t, copied, f.dir, b.text)
		}
	}
	f.reload()
	signed := func(issuer string) *hook.Signed {
		return &hook.Signed{Kind: hook.SignedStatement, Alg: "HS256", Claims: mustParse(t, `{"iss":"`+issuer+`"}`)}
	}
	software := mustParse(t, `{"software_id":"s-1","client_name":"not read"}`)
	statement := hook.Context{Statement: mustParse(t, `{"software_id":"s-1"}`)}
	token := &hook.Token{Subject: "u-1", Claims: strictjson.Object()}
	for _, test := range []struct {
		call hook.Call
		want string
	}{
		{hook.Call{Point: hook.SoftwareStatementKeys, Signed: signed("https://directory.example")}, "result"},
		{hook.Call{Point: hook.RequestKeys, Signed: signed("https://stranger.example")}, "continue"},
		{hook.Call{Point: hook.RequestKeys, Signed: signed("https://left.example")}, "reject unapproved_software_statement The member has left the directory."},
		{hook.Call{Point: hook.MintClientID, Context: statement}, "result"},
		{hook.Call{Point: hook.CertificateCheck, Client: software, Certificate: &core.Certificate{Subject: "CN=s-1,O=x"}}, "continue"},
		{hook.Call{Point: hook.CertificateCheck, Client: software, Certificate: &core.Certificate{Subject: "CN=s-2"}}, "reject invalid_client The certificate is not that of the software."},
		{hook.Call{Point: hook.TokenClaims, Client: software, Token: token}, `patch {"software_id":"s-1","subject_is_client":false}`},
		{hook.Call{Point: hook.PreDelete, Client: software}, "reject access_denied Software of the directory is removed by the directory's operators."},
		{hook.Call{Point: hook.PostUpdate}, `patch {"directory_notice":"Tell the directory, too."}`},
	} {
		p := f.only(test.call.Point)
		r, _, err := p.Ask(context.Background(), test.call, taken)
		if err != nil || describe(r) != test.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", test.call.Point, describe(r), err, test.want)
		}
		for member := range r.Patch.All() {
			if !p.MayWrite(test.call.Point, member) {
				t.Errorf("%s: its manifest does not let it write %s", test.call.Point, member)
			}
		}
		if r.Action == hook.Give && r.ClientID != "s-1" && r.Keys.Secret != "only-an-example-never-use-it-anywhere" {
			t.Errorf("%s gave something else", test.call.Point)
		}
	}
}
