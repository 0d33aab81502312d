package plugins

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/strictjson"
)

// capabilities reads those of a manifest or a grant.
func capabilities(t *testing.T, text string) Capabilities {
	t.Helper()
	c, err := readCapabilities(mustParse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const everything = `{"now":{},"random":{},"kv":{"keys":100,"bytes":65536,"ttl":"24h0m0s"},"http":{"hosts":["[::1]:8443","a.example"],"methods":["GET","POST"]},` +
	`"secret":{"keys":["hmac","sign"]},"policy_eval":{}}`

func TestCapabilitiesAsJSON(t *testing.T) {
	for _, text := range []string{"{}", everything, `{"kv":{}}`} {
		if got := capabilities(t, text).Value().String(); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
	mixed := capabilities(t, `{"http":{"methods":["POST","GET"],"hosts":["b.example","a.example"]}}`)
	if got := mixed.Value().String(); got != `{"http":{"hosts":["a.example","b.example"],"methods":["GET","POST"]}}` {
		t.Errorf("order counts: %s", got)
	}
	if _, err := readCapabilities(strictjson.String("all")); err == nil {
		t.Error("a text was taken for capabilities")
	}
}

func TestCapabilitiesLeftOut(t *testing.T) {
	got := capabilities(t, `{"kv":{},"http":{"hosts":["a.example"]}}`).asked()
	if *got.KV != (KVCapability{Keys: 100, Bytes: 64 << 10, TTL: 24 * time.Hour}) || strings.Join(got.HTTP.Methods, " ") != "GET" {
		t.Errorf("got %s", got.Value())
	}
}

func TestBeyondTheGrant(t *testing.T) {
	asked := capabilities(t, everything).asked()
	for grant, want := range map[string]string{
		everything: "",
		`{}`: "now, random, kv with 100 keys, 65536 bytes, ttl 24h0m0s, http host [::1]:8443, http host a.example, http method GET, " +
			"http method POST, secret key hmac, secret key sign, policy_eval",
		`{"now":{},"random":{},"kv":{},"policy_eval":{},"secret":{"keys":["sign"]},"http":{"hosts":["a.example","b.example"],"methods":["GET"]}}`: "http host [::1]:8443, http method POST, secret key hmac",
		strings.ReplaceAll(strings.ReplaceAll(everything, "100", "99"), "24h0m0s", "1h"):                                                          "kv keys 100 (granted: 99), kv ttl 24h0m0s (granted: 1h0m0s)",
		strings.ReplaceAll(everything, "65536", "65535"):                                                                                          "kv bytes 65536 (granted: 65535)",
	} {
		if got := strings.Join(asked.beyond(capabilities(t, grant)), ", "); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", grant, got, want)
		}
	}
	if missing := (Capabilities{}).beyond(Capabilities{}); missing != nil {
		t.Errorf("who asks for nothing lacks %v", missing)
	}
}

func TestImportsNeedTheirCapability(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", fake{imports: "ostiary_v1.kv_get"}.wasm(), "hooks: {pre_register: {}}\n")
	f.reload()
	if s := f.status("a"); !strings.Contains(s.Error, "the module imports kv_get, which needs the capability kv") {
		t.Errorf("got %+v", s)
	}
}
