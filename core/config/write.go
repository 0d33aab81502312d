package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/ostiary/ostiary/core/strictjson"
)

// WriteValue writes a value as YAML, members in their order. ReadValue gives the same value back.
func WriteValue(v strictjson.Value) ([]byte, error) {
	n, err := nodeOf(v)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(n)
}

func nodeOf(v strictjson.Value) (*yaml.Node, error) {
	switch v.Kind() {
	case strictjson.KindArray:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, item := range v.All() {
			of, err := nodeOf(item)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, of)
		}
		return n, nil
	case strictjson.KindObject:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		for name, value := range v.All() {
			of, err := nodeOf(value)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, textNode(name), of)
		}
		return n, nil
	case strictjson.KindString:
		text, _ := v.Text()
		return textNode(text), nil
	case strictjson.KindAbsent:
		return nil, fmt.Errorf("there is no value to write")
	}
	tag := map[strictjson.Kind]string{strictjson.KindNull: "!!null", strictjson.KindBool: "!!bool", strictjson.KindNumber: "!!int"}[v.Kind()]
	if _, whole := v.Int64(); v.Kind() == strictjson.KindNumber && !whole {
		tag = "!!float"
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}, nil
}

// textNode is text, quoted where it would be read as something else.
func textNode(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	return n
}
