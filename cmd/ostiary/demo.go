package main

import (
	"context"
	"embed"
	"net/http"
	"path"

	"github.com/ostiary/ostiary/core/web"
)

// The demo site is a single-page application without a framework: files, and nothing that runs on the server.
//
//go:embed demo
var demoFiles embed.FS

// demoPolicy is the Content-Security-Policy of the demo site: its own scripts, styles, calls and pictures, and nothing else.
const demoPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// demoTypes are the media types of the files.
var demoTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// demoSite gives the routes of the demo site: the page at the root, its files below /demo.
func demoSite() ([]web.Route, error) {
	files, err := demoFiles.ReadDir("demo")
	if err != nil {
		return nil, err
	}
	var table []web.Route
	for _, file := range files {
		body, err := demoFiles.ReadFile("demo/" + file.Name())
		if err != nil {
			return nil, err
		}
		at := "/demo/" + file.Name()
		if file.Name() == "index.html" {
			at = "/"
		}
		table = append(table, demoFile(at, demoTypes[path.Ext(file.Name())], body))
	}
	return table, nil
}

func demoFile(at, mediaType string, body []byte) web.Route {
	answer := web.Response{ContentType: mediaType, Body: body}.With("Cache-Control", "no-cache").With("Content-Security-Policy", demoPolicy)
	return web.Route{Method: http.MethodGet, Path: at, Face: web.Page, Handler: func(context.Context, *web.Request) (web.Response, error) {
		return answer, nil
	}}
}
