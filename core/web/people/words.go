package people

import "github.com/ostiary/ostiary/core/oauth"

// A scopeView is one thing that a client asks for.
type scopeView struct {
	Words string // what it means; empty: only the client and its API know
	Scope string
}

// scopesInWords says what scopes mean to the person who is asked.
func scopesInWords(scopes []string) []scopeView {
	views := make([]scopeView, len(scopes))
	for i, scope := range scopes {
		views[i] = scopeView{wordsOf(scope), clean(scope)}
	}
	return views
}

func wordsOf(scope string) string {
	switch scope {
	case oauth.ScopeOpenID:
		return "Know who you are (your id here, not your password)"
	case oauth.ScopeProfile:
		return "See your name and profile"
	case oauth.ScopeEmail:
		return "See your e-mail address"
	case oauth.ScopeAddress:
		return "See your postal address"
	case oauth.ScopePhone:
		return "See your phone number"
	case oauth.ScopeOfflineAccess:
		return "Keep this access while you are away"
	case "admin.api":
		return "Administer this server as you"
	case "dcr.register":
		return "Register other applications here"
	}
	return ""
}
