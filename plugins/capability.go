package plugins

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Capabilities are what a plugin may use beyond its own code. In a manifest they are what it asks for, in a grant what an
// operator lets it have. What is nil is not there.
type Capabilities struct {
	Log        *Plain        `yaml:"log"` // needs no asking
	Now        *Plain        `yaml:"now"`
	Random     *Plain        `yaml:"random"`
	KV         *KVCapability `yaml:"kv"`
	HTTP       *HTTPAccess   `yaml:"http"`
	Secret     *SecretKeys   `yaml:"secret"`
	PolicyEval *Plain        `yaml:"policy_eval"`
}

// Plain is a capability that is had or not, without more to say.
type Plain struct{}

// KVCapability bounds what a plugin keeps. What a manifest leaves out has the default named beside it; what a grant leaves out
// is as the plugin asks.
type KVCapability struct {
	Keys  int           `yaml:"keys" range:"1..10000"`     // 100
	Bytes int           `yaml:"bytes" range:"1..16777216"` // of keys and values together; 65536
	TTL   time.Duration `yaml:"ttl" range:"1s..87600h"`    // of a value that is put without one, and the longest; 24h
}

// HTTPAccess says where a plugin may send requests.
type HTTPAccess struct {
	Hosts   []string `yaml:"hosts"`   // names or addresses, with :port when it is not the scheme's own; no wildcards
	Methods []string `yaml:"methods"` // in a manifest: [GET] when absent
}

// SecretKeys names the keys that a plugin may sign or authenticate with. It never sees them.
type SecretKeys struct {
	Keys []string `yaml:"keys"`
}

// asked fills in what a manifest leaves out.
func (c Capabilities) asked() Capabilities {
	c = c.granted()
	if c.KV != nil {
		c.KV = &KVCapability{Keys: cmp.Or(c.KV.Keys, 100), Bytes: cmp.Or(c.KV.Bytes, 64<<10), TTL: cmp.Or(c.KV.TTL, 24*time.Hour)}
	}
	return c
}

// granted fills in what a grant leaves out.
func (c Capabilities) granted() Capabilities {
	if c.HTTP != nil && len(c.HTTP.Methods) == 0 {
		c.HTTP = &HTTPAccess{Hosts: c.HTTP.Hosts, Methods: []string{"GET"}}
	}
	return c
}

// apart gives each capability on its own.
func (c Capabilities) apart() []Capabilities {
	return []Capabilities{{Now: c.Now}, {Random: c.Random}, {KV: c.KV}, {HTTP: c.HTTP}, {Secret: c.Secret}, {PolicyEval: c.PolicyEval}}
}

// with adds what others has.
func (c Capabilities) with(other Capabilities) Capabilities {
	return Capabilities{
		Now: cmp.Or(c.Now, other.Now), Random: cmp.Or(c.Random, other.Random), KV: cmp.Or(c.KV, other.KV), HTTP: cmp.Or(c.HTTP, other.HTTP),
		Secret: cmp.Or(c.Secret, other.Secret), PolicyEval: cmp.Or(c.PolicyEval, other.PolicyEval),
	}
}

// beyond lists what is asked for and not granted, as an operator reads it: one line for each piece.
func (c Capabilities) beyond(grant Capabilities) []string {
	var missing []string
	for _, plain := range []struct {
		name         string
		asked, given *Plain
	}{{"now", c.Now, grant.Now}, {"random", c.Random, grant.Random}} {
		if plain.asked != nil && plain.given == nil {
			missing = append(missing, plain.name)
		}
	}
	if c.KV != nil {
		missing = append(missing, c.KV.beyond(grant.KV)...)
	}
	if c.HTTP != nil {
		given := HTTPAccess{}
		if grant.HTTP != nil {
			given = *grant.HTTP
		}
		missing = append(missing, lacking("http host", c.HTTP.Hosts, given.Hosts)...)
		missing = append(missing, lacking("http method", c.HTTP.Methods, given.Methods)...)
	}
	if c.Secret != nil {
		given := SecretKeys{}
		if grant.Secret != nil {
			given = *grant.Secret
		}
		missing = append(missing, lacking("secret key", c.Secret.Keys, given.Keys)...)
	}
	if c.PolicyEval != nil && grant.PolicyEval == nil {
		missing = append(missing, "policy_eval")
	}
	return missing
}

func (k *KVCapability) beyond(grant *KVCapability) []string {
	if grant == nil {
		return []string{fmt.Sprintf("kv with %d keys, %d bytes, ttl %s", k.Keys, k.Bytes, k.TTL)}
	}
	var missing []string
	if grant.Keys != 0 && k.Keys > grant.Keys {
		missing = append(missing, fmt.Sprintf("kv keys %d (granted: %d)", k.Keys, grant.Keys))
	}
	if grant.Bytes != 0 && k.Bytes > grant.Bytes {
		missing = append(missing, fmt.Sprintf("kv bytes %d (granted: %d)", k.Bytes, grant.Bytes))
	}
	if grant.TTL != 0 && k.TTL > grant.TTL {
		missing = append(missing, fmt.Sprintf("kv ttl %s (granted: %s)", k.TTL, grant.TTL))
	}
	return missing
}

// reducedTo is what is left to compare when less of it is asked for: smaller numbers take nothing away that an operator must know of.
func (k *KVCapability) reducedTo(asked *KVCapability) *KVCapability {
	if asked != nil {
		return nil
	}
	return k
}

// lacking lists what is asked for and not given.
func lacking(what string, asked, given []string) []string {
	var missing []string
	for _, name := range asked {
		if !slices.Contains(given, name) {
			missing = append(missing, what+" "+name)
		}
	}
	return missing
}

// Value gives the capabilities as JSON, members and lists in one order: what is equal looks equal.
func (c Capabilities) Value() strictjson.Value {
	doc := strictjson.Object()
	for _, plain := range []struct {
		name string
		had  *Plain
	}{{"now", c.Now}, {"random", c.Random}} {
		if plain.had != nil {
			doc = doc.With(plain.name, strictjson.Object())
		}
	}
	if c.KV != nil {
		doc = doc.With("kv", c.KV.value())
	}
	if c.HTTP != nil {
		doc = doc.With("http", strictjson.Object(sorted("hosts", c.HTTP.Hosts), sorted("methods", c.HTTP.Methods)))
	}
	if c.Secret != nil {
		doc = doc.With("secret", strictjson.Object(sorted("keys", c.Secret.Keys)))
	}
	if c.PolicyEval != nil {
		doc = doc.With("policy_eval", strictjson.Object())
	}
	return doc
}

func (k *KVCapability) value() strictjson.Value {
	doc := strictjson.Object()
	if k.Keys != 0 {
		doc = doc.With("keys", strictjson.Int(int64(k.Keys)))
	}
	if k.Bytes != 0 {
		doc = doc.With("bytes", strictjson.Int(int64(k.Bytes)))
	}
	if k.TTL != 0 {
		doc = doc.With("ttl", strictjson.String(k.TTL.String()))
	}
	return doc
}

func sorted(name string, list []string) strictjson.Member {
	return strictjson.Member{Name: name, Value: strictjson.Strings(slices.Sorted(slices.Values(list)))}
}

// readCapabilities reads what Value gave.
func readCapabilities(v strictjson.Value) (Capabilities, error) {
	var c struct {
		Capabilities Capabilities `yaml:"capabilities"`
	}
	doc := strictjson.Object(strictjson.Member{Name: "capabilities", Value: v})
	err := config.Read(strictjson.Append(nil, doc), "grant", &c, unreplaced)
	return c.Capabilities, err
}

// capabilityOf tells which capability an import from the host needs; "" none.
var capabilityOf = map[string]string{
	"log": "", "take": "", "now": "now", "random": "random", "kv_get": "kv", "kv_put": "kv", "kv_delete": "kv",
	"http": "http", "secret": "secret", "policy_eval": "policy_eval",
}

// has tells whether a capability is there.
func (c Capabilities) has(name string) bool {
	switch name {
	case "":
		return true
	case "now":
		return c.Now != nil
	case "random":
		return c.Random != nil
	case "kv":
		return c.KV != nil
	case "http":
		return c.HTTP != nil
	case "secret":
		return c.Secret != nil
	case "policy_eval":
		return c.PolicyEval != nil
	}
	return false
}
