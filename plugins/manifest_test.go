package plugins

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/hook"
)

func TestReadManifest(t *testing.T) {
	m, err := ReadManifest([]byte(`apiVersion: ostiary.plugin/v1
name: acme.contacts
version: 1.4.0
sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
abi: {major: 1, min_minor: 0}
hooks: {pre_register: {priority: 10}, on_read: {}}
reads: [client_name, contacts]
writes: [contacts, registered_through]
capabilities: {log: {}}
limits: {memory_mib: 16, wall_ms: 100}
configuration: {domain: example.com, list: [1, two], home: "${HOME}"}
`), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if m.priority(hook.PreRegister) != 10 || m.priority(hook.OnRead) != defaultPriority {
		t.Errorf("priorities %d, %d", m.priority(hook.PreRegister), m.priority(hook.OnRead))
	}
	if got := m.points(); !slices.Equal(got, []hook.Point{hook.PreRegister, hook.OnRead}) {
		t.Errorf("points %v", got)
	}
	writes := m.writesAt()
	for member, want := range map[string][2]bool{ // at pre_register, at on_read
		"contacts": {true, false}, "contacts#fr": {true, false}, "registered_through": {false, true},
		"scope": {false, false}, "client_id": {false, false},
	} {
		if mayWrite(writes[hook.PreRegister], member) != want[0] || mayWrite(writes[hook.OnRead], member) != want[1] {
			t.Errorf("may write %s", member)
		}
	}
	if !m.Reads.Has("client_name#fr") || !m.Reads.Has("client_name") || m.Reads.Has("client_names") || m.Reads.Has("client") || m.Reads.Has("scope") {
		t.Error("may read")
	}
	if got := m.Configuration.String(); got != `{"domain":"example.com","list":[1,"two"],"home":"${HOME}"}` {
		t.Errorf("configuration %s", got)
	}
}

func TestReadManifestRefuses(t *testing.T) {
	good := map[string]string{"apiVersion": "ostiary.plugin/v1", "name": "x", "version": "1", "hooks": "{pre_register: {}}"}
	for line, want := range map[string]string{
		"apiVersion: ostiary.plugin/v2":                         "apiVersion: must be ostiary.plugin/v1",
		"name: ../x":                                            "name: must be",
		"version: ''":                                           "version: must be a semantic version",
		"sha256: abc":                                           "sha256: must be",
		"abi: {major: 2}":                                       "abi.major: must be 1",
		"abi: {major: 1, min_minor: 1}":                         "abi.min_minor: this server has version 1.0",
		"hooks: {}":                                             "hooks: name at least one",
		"hooks: {pre_register: {priority: -1}}":                 "hooks.pre_register.priority: must be",
		"reads: [a, a]":                                         "reads[1]: a stands here twice",
		"reads: ['*']":                                          "reads[0]: must be the name",
		"writes: [software_statement]":                          "writes[0]: no plugin may write software_statement",
		"writes: [client_secret]":                               "writes[0]: no plugin may write client_secret",
		"writes: [contatcs]":                                    "writes[0]: contatcs is no client metadata",
		"hooks: {on_read: {}}\nwrites: [contacts]":              "writes[0]: contacts is client metadata",
		"capabilities: {fly: {}}":                               "capabilities.fly: unknown key",
		"capabilities: {now: {zone: utc}}":                      "capabilities.now.zone: unknown key",
		"capabilities: {kv: {keys: 0}}":                         "capabilities.kv.keys: must be",
		"capabilities: {kv: {ttl: 1}}":                          "capabilities.kv.ttl: must be a duration",
		"capabilities: {http: {}}":                              "capabilities.http.hosts: name at least one host",
		"capabilities: {http: {hosts: ['*.a.example']}}":        "capabilities.http.hosts[0]: there are no wildcards",
		"capabilities: {http: {hosts: [A.example]}}":            "capabilities.http.hosts[0]: must be a host in lower case",
		"capabilities: {http: {hosts: ['https://a.ex/']}}":      "capabilities.http.hosts[0]: must be a host",
		"capabilities: {http: {hosts: ['a.ex:0443']}}":          "capabilities.http.hosts[0]: must be a host",
		"capabilities: {http: {hosts: ['127.1']}}":              "capabilities.http.hosts[0]: must be a host",
		"capabilities: {http: {hosts: ['[::01]']}}":             "capabilities.http.hosts[0]: must be a host",
		"capabilities: {http: {hosts: ['${H}']}}":               "capabilities.http.hosts[0]: must be a host",
		"capabilities: {http: {hosts: [a.ex, a.ex]}}":           "capabilities.http.hosts[1]: a.ex stands here twice",
		"capabilities: {http: {hosts: [a.ex], methods: [get]}}": "capabilities.http.methods[0]: must be one of GET",
		"capabilities: {secret: {}}":                            "capabilities.secret.keys: name at least one key",
		"capabilities: {secret: {keys: [A b]}}":                 "capabilities.secret.keys[0]: must be the name of a key",
		"limits: {memory_mib: 0}":                               "limits.memory_mib: must be",
		"configuration: [1]":                                    "configuration: must be an object",
		"version: '${HOME}'":                                    "x.yaml:1: version: a manifest takes no values from the environment",
		"version: 1.${HOME:-0}":                                 "x.yaml:1: version: a manifest takes no values from the environment",
		"limits: {wall_ms: \"${WALL}\"}":                        "limits.wall_ms: must be a whole number from 1 to 60000, not \"${WALL}\"",
		"version: next":                                         "version: must be a semantic version",
		"tests: [/etc/passwd]":                                  "tests[0]: must be the name of a file in the manifest's folder",
		"tests: [../x.yaml]":                                    "tests[0]: must be the name of a file in the manifest's folder",
		"tests: [a, a]":                                         "tests[1]: a stands here twice",
		"tests: ['[']":                                          "tests[0]: must be the name",
		"configuration_schema: {$ref: x}":                       "configuration_schema.$ref: is no keyword that is known here",
		"configuration_schema: 1":                               "configuration_schema: must be a schema",
		"colour: red":                                           "colour: unknown key",
		"hooks: {pre_approve: {}}":                              "hooks.pre_approve: there is no such hook",
		"hooks: {token_claims: {}}\nwrites: [sub]":              "writes[0]: sub is a claim that only the server sets",
		"hooks: {pre_delete: {}}\nwrites: [tenant]":             "writes[0]: tenant is no client metadata",
	} {
		text := line + "\n"
		for key, value := range good {
			if !strings.HasPrefix(line, key+":") {
				text += key + ": " + value + "\n"
			}
		}
		_, err := ReadManifest([]byte(text), "x.yaml")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\ngot  %v\nwant only %s", line, err, want)
		}
	}
}
