package ostiary

import "github.com/ostiary/ostiary/sdk/go/abi"

// A Hook is a plugin's function for one hook. It looks at the Call, says what should change through c.Patch, c.Warn and c.Audit,
// and returns nil; or it refuses with Reject. Any other error is a fault of the plugin: the client is told that the
// server failed, the operator's log says the error's text.
type Hook func(c *Call) error

// module is what this module registered. It is a variable of the package because a WASM module is one plugin: its exports are
// functions without a receiver.
var module plugin

type plugin struct {
	name      string // as the manifest has it
	serving   string // the hook that runs
	hooks     []served
	configure func(configuration Value) error
	room      []byte // for the answer; nil: each has its own
}

// served is a hook and its function.
type served struct {
	hook  string
	serve Hook
}

// of gives the function of a hook; nil if there is none.
func (p *plugin) of(hook string) Hook {
	for i := range p.hooks {
		if p.hooks[i].hook == hook {
			return p.hooks[i].serve
		}
	}
	return nil
}

// PreRegister serves the hook pre_register: it may patch or reject a client that is about to be registered.
func PreRegister(h Hook) { module.serve(abi.PreRegister, h) }

// PreUpdate serves the hook pre_update: it may patch or reject an update of a client; c.Before is what is stored.
func PreUpdate(h Hook) { module.serve(abi.PreUpdate, h) }

// PostRegister serves the hook post_register: c.Client is the answer, c.Patch adds members to it that are not client metadata.
func PostRegister(h Hook) { module.serve(abi.PostRegister, h) }

// PostUpdate serves the hook post_update: c.Client is the answer, c.Patch adds members to it that are not client metadata.
func PostUpdate(h Hook) { module.serve(abi.PostUpdate, h) }

// PreDelete serves the hook pre_delete: c.Client is what is stored; a rejection keeps the client.
func PreDelete(h Hook) { module.serve(abi.PreDelete, h) }

// CertificateCheck serves the hook certificate_check: a rejection with InvalidClient refuses c.Certificate.
func CertificateCheck(h Hook) { module.serve(abi.CertificateCheck, h) }

// TokenClaims serves the hook token_claims: c.Patch adds claims to the access token c.Token.
func TokenClaims(h Hook) { module.serve(abi.TokenClaims, h) }

// MintClientID serves the hook mint_client_id: it gives the new client its id, of 1 to 128 of A-Z a-z 0-9 - . _ ~, or "" to
// leave it to the server.
func MintClientID(h func(c *Call) (string, error)) {
	module.serve(abi.MintClientID, func(c *Call) error {
		id, err := h(c)
		if err == nil && id != "" {
			c.result = Object(Member{"client_id", String(id)})
		}
		return err
	})
}

// SoftwareStatementKeys serves the hook software_statement_keys: it gives the keys of the issuer of the statement c.Signed.
func SoftwareStatementKeys(h func(c *Call) (Keys, error)) {
	module.serveKeys(abi.SoftwareStatementKeys, h)
}

// RequestKeys serves the hook request_keys: it gives the keys of who signed the request c.Signed.
func RequestKeys(h func(c *Call) (Keys, error)) { module.serveKeys(abi.RequestKeys, h) }

// OnRead serves the hook on_read: c.Client is the answer, c.Patch adds members to it that are not client metadata.
func OnRead(h Hook) { module.serve(abi.OnRead, h) }

// Configure gives the function that takes the manifest's configuration (an object, empty when there is none). It runs once,
// when the plugin is loaded; what it keeps in variables is there in every call. Its error keeps the plugin from going live.
func Configure(f func(configuration Value) error) {
	if module.configure != nil {
		panic("ostiary: Configure was called twice")
	}
	module.configure = f
}

func (p *plugin) serveKeys(hook string, h func(c *Call) (Keys, error)) {
	p.serve(hook, func(c *Call) error {
		keys, err := h(c)
		if err == nil {
			c.result = keys.value()
		}
		return err
	})
}

func (p *plugin) serve(hook string, h Hook) {
	if p.of(hook) != nil {
		panic("ostiary: two functions for the hook " + hook)
	}
	p.hooks = append(p.hooks, served{hook, h})
}
