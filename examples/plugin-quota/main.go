// Quota lets each partner register so many clients and no more. Who the partner is says the label of its initial access token; how
// many it may have says the operator's policy.
package main

import (
	"strconv"

	"github.com/ostiary/ostiary/sdk/go"
)

func init() { ostiary.PreRegister(count) }

func main() {}

func count(c *ostiary.Call) error {
	token := c.Context.InitialAccessToken
	if token == nil {
		return nil // an operator's own, or open registration
	}
	partner := ostiary.Member{Name: "partner", Value: ostiary.String(token.Label)}
	rule, defined, err := c.Policy("most", ostiary.Object(partner))
	if err != nil || !defined {
		return err
	}
	most, _ := rule.Int()
	text, _, err := c.KV.Get("clients of " + token.Label)
	if err != nil {
		return err
	}
	clients, _ := strconv.ParseInt(text, 10, 64)
	if clients >= most {
		return ostiary.Reject(ostiary.AccessDenied, token.Label+" has as many clients as it may have.")
	}
	return c.KV.Put("clients of "+token.Label, strconv.FormatInt(clients+1, 10), 0)
}
