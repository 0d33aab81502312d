module github.com/ostiary/ostiary/examples/plugin-lookup

go 1.26

require github.com/ostiary/ostiary/sdk/go v0.0.0

replace github.com/ostiary/ostiary/sdk/go => ../../sdk/go
