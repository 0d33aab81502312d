package authorize

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// flowLifetime is how long a person may take from the request to the code.
const flowLifetime = time.Hour

// flowRecord is what a flow is sealed under.
const flowRecord = "authorize/flow"

// A flow is a request between two pages, in the hands of the browser that it is bound to.
type flow struct {
	Params  string        `json:"p,omitempty"` // as they were sent; or
	Pushed  string        `json:"r,omitempty"` // the reference to them
	Client  core.ClientID `json:"c,omitempty"` // who sent the reference
	Leaving bool          `json:"l,omitempty"` // it is a request to sign out
	Cookie  []byte        `json:"k,omitempty"` // hash of the session cookie that the browser had when it was asked
	Asked   int64         `json:"a"`           // Unix milliseconds
	Browser []byte        `json:"b"`           // hash of the browser's cookie
}

// seal makes the text that stands for a flow, for one browser.
func (f *Forms) seal(w flow, browser core.Secret) string {
	w.Browser = hashOf(browser)
	plain, err := json.Marshal(w)
	if err != nil { // a struct of texts and a number always marshals
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(f.ring.Seal(flowRecord, plain))
}

// open reads a flow back in the browser it was made for.
func (f *Forms) open(text string, browser core.Secret) (flow, error) {
	lost := core.Refuse(core.AccessDenied, "This page belongs to another browser, or its cookie is gone. "+
		"Allow cookies for this site, then start again from the application.")
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || browser == "" {
		return flow{}, lost
	}
	plain, err := f.ring.Open(flowRecord, sealed)
	if err != nil {
		return flow{}, lost
	}
	var w flow
	if err := strictjson.Decode(plain, &w, strictjson.Stored); err != nil {
		return flow{}, lost
	}
	if subtle.ConstantTimeCompare(w.Browser, hashOf(browser)) != 1 {
		return flow{}, lost
	}
	if f.now().Sub(time.UnixMilli(w.Asked)) > flowLifetime {
		return flow{}, core.Refuse(core.InvalidRequest, "This page has waited too long. Start again from the application.")
	}
	return w, nil
}

func hashOf(cookie core.Secret) []byte {
	hash := cookie.Hash()
	return hash[:]
}

// params gives what the flow carries itself.
func (w flow) params() oauth.Params {
	params, err := oauth.ParseParams(w.Params)
	if err != nil { // Encode wrote it
		return nil
	}
	return params
}
