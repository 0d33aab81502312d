package registration

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
)

// Sectors tells what a sector publishes at a sector_identifier_uri.
type Sectors interface {
	// Lacks gives those of the URIs that the sector does not list. ErrNoSector says that there is no list to be had.
	Lacks(ctx context.Context, sector string, uris []string) ([]string, error)
}

// checkSector holds that a client belongs to the sector that it names: the sector lists all its redirect URIs (OpenID Connect
// Registration §5). It is looked at when all else is decided, so that nobody has us call anywhere who is refused anyway; and again
// on each change.
func (j *judgement) checkSector(ctx context.Context) error {
	if j.draft.SectorIdentifierURI == "" || j.isUnchanged() {
		return nil
	}
	start := time.Now()
	err := j.belongs(ctx)
	row := ledger.Stage{Stage: "sector", By: ledger.By{Kind: "core"}}
	if cause := core.AsError(err); err != nil && cause.Err != nil {
		row.Fault = cause.Err.Error()
	}
	j.add(row, start, err)
	return err
}

// belongs tells whether the sector lists what it must.
func (j *judgement) belongs(ctx context.Context) error {
	if j.desk.sectors == nil {
		return refusal([]core.Reason{sectorReason("unsupported_value", "sector_identifier_uri is not supported here: this server does not fetch it. Leave it out.")})
	}
	lacks, err := j.desk.sectors.Lacks(ctx, j.draft.SectorIdentifierURI, metadata.SectorURIs(&j.draft))
	switch {
	case ctx.Err() != nil:
		return core.Fail(core.TemporarilyUnavailable, "The request was given up.", ctx.Err())
	case err != nil:
		e := core.AsError(refusal([]core.Reason{sectorReason("sector_unreachable",
			"sector_identifier_uri has no list to be had: it must answer a public https request with 200, without a redirect, and a JSON array of redirect URIs.")}))
		e.Err = err
		return e
	case len(lacks) > 0 && !slices.Contains(j.draft.RedirectURIs, lacks[0]):
		reason := sectorReason("sector_keys", "sector_identifier_uri does not list the jwks_uri "+core.Clip(lacks[0])+
			"; it must, of a client that gets pairwise names over the backchannel (CIBA section 4). What was added just now is seen in a minute.")
		reason.Fields = []string{"sector_identifier_uri", "jwks_uri"}
		return refusal([]core.Reason{reason})
	case len(lacks) > 0:
		return refusal([]core.Reason{sectorReason("sector_redirects",
			"sector_identifier_uri does not list the redirect URI "+core.Clip(lacks[0])+"; it must list all of the client's. What was added just now is seen in a minute.")})
	}
	return nil
}

func sectorReason(rule, message string) core.Reason {
	return core.Reason{
		Rule: "floor." + rule, Code: core.InvalidClientMetadata, Fields: []string{"sector_identifier_uri", "redirect_uris"}, Message: message, Public: true,
	}
}
