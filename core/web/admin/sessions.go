package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/web"
)

// Sessions are the browser sessions of people (core/login).
type Sessions interface {
	Sessions(ctx context.Context, id core.Subject, after core.SessionID, limit int) ([]core.Session, error) // newest first
	End(ctx context.Context, id core.Subject, session core.SessionID) error
	EndAll(ctx context.Context, id core.Subject) error
}

// session is a browser session as it is shown. Its cookie is nowhere but in the browser.
type session struct {
	ID        core.SessionID `json:"id"`
	Kind      string         `json:"kind"` // browser, or console: the operators' pages
	AuthTime  time.Time      `json:"auth_time"`
	Methods   []string       `json:"amr"` // RFC 8176
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt time.Time      `json:"expires_at"`
	IP        string         `json:"ip"`
	UserAgent string         `json:"user_agent"`
}

func showSession(s core.Session) session {
	kind := "browser"
	if s.Kind != core.BrowserSession {
		kind = string(s.Kind)
	}
	return session{
		ID: s.ID, Kind: kind, AuthTime: s.AuthTime.UTC(), Methods: orEmpty(s.Methods), CreatedAt: s.CreatedAt.UTC(), ExpiresAt: s.ExpiresAt.UTC(),
		IP: s.IP, UserAgent: s.UserAgent,
	}
}

// ListSessions lists the sessions of a user that count, newest first: ?cursor= limit=.
func (h *Handlers) ListSessions(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r)
	if err != nil {
		return web.Response{}, err
	}
	cursor, err := query.cursor("s-")
	if err != nil {
		return web.Response{}, err
	}
	of, err := h.Users.Find(ctx, r.Param("id"))
	if err != nil {
		return web.Response{}, err
	}
	found, err := h.Sessions.Sessions(ctx, of.User.Subject, core.SessionID(cursor), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	page := list[session]{Items: []session{}}
	for _, s := range found {
		page.Items = append(page.Items, showSession(s))
	}
	if len(found) == query.limit {
		page.Next = string(found[query.limit-1].ID)
	}
	return reply(http.StatusOK, page)
}

// EndSessions signs a user out everywhere: grants and links of before are void too.
func (h *Handlers) EndSessions(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	return h.end(ctx, r, h.Sessions.EndAll)
}

// EndSession ends one session of a user.
func (h *Handlers) EndSession(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	return h.end(ctx, r, func(ctx context.Context, id core.Subject) error {
		return h.Sessions.End(ctx, id, core.SessionID(r.Param("sid")))
	})
}

func (h *Handlers) end(ctx context.Context, r *web.Request, what func(context.Context, core.Subject) error) (web.Response, error) {
	of, err := h.Users.Find(ctx, r.Param("id"))
	if err == nil {
		err = what(ctx, of.User.Subject)
	}
	if err != nil {
		return web.Response{}, err
	}
	return web.NoContent(), nil
}
