//go:build !wasip1 || capabilities

package main

import (
	"encoding/base64"
	"errors"
	"strconv"

	"github.com/ostiary/ostiary/sdk/go"
)

// use plays one step that needs a capability. What comes of it, a refusal too, is patched into the member. In WASM it is there only
// when the kit is built with the tag capabilities: a module that mentions a capability imports it.
func use(c *ostiary.Call, op string, step ostiary.Value) error {
	got, err := used(c, op, step)
	if err != nil && step.Get("must").Bool() {
		return err
	}
	if err != nil {
		got = ostiary.String(err.Error())
	}
	if member := step.Get("member").Text(); member != "" {
		c.Patch.Set(member, got)
	}
	return nil
}

func used(c *ostiary.Call, op string, step ostiary.Value) (ostiary.Value, error) {
	key, text := step.Get("key").Text(), step.Get("text").Text()
	seconds, _ := step.Get("ttl").Int()
	switch op {
	case "now":
		return ostiary.Int(c.Now()), nil
	case "random":
		size, _ := step.Get("size").Int()
		bytes := make([]byte, size)
		err := c.Random(bytes)
		return ostiary.String(base64.StdEncoding.EncodeToString(bytes)), err
	case "kv_get":
		value, found, err := c.KV.Get(key)
		if !found {
			return ostiary.Null(), err
		}
		return ostiary.String(value), nil
	case "kv_put":
		return ostiary.Bool(true), c.KV.Put(key, text, seconds)
	case "kv_delete":
		return ostiary.Bool(true), c.KV.Delete(key)
	case "kv_count":
		return count(c, key)
	case "kv_flood":
		n := int64(0)
		for c.KV.Put(key+strconv.FormatInt(n, 10), "x", 0) == nil {
			n++
		}
		return ostiary.Int(n), nil
	case "kv_spin":
		for range 1000 {
			_, _, _ = c.KV.Get(key)
		}
		return ostiary.Null(), nil
	case "http":
		return send(c, step.Get("request"))
	case "sign", "hmac":
		return sign(c, op, key, text)
	case "policy":
		result, defined, err := c.Policy(step.Get("rule").Text(), step.Get("input"))
		if !defined {
			result = ostiary.String("undefined")
		}
		return result, err
	}
	return ostiary.Value{}, errors.New("the script has no step " + op)
}

// count counts up what is kept under a key.
func count(c *ostiary.Call, key string) (ostiary.Value, error) {
	value, _, err := c.KV.Get(key)
	if err != nil {
		return ostiary.Value{}, err
	}
	n, _ := strconv.ParseInt(value, 10, 64)
	return ostiary.Int(n + 1), c.KV.Put(key, strconv.FormatInt(n+1, 10), 0)
}

func send(c *ostiary.Call, v ostiary.Value) (ostiary.Value, error) {
	r := ostiary.Request{Method: v.Get("method").Text(), URL: v.Get("url").Text(), Headers: map[string]string{}, Body: v.Get("body").Text()}
	for name, value := range v.Get("headers").Members() {
		r.Headers[name] = value.Text()
	}
	if raw, err := base64.StdEncoding.DecodeString(v.Get("body_base64").Text()); err == nil && len(raw) > 0 {
		r.Body = string(raw)
	}
	response, err := c.HTTP(r)
	return ostiary.Object(
		named("status", ostiary.Int(int64(response.Status))),
		named("type", ostiary.String(response.Headers["content-type"])),
		named("body", ostiary.String(base64.StdEncoding.EncodeToString([]byte(response.Body)))),
	), err
}

func sign(c *ostiary.Call, op, key, text string) (ostiary.Value, error) {
	with := c.Secret.Sign
	if op == "hmac" {
		with = c.Secret.HMAC
	}
	s, err := with(key, text)
	return ostiary.Strings([]string{s.Alg, s.Kid, s.Text}), err
}
