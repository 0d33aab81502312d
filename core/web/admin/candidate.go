package admin

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/core/web"
)

// MaxCandidate is how many bytes a body with a candidate policy may have.
const MaxCandidate = 4 << 20

// bundleBody is a candidate policy as it is sent: the files of a policy folder by their paths.
type bundleBody struct {
	Files map[string]string `json:"files"`
}

// The bounds of a candidate's names; its size is the route's.
const (
	maxFiles    = 1000
	maxFileName = 255
)

// candidate gives the files; nil when there is no bundle, which is not an empty one.
func (b *bundleBody) candidate() (map[string]string, error) {
	if b == nil {
		return nil, nil
	}
	if len(b.Files) > maxFiles {
		return nil, core.Refuse(core.InvalidRequest, "bundle has more than %d files.", maxFiles)
	}
	for name := range b.Files {
		if !fs.ValidPath(name) || name == "." || len(name) > maxFileName {
			return nil, core.Refuse(core.InvalidRequest, "bundle names the file %q; write paths relative to the folder, such as partners.rego.", core.Clip(name))
		}
	}
	if b.Files == nil {
		return map[string]string{}, nil
	}
	return b.Files, nil
}

// unusable answers what is wrong with a candidate (RFC 9457), every problem with file and line: who sent it wants to mend it.
func unusable(err error) (web.Response, error) {
	var bad *replay.Unusable
	if !errors.As(err, &bad) {
		return web.Response{}, err
	}
	body, err := json.Marshal(struct {
		Type     string           `json:"type"`
		Title    string           `json:"title"`
		Status   int              `json:"status"`
		Detail   string           `json:"detail"`
		Code     core.Code        `json:"code"`
		Problems []replay.Problem `json:"problems"`
	}{
		"about:blank", http.StatusText(http.StatusBadRequest), http.StatusBadRequest,
		"The candidate policy is not usable; problems says why, with file and line.", core.InvalidRequest, orEmpty(bad.Problems),
	})
	if err != nil {
		return web.Response{}, err
	}
	return web.Response{Status: http.StatusBadRequest, ContentType: "application/problem+json", Body: body}.With("Cache-Control", "no-store"), nil
}
