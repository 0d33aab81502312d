package people

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core/web"
)

// The addresses of assets carry their version, so what was fetched stays good.
const keepForever = "public, max-age=31536000, immutable"

// Style answers the one style sheet.
func (h *Handlers) Style(context.Context, *web.Request) (web.Response, error) {
	return web.Response{Status: http.StatusOK, ContentType: "text/css; charset=utf-8", Body: style}.With("Cache-Control", keepForever), nil
}

// Icon answers the icon that browsers show beside the title.
func (h *Handlers) Icon(context.Context, *web.Request) (web.Response, error) {
	return web.Response{Status: http.StatusOK, ContentType: "image/svg+xml", Body: icon}.With("Cache-Control", keepForever), nil
}
