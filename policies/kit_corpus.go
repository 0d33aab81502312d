package policies

import (
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A Corpus is requests that somebody wrote, or that a server logged.
type Corpus struct {
	Cases   []Case       `json:"-"`
	Lines   int          `json:"lines"`       // of logs, empty ones apart
	Taken   int          `json:"taken"`       // of these, those that are cases
	Filled  int          `json:"filled_in"`   // of these, those with an empty value in the place of a member that the log leaves out
	LeftOut []string     `json:"left_out"`    // JSON pointers of those members
	Passed  []PassedOver `json:"passed_over"` // lines that are no cases, by reason
}

// PassedOver is lines of logs that are no cases, for one reason.
type PassedOver struct {
	Why   string `json:"why"`
	Lines int    `json:"lines"`
	First string `json:"first"` // its place, and what is wrong with it
}

// maxCorpus bounds one file with a request, in bytes.
const maxCorpus = 1 << 20

// ReadCorpus reads requests: a file with one (see Evaluate), a decision log (a file that ends in .ndjson or .jsonl, with a number
// behind where it was put aside), or a folder of such files. What a log leaves out, because it tells who people are, is filled in
// with the empty value of its type. A line that is no input of a decision all the same is passed over.
func ReadCorpus(name string) (*Corpus, error) {
	c := &Corpus{LeftOut: []string{}, Passed: []PassedOver{}}
	about, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !about.IsDir() {
		return c, c.readFile(name)
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.IsDir() || path.Ext(entry.Name()) != ".json" && !isLog(entry.Name()) {
			continue
		}
		if err := c.readFile(name + "/" + entry.Name()); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// FolderCases reads the requests that a policy folder keeps in requests; a folder may have none, and a bundle has none.
func FolderCases(dir string) ([]Case, error) {
	if about, err := os.Stat(dir + "/requests"); err != nil || !about.IsDir() {
		return nil, nil
	}
	c, err := ReadCorpus(dir + "/requests")
	if err != nil {
		return nil, err
	}
	return c.Cases, nil
}

// logName is what decision logs are called; a server puts full ones aside with a number.
var logName = regexp.MustCompile(`\.(ndjson|jsonl)(\.[0-9]+)?$`)

func isLog(name string) bool { return logName.MatchString(name) }

func (c *Corpus) readFile(name string) error {
	about, err := os.Stat(name) // before opening: opening a pipe would wait for its other end
	if err != nil {
		return err
	}
	if !about.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if isLog(name) {
		return c.readLog(name, f)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxCorpus+1))
	if err != nil {
		return err
	}
	doc, err := strictjson.Parse(text, strictjson.Stored)
	if err != nil {
		return fmt.Errorf("%s: %w; a request is a JSON object, and a decision log is a file that ends in .ndjson or .jsonl", name, err)
	}
	cases, err := casesOf(name, doc)
	c.Cases = append(c.Cases, cases...)
	return err
}

// casesOf finds the decisions that a request is about: the one that the file is named after, or else all that it is an input of.
func casesOf(name string, doc strictjson.Value) (cases []Case, err error) {
	for on, c := range contracts {
		whole, wrong := c.complete(doc)
		named := strings.HasPrefix(path.Base(name), c.name) || on == int(registration) && strings.HasPrefix(path.Base(name), "register")
		switch {
		case named && wrong != nil:
			return nil, fmt.Errorf("%s: %w", name, wrong)
		case named:
			return []Case{{name, which(on), whole}}, nil
		case wrong == nil:
			cases = append(cases, Case{name, which(on), whole})
		case err == nil:
			err = fmt.Errorf("%s: %w", name, wrong)
		}
	}
	if len(cases) > 0 {
		err = nil
	}
	return cases, err
}

// pass counts a line that is no case.
func (c *Corpus) pass(why, first string) {
	i := slices.IndexFunc(c.Passed, func(p PassedOver) bool { return p.Why == why })
	if i < 0 {
		i, c.Passed = len(c.Passed), append(c.Passed, PassedOver{Why: why, First: first})
	}
	c.Passed[i].Lines++
}
