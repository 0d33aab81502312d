// Lookup asks a directory of software whether the software of a statement may be registered: a signature says who made a
// statement, the directory says whether it still counts. What it answered is kept for some minutes.
package main

import (
	"errors"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/sdk/go"
)

// What the configuration says.
var (
	directory string       // a URL; the software's id is put behind it
	keep      = int64(300) // seconds
)

func init() {
	ostiary.Configure(func(c ostiary.Value) error {
		if directory = c.Get("url").Text(); !strings.HasPrefix(directory, "https://") || !strings.HasSuffix(directory, "/") {
			return errors.New("url must be https and end in a slash")
		}
		if seconds, ok := c.Get("keep_seconds").Int(); ok {
			keep = seconds
		}
		return nil
	})
	ostiary.PreRegister(check)
	ostiary.PreUpdate(check)
}

func main() {}

// check looks the software up. A client without a statement is not its business: policy says who needs one.
func check(c *ostiary.Call) error {
	if c.Context.SoftwareStatement == nil {
		return nil
	}
	id := c.Context.SoftwareStatement.Claims.Get("software_id").Text()
	if id == "" {
		return ostiary.Reject(ostiary.InvalidSoftwareStatement, "The statement has no software_id.")
	}
	status, err := status(c, id)
	switch {
	case errors.Is(err, ostiary.ErrInSimulation):
		c.Warn("The directory was not asked: this is a simulation.")
		return nil
	case err != nil:
		return err
	case status != "active":
		return ostiary.Reject(ostiary.UnapprovedSoftwareStatement, "The directory says that the software "+id+" is "+status+".")
	}
	c.Audit("directory", ostiary.String(status))
	return nil
}

// status gives what is kept of a software, else what the directory says.
func status(c *ostiary.Call, id string) (string, error) {
	if kept, found, err := c.KV.Get(id); found || err != nil {
		return kept, err
	}
	answer, err := c.HTTP(ostiary.Request{URL: directory + url.PathEscape(id), Headers: map[string]string{"accept": "application/json"}})
	if err != nil {
		return "", err
	}
	status, err := read(answer)
	if err == nil {
		err = c.KV.Put(id, status, keep)
	}
	return status, err
}

// read gives the status of an answer. Nothing but a clear word counts.
func read(answer ostiary.Response) (string, error) {
	if answer.Status == 404 {
		return "unknown", nil
	}
	v, err := ostiary.Parse(answer.Body)
	if err != nil || answer.Status != 200 || v.Get("status").Text() == "" {
		return "", errors.New("the directory gave no status")
	}
	return v.Get("status").Text(), nil
}
