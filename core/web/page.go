package web

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/ostiary/ostiary/core"
)

// pagePolicy is the Content-Security-Policy of a page that sets none: no script, no frame, nothing from elsewhere.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

var errorTemplate = template.Must(template.New("error").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<p>{{.Detail}}</p>
{{range .Reasons}}<p>{{.Message}}</p>
{{end}}<p><small>{{.Code}}{{with .Decision}} &middot; {{.}}{{end}}</small></p>
</html>
`))

// errorPage tells a person what happened and what to do.
func errorPage(e *core.Error, status int) Response {
	var page bytes.Buffer
	err := errorTemplate.Execute(&page, struct {
		Title, Detail, Code string
		Decision            core.DecisionID
		Reasons             []shownReason
	}{http.StatusText(status), printable(e.Detail), printable(string(e.Code)), e.Decision, shown(e.Reasons)})
	if err != nil { // the template is fixed and a buffer takes every write
		return Text(http.StatusInternalServerError, "server_error\n")
	}
	return HTML(status, page.Bytes())
}
