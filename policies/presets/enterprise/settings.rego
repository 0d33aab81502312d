# METADATA
# title: Settings of the preset enterprise
# description: What a site changes first. Replace the example domains by your own.
package ostiary.registration.site.enterprise.settings

# METADATA
# description: Profiles that the rules of other presets look after. Open registration stays closed for these as well.
other_profiles := {"code-flow-pkjwt", "fapi2"}

# METADATA
# description: Registered domains (example.co.uk, not login.example.co.uk) that clients may return to.
redirect_domains := {"example.com", "example.net"}

# METADATA
# description: Registered domains that a client's keys may be fetched from.
key_domains := {"example.com", "example.net"}

# METADATA
# description: Domains of the people who answer for a client; a domain below one of these is another.
contact_domains := {"example.com"}

# METADATA
# description: How clients may prove themselves.
methods := {"private_key_jwt", "client_secret_basic"}

# METADATA
# description: Seconds that a secret lives. It is renewed by the registration token.
secret_lifetime := (90 * 24) * 3600

# METADATA
# description: Whether clients on a developer's own machine are accepted. Never in production.
loopback := false

# METADATA
# description: Seconds that a client waits to be approved before it is gone.
approval_within := (14 * 24) * 3600
