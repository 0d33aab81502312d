# METADATA
# title: Settings of the preset mcp
# description: What a site changes first. The clients that are known by name are in ostiary/data/mcp/data.json.
package ostiary.registration.site.mcp.settings

# METADATA
# description: >-
#   The profiles whose clients these rules govern. MCP clients name no profile, and then have the profile default. Take default
#   out when another preset is to govern it.
profiles := {"default", "mcp"}

# METADATA
# description: Names (lowercase words) that only you may use, and where you are found. Replace the example by your own.
own := {"Example Corp": {
	"names": {"example corp", "example login"},
	"hosts": {"app.example.com"},
	"schemes": set(),
	"loopback": false,
	"sites": {"example.com"},
}}

# METADATA
# description: Further hosts that clients of any name may return to over https, such as that of a hosted inspector.
more_hosts := set()

# METADATA
# description: How many redirect URIs a client may have. Editors register four or five.
max_redirect_uris := 6

# METADATA
# description: Seconds after which a client is forgotten. MCP clients register again when they are not known any more.
lifetime := (90 * 24) * 3600

# METADATA
# description: How clients may prove themselves.
methods := {"none", "private_key_jwt"}

# METADATA
# description: The grant types that clients may have.
grant_types := {"authorization_code", "refresh_token"}

# METADATA
# description: Scopes that give power over this server. A client that came by itself never has them, whatever dcr_config.yaml offers.
power := {"admin.api", "application.all", "dcr.register"}
