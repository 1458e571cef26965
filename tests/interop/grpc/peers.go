//go:build tools

// Names the programs that build_peers.sh builds, so that go.mod pins them.
package peers

import (
	_ "google.golang.org/grpc/interop/client"
	_ "google.golang.org/grpc/interop/server"
)
