# METADATA
# title: Who may begin a session
# description: Only somebody who is known here begins one, and on the operators' pages only an administrator.
package ostiary.session.people

# METADATA
# description: Everything this module reads was there.
checked if {
	input.subject
	input.for in {"provider", "console"}
	is_boolean(input.user.present)
	is_boolean(input.user.admin)
}

# METADATA
# title: Nobody
# description: No session is for nobody.
deny contains {
	"rule": "people.nobody",
	"code": "access_denied",
	"message": "Nobody signed in.",
	"public": true,
} if {
	not somebody
}

somebody if {
	input.user.present == true
	input.subject != ""
}

# METADATA
# title: Administrators only
# description: The operators' pages are for administrators.
deny contains {
	"rule": "people.administrators_only",
	"code": "access_denied",
	"message": "This account is not an administrator's.",
	"public": true,
} if {
	input.for == "console"
	not input.user.admin == true
}
