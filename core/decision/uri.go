package decision

import "github.com/ostiary/ostiary/core/strictjson"

// A URI writes the facts about one URI, as they stand in input.redirect_uris: for rules that find URIs where the server looks for
// none, such as in the claims of a software statement.
type URI string

// Write implements Question.
func (u URI) Write(w Writer) {
	w.BeginObject(13)
	writeFacts(w, string(u))
	w.EndObject()
}

// URISchema gives the JSON Schema of the facts about a URI.
func URISchema() strictjson.Value {
	var w schemaWriter
	URI("https://app.example/callback#").Write(&w) // the fragment is a problem, of which there is a list
	return w.root
}
