# METADATA
# title: Settings of the preset bff
# description: What a site changes first.
package ostiary.registration.site.bff.settings

# METADATA
# description: The profiles whose clients these rules govern.
profiles := {"code-flow-pkjwt"}

# METADATA
# description: Where browsers reach the site. Replace the examples by your own origins, without a slash at the end.
origins := {
	"https://automate.example.com",
	"https://authn.example.com",
	"https://authz.example.com",
}

# METADATA
# description: The path of the backend that the browser comes back to.
callback := "/auth/callback"

# METADATA
# description: Whether a backend on the operator's own machine is accepted. Say false in production.
loopback := true

# METADATA
# description: The scopes that a backend may hold. Those that give power are still issued to administrators only.
scopes := {"openid", "profile", "email", "offline_access", "admin.api", "application.all", "dcr.register"}

# METADATA
# description: How many backends may register with one initial access token.
token_uses := 1
