module github.com/ostiary/ostiary/examples/plugin-scheme

go 1.26

require github.com/ostiary/ostiary/sdk/go v0.0.0

replace github.com/ostiary/ostiary/sdk/go => ../../sdk/go
