package netloop

import (
	"net"
	"net/netip"
	"strings"
)

// resolve turns "host:port" into an address; the forms of Listen are allowed.
func resolve(addr string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch host {
	case "", "*":
		host = "0.0.0.0"
	case "::*":
		host = "::"
	}
	network := "tcp"
	if strings.Contains(host, ":") {
		network = "tcp6" // 4-in-6 literals stay what they are
	}
	tcp, err := net.ResolveTCPAddr(network, net.JoinHostPort(host, port))
	if err != nil {
		return netip.AddrPort{}, err
	}
	return tcp.AddrPort(), nil
}
