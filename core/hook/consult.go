package hook

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An Asked tells of one plugin that was asked, for trace and log. Keys that it gave are not in it.
type Asked struct {
	Plugin  Plugin
	Result  Result
	Usage   Usage
	Err     error // its refusal or its fault; nil: neither
	Excused bool  // Err is a fault that the operator lets requests go on with
	Start   time.Time
}

// Consult asks the plugins of a call's point in their order, up to the first that refuses or gives what the point is for. take says
// what an answer comes to, and may change the call for those that follow; its error counts as the plugin's. A plugin that fails
// where it may fail is as one that has nothing to say. Each one that was asked is told. The error is a refusal, a fault, or that
// the chain is not ready.
func Consult(ctx context.Context, chain Chain, call *Call, take func(Plugin, Result) error, tell func(Asked)) error {
	plugins, err := chain.At(call.Point)
	if err != nil {
		return err
	}
	for _, p := range plugins {
		a := Ask(ctx, p, *call, take)
		tell(a)
		if a.Err != nil && !a.Excused {
			return a.Err
		}
		if a.Err == nil && a.Result.Action == Give {
			return nil
		}
	}
	return nil
}

// Ask asks one plugin. What it wanted to keep in a call that failed is dropped.
func Ask(ctx context.Context, p Plugin, call Call, take func(Plugin, Result) error) Asked {
	a := Asked{Plugin: p, Start: time.Now()}
	kept := call.Context.Writes.All()
	a.Result, a.Usage, a.Err = p.Ask(ctx, call, func(r Result) error { return judge(p, r, take) })
	if core.CodeOf(a.Err) == core.PluginFault {
		call.Context.Writes.Restore(kept)
		a.Excused = p.FailsOpen(call.Point)
	}
	a.Result.Keys = Keys{}
	return a
}

func judge(p Plugin, r Result, take func(Plugin, Result) error) error {
	if r.Action == Reject {
		return Refusal(p, r)
	}
	return take(p, r)
}

// Refusal is the error that a rejection comes to.
func Refusal(p Plugin, r Result) *core.Error {
	e := &core.Error{Code: r.Code, Detail: r.Message, Reasons: []core.Reason{
		{Rule: "plugin." + p.Name(), Code: r.Code, Message: r.Message, Public: true},
	}}
	if r.Extra.Len() > 0 {
		e.Extra = string(strictjson.Append(nil, r.Extra))
	}
	return e
}

// CheckCertificate asks the plugins whether a client may use a certificate. The error is a refusal with invalid_client, a
// fault, or that the chain is not ready. tell is told of each plugin that was asked.
func CheckCertificate(ctx context.Context, chain Chain, about Context, client strictjson.Value, presented *core.Certificate, tell func(Asked)) error {
	call := Call{Point: CertificateCheck, Context: about, Client: client, Certificate: presented}
	return Consult(ctx, chain, &call, func(Plugin, Result) error { return nil }, tell)
}
