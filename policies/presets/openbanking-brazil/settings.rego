# METADATA
# title: Settings of the preset openbanking-brazil
# description: What a site changes first.
package ostiary.registration.site.openbanking_brazil.settings

# METADATA
# description: >-
#   The profiles whose clients these rules govern. Third parties name no profile, and then have the profile default. Take default out
#   when another preset is to govern it.
profiles := {"default", "openbanking-brazil"}

# METADATA
# description: The directory, as iss of its statements says; the same as in trusted_issuers of dcr_config.yaml.
issuers := {"Open Banking Open Banking Brasil prod SSA issuer"}

# METADATA
# description: Algorithms that the directory signs statements with.
statement_algorithms := {"PS256"}

# METADATA
# description: Seconds that a statement may be old.
statement_age := 5 * 60

# METADATA
# description: Modes of software that are accepted. A sandbox adds Test.
modes := {"Live"}

# METADATA
# description: Algorithms that clients sign with, and that ID tokens are signed with.
algorithms := {"PS256"}

# METADATA
# description: Scopes for everybody.
always := {"openid"}

# METADATA
# description: Scopes by role.
role_scopes := {
	"CCORR": set(),
	"CONTA": set(),
	"DADOS": {
		"accounts", "bank-fixed-incomes", "consents", "credit-cards-accounts", "credit-fixed-incomes", "customers", "exchanges",
		"financings", "funds", "invoice-financings", "loans", "resources", "treasure-titles", "unarranged-accounts-overdraft",
		"variable-incomes",
	},
	"PAGTO": {"consents", "payments", "recurring-payments", "resources"},
}
