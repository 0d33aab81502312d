package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
)

// RotateSecret gives a client a new secret: {"overlap"} says for how many seconds the one before stays good, a day when absent.
// The answer is the only place the new one is ever shown.
func (h *Handlers) RotateSecret(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Rotate, http.StatusOK)
}

// RenewRegistrationToken gives a client a new registration access token; every earlier one ends at once.
func (h *Handlers) RenewRegistrationToken(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Rotate, http.StatusCreated)
}

// rotationOf reads what is rotated. A token is rotated at a path of its own, and says nothing more.
func rotationOf(route string, body []byte) (registration.Rotation, error) {
	if strings.HasSuffix(route, "/tokens") {
		if len(body) > 0 {
			return registration.Rotation{Of: registration.RotateToken}, web.DecodeBody(body, &struct{}{})
		}
		return registration.Rotation{Of: registration.RotateToken}, nil
	}
	asked := registration.Rotation{Of: registration.RotateSecret, Overlap: registration.DefaultOverlap}
	if len(body) == 0 {
		return asked, nil
	}
	var sent struct {
		Overlap *int64 `json:"overlap"` // seconds
	}
	if err := web.DecodeBody(body, &sent); err != nil {
		return asked, err
	}
	if sent.Overlap != nil {
		most := int64(registration.MaxOverlap / time.Second)
		asked.Overlap = time.Duration(min(max(*sent.Overlap, -1), most+1)) * time.Second // beyond either end the desk refuses it
	}
	return asked, nil
}
