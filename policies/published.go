package policies

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// PublishedFolder is where the published contract stands in a policy folder. The server passes over names that begin with a dot.
const PublishedFolder = ".ostiary"

// Published gives the contract as files that tools of others read, such as opa check and editors: what built-ins there are, the
// JSON Schemas of every input and of data.ostiary.config, and for each decision a package that says which schema is whose.
func Published() ([]ScaffoldFile, error) {
	caps, err := publishedCapabilities()
	if err != nil {
		return nil, err
	}
	config, err := embedded.ReadFile("rego/config.schema.json")
	if err != nil {
		return nil, fmt.Errorf("read embedded schema: %w", err)
	}
	files := []ScaffoldFile{{"capabilities.json", caps}, {"schemas/config.json", config}}
	for _, c := range contracts {
		var schema bytes.Buffer
		if err := json.Indent(&schema, c.schema(), "", "  "); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", c.name, err)
		}
		schema.WriteByte('\n')
		files = append(files,
			ScaffoldFile{"schemas/" + c.name + ".json", schema.Bytes()},
			ScaffoldFile{"packages/" + c.name + ".rego", c.annotations()})
	}
	return files, nil
}

// annotations gives a package that holds no rules, and says what every package below it reads.
func (c *contract) annotations() []byte {
	return fmt.Appendf(nil, `# METADATA
# title: What rules of the %[1]s decision read
# description: For tools of others. The server has its own, and reads nothing in this folder.
# scope: subpackages
# schemas:
#   - input: schema.%[1]s
#   - data.ostiary.config: schema.config
package %[2]s
`, c.name, c.pkg)
}

// publishedCapabilities gives the capabilities as opa reads them, one built-in a line. That no network may be reached is said in
// so many words: where the list is missing, OPA takes every host for allowed.
func publishedCapabilities() ([]byte, error) {
	caps := capabilities()
	var b bytes.Buffer
	b.WriteString("{\n  \"builtins\": [\n")
	for i, one := range caps.Builtins {
		if !isOurs(one) {
			one = one.Minimal()
		}
		line, err := json.Marshal(one)
		if err != nil {
			return nil, fmt.Errorf("built-in %s: %w", one.Name, err)
		}
		b.WriteString("    ")
		b.Write(line)
		if i < len(caps.Builtins)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	rest, err := json.Marshal(struct {
		FutureKeywords []string `json:"future_keywords"`
		Features       []string `json:"features"`
		AllowNet       []string `json:"allow_net"`
	}{caps.FutureKeywords, caps.Features, caps.AllowNet})
	if err != nil {
		return nil, fmt.Errorf("capabilities: %w", err)
	}
	b.WriteString("  ],\n  ")
	b.Write(bytes.TrimPrefix(rest, []byte("{")))
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func isOurs(b *ast.Builtin) bool {
	return slices.ContainsFunc(ours(), func(our builtin) bool { return our.decl == b })
}
