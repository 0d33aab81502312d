package ostiary

import "github.com/ostiary/ostiary/sdk/go/abi"

// These keep what warmUp made, or the compiler would leave it out.
var (
	warmed         []byte
	warmedPointers []*byte
)

// warmUp does once what every call does. The host restores the memory after each call to what it is after exportConfigure: a
// first allocation of each size asks Go's runtime for a stretch of memory, and would do so in every call.
func warmUp() {
	p := plugin{hooks: []served{{abi.PreRegister, func(c *Call) error {
		c.Patch.SetStrings("redirect_uris", c.Client.RedirectURIs())
		c.Patch.SetStrings("contacts", append(c.Client.Contacts(), "x"))
		c.Patch.SetScope(c.Client.Scope())
		c.Patch.SetString("client_name", c.Client.ClientName()+c.Context.DecisionID)
		c.Warn("warm")
		c.Audit("warm", Bool(true))
		return nil
	}}}}
	in, err := Parse(usualCall)
	if err == nil {
		warmed, err = p.run(abi.PreRegister, in)
	}
	if err != nil {
		panic(err) // the text below is wrong
	}
	// A plugin of others asks for other sizes: one piece of each, of those with pointers and of those without.
	plain, pointers := make([]byte, 1<<10), make([]*byte, 64)
	for size := 1; size <= len(plain); size = cap(warmed) + 1 {
		warmed = append([]byte(nil), plain[:size]...)
	}
	for size := 1; size <= len(pointers); size = cap(warmedPointers) + 1 {
		warmedPointers = append([]*byte(nil), pointers[:size]...)
	}
}

const usualCall = `{"v":1,"context":{"decision_id":"d","locked":["a","b"],"initial_access_token":{"label":"a"},` +
	`"caller":{"scopes":["a","b"],"roles":["a"]}},"client":{"client_name":"a\\u00e4b","scope":"openid profile email",` +
	`"redirect_uris":["https://a.example.com/callback","https://b.example.com/callback"],"contacts":["a@example.com","b@example.com"]},` +
	`"entropy":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`
