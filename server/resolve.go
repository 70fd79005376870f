package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
)

// Texts of the C library's resolver, which the log shows.
var (
	errNoName    = errors.New("Name or service not known")
	errNameAgain = errors.New("Temporary failure in name resolution")
	errNoFamily  = errors.New("Address family for hostname not supported")
)

// resolveBind returns the address that a word of bind, without its "-", stands
// for. With a colon it is an IPv6 address, otherwise an IPv4 address or the name
// of a machine that has one.
func resolveBind(word string) (netip.Addr, error) {
	switch {
	case word == "*":
		return netip.IPv4Unspecified(), nil
	case word == "::*":
		return netip.IPv6Unspecified(), nil
	case strings.Contains(word, ":"):
		ip, err := netip.ParseAddr(word)
		if err != nil || ip.Zone() != "" && !ip.IsLinkLocalUnicast() {
			return netip.Addr{}, errNoName
		}
		return ip, nil
	}
	if ip, err := netip.ParseAddr(word); err == nil {
		return ip, nil
	}
	if strings.Trim(word, "0123456789.") == "" { // a mistyped address: nobody need be asked
		return netip.Addr{}, errNoName
	}
	found, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", word)
	for _, ip := range found {
		if ip.Unmap().Is4() {
			return ip.Unmap(), nil
		}
	}
	var problem *net.DNSError
	switch {
	case err == nil:
		return netip.Addr{}, errNoFamily
	case errors.As(err, &problem) && (problem.IsTimeout || problem.IsTemporary):
		return netip.Addr{}, errNameAgain
	}
	return netip.Addr{}, errNoName
}
