package registration

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The bounds of what a token lays down: it goes into every client that comes with it.
const (
	maxTerms      = 50  // items of a list
	maxTerm       = 255 // bytes of an item
	maxPolicyData = 2048
)

// terms reads what the clients shall be held to. What could never match anything is refused: it was meant otherwise.
func (r TokenRequest) terms() (core.Terms, error) {
	origins := r.Origins
	if r.AllowedOrigins != nil {
		if origins != nil && !slices.Equal(origins, r.AllowedOrigins) {
			return core.Terms{}, core.Refuse(core.InvalidRequest, "origins and allowed_origins mean the same and differ; send one of them.")
		}
		origins = r.AllowedOrigins
	}
	for _, list := range []struct {
		name  string
		items []string
		wrong func(string) string
	}{
		{"scopes", r.Scopes, wrongScope}, {"redirect_hosts", r.RedirectHosts, wrongHost}, {"software_ids", r.SoftwareIDs, wrongSoftware}, {"origins", origins, wrongOrigin},
	} {
		if err := checkTerms(list.name, list.items, list.wrong); err != nil {
			return core.Terms{}, err
		}
	}
	data, err := r.policyData()
	return core.Terms{Scopes: r.Scopes, RedirectHosts: r.RedirectHosts, SoftwareIDs: r.SoftwareIDs, Origins: origins, PolicyData: data}, err
}

// checkTerms holds a list to its bounds and each item to what it must be. An empty list would allow nothing and is taken for what
// allows anything, so it is refused.
func checkTerms(name string, items []string, wrong func(string) string) error {
	switch {
	case items == nil:
		return nil
	case len(items) == 0:
		return core.Refuse(core.InvalidRequest, "%s is empty; leave it out to allow any.", name)
	case len(items) > maxTerms:
		return core.Refuse(core.InvalidRequest, "%s has more than %d items.", name, maxTerms)
	}
	for i, item := range items {
		what := wrong(item)
		if len(item) > maxTerm {
			what = "is longer than the 255 bytes of a name"
		} else if slices.Contains(items[:i], item) {
			what = "is there twice"
		}
		if what != "" {
			return core.Refuse(core.InvalidRequest, "%s: %q %s.", name, core.Clip(item), what)
		}
	}
	return nil
}

func wrongScope(scope string) string {
	if !oauth.ValidScope(scope) {
		return "is no scope (RFC 6749 section 3.3)"
	}
	return ""
}

func wrongHost(pattern string) string {
	if _, err := oauth.HostMatches("example.com", pattern); err != nil {
		return "is no host such as app.example.com, and no pattern such as *.example.com, which is for one label more"
	}
	return ""
}

func wrongSoftware(id string) string {
	if id == "" {
		return "is empty"
	}
	return ""
}

func wrongOrigin(origin string) string {
	if !oauth.IsOrigin(origin) {
		return "is no origin as browsers send it, such as https://app.example.com or http://localhost:3000"
	}
	return ""
}

func (r TokenRequest) policyData() (string, error) {
	if r.PolicyData.IsAbsent() || r.PolicyData.IsNull() {
		return "", nil
	}
	if kind := r.PolicyData.Kind(); kind != strictjson.KindObject {
		return "", core.Refuse(core.InvalidRequest, "policy_data must be a JSON object, not %s.", kind)
	}
	if len(r.PolicyData.Members()) == 0 {
		return "", nil
	}
	text := string(strictjson.Append(nil, r.PolicyData))
	if len(text) > maxPolicyData {
		return "", core.Refuse(core.InvalidRequest, "policy_data is longer than %d bytes.", maxPolicyData)
	}
	return text, nil
}
