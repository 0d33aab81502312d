package plugins

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// ManifestVersion is the apiVersion of every manifest.
const ManifestVersion = "ostiary.plugin/v1"

const (
	defaultPriority = 100
	variable        = "${" // how one begins
)

// A Manifest says what a plugin is and what it may do. It stands as NAME.yaml beside NAME.wasm.
type Manifest struct {
	APIVersion    string                 `yaml:"apiVersion"`
	Name          string                 `yaml:"name"`    // equal to the file's name
	Version       string                 `yaml:"version"` // semantic; no older one follows it
	SHA256        string                 `yaml:"sha256"`  // of the module, in hexadecimal; checked when given
	ABI           Wire                   `yaml:"abi"`
	Hooks         map[hook.Point]Service `yaml:"hooks"`
	Reads         hook.Reads             `yaml:"reads"`        // members the plugin sees; client.* for all; none when absent
	Writes        []string               `yaml:"writes"`       // members the plugin may patch or add to an answer
	Capabilities  Capabilities           `yaml:"capabilities"` // what it asks for
	Limits        Bounds                 `yaml:"limits"`
	Configuration strictjson.Value       `yaml:"configuration"`        // an object, for ostiary_configure
	Schema        strictjson.Value       `yaml:"configuration_schema"` // a JSON Schema that every configuration must match; see schema.go
	Tests         []string               `yaml:"tests"`                // files of self-tests beside the manifest, where * stands for any characters
}

// Wire is the version of the ABI that a plugin needs.
type Wire struct {
	Major    int `yaml:"major"`
	MinMinor int `yaml:"min_minor" range:"0..1000"`
}

// A Service is how a plugin serves one hook. The smaller priority is asked first; 100 when absent.
type Service struct {
	Priority *int `yaml:"priority" range:"0..1000"`
}

// ReadManifest reads a manifest strictly. Variables are a problem outside its configuration, where they are plain text: a
// plugin's author must not be able to ask for the server's environment. The error is a *config.Problems with every problem
// and its line.
func ReadManifest(data []byte, file string) (Manifest, error) {
	m := Manifest{ABI: Wire{Major: abi.Major}}
	if err := config.Read(data, file, &m, unreplaced); err != nil {
		return Manifest{}, err
	}
	m.Capabilities = m.Capabilities.asked()
	return m, nil
}

// unreplaced is the environment of a manifest: every variable stands for itself, for checkVariables to find.
func unreplaced(name string) (string, bool) { return variable + name + "}", true }

var (
	nameForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	sha256Form = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
	memberForm = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,128}$`)
)

// ValidName tells whether a plugin, a publisher or a key may be called so.
func ValidName(name string) bool { return nameForm.MatchString(name) }

// Validate implements config.Checker.
func (m *Manifest) Validate() []config.Problem {
	var found problems
	if m.APIVersion != ManifestVersion {
		found.add("apiVersion", "must be %s", ManifestVersion)
	}
	if !nameForm.MatchString(m.Name) {
		found.add("name", "must be 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit")
	}
	if !strings.Contains(m.Version, variable) && (len(m.Version) > 64 || !semver.MatchString(m.Version)) {
		found.add("version", "must be a semantic version, such as 1.0.0 or 1.2.0-rc.1")
	}
	if m.SHA256 != "" && !sha256Form.MatchString(m.SHA256) {
		found.add("sha256", "must be the module's SHA-256 in 64 hexadecimal digits")
	}
	if m.ABI.Major != abi.Major {
		found.add("abi.major", "must be %d: this server has no other version of the wire", abi.Major)
	} else if m.ABI.MinMinor > abi.Minor {
		found.add("abi.min_minor", "this server has version %d.%d of the wire; a newer server is needed", abi.Major, abi.Minor)
	}
	m.checkVariables(&found)
	m.checkHooks(&found)
	m.checkMembers(&found)
	if kind := m.Configuration.Kind(); kind > strictjson.KindNull && kind != strictjson.KindObject {
		found.add("configuration", "must be an object, not %s", kind)
	}
	if m.Schema.Kind() > strictjson.KindNull {
		checkSchema(m.Schema, "configuration_schema", &found)
	}
	m.checkTests(&found)
	return found
}

func (m *Manifest) checkVariables(found *problems) {
	texts := map[string]string{"apiVersion": m.APIVersion, "name": m.Name, "version": m.Version, "sha256": m.SHA256}
	for i, name := range m.Reads {
		texts[fmt.Sprintf("reads[%d]", i)] = name
	}
	for i, name := range m.Writes {
		texts[fmt.Sprintf("writes[%d]", i)] = name
	}
	for i, name := range m.Tests {
		texts[fmt.Sprintf("tests[%d]", i)] = name
	}
	for path, text := range texts {
		if strings.Contains(text, variable) {
			found.add(path, "a manifest takes no values from the environment: write the value itself instead of ${...}")
		}
	}
}

func (m *Manifest) checkTests(found *problems) {
	found.each("tests", m.Tests, func(pattern string) string {
		if _, err := path.Match(pattern, ""); err != nil || !filepath.IsLocal(pattern) || path.Clean(pattern) != pattern || strings.ContainsRune(pattern, '\\') {
			return "must be the name of a file in the manifest's folder or below it, such as cases/*.yaml"
		}
		return ""
	})
}

func (m *Manifest) checkHooks(found *problems) {
	if len(m.Hooks) == 0 {
		found.add("hooks", "name at least one of %s", strings.Join(abi.Hooks(), ", "))
	}
	for _, point := range slices.Sorted(maps.Keys(m.Hooks)) {
		if !slices.Contains(hook.Points(), point) {
			found.add("hooks."+string(point), "there is no such hook%s; there are %s", config.Suggest(string(point), slices.Values(abi.Hooks())), strings.Join(abi.Hooks(), ", "))
		}
	}
}

func (m *Manifest) checkMembers(found *problems) {
	found.each("reads", m.Reads, func(name string) string {
		if name != hook.AllMembers && !memberForm.MatchString(name) {
			return "must be the name of a member, or " + hook.AllMembers + " for all"
		}
		return ""
	})
	found.each("writes", m.Writes, m.unwritable)
}

// unwritable says why no hook of the plugin can write a member; empty: one can.
func (m *Manifest) unwritable(name string) string {
	row, isRow := metadata.Lookup(name)
	switch {
	case !memberForm.MatchString(name):
		return "must be the name of a member"
	case isRow && row.Fixed, !isRow && metadata.IsReserved(name):
		return "no plugin may write " + name
	case m.writesSomewhere(name):
		return ""
	case isRow:
		return name + " is client metadata, which only pre_register and pre_update may write"
	case oauth.ReservedClaim(name):
		return name + " is a claim that only the server sets, and no client metadata"
	}
	return name + " is no client metadata, and other members can only be added by post_register, post_update, on_read and token_claims"
}

// writesSomewhere tells whether one of the plugin's hooks can write a member.
func (m *Manifest) writesSomewhere(member string) bool {
	for point := range m.Hooks {
		if writable(point, member) {
			return true
		}
	}
	return false
}

// priority gives the place in the order of a hook.
func (m *Manifest) priority(p hook.Point) int {
	if given := m.Hooks[p].Priority; given != nil {
		return *given
	}
	return defaultPriority
}

// points lists the hooks in the order of a client's life.
func (m *Manifest) points() []hook.Point {
	return slices.DeleteFunc(hook.Points(), func(p hook.Point) bool { _, ok := m.Hooks[p]; return !ok })
}

// writesAt lists the members that the plugin may write, by point.
func (m *Manifest) writesAt() map[hook.Point][]string {
	at := map[hook.Point][]string{}
	for _, p := range m.points() {
		at[p] = slices.DeleteFunc(slices.Clone(m.Writes), func(member string) bool { return !writable(p, member) })
	}
	return at
}

// mayWrite tells whether a member is listed, or is a translation of one that is.
func mayWrite(writes []string, member string) bool {
	base, _, _ := strings.Cut(member, "#")
	return slices.Contains(writes, base)
}

// writable tells whether any plugin may write a member at a point: client metadata where it proposes, other members where it
// shapes an answer, claims that are not ours where it adds to a token.
func writable(p hook.Point, member string) bool {
	may := p.Answers()
	switch row, isRow := metadata.Lookup(member); {
	case may.Patches:
		return isRow && !row.Fixed
	case p == hook.TokenClaims:
		return !oauth.ReservedClaim(member) && (isRow && !row.Fixed || !metadata.IsReserved(member))
	}
	return may.Adds && !metadata.IsReserved(member)
}

// problems collects what is wrong with a manifest.
type problems []config.Problem

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, config.Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

// each looks at what a list holds, and that it holds nothing twice; wrong says what is the matter with one, if anything is.
func (p *problems) each(name string, list []string, wrong func(string) string) {
	for i, one := range list {
		text := wrong(one)
		if slices.Contains(list[:i], one) {
			text = one + " stands here twice"
		}
		if text != "" {
			p.add(fmt.Sprintf("%s[%d]", name, i), "%s", text)
		}
	}
}

var _ config.Checker = (*Manifest)(nil)
