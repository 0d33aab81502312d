# METADATA
# title: The clients that are known by name
# description: >-
#   Who may call itself what. A client whose name looks like one of names (lowercase words; see impersonation.rego) may return
#   only to hosts (https, exact), by schemes, and, where loopback is true, to the person's own machine. The schemes belong to
#   these names only. Links of the client (client_uri and so on) may also lead to sites, which are registered domains. Vendors
#   change these: check what yours registers (ostiary decision list shows what was refused), and list private-use schemes in
#   dcr_config.yaml, too.
package ostiary.registration.site.mcp.known_clients

clients := {
	"ChatGPT": {
		"names": {"chatgpt", "openai"},
		"hosts": {"chatgpt.com"},
		"schemes": set(),
		"loopback": false,
		"sites": {"chatgpt.com", "openai.com"},
	},
	"Claude": {
		"names": {"claude", "anthropic"},
		"hosts": {"claude.ai", "claude.com"},
		"schemes": {"claude"},
		"loopback": true,
		"sites": {"anthropic.com", "claude.ai", "claude.com"},
	},
	"Cline": {
		"names": {"cline"},
		"hosts": set(),
		"schemes": {"cursor", "vscode", "vscode-insiders", "windsurf"},
		"loopback": true,
		"sites": {"cline.bot"},
	},
	"Codex": {
		"names": {"codex"},
		"hosts": set(),
		"schemes": set(),
		"loopback": true,
		"sites": {"openai.com"},
	},
	"Cursor": {
		"names": {"cursor"},
		"hosts": {"www.cursor.com"},
		"schemes": {"cursor"},
		"loopback": true,
		"sites": {"cursor.com"},
	},
	"Gemini CLI": {
		"names": {"gemini", "google"},
		"hosts": set(),
		"schemes": set(),
		"loopback": true,
		"sites": {"google.com"},
	},
	"Goose": {
		"names": {"goose"},
		"hosts": set(),
		"schemes": {"goose"},
		"loopback": true,
		"sites": {"block.xyz"},
	},
	"MCP Inspector": {
		"names": {"mcp inspector"},
		"hosts": set(),
		"schemes": set(),
		"loopback": true,
		"sites": {"modelcontextprotocol.io"},
	},
	"VS Code": {
		"names": {"visual studio code", "vs code", "github copilot", "microsoft"},
		"hosts": {"insiders.vscode.dev", "vscode.dev"},
		"schemes": {"vscode", "vscode-insiders"},
		"loopback": true,
		"sites": {"visualstudio.com", "vscode.dev"},
	},
	"Windsurf": {
		"names": {"windsurf"},
		"hosts": set(),
		"schemes": {"windsurf"},
		"loopback": true,
		"sites": {"windsurf.com"},
	},
	"Zed": {
		"names": {"zed"},
		"hosts": set(),
		"schemes": {"zed"},
		"loopback": true,
		"sites": {"zed.dev"},
	},
}
