package abi

// Input is what a hook is given.
type Input[J any] struct {
	V       int        `json:"v"` // Major
	Hook    string     `json:"hook"`
	Context Context[J] `json:"context"`
	Client  J          `json:"client"`          // an object: the metadata so far, or the answer without credentials
	Before  J          `json:"before,omitzero"` // an object: the stored metadata, on an update; else absent
	Entropy string     `json:"entropy"`         // 32 random bytes in standard base64, new for every call
}

// Context is what surrounds a call.
type Context[J any] struct {
	DecisionID         string              `json:"decision_id"`
	Operation          string              `json:"operation"` // register, update, read
	Channel            string              `json:"channel"`   // dcr, manage, operator
	ClientID           string              `json:"client_id"` // empty in pre_register
	Profile            string              `json:"profile"`
	Now                int64               `json:"now"` // Unix seconds
	Caller             Caller              `json:"caller"`
	InitialAccessToken *InitialAccessToken `json:"initial_access_token,omitempty"` // absent: none was presented
	SoftwareStatement  *Statement[J]       `json:"software_statement,omitempty"`   // absent: none was verified
	Locked             []string            `json:"locked"`                         // members that no patch may touch
}

// Caller is who is at the desk.
type Caller struct {
	Kind      string   `json:"kind"`
	IP        string   `json:"ip"`
	Origin    string   `json:"origin"`
	UserAgent string   `json:"user_agent"`
	Subject   string   `json:"subject"`
	ClientID  string   `json:"client_id"`
	Scopes    []string `json:"scopes"`
	Roles     []string `json:"roles"`
}

// InitialAccessToken is what a plugin may know of the token a client registers with.
type InitialAccessToken struct {
	Label string `json:"label"`
}

// Statement is a verified software statement.
type Statement[J any] struct {
	Claims J `json:"claims"`
}

// Setup is what Configure is given. The answer is an Envelope with the action continue, or reject with an error whose
// description says what is wrong with the configuration; then the plugin does not go live.
type Setup[J any] struct {
	V             int      `json:"v"` // Major
	Name          string   `json:"name"`
	Version       string   `json:"version"`
	Hooks         []string `json:"hooks"`         // the hooks that the manifest asks for
	Configuration J        `json:"configuration"` // an object, as the manifest has it
}

// Envelope is what a hook answers. No other member is allowed.
type Envelope[J any] struct {
	V        int      `json:"v"` // Major
	Action   string   `json:"action"`
	Patch    J        `json:"patch,omitzero"`  // RFC 7396, an object; only with patch
	Error    *Error   `json:"error,omitempty"` // only with reject
	Audit    J        `json:"audit,omitzero"`  // an object for the ledger
	Warnings []string `json:"warnings,omitempty"`
}

// Error is a refusal, as the client will read it.
type Error struct {
	Code        string `json:"code"`
	Description string `json:"description"`
}
