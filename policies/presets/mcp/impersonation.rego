# Nobody bears another's name. The name is what people see when they are asked for consent, and it is only a claim. A name that
# people know may be borne only by a client that returns to where that name is at home, and a scheme that belongs to one application
# is not for others.
package ostiary.registration.site.mcp

import data.ostiary.registration.site.mcp.settings

# Digits and signs that look like letters, and what they are taken for. i and l are one letter here.
lookalikes := {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "i": "l", "|": "l", "!": "l", "@": "a", "$": "s"}

# Latin letters with marks, by the letter without. The letters of other scripts that stand beside Latin ones are refused.
marked := {
	"": "\u0307", # what is left of the dot of a Turkish capital I
	"a": "àáâãäåāăąǎǟǡǻȁȃȧḁẚạảấầẩẫậắằẳẵặ",
	"b": "ƀƃḃḅḇ",
	"c": "çćĉċčƈȼḉ",
	"d": "ďđƌȡḋḍḏḑḓ",
	"e": "èéêëēĕėęěȅȇȩɇḕḗḙḛḝẹẻẽếềểễệ",
	"f": "ƒḟ",
	"g": "ĝğġģǥǧǵḡ",
	"h": "ĥħȟḣḥḧḩḫẖ",
	"i": "ìíîïĩīĭįıǐȉȋḭḯỉị",
	"j": "ĵǰȷɉ",
	"k": "ķƙǩḱḳḵ",
	"l": "ĺļľŀłƚȴḷḹḻḽ",
	"m": "ḿṁṃ",
	"n": "ñńņňƞǹȵṅṇṉṋ",
	"o": "òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ",
	"p": "ƥṕṗ",
	"q": "ɋ",
	"r": "ŕŗřȑȓɍṙṛṝṟ",
	"s": "śŝşšșȿṡṣṥṧṩſ",
	"t": "ţťŧƫƭțȶṫṭṯṱẗ",
	"u": "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự",
	"v": "ṽṿ",
	"w": "ŵẁẃẅẇẉẘ",
	"x": "ẋẍ",
	"y": "ýÿŷƴȳɏẏẙỳỵỷỹỿ",
	"z": "źżžƶȥɀẑẓẕ",
}

# METADATA
# description: The client's name without marks on its letters.
bare := lower(input.effective.client_name) if regex.match(`^[\x00-\x7f]*$`, input.effective.client_name)

bare := strings.replace_n({char: letter | some letter, chars in marked; some char in split(chars, "")}, lower(input.effective.client_name)) if {
	not regex.match(`^[\x00-\x7f]*$`, input.effective.client_name)
}

# METADATA
# description: The words of the client's name as they look, each between spaces; and the same without spaces.
words := sprintf(" %s ", [trim_space(regex.replace(strings.replace_n(lookalikes, bare), `[^a-z]+`, " "))])

compact := replace(words, " ", "")

# METADATA
# description: >-
#   The client's name looks like a known one when it has all its words, or is spelt the same but for spaces, or begins with it.
looks_like(known) if contains(words, sprintf(" %s ", [known]))

looks_like(known) if compact == replace(known, " ", "")

looks_like(known) if {
	beginning := replace(known, " ", "")
	count(beginning) > 4
	startswith(compact, beginning)
}

# METADATA
# title: The clients that are known by name
# description: >-
#   Who may call itself what (ostiary/data/mcp/data.json). A client whose name looks like one of names (lowercase words) may return
#   only to hosts (https, exact), by schemes, and, where loopback is true, to the person's own machine. The schemes belong to these
#   names only. Links of the client (client_uri and so on) may also lead to sites, which are registered domains.
known_clients := data.ostiary.data.mcp.clients if is_object(data.ostiary.data.mcp.clients)

default known_clients := {}

# METADATA
# title: The list of names
# description: Without it every name is anybody's, so nobody registers.
deny contains {
	"rule": "mcp.data",
	"code": "access_denied",
	"message": "This server's list of known clients cannot be used, so that no client can register itself. Tell the operator.",
} if {
	concerned
	not is_object(data.ostiary.data.mcp.clients)
}

# METADATA
# description: Everybody whose name is taken.
reserved := object.union(known_clients, settings.own)

# METADATA
# description: Those whose names the client's name looks like.
namesakes contains who if {
	some who, client in reserved
	some name in client.names
	looks_like(replace(name, "i", "l"))
}

at_home(uri, client) if {
	uri.class == "https"
	uri.host in client.hosts
}

at_home(uri, client) if {
	uri.class == "private_scheme"
	uri.scheme in client.schemes
}

at_home(uri, client) if {
	uri.class == "loopback_http"
	client.loopback
}

# METADATA
# title: Names
# description: A client with a known name returns only to where that name is at home.
deny contains {
	"rule": "mcp.impersonation",
	"code": "invalid_client_metadata",
	"field": "client_name",
	"message": sprintf("The name %s belongs to %s, which does not return to %s. Choose another client_name.", [
		input.effective.client_name,
		who,
		uri.raw,
	]),
} if {
	concerned
	some who in namesakes
	some uri in input.redirect_uris
	not at_home(uri, reserved[who])
}

# METADATA
# description: Letters of scripts that have Latin look-alikes, and what is not seen or stands over other letters.
foreign := `[\p{Greek}\p{Cyrillic}\p{Armenian}\p{Cherokee}\p{Coptic}\p{Deseret}\p{Lisu}\p{Tifinagh}\x{1400}-\x{167f}\x{ff01}-\x{ff5e}]`

# METADATA
# description: >-
#   Latin letters in the dress of signs: phonetic, small capital, mathematical, in circles and squares, and Roman numbers. No language
#   is written with them.
dressed := `[\x{0250}-\x{02af}\x{1d00}-\x{1dbf}\x{2071}\x{207f}\x{2090}-\x{209c}\x{2100}-\x{2115}\x{2118}-\x{211f}\x{2124}-\x{214f}\x{2160}-\x{2188}\x{249c}-\x{24e9}\x{2c60}-\x{2c7f}\x{a720}-\x{a7ff}\x{ab30}-\x{ab6f}\x{1d400}-\x{1d7ff}\x{1f110}-\x{1f189}]`

unseen := `[\p{Cf}\p{Cc}\p{M}]`

misleading(name) if {
	regex.match(foreign, name)
	regex.match(`[A-Za-z]`, name)
}

misleading(name) if regex.match(unseen, name)

misleading(name) if regex.match(dressed, name)

# METADATA
# title: Look-alike letters
# description: A name in one script is read as it is written. One that mixes scripts, or dresses letters up as signs, is made to be misread.
deny contains {
	"rule": "mcp.misleading_name",
	"code": "invalid_client_metadata",
	"field": "client_name",
	"message": "client_name mixes letters of several scripts, or has signs for letters or characters that nobody sees. Write it in the plain letters of one script.",
} if {
	concerned
	misleading(input.effective.client_name)
}

# METADATA
# description: Members of which each language could say something else (RFC 7591, section 2.2).
translated(extra) if {
	some member, _ in extra
	startswith(member, concat("", [shown[_], "#"]))
}

shown := {"client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"}

# METADATA
# title: One name
# description: A translation of the name is another name, which these rules do not look at.
deny contains {
	"rule": "mcp.translation",
	"code": "invalid_client_metadata",
	"field": "client_name",
	"message": "A client that registers itself has one name and one set of links. Leave out the members with a # in their names.",
} if {
	concerned
	translated(input.effective.extra)
}

owner(scheme) if {
	some who in namesakes
	scheme in reserved[who].schemes
}

taken contains scheme if {
	some client in reserved
	some scheme in client.schemes
}

# METADATA
# title: Schemes
# description: >-
#   Any application on a machine may claim a private-use scheme (RFC 8252, section 8.4). Those of known clients are for clients of
#   that name.
deny contains {
	"rule": "mcp.scheme",
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": sprintf("%s: the scheme %s belongs to another application. Use a reverse domain name of yours, or a loopback redirect URI.", [
		uri.raw,
		uri.scheme,
	]),
} if {
	concerned
	some uri in input.redirect_uris
	uri.class == "private_scheme"
	uri.scheme in taken
	not owner(uri.scheme)
}

# METADATA
# description: A link may lead to where the client returns to over https, or to a site of the name that it rightly bears.
leads_home(link) if {
	some uri in input.redirect_uris
	uri.class == "https"
	uri.registrable_domain == link.registrable_domain
}

leads_home(link) if {
	some who in namesakes
	link.registrable_domain in reserved[who].sites
}

# METADATA
# title: Links
# description: >-
#   The consent page shows them. One that leads to a site which the client does not show to be its own is left out; the answer has
#   the client as it was registered (RFC 7591, section 3.2.1).
set contains {
	"rule": "mcp.links",
	"field": link.member,
	"value": "",
} if {
	concerned
	some link in input.uris
	link.member in shown
	not leads_home(link)
}
