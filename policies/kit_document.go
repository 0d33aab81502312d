package policies

import (
	"fmt"
	"strings"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A document is a question that somebody wrote down.
type document struct{ members strictjson.Value }

// Write implements decision.Question.
func (d document) Write(w decision.Writer) {
	w.BeginObject(d.members.Len())
	for name, v := range d.members.All() {
		w.Key(name)
		w.Value(v)
	}
	w.EndObject()
}

var _ decision.Question = document{}

// complete makes the whole input of a decision from what somebody wrote. A document with "contract" is the whole input. Any
// other is completed from the example of the decision (data.ostiary.examples, under the default profile): its members replace
// the example's. In a registration, "request" is the metadata as a client sends it, from which all that follows is worked out.
func (c *contract) complete(doc strictjson.Value) (document, error) {
	schema, err := c.inputSchema()
	if err != nil {
		return document{}, err
	}
	if doc.Kind() != strictjson.KindObject {
		return document{}, fmt.Errorf("the request must be a JSON object, not %s", doc.Kind())
	}
	if _, whole := doc.Get("contract"); !whole {
		if doc, err = c.fillIn(doc); err != nil {
			return document{}, err
		}
	}
	if wrong := mismatches(schema, doc, "input"); len(wrong) > 0 {
		return document{}, fmt.Errorf("the request is not an input of the %s decision:\n%s", c.name, strings.Join(wrong, "\n"))
	}
	return document{doc}, nil
}

// fillIn lays a sketch over the example.
func (c *contract) fillIn(sketch strictjson.Value) (strictjson.Value, error) {
	var example decision.Question
	switch c {
	case contracts[authorization]:
		q := exampleAuthorization()
		q.ClientProfile = defaultProfile
		example = &q
	case contracts[token]:
		q := exampleToken()
		q.ClientProfile = defaultProfile
		example = &q
	case contracts[session]:
		q := exampleSession()
		q.ClientProfile = defaultProfile
		example = &q
	default:
		q := exampleRegister()
		q.Profile, q.IAT.Profile = defaultProfile, ""
		if request, given := sketch.Get("request"); given {
			if err := replaceRequest(&q, request); err != nil {
				return strictjson.Value{}, err
			}
			sketch = sketch.Without("request")
		}
		example = &q
	}
	base, err := strictjson.Parse(decision.AppendJSON(nil, example), strictjson.Stored)
	if err != nil {
		return strictjson.Value{}, err
	}
	return strictjson.MergePatch(base, sketch), nil
}

// defaultProfile is the profile that every site has.
const defaultProfile = "default"

// replaceRequest puts other metadata into a registration, with the defaults of RFC 7591 section 2 where it says nothing.
func replaceRequest(q *decision.Registration, request strictjson.Value) error {
	sent, err := metadata.Parse(request, nil)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	q.Request = decision.Document{Metadata: sent.Metadata, Extra: sent.Extra}
	q.Present = sent.Present
	for _, d := range []struct {
		name  string
		value strictjson.Value
	}{
		{"application_type", strictjson.String("web")},
		{"subject_type", strictjson.String("public")},
		{"token_endpoint_auth_method", strictjson.String("client_secret_basic")},
		{"grant_types", strictjson.Strings([]string{"authorization_code"})},
		{"response_types", strictjson.Strings([]string{"code"})},
		{"id_token_signed_response_alg", strictjson.String("RS256")},
	} {
		if _, given := request.Get(d.name); !given {
			request = request.With(d.name, d.value)
		}
	}
	effective, err := metadata.Parse(request, nil)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	q.Effective = decision.Document{Metadata: effective.Metadata, Extra: effective.Extra}
	q.Changed = effective.Present
	return nil
}
