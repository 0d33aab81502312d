package authorize

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
)

// The checks of what a request says about the person (OpenID Connect Core §3.1.2.1).

const (
	maxHint = 256                  // bytes of login_hint
	maxAge  = 10 * 365 * 24 * 3600 // seconds; more is no limit at all, and would overflow sooner or later
)

func (in *inquiry) checkPrompt() error {
	if always := in.Client.Metadata.DefaultPromptLogin; always != nil && *always && in.params.Get("prompt") == "" {
		in.Prompt.Login = true
	}
	for word := range strings.FieldsSeq(in.params.Get("prompt")) {
		switch word {
		case "none":
			in.Prompt.None = true
		case "login":
			in.Prompt.Login = true
		case "consent":
			in.Prompt.Consent = true
		case "select_account":
			in.Prompt.SelectAccount = true
		default:
			return core.Refuse(core.InvalidRequest, "prompt %q is not supported; send none, login, consent or select_account.", core.Clip(word))
		}
	}
	if in.Prompt.None && in.Prompt != (Prompt{None: true}) {
		return core.Refuse(core.InvalidRequest, "prompt=none must stand alone (OpenID Connect Core section 3.1.2.1).")
	}
	return nil
}

func (in *inquiry) checkMaxAge() error {
	sent := in.params.Get("max_age")
	if sent == "" {
		if registered := in.Client.Metadata.DefaultMaxAge; registered != nil {
			in.MaxAge = seconds(*registered)
		}
		return nil
	}
	age, err := strconv.ParseUint(sent, 10, 63)
	if err != nil {
		return core.Refuse(core.InvalidRequest, "max_age is not a whole number of seconds.")
	}
	in.MaxAge = seconds(int64(age))
	return nil
}

func seconds(n int64) *time.Duration {
	d := time.Duration(min(max(n, 0), maxAge)) * time.Second
	return &d
}

// checkLoginHint only bounds it: it fills in a field that the person may change. In which language the client is named is a hint,
// too.
func (in *inquiry) checkLoginHint() error {
	in.Locales = oauth.ParseLocales(in.params.Get("ui_locales"))
	if in.LoginHint = in.params.Get("login_hint"); len(in.LoginHint) > maxHint {
		return core.Refuse(core.InvalidRequest, "login_hint is longer than %d bytes.", maxHint)
	}
	return nil
}

// checkTokenHint reads who must be signed in from an ID token of ours for this client, however old (OpenID Connect Core
// §3.1.2.1).
func (in *inquiry) checkTokenHint() error {
	token := in.params.Get("id_token_hint")
	if token == "" {
		return nil
	}
	if jose.LooksEncrypted(token) {
		return core.Refuse(core.InvalidRequest, "id_token_hint is encrypted: decrypt it, and send the signed ID token that is in it (OpenID Connect Core section 3.1.2.1).")
	}
	hint, ok := in.site.hint(token)
	if !ok || !slices.Contains(hint.audience, string(in.Client.ID)) {
		return core.Refuse(core.InvalidRequest, "id_token_hint is not an ID token that this server issued to the client.")
	}
	in.Hinted = hint.subject
	return nil
}
