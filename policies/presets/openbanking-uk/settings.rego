# METADATA
# title: Settings of the preset openbanking-uk
# description: What a site changes first.
package ostiary.registration.site.openbanking_uk.settings

# METADATA
# description: >-
#   The profiles whose clients these rules govern. Third parties name no profile, and then have the profile default. Take default out
#   when another preset is to govern it.
profiles := {"default", "openbanking-uk"}

# METADATA
# description: The directory, as iss of its statements says; the same as in trusted_issuers of dcr_config.yaml.
issuers := {"OpenBanking Ltd"}

# METADATA
# description: Algorithms that the directory signs statements with.
statement_algorithms := {"PS256"}

# METADATA
# description: Seconds that a statement may be old.
statement_age := (24 * 60) * 60

# METADATA
# description: Modes of software that are accepted. A sandbox adds Test.
modes := {"Live"}

# METADATA
# description: Algorithms that clients sign with, and that ID tokens are signed with.
algorithms := {"PS256", "ES256"}

# METADATA
# description: Scopes for everybody.
always := {"openid", "offline_access"}

# METADATA
# description: Scopes by role.
role_scopes := {
	"AISP": {"accounts"},
	"ASPSP": set(),
	"CBPII": {"fundsconfirmations"},
	"PISP": {"payments"},
}
